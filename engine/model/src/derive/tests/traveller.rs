use arrow::array::AsArray;
use arrow::datatypes::DataType;

use super::*;

fn check(table: &str) {
    check_derived(&TRAVELLER, &DeriveContext::default(), table);
}

#[test]
fn flights_are_named_by_carrier_number_and_departure() {
    check(
        "carrier | flight_no | flight_suffix | departure_airport | departure_scheduled_at || flight_id
         ZZ      | 421       | -             | BKK               | 2027-03-13T18:05       || ZZ421/BKK/2027-03-13T18:05Z
         7C      | 2         | A             | ICN               | 2027-03-13T00:00       || 7C2A/ICN/2027-03-13T00:00Z
         ZZ      | -         | -             | BKK               | 2027-03-13T18:05       || -
         ZZ      | 421       | -             | BKK               | -                      || -",
    );
}

#[test]
fn directions_are_seen_from_home() {
    check(
        "departure_airport | arrival_airport | role              || departure_country | arrival_country | direction
         BKK               | ICN             | passenger         || TH                | KR              | inbound
         ICN               | BKK             | crew              || KR                | TH              | outbound
         ICN               | CJU             | passenger         || KR                | KR              | domestic
         BKK               | ICN             | transit_passenger || TH                | KR              | transit
         BKK               | NRT             | passenger         || TH                | JP              | transit
         ZZX               | ICN             | passenger         || -                 | KR              | inbound
         ICN               | -               | passenger         || KR                | -               | outbound
         ZZX               | NRT             | passenger         || -                 | JP              | -",
    );
    let japan = DeriveContext { home_country: Country::parse("JPN").unwrap(), ..DeriveContext::default() };
    check_derived(&TRAVELLER, &japan, "departure_airport | arrival_airport || direction\nBKK | NRT || inbound");
}

#[test]
fn a_flight_counts_from_its_arrival_and_an_outbound_one_from_its_departure() {
    check(
        "departure_airport | arrival_airport | departure_scheduled_at | departed_at      | arrival_scheduled_at | arrived_at       || flight_event_at  | event_at
         BKK               | ICN             | 2027-03-13T18:05       | 2027-03-13T18:20 | 2027-03-13T23:40     | -                || 2027-03-13T23:40 | 2027-03-13T23:40
         BKK               | ICN             | 2027-03-13T18:05       | 2027-03-13T18:20 | 2027-03-13T23:40     | 2027-03-13T23:55 || 2027-03-13T23:55 | 2027-03-13T23:55
         ICN               | BKK             | 2027-03-13T18:05       | -                | 2027-03-13T23:40     | 2027-03-13T23:55 || 2027-03-13T18:05 | 2027-03-13T18:05
         ICN               | BKK             | 2027-03-13T18:05       | 2027-03-13T18:20 | 2027-03-13T23:40     | -                || 2027-03-13T18:20 | 2027-03-13T18:20
         BKK               | ICN             | 2027-03-13T18:05       | -                | -                    | -                || 2027-03-13T18:05 | 2027-03-13T18:05",
    );
}

#[test]
fn names_and_payers() {
    check(
        "surname | given_names | payer_name          || name_key   | payer_is_traveller
         Kim     | Min-su      | KIM/MIN SU MR       || KIMMINSU   | true
         KIM     | FNU         | PARK/JIHO MR        || KIM        | false
         LNU     | X           | -                   || -          | -
         GARCIA  | ANA         | ANA GARCIA          || GARCIAANA  | true
         -       | -           | ANA GARCIA          || -          | -",
    );
}

#[test]
fn hours_days_and_ages() {
    check(
        "as_of            | departure_scheduled_at | arrival_scheduled_at | booked_at        | document_expires_on || hours_before_departure | hours_before_arrival | booking_lead_days | document_days_left
         2027-03-13T12:05 | 2027-03-13T18:05       | 2027-03-14T00:05     | 2027-03-11T18:05 | 2027-03-20          || 6                      | 12                   | 2                 | 6
         2027-03-13T20:05 | 2027-03-13T18:05       | -                    | -                | 2027-03-10          || -2                     | -                    | -                 | -3",
    );
    check(
        "birth_date | arrival_scheduled_at | departure_scheduled_at || age_years
         2009-03-13 | 2027-03-13T00:00     | -                      || 18
         2009-03-14 | 2027-03-13T23:59     | -                      || 17.997
         2008-02-29 | 2027-02-28T12:00     | -                      || 18.997
         2008-02-29 | 2027-03-01T12:00     | -                      || 19
         2027-03-12 | 2027-03-13T00:00     | -                      || 0.003
         -          | 2027-03-13T00:00     | -                      || -",
    );
}

