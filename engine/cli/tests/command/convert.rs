//! `haechi convert`: messages to rows, a line of JSON a file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Desk, shared};

#[test]
fn a_line_a_file_says_what_was_in_it() {
    let desk = Desk::new();
    let folder = shared("messages/synthetic");
    let files =
        ["cuscar_95b_sea_manifest", "paxlst_15b_745_everything", "paxlst_15b_250_crew_cargo", "interchange_two_groups"];
    let paths: Vec<String> =
        files.iter().map(|file| folder.join(file).with_extension("edi").display().to_string()).collect();

    let lines = desk.haechi(&format!("convert --json --out rows.ndjson {}", paths.join(" "))).done().json_lines();

    let told: Vec<(&str, String, u64)> = lines
        .iter()
        .map(|line| {
            let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
            for key in ["file", "format", "version", "records", "warnings", "set_aside"] {
                assert!(keys.contains(&key), "{key} is not among {keys:?}");
            }
            let (stream, records) = line["records"].as_object().unwrap().iter().next().unwrap();
            (line["format"].as_str().unwrap(), stream.clone(), records.as_u64().unwrap())
        })
        .collect();
    let counts: Vec<(&str, u64)> = told.iter().map(|(_, stream, records)| (stream.as_str(), *records)).collect();
    // Four bills, and one consignment for the empty containers that no bill names.
    assert_eq!(counts, [("consignment", 5), ("traveller", 2), ("traveller", 3), ("traveller", 4)], "{told:?}");
    for (line, path) in lines.iter().zip(&paths) {
        assert_eq!(line["file"].as_str().unwrap(), path);
        assert!(line["set_aside"].as_array().unwrap().is_empty(), "{line}");
        assert!(!line["version"].as_str().unwrap().is_empty(), "{line}");
    }
    let rows = desk.read("rows.ndjson");
    let streams: Vec<Value> =
        rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()["stream"].clone()).collect();
    assert_eq!(streams.len(), 14);
    assert_eq!(streams.iter().filter(|stream| *stream == "consignment").count(), 5);
}

#[test]
fn what_is_cut_off_is_set_aside_and_the_rest_is_read() {
    let desk = Desk::new();
    let whole = fs::read(shared("messages/synthetic/zz421/01_paxlst_15b_745.edi")).unwrap();
    desk.file("whole.edi", &whole);
    let all = desk.haechi("convert --json whole.edi").done().json()["records"]["traveller"].as_u64().unwrap();
    assert_eq!(all, 5);
    for cut in 1..whole.len() {
        if cut % 97 != 0 {
            continue;
        }
        let ran = desk.file("cut.edi", &whole[..cut]).haechi("convert --json cut.edi");
        let line = ran.json();
        let set_aside = line["set_aside"].as_array().unwrap();
        let read = line["records"]["traveller"].as_u64().unwrap_or(0);
        assert!(read <= all, "cut at {cut}: {line}");
        // Cut off between two segments, a message may look whole up to there; then it is warned about.
        let said = !set_aside.is_empty() || !line["warnings"].as_array().unwrap().is_empty();
        assert!(said, "cut at {cut}: silence");
        assert_eq!(ran.code, i32::from(!set_aside.is_empty()), "cut at {cut}");
        for unit in set_aside {
            for key in ["source", "position", "code", "reason"] {
                assert!(!unit[key].as_str().unwrap().is_empty(), "cut at {cut}: {unit}");
            }
        }
    }
}

#[test]
fn no_sample_message_stops_the_others() {
    let desk = Desk::new();
    let folder = shared("messages/synthetic");
    let pattern = folder.join("**/*.edi").display().to_string();
    let files = message_count(&folder);
    let ran = desk.haechi(&format!("convert --json {pattern}"));
    assert!(ran.code == 0 || ran.code == 1, "{}", ran.err);
    assert_eq!(ran.json_lines().len(), files);
    for line in ran.json_lines() {
        // Answers have no rows: what they say is counted.
        let answer = matches!(line["format"].as_str(), Some("contrl" | "cusres"));
        let something = answer && line["counts"]["messages"].as_u64() > Some(0)
            || !line["records"].as_object().unwrap().is_empty()
            || !line["set_aside"].as_array().unwrap().is_empty()
            || !line["warnings"].as_array().unwrap().is_empty();
        assert!(something, "neither read nor set aside nor warned about: {line}");
    }
}

/// Files that end in `.edi`, in subfolders too.
fn message_count(folder: &Path) -> usize {
    let of = |path: PathBuf| {
        if path.is_dir() { message_count(&path) } else { usize::from(path.extension().is_some_and(|end| end == "edi")) }
    };
    fs::read_dir(folder).unwrap().map(|entry| of(entry.unwrap().path())).sum()
}

/// Rows never replace the messages they come from, nor what stood there before a run that fails.
#[test]
fn no_input_and_no_earlier_output_is_lost() {
    let desk = Desk::new();
    let message = fs::read(shared("messages/synthetic/paxlst_12b_745.edi")).unwrap();
    desk.file("a.edi", &message).file("rows.ndjson", "earlier\n");
    let ran = desk.haechi("convert a.edi --out a.edi");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is an input too; write the rows to another file"), "{}", ran.err);
    assert_eq!(fs::read(desk.path("a.edi")).unwrap(), message);
    // Nor what it is written under until it is whole.
    desk.file("b.unfinished", &message);
    assert_eq!(desk.haechi("convert b.unfinished --out b").code, 2);
    assert_eq!(fs::read(desk.path("b.unfinished")).unwrap(), message);

    // A file that the system does not let be read ends the call after the rows of the first file.
    assert_eq!(desk.haechi("convert a.edi /proc/self/mem --out rows.ndjson").code, 3);
    assert_eq!(desk.read("rows.ndjson"), "earlier\n");
    assert!(!desk.path("rows.ndjson.unfinished").exists(), "rows of persons are not left behind");
    desk.haechi("convert a.edi --out rows.ndjson").done();
    assert!(desk.read("rows.ndjson").starts_with("{\"stream\":\"traveller\""));
}

