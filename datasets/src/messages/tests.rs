use super::*;
use crate::tests::small;

/// Segments of a file, by tag.
fn count(text: &str, tag: &str) -> usize {
    text.lines().filter(|line| line.starts_with(tag)).count()
}

/// Every message says how many segments it has; so does the interchange of its messages.
fn check_envelope(text: &str) {
    let mut segments = 0;
    let mut messages = 0;
    for line in text.lines() {
        assert!(line.ends_with('\''), "{line}");
        let fields: Vec<&str> = line.trim_end_matches('\'').split('+').collect();
        match fields[0] {
            "UNH" => segments = 1,
            "UNT" => {
                assert_eq!(fields[1], (segments + 1).to_string());
                messages += 1;
            }
            "UNZ" => assert_eq!(fields[1], messages.to_string()),
            _ => segments += 1,
        }
    }
}

#[test]
fn every_flight_and_every_manifest_becomes_a_message_with_all_its_subjects() {
    let spec = small();
    let dir = tempfile::tempdir().unwrap();
    let written = write_messages(&spec, dir.path()).unwrap();
    assert_eq!((written.flights, written.consignments), (spec.flights, spec.house_bills));

    let read = |folder: &str| -> Vec<String> {
        let files = fs::read_dir(dir.path().join(folder)).unwrap();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    };
    let (lists, manifests) = (read("paxlst"), read("cuscar"));
    for text in lists.iter().chain(&manifests) {
        check_envelope(text);
    }
    let people: usize = lists.iter().map(|t| count(t, "NAD+FL") + count(t, "NAD+FM")).sum();
    let rows: usize = crate::travellers(&spec).map(|b| b.num_rows()).sum();
    assert_eq!((written.flights as usize, people), (lists.len(), rows));
    assert_eq!(written.travellers as usize, rows);

    let bills: usize = manifests.iter().map(|t| count(t, "NAD+CN")).sum();
    let empties: usize = manifests.iter().filter(|t| t.contains("++3+4'")).count();
    assert_eq!(bills + empties, spec.house_bills as usize);
}

#[test]
fn service_characters_in_values_are_released() {
    assert_eq!(released("WOMEN'S 1+1: WHY?"), "WOMEN?'S 1?+1?: WHY??");
}

#[test]
fn every_type_of_message_counts_its_segments_and_has_its_rows() {
    for kind in MessageKind::ALL {
        let mut n = 0;
        for sample in samples(&small(), kind, 12).take(20) {
            check_envelope(&sample.text);
            assert!(sample.rows.num_rows() > 0, "{}", kind.name());
            n += 1;
        }
        assert!(n > 2, "{n} of {}", kind.name());
    }
}