#[test]
fn journeys_have_a_shape() {
    check(
        "itinerary                                                                                                                    || trip_kind | trip_days | dwell_hours | origin_airport | final_airport
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00                                                                             || oneway    | -         | -           | ICN            | BKK
         1,ZZ,1,DEL,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,BKK,ICN,2027-03-01T10:00,2027-03-01T16:00                           || oneway    | -         | 4           | DEL            | ICN
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,BKK,ICN,2027-03-06T06:00,2027-03-06T12:00                           || round     | 5         | 120         | ICN            | ICN
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,BKK,ICN,2027-03-01T12:00,2027-03-01T18:00                           || round     | 0.25      | 6           | ICN            | ICN
         1,ZZ,1,GMP,HND,2027-03-01T00:00,2027-03-01T02:00; 2,ZZ,2,NRT,ICN,2027-03-03T02:00,2027-03-03T04:00                           || round     | 2         | 48          | GMP            | ICN
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,SIN,ICN,2027-03-06T06:00,2027-03-06T12:00                           || openjaw   | 5         | 120         | ICN            | ICN
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,BKK,PUS,2027-03-06T06:00,2027-03-06T12:00                           || openjaw   | 5         | 120         | ICN            | PUS
         1,ZZ,1,ICN,BKK,2027-03-01T00:00,2027-03-01T06:00; 2,ZZ,2,BKK,SIN,2027-03-03T06:00,2027-03-03T08:00; 3,ZZ,3,SIN,ICN,2027-03-09T08:00,- || multi     | 8.083     | 144         | ICN            | ICN
         1,ZZ,1,ICN,BKK                                                                                                               || oneway    | -         | -           | ICN            | BKK
         -                                                                                                                            || -         | -         | -           | -              | -",
    );
}

#[test]
fn the_sides_that_were_seen() {
    check(
        "message_format | document_no | booked_at        | agency_id || in_api | in_pnr | booking_channel | flight_complete
         paxlst         | -           | 2027-03-01T00:00 | -         || true   | false  | -               | false
         pnrgov         | M123        | -                | 17321     || false  | true   | agency          | false
         csv            | M123        | -                | -         || true   | false  | -               | false
         csv            | M123        | 2027-03-01T00:00 | -         || true   | true   | -               | false
         -              | -           | -                | 17321     || false  | true   | agency          | false",
    );
}

#[test]
fn a_person_on_a_flight_has_an_id_that_does_not_tell_who() {
    let ids = |context: &DeriveContext| {
        let (batch, _) = read(
            &TRAVELLER,
            "flight_id | surname | given_names | document_no | birth_date
             F1        | KIM     | MINSU       | M12345678   | 1990-01-02
             F1        | Kim     | Min Su      | M12345678   | 1990-01-02
             F1        | KIM     | MINSU       | M12345679   | 1990-01-02
             F2        | KIM     | MINSU       | M12345678   | 1990-01-02
             F1        | KIM     | MINJI       | -           | -
             F1        | -       | -           | -           | 1990-01-02",
        );
        let derived = derive(&TRAVELLER, &batch, context).unwrap();
        let ids = arrow::compute::cast(derived.column_by_name("traveller_id").unwrap(), &DataType::Utf8).unwrap();
        ids.as_string::<i32>().iter().map(|id| id.map(str::to_owned)).collect::<Vec<_>>()
    };
    let plain = ids(&DeriveContext::default());
    assert_eq!(plain[0], plain[1], "the same person, written otherwise");
    let distinct: BTreeSet<_> = [0, 2, 3, 4].map(|i| plain[i].clone()).into();
    assert_eq!(distinct.len(), 4);
    assert_eq!(plain[5], None, "nobody in particular");
    assert!(plain[0].as_deref().unwrap().starts_with("F1/") && !plain[0].as_deref().unwrap().contains("123"));
    let keyed = ids(&DeriveContext { id_key: [7; 32], ..DeriveContext::default() });
    assert_ne!(plain[0], keyed[0]);
    assert_eq!(keyed.len(), plain.len());
}