/// Devices and pipes are written to, files that links lead to are replaced, and the names stay what they are.
#[cfg(unix)]
#[test]
fn a_name_that_stands_for_something_else_goes_on_to_do_so() {
    use std::os::unix::fs::symlink;

    let desk = Desk::new();
    desk.file("a.edi", fs::read(shared("messages/synthetic/paxlst_12b_745.edi")).unwrap());
    desk.file("rows.ndjson", "earlier\n");
    symlink("/dev/stdout", desk.path("pipe")).unwrap();
    symlink("/dev/null", desk.path("nowhere")).unwrap();
    symlink("rows.ndjson", desk.path("link")).unwrap();
    let is_link = |name| desk.path(name).symlink_metadata().unwrap().is_symlink();

    assert!(desk.haechi("convert a.edi --out pipe").done().out.contains("{\"stream\":\"traveller\""));
    assert!(desk.haechi("convert a.edi --out nowhere").done().out.contains("traveller"));
    assert!(is_link("pipe") && is_link("nowhere") && !fs::metadata(desk.path("nowhere")).unwrap().is_file());

    symlink("link", desk.path("far")).unwrap();
    symlink("new.ndjson", desk.path("dangling")).unwrap();
    for (name, file) in [("link", "rows.ndjson"), ("far", "rows.ndjson"), ("dangling", "new.ndjson")] {
        desk.haechi(&format!("convert a.edi --out {name}")).done();
        assert!(is_link(name) && desk.read(file).starts_with("{\"stream\":\"traveller\""), "{name}");
    }
}

/// Tables go the same way, their stream told by their columns.
#[test]
fn tables_are_converted_as_messages_are() {
    let desk = Desk::new();
    let table = shared("messages/synthetic/declarations.csv");
    let told = desk.haechi(&format!("convert --json --out rows.ndjson {}", table.display())).done().json();
    assert_eq!((&told["format"], &told["records"]["declaration"]), (&"csv".into(), &3.into()));
    let rows = desk.read("rows.ndjson");
    assert!(rows.lines().count() == 3 && rows.starts_with("{\"stream\":\"declaration\""), "{rows}");
    // What was written is read again.
    desk.file("again.ndjson", rows.replace("\"stream\":\"declaration\",", ""));
    let again = desk.haechi("convert --json again.ndjson").done().json();
    assert_eq!(again["records"]["declaration"], 3, "{again}");

    // Cells over several lines, and separators at the ends of rows.
    desk.file("quoted.csv", "declaration_id,item_no,description\nA,1,\"line one\nline two\"\n");
    assert_eq!(desk.haechi("convert --json quoted.csv").done().json()["records"]["declaration"], 1);
    desk.file("nothing.csv", "");
    let ran = desk.haechi("convert --json --stream declaration nothing.csv");
    assert!(ran.out.contains("the file is empty"), "{}", ran.out);

    desk.file("people.csv", "name,colour\nA,red\n");
    let ran = desk.haechi("convert people.csv");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("set aside no_stream") && ran.out.contains("--stream"), "{}", ran.out);
    let ran = desk.haechi("convert --stream declaration people.csv");
    assert!(ran.out.contains("set aside missing_column"), "{}", ran.out);
    assert_eq!(desk.haechi("convert --stream declarations people.csv").code, 2);
}

/// What is cut off or damaged is so however often it is read: what is whole of it is taken, and the next file is read.
#[test]
fn a_damaged_file_stops_no_other() {
    let desk = Desk::new();
    let message = fs::read(shared("messages/synthetic/paxlst_12b_745.edi")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&message).unwrap();
    let gzip = gzip.finish().unwrap();
    desk.file("a.edi", &message).file("cut.gz", &gzip[..gzip.len() - 8]).file("none.gz", [0x1F, 0x8B, 0xFF, 0xFF]);
    desk.file("words.edi", "hello world\n").file("day.csv", "a,b\n1,2\n");
    let ran = desk.haechi("convert --json cut.gz none.gz words.edi day.csv a.edi --out rows.ndjson");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines = ran.json_lines();
    let travellers = |line: &Value| line["records"]["traveller"].as_u64().unwrap_or(0);
    assert!(travellers(&lines[0]) > 0 && travellers(&lines[4]) > 0, "{lines:?}");
    let reason = |n: usize| {
        let unit = lines[n]["set_aside"].as_array().unwrap().last().unwrap();
        format!("{}: {}", unit["code"].as_str().unwrap(), unit["reason"].as_str().unwrap())
    };
    assert!(reason(0).starts_with("damaged: ") && reason(0).contains("what came before was read"), "{}", reason(0));
    assert!(reason(1).starts_with("damaged: ") && reason(1).contains("nothing of it was read"), "{}", reason(1));
    assert!(reason(2).contains("holds no message that is read"), "{}", reason(2));
    assert!(reason(3).contains("no stream has its columns"), "{}", reason(3));
}
