//! Whoever types `--help` finds an example that works, and every code and column has a description.

use std::collections::BTreeSet;

use haechi_model::streams::STREAMS;
use haechi_rules::codes::CODES;

use crate::support::Desk;

/// What stands under `Commands:`, `help` itself left out.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    let name = |line: &str| line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned);
    listed.lines().filter(|line| !line.starts_with("   ")).filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn every_subcommand_shows_an_example_of_itself() {
    let desk = Desk::new();
    let help = desk.haechi("--help").done().out;
    let listed = subcommands(&help);
    for wanted in ["run", "evaluate", "check", "test", "schema", "convert", "explain", "explain-error", "completions"] {
        assert!(listed.iter().any(|name| name == wanted), "{wanted} is not among {listed:?}");
    }
    for code in 0..=4 {
        assert!(help.contains(&format!("{code} ")), "exit code {code} is documented");
    }
    for name in listed {
        let help = desk.haechi(&format!("{name} --help")).done().out;
        let example = help.split("Example:").nth(1).unwrap_or_else(|| panic!("{name} --help has no example:\n{help}"));
        assert!(example.contains(&format!("haechi {name}")), "{name}: {example}");
        // Options that an example uses exist.
        let detailed =
            subcommands(&help).first().map(|inner| desk.haechi(&format!("{name} {inner} --help")).done().out);
        let options = detailed.unwrap_or(help.clone()).split("Example:").next().unwrap().to_owned();
        for option in example.split_whitespace().filter(|word| word.starts_with("--")) {
            let known: BTreeSet<&str> = options.split([' ', ',', '\n']).collect();
            assert!(known.contains(option), "{name}: the example uses {option}, which does not exist");
        }
    }
}

#[test]
fn shells_complete_every_subcommand() {
    let desk = Desk::new();
    let listed = subcommands(&desk.haechi("--help").done().out);
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.haechi(&format!("completions {shell}")).done().out;
        for name in &listed {
            assert!(script.contains(name.as_str()), "{shell} does not know {name}");
        }
    }
    assert_eq!(desk.haechi("completions cmd").code, 2);
}

#[test]
fn every_format_shows_its_page() {
    let desk = Desk::new();
    let listed = desk.haechi("formats --json").done().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|f| f["format"].as_str().unwrap()).collect();
    assert!(names.contains(&"ebxml") && names.contains(&"paxlst") && names.contains(&"csv"), "{names:?}");
    let overview = desk.haechi("formats").done().out;
    for name in names {
        assert!(overview.contains(name), "{name}");
        let page = desk.haechi(&format!("formats {name}")).done().out;
        assert!(page.starts_with("# "), "{name}: {page}");
    }
    assert_eq!(desk.haechi("formats ebxlm").code, 2);
}

#[test]
fn every_stream_shows_its_columns() {
    let desk = Desk::new();
    let listed = desk.haechi("schema --json").done().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|s| s["stream"].as_str().unwrap()).collect();
    assert_eq!(names, STREAMS.iter().map(|stream| stream.name).collect::<Vec<_>>());
    let overview = desk.haechi("schema").done().out;
    for stream in STREAMS {
        assert!(overview.contains(stream.name), "{}", stream.name);
        let text = desk.haechi(&format!("schema {}", stream.name)).done().out;
        let schema = desk.haechi(&format!("schema {} --json", stream.name)).done().json();
        let columns = schema["columns"].as_array().unwrap();
        assert_eq!(columns.len(), stream.all_columns().count());
        for column in columns {
            let name = column["name"].as_str().unwrap();
            assert!(text.contains(&format!("`{name}`")), "{}: {name} is not in the text", stream.name);
            assert!(!column["meaning"].as_str().unwrap().is_empty(), "{}: {name} means nothing", stream.name);
        }
    }
}

#[test]
fn every_code_is_described() {
    let desk = Desk::new();
    let listed = desk.haechi("explain-error --json").done().json();
    assert_eq!(listed.as_array().unwrap().len(), CODES.len());
    for entry in CODES {
        let text = desk.haechi(&format!("explain-error {}", entry.code.to_lowercase())).done().out;
        assert!(text.starts_with(&format!("{}: {}\n", entry.code, entry.title)), "{text}");
        assert!(text.lines().count() > 2, "{}: nothing but a title", entry.code);
    }
}

#[test]
fn codes_of_readers_are_told_from_those_of_rules() {
    let desk = Desk::new();
    let of_message = desk.haechi("explain-error check_digit").done().out;
    assert!(of_message.starts_with("check_digit: a container number whose check digit does not fit"), "{of_message}");
    assert!(
        desk.haechi("explain-error no_flight --json").done().json()["title"].as_str().unwrap().contains("set aside")
    );
    let of_table = desk.haechi("explain-error torn_line");
    assert_eq!(of_table.code, 2);
    assert!(
        of_table.err.contains("no error code of rules") && of_table.err.contains("list --code torn_line"),
        "{}",
        of_table.err
    );
}
