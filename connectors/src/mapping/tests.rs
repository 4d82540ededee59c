use super::*;

fn mistakes(text: &str) -> Vec<String> {
    match Mapping::parse("m.toml", text) {
        Ok(mapping) => panic!("no mistake found: {mapping:?}"),
        Err(MappingError::Wrong { mistakes }) => mistakes.iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_full_mapping_is_read() {
    let mapping = Mapping::parse(
        "m.toml",
        r#"
        stream = "declaration"
        zone = "Asia/Seoul"
        [columns]
        declaration_id = { template = "{Sender}:{Number}" }
        office = { from = "Office", pad = 3 }
        net_mass_kg = { from = "Mass", unit = "lb", scale = 2.0 }
        transport_mode = { from = "Mode", codes = "mode", otherwise = "other" }
        [constants]
        flow = "import"
        item_no = 1
        [codes.mode]
        10 = "sea"
        "#,
    )
    .unwrap();
    assert_eq!(mapping.zone, Some(Tz::Asia__Seoul));
    assert_eq!(mapping.inputs().collect::<Vec<_>>(), ["Sender", "Number", "Mass", "Office", "Mode"]);
    let mass = mapping.columns.iter().find(|m| m.column.name == "net_mass_kg").unwrap();
    assert_eq!(mass.change.factor, Some(0.907_184_74));
    let mode = mapping.columns.iter().find(|m| m.column.name == "transport_mode").unwrap();
    assert_eq!(mode.change.codes.as_ref().unwrap().ours["10"], "sea");
    assert_eq!(
        mapping.constants.iter().map(|(c, v)| (c.name, v.as_str())).collect::<Vec<_>>(),
        [("flow", "import"), ("item_no", "1")]
    );
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let text = r#"stream = "declaration"
zone = "Korea"
[columns]
declaration_ID = "Declaration ID"
office = { from = "Office", unit = "kg" }
net_mass_kg = { from = "Mass", unit = "stone" }
transport_mode = { from = "Mode", codes = "mode" }
declared_at = { from = "Date", date = "%Q" }
flow = "Flow"
hs_code = { pad = 6 }
source = "File"
[constants]
flow = "import"
item_no = "one"
"#;
    insta::assert_snapshot!(mistakes(text).join("\n"), @r#""#);
}

#[test]
fn unknown_keys_and_bad_syntax_are_refused_with_a_place() {
    insta::assert_snapshot!(mistakes("stream = \"declaration\"\ncolums = {}\n").join("\n"), @r#""#);
    insta::assert_snapshot!(mistakes("stream = \"declaration\"\n[columns]\nhs_code = { form = \"HS\" }\n").join("\n"), @r#""#);
    insta::assert_snapshot!(mistakes("stream = \"declarations\"\n").join("\n"), @r#""#);
    insta::assert_snapshot!(mistakes("stream = declaration\n").join("\n"), @r#""#);
}
