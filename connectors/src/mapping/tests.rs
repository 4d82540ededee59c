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
    insta::assert_snapshot!(mistakes(text).join("\n"), @r#"
    m.toml:2:8: no zone `Korea`; write an IANA name such as `Asia/Seoul`
    m.toml:4:1: stream `declaration` has no column `declaration_ID`, nearest is `declaration_id`
    m.toml:5:10: `office` is code; only f64 columns take a unit or scale
    m.toml:6:15: no unit `stone` for kg; there are kg, KGM, g, GRM, t, TNE, lb, LBR, oz
    m.toml:7:18: no table [codes.mode]
    m.toml:8:15: `%Q` is no strftime pattern; write one like `%Y-%m-%d`
    m.toml:10:11: say where the values come from: `from = "Their column"`
    m.toml:11:1: `source` says where a row was read, and is not mapped
    m.toml:13:1: `flow` is under [columns] too; keep one
    m.toml:14:11: column "item_no": "one" is not a whole number; write digits
    "#);
}

#[test]
fn unknown_keys_and_bad_syntax_are_refused_with_a_place() {
    let shown: Vec<String> = [
        "stream = \"declaration\"\ncolums = {}\n",
        "stream = \"declaration\"\n[columns]\nhs_code = { form = \"HS\" }\n",
        "stream = \"declarations\"\n",
        "stream = declaration\n",
        "zone = \"UTC\"\n",
    ]
    .into_iter()
    .flat_map(mistakes)
    .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    m.toml:2:1: unknown field `colums`, expected one of `stream`, `zone`, `columns`, `constants`, `codes`
    m.toml:3:13: unknown field `form`, expected one of `from`, `template`, `unit`, `scale`, `divide_by`, `date`, `pad`, `codes`, `otherwise`
    m.toml:1:10: no stream `declarations`; there are declaration, consignment, traveller, outcome, crossing, permit, cargo_event, company, watchlist
    m.toml:1:10: string values must be quoted, expected literal string
    m.toml:1:1: missing field `stream`
    "#);
}
