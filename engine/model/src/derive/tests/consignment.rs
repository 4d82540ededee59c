use super::*;
use crate::streams::CONSIGNMENT;

fn check(table: &str) {
    check_derived(&CONSIGNMENT, &DeriveContext::default(), table);
}

#[test]
fn a_port_knows_its_country() {
    check(
        "loading_port || departure_country
         CNSHA        || CN
         ICN          || KR
         XZSEA        || -
         ZZX          || -
         SHANGHAI     || -
         -            || -",
    );
}

#[test]
fn masses_and_times() {
    check(
        "gross_mass_kg | package_count | manifested_at    | departed_at      | arrival_expected_at | arrived_at       || mass_per_package_kg | hours_before_arrival | transit_days
         1200          | 48            | 2026-01-01T00:00 | 2025-12-30T00:00 | 2026-01-02T00:00    | -                || 25                  | 24                   | 3
         1200          | 0             | 2026-01-01T00:00 | -                | 2026-01-02T00:00    | 2026-01-03T12:00 || -                   | 60                   | -
         -             | 48            | 2026-01-01T00:00 | -                | -                   | -                || -                   | -                    | -",
    );
}

#[test]
fn a_un_number_or_a_handling_code_makes_it_dangerous() {
    check(
        "lines                             | special_handling || dangerous
         1,PAINT,-,-,-,-,-,1263            | -                || true
         1,SHOES; 2,PERFUME,-,-,-,-,-,1266 | -                || true
         1,SHOES                           | GEN EAP          || false
         1,BATTERIES                       | EAP RLI          || true
         -                                 | -                || false",
    );
}

#[test]
fn containers_are_counted_and_shared_ones_found() {
    check(
        "manifest_id | consignee_id | consignee_name | containers   || container_count | shared_container
         M1          | C1           | A CO           | MSCU1; MSCU2 || 2               | true
         M1          | C2           | B CO           | MSCU2        || 1               | true
         M1          | C1           | A COMPANY      | MSCU1        || 1               | false
         M1          | -            | D CO           | TGHU1        || 1               | true
         M1          | -            | E CO           | TGHU1        || 1               | true
         M1          | -            | -              | TGHU2        || 1               | -
         M1          | C9           | -              | TGHU2        || 1               | false
         M1          | -            | -              | -            || 0               | false
         M2          | C7           | -              | MSCU2        || 1               | false
         -           | C1           | -              | HLXU1        || 1               | false
         -           | C2           | -              | HLXU1        || 1               | false",
    );
}

#[test]
fn persons_receive_under_a_personal_customs_code() {
    check(
        "consignee_id  || consignee_is_person
         P123456789012 || true
         1234567890    || false
         -             || -",
    );
}
