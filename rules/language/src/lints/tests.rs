use super::*;
use crate::load::load;

/// Codes and rules of the warnings about a folder with these files, on 2026-06-01.
fn check(files: &[(&str, &str)], expected: &[(&str, Option<&str>)]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut sources = Sources::default();
    let (raw, mistakes) = load(&[folder.path().to_owned()], &mut sources);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let found = lint(&raw, &sources, Some(20_605));
    let found: Vec<_> = found.iter().map(|d| (d.code, d.rule.as_deref())).collect();
    assert_eq!(found, expected);
}

const GOOD: &str = "id: good
stream: declaration
when: in_list(hs4, 'watch') AND lookup('price.usd', hs6) > 5 AND origin_country = 'CN'
lane: examine
instruction: look
owner: desk
legal_basis: art. 1
valid: {until: 2026-06-01}
tests: [{given: {hs_code: '6402'}, expect: hit}]
";

const LIST: (&str, &str) = ("lists/watch.txt", "6402\n");
const TABLE: (&str, &str) = ("tables/price.csv", "hs6,usd\n640299,4\n");

#[test]
fn a_rule_with_all_that_is_due_is_left_alone() {
    check(&[("good.yaml", GOOD), LIST, TABLE], &[]);
}

#[test]
fn what_is_missing_or_over_is_said() {
    let text = "id: bare\nstream: declaration\nwhen: importer_aeo\nlane: scan\nvalid: {until: 2026-05-31}\n";
    let bare = Some("bare");
    check(
        &[("bare.yaml", text)],
        &[("W0705", bare), ("W0706", bare), ("W0707", bare), ("W0712", bare), ("W0713", bare)],
    );
}

#[test]
fn lists_and_tables_nobody_names_are_found() {
    let files = [("good.yaml", GOOD), LIST, TABLE, ("lists/idle.txt", "x\n"), ("tables/idle.csv", "a,b\n1,2\n")];
    check(&files, &[("W0709", None), ("W0710", None)]);
    let policy = ("policy.yaml", "random:\n  - {when: \"in_list(hs4, 'idle')\", rate: 1}\n");
    check(&[("good.yaml", GOOD), LIST, TABLE, ("lists/idle.txt", "x\n"), policy], &[]);
}

#[test]
fn rules_of_programs_owe_no_owner() {
    check(&[("r.jsonl", "{\"id\": \"R1\", \"when\": \"x\", \"stream\": \"declaration\"}\n")], &[]);
}
