use std::fmt::Write as _;
use std::time::Instant;

use haechi_model::{Lane, streams};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::lists::ListKind;
use crate::rule::Origin;
use crate::tables::TableValues::{Numbers, Texts};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What loading a folder of these files gives; diagnostics as `file:line:column code` lines.
fn load_files(files: &[(&str, &str)]) -> (RawRuleset, Sources, Vec<String>) {
    let folder = folder(files);
    let mut sources = Sources::default();
    let (raw, diagnostics) = load(&[folder.path().to_owned()], &mut sources);
    let root = format!("{}/", folder.path().display());
    let lines = diagnostics.iter().map(|d| format!("{} {}", d.position(&sources).replace(&root, ""), d.code)).collect();
    (raw, sources, lines)
}

fn check(files: &[(&str, &str)], expected: &[&str]) -> RawRuleset {
    let (raw, _, found) = load_files(files);
    assert_eq!(found, expected);
    raw
}

const PACK: (&str, &str) = ("pack.yaml", "name: import\nstream: declaration\nowner: risk-management\n");

#[test]
fn a_rule_is_read_as_it_is_written() {
    let rule = "id: import-0142
title: 저가 신발
when: >
  hs4 IN ('6402', '6403') AND in_list(origin_country, 'footwear_watch')
  AND customs_value_usd / net_mass_kg < 4.5
lane: examine
score: 40
instruction: Check sole material.
legal_basis: Customs Act art. 246
valid: {from: 2026-01-01, until: 2026-12-31}
share: 0.5
mandatory: true
tags: [valuation, footwear]
tests:
  - {given: {hs_code: 0402991000, origin_country: CN, customs_value_usd: 100, arrival_at: 2026-03-01T09:30:00+09:00}, expect: hit}
  - {items: [{item_no: 1}, {item_no: 2, importer_aeo: true}], expect: no_hit}
";
    let raw = check(&[PACK, ("rule.yaml", rule)], &[]);
    let rule = &raw.rules[0];
    assert_eq!((rule.id.as_str(), rule.title.as_str()), ("import-0142", "저가 신발"));
    assert_eq!(rule.stream.name, "declaration");
    assert_eq!(rule.owner.as_deref(), Some("risk-management"));
    assert_eq!(rule.lane.map(Lane::name), Some("examine"));
    assert_eq!((rule.score, rule.share, rule.mandatory), (Some(40.0), 0.5, true));
    assert_eq!((rule.valid_from, rule.valid_until), (Some(20_454), Some(20_818)));
    assert_eq!(rule.tags, ["valuation", "footwear"]);
    assert!(rule.when.text.ends_with("'footwear_watch') AND customs_value_usd / net_mass_kg < 4.5"));
    let given = &rule.tests[0].rows[0];
    assert_eq!(given["hs_code"].value, "0402991000");
    assert_eq!(given["customs_value_usd"].value, 100.0);
    assert_eq!(given["arrival_at"].value, "2026-03-01T00:30:00Z");
    assert!(rule.tests[0].expect_hit);
    assert_eq!(rule.tests[1].rows.len(), 2);
}

#[test]
fn a_dozen_mistakes_in_one_file_are_shown_at_once_each_in_its_place() {
    let text = "# 규칙 파일
rules:
  - id: a-1
    title: 제목, then a key that is no key
    instructions: look
    when: hs4 = '6402'
    lane: exmine
  - title: no id
    when: hs4 = '6402'
    score: high
  - id: a-3
    lane: examine
    share: 20
  - id: a-4
    stream: declarations
    when: hs4 = '6402'
    lane: scan
  - id: a-5
    when: hs4 = '6402'
    valid: {from: 1.3.2026, until: 2026-12-31}
  - id: a-1
    when: hs4 = '6402'
    lower_to: documents
    lane: scan
    valid: {from: 2026-12-31, until: 2026-01-01}
    tests:
      - {given: {hscode: '6402', net_mass_kg: 무거움}, expect: yes}
      - {given: {transport_mode: plane}}
  - id: a 6
    when: [a, b]
    score: 1
    score: 2
";
    check(
        &[PACK, ("규칙.yaml", text)],
        &[
            "규칙.yaml:5:5 E0301",
            "규칙.yaml:7:11 E0305",
            "규칙.yaml:8:5 E0303",
            "규칙.yaml:10:12 E0314",
            "규칙.yaml:11:5 E0304",
            "규칙.yaml:13:12 E0306",
            "규칙.yaml:15:13 E0310",
            "규칙.yaml:18:5 E0307",
            "규칙.yaml:20:19 E0309",
            "규칙.yaml:21:9 E0308",
            "규칙.yaml:24:5 E0313",
            "규칙.yaml:25:38 E0312",
            "규칙.yaml:27:18 E0601",
            "규칙.yaml:27:47 E0602",
            "규칙.yaml:27:61 E0604",
            "규칙.yaml:28:10 E0603",
            "규칙.yaml:28:34 W0714",
            "규칙.yaml:29:9 E0315",
            "규칙.yaml:30:11 E0302",
            "규칙.yaml:32:5 E0107",
        ],
    );
}

