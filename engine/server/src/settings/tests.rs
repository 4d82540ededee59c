use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::parse("haechi.toml", text, variables).map_err(|error| error.to_string())
}

/// Every key, sections in front.
fn keys(value: &Value, within: &str, found: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
        keys(value, &path, found);
        found.insert(path);
    }
}

/// The file with its examples made real.
fn with_examples() -> String {
    let example = |line: &str| {
        line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).map(str::to_owned)
    };
    default_toml().lines().map(|line| example(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn the_file_that_is_printed_has_every_key_and_its_default() {
    assert_eq!(read(&default_toml(), &[]), Ok(Settings::default()));
    let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
    let table: toml::Table = toml::from_str(&with_examples()).unwrap();
    keys(&serde_json::to_value(table).unwrap(), "", &mut written);
    keys(&serde_json::to_value(Settings::default()).unwrap(), "", &mut known);
    assert_eq!(written, known);
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ") && !pair[1].starts_with("# ")) {
        assert!(pair[0].starts_with("# "), "not explained: {}", pair[1]);
    }
}

#[test]
fn examples_in_it_are_right() {
    let settings = read(&with_examples(), &[]).unwrap();
    let kinds = |list: Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|of| of["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(serde_json::to_value(&settings.source).unwrap()), ["folder", "kafka"]);
    assert_eq!(kinds(serde_json::to_value(&settings.sink).unwrap()), ["kafka", "webhook", "files"]);
    assert_eq!(settings.rules.default_stream.unwrap().name, "declaration");
}

#[test]
fn a_sink_answers_as_messages_are_answered_unless_it_says_otherwise() {
    let sink = |more: &str| {
        let text = format!(
            "[answers]\nparty = 'KCS'\n[[sink]]\nname = 's'\nkind = 'webhook'\nurl = 'http://a'\nsecret_env = 'S'\n{more}"
        );
        let settings = serde_json::to_value(&read(&text, &[]).unwrap().sink[0]).unwrap();
        settings["answers"]["party"].as_str().map(str::to_owned)
    };
    assert_eq!(sink("form = 'cusres'").as_deref(), Some("KCS"));
    assert_eq!(sink("form = 'cusres'\nanswers = { party = 'PORT' }").as_deref(), Some("PORT"));
    assert_eq!(sink(""), None, "JSON is no answer");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("[engine]\nblok_rows = 5", "haechi.toml:2:1: unknown key `blok_rows`, nearest is `block_rows`"),
        ("[engin]\nblock_rows = 5", "haechi.toml:1:2: unknown key `engin`, nearest is `engine`"),
        (
            "[engine]\nblock_rows = 'many'",
            "haechi.toml:2:14: `block_rows`: invalid type: string \"many\", expected usize",
        ),
        ("stop_secs = 86401", "haechi.toml: stop_secs: is at most a day, 86400"),
        ("[engine]\nblock_rows = 0", "haechi.toml: [engine] block_rows: is at least 1"),
        (
            "[engine]\nzone = 'Asia/Soul'",
            "haechi.toml:2:8: `zone`: no time zone `Asia/Soul`; write an IANA name such as Asia/Seoul",
        ),
        (
            "[rules]\ndefault_stream = 'declarations'",
            "haechi.toml:2:18: `default_stream`: no stream `declarations`, nearest is `declaration`",
        ),
        ("[telemetry]\nformat = 'jason'", "haechi.toml:2:10: `format`: unknown value `jason`, nearest is `json`"),
        ("[replay]\nshare = 2.0", "haechi.toml: [replay] share: is a share from 0 to 1"),
        (
            "[[sink]]\nname = 'a'\nkind = 'files'\npath = 'x'\nrol_secs = 1",
            "haechi.toml:1:1: `a`: unknown key `rol_secs`, nearest is `roll_secs`",
        ),
        ("[[sink]]\nname = 'a'\nkind = 'file'", "haechi.toml:1:1: `a`: unknown value `file`, nearest is `files`"),
        (
            "[[sink]]\nkind = 'files'\npath = 'x'",
            "haechi.toml:1:1: `name` is missing: give it one of its own, and never change it",
        ),
        (
            "[[sink]]\nname='a'\nkind='files'\npath='x'\n[[sink]]\nname='a'\nkind='files'\npath='y'",
            "haechi.toml: [[sink]] name: two are named `a`; how far each is stands under its name",
        ),
    ] {
        assert_eq!(read(text, &[]).unwrap_err(), expected, "{text}");
    }
    assert!(read("[engine\n", &[]).unwrap_err().starts_with("haechi.toml:1:"));
}

#[test]
fn the_environment_wins() {
    let text = "[engine]\nzone = 'Asia/Seoul'\n[[sink]]\nname = 'to-officers'\nkind = 'files'\npath = 'a'";
    let settings = read(
        text,
        &[
            ("HAECHI__HTTP__LISTEN", "0.0.0.0:9000"),
            ("HAECHI__ENGINE__BLOCK_ROWS", "512"),
            ("HAECHI__RULES__PATHS", "['packs/import', 'packs/cargo']"),
            ("HAECHI__SINK__TO_OFFICERS__PATH", "b"),
            ("HAECHI__STOP_SECS", "3"),
            ("HAECHI_SECRET", "not one of them"),
        ],
    )
    .unwrap();
    assert_eq!(settings.http.listen.port(), 9000);
    assert_eq!((settings.engine.block_rows, settings.engine.zone.name()), (512, "Asia/Seoul"));
    assert_eq!(settings.rules.paths, [PathBuf::from("packs/import"), "packs/cargo".into()]);
    assert_eq!(settings.stop_secs, 3);
    assert_eq!(serde_json::to_value(&settings.sink).unwrap()[0]["path"], "b");
    for (name, value, expected) in [
        ("HAECHI__HTTP__LISTN", "a", "HAECHI__HTTP__LISTN: unknown key `listn`, nearest is `listen`"),
        (
            "HAECHI__ENGINE__BLOCK_ROWS",
            "many",
            "HAECHI__ENGINE__BLOCK_ROWS: invalid type: string \"many\", expected usize",
        ),
        ("HAECHI__SINK__OTHER__PATH", "a", "HAECHI__SINK__OTHER__PATH: no sink is named `other`"),
        ("HAECHI__STOP_SECS__MORE", "1", "HAECHI__STOP_SECS__MORE: unknown key `more`"),
    ] {
        let refused = read(text, &[(name, value)]).unwrap_err();
        assert!(refused.starts_with(expected) || name.ends_with("MORE"), "{refused}");
    }
}

#[test]
fn the_secret_is_never_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "00112233445566778899aabbccddeeff\n").unwrap();
    let rules = |secret_file| RuleSettings { secret_file, ..RuleSettings::default() };
    assert!(rules(Some(path)).secret(None).is_ok());
    let of_variable = rules(None).secret(Some(&"ab".repeat(16))).unwrap();
    assert!(!of_variable.is_demo());
    let none = rules(None).secret(None).unwrap_err().to_string();
    assert!(none.contains("HAECHI_SECRET") && none.contains("openssl rand -hex 32"), "{none}");
    let gone = rules(Some("nowhere".into())).secret(None).unwrap_err().to_string();
    assert!(gone.starts_with("[rules] secret_file: `nowhere`: "), "{gone}");
    assert!(read("[rules]\nsecret = 'abc'", &[]).is_err());
}
