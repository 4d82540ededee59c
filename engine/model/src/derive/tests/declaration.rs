use super::*;

fn check(table: &str) {
    check_derived(&DECLARATION, &DeriveContext::default(), table);
}

#[test]
fn prefixes_of_the_tariff_code() {
    check(
        "hs_code    || hs2 | hs4  | hs6
         6402991000 || 64  | 6402 | 640299
         010221     || 01  | 0102 | 010221
         0102       || 01  | 0102 | -
         64O299     || -   | -    | -
         6402991000 || 64  | 6402 | 640299
         -          || -   | -    | -",
    );
}

#[test]
fn ratios_have_no_value_where_the_divisor_is_zero() {
    check(
        "customs_value_usd | net_mass_kg | quantity || value_per_kg_usd | mass_per_unit_kg | unit_price_usd
         5000              | 920         | 1150     || 5.435            | 0.8              | 4.348
         5000              | 0           | 1150     || -                | 0                | 4.348
         5000              | 920         | 0        || 5.435            | -                | -
         0                 | 920         | 10       || 0                | 92               | 0
         -                 | 920         | 10       || -                | 92               | -
         5000              | -           | -        || -                | -                | -",
    );
}

#[test]
fn what_is_given_stays_and_only_null_is_filled() {
    check(
        "hs_code | hs2 | customs_value_usd | quantity | unit_price_usd | importer_aeo || hs2 | unit_price_usd | importer_aeo
         640299  | 99  | 100               | 10       | 7.5            | true         || 99  | 7.5            | true
         640299  | -   | 100               | 10       | -              | -            || 64  | 10             | false",
    );
}

#[test]
fn totals_are_over_the_items_of_one_version() {
    check(
        "declaration_id | version | customs_value_usd || items_in_declaration | declaration_value_usd
         A              | 1       | 100               || 2                    | 150
         A              | 1       | 50                || 2                    | 150
         A              | 2       | 70                || 1                    | 70
         B              | 1       | -                 || 2                    | 30
         B              | 1       | 30                || 2                    | 30
         C              | 1       | -                 || 1                    | -
         -              | 1       | 5                 || 1                    | 5
         -              | 1       | 6                 || 1                    | 6",
    );
    check(
        "declaration_id || items_in_declaration
         A              || 1
         B              || 2
         B              || 2",
    );
}

#[test]
fn times_between_arrival_storage_and_declaration() {
    check(
        "declared_at      | arrival_at       | carried_in_at    || hours_before_arrival | days_in_storage
         2026-01-02T00:00 | 2026-01-02T06:30 | -                || 6.5                  | -
         2026-01-02T00:00 | 2026-01-01T00:00 | 2026-01-01T12:00 || -24                  | 0.5
         -                | 2026-01-01T00:00 | 2026-01-01T12:00 || -                    | -",
    );
}

#[test]
fn the_hour_is_the_offices() {
    check(
        "declared_at      || declared_hour
         2026-01-01T15:20 || 15
         1969-12-31T23:59 || 23
         -                || -",
    );
    let seoul = DeriveContext { zone: chrono_tz::Asia::Seoul, ..DeriveContext::default() };
    let table = "declared_at      || declared_hour
                 2026-01-01T14:59 || 23
                 2026-01-01T15:00 || 0
                 2026-01-01T15:20 || 0";
    check_derived(&DECLARATION, &seoul, table);
    let berlin = DeriveContext { zone: chrono_tz::Europe::Berlin, ..DeriveContext::default() };
    let table = "declared_at      || declared_hour
                 2026-03-29T00:59 || 1
                 2026-03-29T01:00 || 3
                 2026-10-25T00:59 || 2
                 2026-10-25T01:00 || 2";
    check_derived(&DECLARATION, &berlin, table);
}

#[test]
fn persons_import_under_a_personal_customs_code() {
    check(
        "importer_id   || importer_is_person
         P123456789012 || true
         P12345678901  || false
         해치시험0000001 || false
         -             || false",
    );
}

#[test]
fn goods_sent_from_another_country_than_their_origin() {
    check(
        "departure_country | origin_country || transhipped
         VN                | VN             || false
         HK                | CN             || true
         CN                | HK             || true
         -                 | CN             || -
         VN                | -              || -",
    );
}

#[test]
fn a_slice_of_a_file_sees_its_own_rows() {
    let (batch, _) = read(&DECLARATION, "declaration_id | hs_code\nA | 640299\nB | 010221\nB | 220830");
    let derived = derive(&DECLARATION, &batch.slice(1, 2), &DeriveContext::default()).unwrap();
    let (expected, _) = read(&DECLARATION, "hs2 | items_in_declaration\n01 | 2\n22 | 2");
    for (field, column) in expected.schema().fields().iter().zip(expected.columns()) {
        let plain = |array: &ArrayRef| arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8).unwrap();
        assert_eq!(&plain(derived.column_by_name(field.name()).unwrap()), &plain(column), "{}", field.name());
    }
}