#[test]
fn the_nearest_right_name_is_offered() {
    let folder = folder(&[PACK, ("r.yaml", "id: a\nwhen: x\nlane: exmine\nowners: b\nstream: declaratoin\n")]);
    let mut sources = Sources::default();
    let (_, diagnostics) = load(&[folder.path().to_owned()], &mut sources);
    let helps: Vec<_> = diagnostics.iter().filter_map(|d| d.help.as_deref()).collect();
    assert_eq!(helps, ["nearest is `owner`", "nearest is `declaration`"]);
    assert!(diagnostics.iter().all(|d| d.rule.as_deref() == Some("a")));
}

#[test]
fn after_a_syntax_error_the_other_rules_are_still_checked() {
    let text = "rules:
  - id: a
    title: Footwear: undervalued
    when: hs4 = '6402'
    score: 1
  - id: b
    when: hs4 = '6402'
    lane: red
";
    let raw = check(&[PACK, ("r.yaml", text)], &["r.yaml:3:20 E0104", "r.yaml:8:11 E0305"]);
    assert_eq!(raw.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_pack_gives_stream_and_owner_to_its_folder_only() {
    let rule = |id: &str| format!("id: {id}\nwhen: x\nscore: 1\n");
    let (a, b) = (rule("a"), rule("b"));
    let raw = check(
        &[("import/pack.yaml", PACK.1), ("import/sub/a.yaml", &a), ("other/b.yaml", &b)],
        &["other/b.yaml:1:1 E0311"],
    );
    assert_eq!(raw.rules[0].owner.as_deref(), Some("risk-management"));
    check(&[("pack.yaml", "stream: planes\nonwer: x\n")], &["pack.yaml:1:9 E0310", "pack.yaml:2:1 E0301"]);
}

#[test]
fn lists_come_from_yaml_text_and_csv() {
    let yaml = "lists:
  - {name: watch, title: 감시, kind: id, entries: [CN, NO, 010]}
  - {name: bad name, kind: txt, entries: CN}
  - {entries: [a, a]}
";
    let raw = check(
        &[
            PACK,
            ("lists/a.yaml", yaml),
            ("lists/one.yaml", "name: one\nkind: words\nentries: [used shoes]\n"),
            ("lists/phrases.txt", "# kind: words\n# owner: desk\n\nused shoes\n중고 신발, 가죽\n"),
            ("lists/keys.csv", "# note\nI1,Acme\n\"I,2\",Other\n"),
            ("lists/watch.txt", "CN\n"),
        ],
        &[
            "lists/a.yaml:3:12 E0402",
            "lists/a.yaml:3:28 E0403",
            "lists/a.yaml:3:42 E0302",
            "lists/a.yaml:4:6 E0404",
            "lists/watch.txt:1:1 E0401",
        ],
    );
    let list = |name: &str| raw.lists.iter().find(|list| list.name == name).unwrap();
    assert_eq!(list("watch").entries, ["CN", "NO", "010"]);
    assert_eq!(list("watch").owner.as_deref(), Some("risk-management"));
    assert_eq!(list("one").kind, ListKind::Words);
    let phrases = list("phrases");
    assert_eq!((phrases.kind, phrases.owner.as_deref()), (ListKind::Words, Some("desk")));
    assert_eq!(phrases.entries, ["used shoes", "중고 신발, 가죽"]);
    assert_eq!(list("keys").entries, ["I1", "I,2"]);
}

#[test]
fn reference_tables_hold_numbers_or_text() {
    let raw = check(
        &[PACK, ("tables/price.csv", "# source: survey\nhs6,usd,office,note\n640299,4.5,010,\n640399,,020,\"a, b\"\n")],
        &[],
    );
    let table = &raw.tables[0];
    assert_eq!((table.name.as_str(), table.key_column.as_str()), ("price", "hs6"));
    assert_eq!(table.row("640399"), Some(1));
    assert_eq!(table.row("1"), None);
    assert_eq!(table.columns[0].values, Numbers(vec![Some(4.5), None]));
    assert_eq!(table.columns[1].values, Texts(vec![Some("010".into()), Some("020".into())]));
    assert_eq!(table.columns[2].values, Texts(vec![None, Some("a, b".into())]));
    check(
        &[
            ("tables/bad.csv", "hs6,usd,usd\n1,2,3\n1,2,3\n1,2\n한글,\"x\n"),
            ("tables/narrow.csv", "only\n1\n"),
            ("tables/semi.csv", "a;b\n1;2\n"),
        ],
        &[
            "tables/bad.csv:1:9 E0414",
            "tables/bad.csv:3:1 E0412",
            "tables/bad.csv:4:3 E0413",
            "tables/bad.csv:5:4 E0415",
            "tables/bad.csv:5:4 E0413",
            "tables/narrow.csv:1:1 E0411",
            "tables/semi.csv:1:2 E0416",
        ],
    );
}

#[test]
fn json_lines_are_rules_of_the_stream_the_caller_names() {
    let text = "{\"id\": \"R1\", \"when\": \"hs_code LIKE '64%'\"}
{\"when\": \"설명 = \\\"\\uac00\\\"\\nAND orgin\", \"id\": \"R2\"}

{\"id\": \"R3\"}
{\"id\": \"R1\", \"when\": \"x\", \"lane\": \"scan\", \"stream\": \"traveller\"}
";
    let folder = folder(&[("rules.jsonl", text)]);
    let path = folder.path().join("rules.jsonl");
    let mut sources = Sources::default();
    let options = LoadOptions { default_stream: Some(&streams::DECLARATION) };
    let (raw, diagnostics) = load_with(&[path], &options, &mut sources);
    let found: Vec<_> =
        diagnostics.iter().map(|d| (d.code, sources.file(d.span.file).line_column(d.span.range.start))).collect();
    assert_eq!(found, [("E0110", (4, 12)), ("E0308", (5, 9)), ("E0305", (5, 36))]);
    assert_eq!(raw.rules.len(), 3);
    let when = &raw.rules[0].when;
    assert!(matches!(when.origin, Origin::At(_)));
    assert_eq!(&text[when.span(0..7).range], "hs_code");
    let when = &raw.rules[1].when;
    assert_eq!(when.text, "설명 = \"가\" AND orgin");
    let start = when.text.find("orgin").unwrap();
    assert_eq!(&text[when.span(start..start + 5).range], "orgin");
}

#[test]
fn many_json_lines_are_read_fast() {
    let mut text = String::new();
    for i in 0..10_000 {
        writeln!(
            text,
            "{{\"id\": \"R{i:05}\", \"when\": \"hs_code LIKE '6402%' AND origin_country IN ('CN', 'VN') AND customs_value_usd > {i}\"}}"
        )
        .unwrap();
    }
    let folder = folder(&[("rules.jsonl", &text)]);
    let mut sources = Sources::default();
    let options = LoadOptions { default_stream: Some(&streams::DECLARATION) };
    let start = Instant::now();
    let (raw, diagnostics) = load_with(&[folder.path().join("rules.jsonl")], &options, &mut sources);
    let elapsed = start.elapsed();
    assert_eq!((raw.rules.len(), diagnostics.len()), (10_000, 0));
    // Unoptimised and on a busy machine; a release build takes a twentieth of it. A quadratic loop takes minutes.
    assert!(elapsed.as_secs_f64() < 2.0, "{elapsed:?}");
}

#[test]
fn files_that_cannot_be_read_are_mistakes_too() {
    let folder = folder(&[PACK, ("a.csv", "x\n"), ("readme.md", "x"), ("empty.yaml", "# nothing\n")]);
    fs::write(folder.path().join("korean.yaml"), b"id: a\ntitle: \xbd\xc5\xb9\xdf\n").unwrap();
    fs::write(folder.path().join("large.yaml"), vec![b' '; FILE_BYTES_MAX as usize + 1]).unwrap();
    let mut sources = Sources::default();
    let missing = folder.path().join("missing.yaml");
    let (raw, diagnostics) = load(&[folder.path().to_owned(), missing], &mut sources);
    let found: Vec<_> = diagnostics
        .iter()
        .map(|d| {
            let file = sources.file(d.span.file);
            (file.path.file_name().unwrap().to_str().unwrap(), file.line_column(d.span.range.start), d.code)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("a.csv", (1, 1), "W0711"),
            ("empty.yaml", (1, 1), "W0711"),
            ("korean.yaml", (2, 8), "E0103"),
            ("large.yaml", (1, 1), "E0102"),
            ("missing.yaml", (1, 1), "E0101"),
        ]
    );
    assert!(raw.rules.is_empty());
}

#[test]
fn a_file_named_alone_sees_its_pack() {
    let files = [
        PACK,
        ("a.yaml", "id: a\nwhen: in_list(hs4, 'l')\nscore: 1\n"),
        ("b.yaml", "id: b\nwhen: x\nscore: 1\n"),
        ("lists/l.txt", "6402\n"),
        ("decisions/d.csv", "id,hs4,score\nd1,6402,1\n"),
    ];
    let folder = folder(&files);
    let mut sources = Sources::default();
    let named = ["a.yaml", "decisions/d.csv"].map(|name| folder.path().join(name));
    let (raw, diagnostics) = load(&named, &mut sources);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let ids: Vec<_> = raw.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["a", "d1"]);
    assert_eq!(raw.lists.len(), 1);
    assert_eq!(raw.context.len(), 1);
    assert_eq!(raw.rules[0].owner.as_deref(), Some("risk-management"));
}

#[test]
fn policies_are_kept_for_whoever_selects() {
    let (raw, sources, found) = load_files(&[("policy.yaml", "stream: declaration\n")]);
    assert!(found.is_empty());
    let file = sources.find(&raw.policies[0]).unwrap();
    assert_eq!(sources.file(file).text, "stream: declaration\n");
}

#[test]
fn a_file_named_twice_is_read_once() {
    let folder = folder(&[PACK, ("a.yaml", "id: a\nwhen: x\nscore: 1\n")]);
    let mut sources = Sources::default();
    let (raw, diagnostics) = load(&[folder.path().to_owned(), folder.path().join("./a.yaml")], &mut sources);
    assert_eq!((raw.rules.len(), diagnostics.len()), (1, 0));
}

#[test]
fn endless_mistakes_are_bounded() {
    let text = "{\"id\": 1}\n".repeat(5_000);
    let (_, _, found) = load_files(&[("r.jsonl", &text)]);
    assert_eq!(found.len(), FILE_MISTAKES_MAX + 1);
    assert!(found.last().unwrap().ends_with("E0112"));
}

#[test]
fn top_level_forms_that_are_no_rule_file_say_so() {
    check(&[PACK, ("a.yaml", "- id: a\n  when: x\n  lane: red\n")], &["a.yaml:1:1 E0108", "a.yaml:3:9 E0305"]);
    check(&[PACK, ("a.yaml", "rule:\n  id: a\n")], &["a.yaml:1:1 E0108"]);
    check(&[PACK, ("a.yaml", "just text\n")], &["a.yaml:1:1 E0108"]);
    check(&[PACK, ("a.yaml", "rules: 5\nlists: {a: b}\n")], &["a.yaml:1:8 E0302", "a.yaml:2:9 E0302"]);
    check(&[PACK, ("a.yaml", "rules: [5]\n")], &["a.yaml:1:9 E0302"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any bytes under any name: no panic, and all places can be shown.
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        name in 0usize..8,
    ) {
        const NAMES: [&str; 8] = ["a.yaml", "pack.yaml", "r.jsonl", "lists/a.txt", "lists/a.csv", "tables/a.csv",
            "decisions/a.csv", "decisions/a.tests.yaml"];
        let folder = folder(&[]);
        let path = folder.path().join(NAMES[name]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &bytes).unwrap();
        let mut sources = Sources::default();
        let options = LoadOptions { default_stream: Some(&streams::TRAVELLER) };
        let (_, diagnostics) = load_with(&[folder.path().to_owned()], &options, &mut sources);
        crate::render::render(&diagnostics, &sources, false);
    }

    /// Tables of words that mean something to the reader of tables, in any order.
    #[test]
    fn no_decision_table_makes_it_panic(
        cells in proptest::collection::vec(0usize..32, 1..40),
    ) {
        const PIECES: [&str; 32] = [
            "id", "hs4", "net_mass_kg", "importer_aeo", "lane", "tags", "valid_from", "declared_at",
            "customs_value_usd < ?", "hs4 IN (?)", "?", ",", ",", ",", ",", "\n", "\n", "'", "\"", "|", "||", "..",
            "1..5", ">=", "!=", "LIKE 64%", "null", "not null", "'x'", "가", " ", "2026-01-01",
        ];
        let text: String = cells.iter().map(|cell| PIECES[*cell]).collect();
        let folder = folder(&[PACK, ("decisions/a.csv", &format!("id,hs4,net_mass_kg,hs4 IN (?)\n{text}"))]);
        let mut sources = Sources::default();
        let (raw, diagnostics) = load(&[folder.path().to_owned()], &mut sources);
        crate::render::render(&diagnostics, &sources, false);
        for rule in raw.rules {
            let span = rule.when.span(0..rule.when.text.len());
            prop_assert!(span.range.end <= sources.file(span.file).text.len());
        }
    }
}
