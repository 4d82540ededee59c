use proptest::prelude::*;

use super::*;
use crate::rule::SqlText;

fn read(text: &str) -> (Vec<Node>, Vec<Diagnostic>) {
    parse(FileId(0), text)
}

fn value<'n>(node: &'n Node, path: &[&str]) -> &'n Node {
    path.iter().fold(node, |node, step| match &node.value {
        Value::Map(entries) => &entries.iter().find(|entry| entry.key == *step).unwrap().value,
        Value::List(nodes) => &nodes[step.parse::<usize>().unwrap()],
        Value::Scalar(_) => panic!("{step} of a scalar"),
    })
}

/// The condition under `when` of the first document.
fn sql(text: &str) -> SqlText {
    let (documents, mistakes) = read(text);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    sql_text(FileId(0), text, value(&documents[0], &["when"])).unwrap().0
}

/// Every occurrence of `needle` in the condition points at the bytes of `needle` in the file.
fn check_origin(text: &str, condition: &str, needles: &[&str]) {
    let sql = sql(text);
    assert_eq!(sql.text, condition);
    for needle in needles {
        let start = sql.text.find(needle).unwrap_or_else(|| panic!("{needle} in {condition}"));
        let span = sql.span(start..start + needle.len());
        assert_eq!(&text[span.range], *needle, "in {text:?}");
    }
}

#[test]
fn values_know_their_place_and_their_kind() {
    let text = "# 규칙\nid: import-0142  # 번호\ntitle: '신발'\nscore: 4.5\nvalid: {from: 2026-01-01}\nmandatory: true\nlane:\n";
    let (documents, mistakes) = read(text);
    assert!(mistakes.is_empty());
    let at = |path: &[&str]| &text[value(&documents[0], path).at.clone()];
    assert_eq!(at(&["id"]), "import-0142");
    assert_eq!(at(&["title"]), "'신발'");
    assert_eq!(at(&["valid", "from"]), "2026-01-01");
    let node = |key: &str| value(&documents[0], &[key]);
    assert_eq!(node("title").text(), Some("신발"));
    assert_eq!(node("score").number(), Some(4.5));
    assert_eq!(node("mandatory").bool(), Some(true));
    assert!(node("lane").is_null());
    let Value::Map(entries) = &documents[0].value else { panic!("a mapping") };
    assert_eq!(&text[entries[5].key_at.clone()], "lane");
}

#[test]
fn countries_and_codes_stay_what_they_are() {
    let (documents, _) = read("[NO, on, 0402100000, 1e400, .inf, 0x10, '5']");
    let Value::List(nodes) = &documents[0].value else { panic!("a list") };
    assert_eq!(nodes[0].text(), Some("NO"));
    assert_eq!(nodes[1].bool(), None);
    assert_eq!(nodes[2].text(), Some("0402100000"));
    assert!(nodes[3..].iter().all(|node| node.number().is_none()));
}

#[test]
fn a_plain_condition_points_at_itself() {
    check_origin("id: 가\nwhen: 설명 = 'A' AND b\n", "설명 = 'A' AND b", &["설명", "'A'", "b"]);
}

#[test]
fn a_folded_condition_points_at_its_lines() {
    let text = "title: 한글 제목\nwhen: >\n  설명 = '신발'\n  AND orgin = 'CN'\n\n  AND x\nid: a\n";
    // The empty line becomes a line break in YAML, and a blank here.
    check_origin(text, "설명 = '신발' AND orgin = 'CN' AND x", &["설명", "'신발'", "orgin", "'CN'", "x"]);
}

#[test]
fn block_scalars_of_every_kind_point_at_their_lines() {
    for header in [">", ">-", ">+", "|", "|-", "|+", ">2", "|2-", "> # note"] {
        let text = format!("when: {header}\n  aaa = 1\n    AND bbb = 2\n  AND ccc = '다'\n\nid: x\n");
        let sql = sql(&text);
        for needle in ["aaa", "bbb", "ccc", "'다'"] {
            let start = sql.text.find(needle).unwrap();
            assert_eq!(&text[sql.span(start..start + needle.len()).range], needle, "{header}");
        }
        assert!(!sql.text.contains('\n'), "{header}: {:?}", sql.text);
    }
}

#[test]
fn carriage_returns_do_not_shift_places() {
    check_origin("id: 가\r\nwhen: >\r\n  aaa = '가'\r\n  AND bbb\r\nx: 1\r\n", "aaa = '가' AND bbb", &["'가'", "bbb"]);
    check_origin("when: aaa\r\n  AND bbb\r\n", "aaa AND bbb", &["aaa", "bbb"]);
}

#[test]
fn quoted_conditions_point_through_their_escapes() {
    check_origin("when: 'a = ''x'' AND bbb'  # it''s\n", "a = 'x' AND bbb", &["bbb"]);
    check_origin("when: \"a = \\\"\\uAC00\\\" AND bbb\"\n", "a = \"가\" AND bbb", &["bbb"]);
    check_origin("when: 'a = ''x''\n\n  AND bbb'\n", "a = 'x' AND bbb", &["bbb"]);
    check_origin("when: \"aaa \\\n  AND bbb\"\n", "aaa AND bbb", &["aaa", "bbb"]);
    check_origin("{id: 가, when: aaa\n  AND bbb, x: 1}\n", "aaa AND bbb", &["aaa", "bbb"]);
}

#[test]
fn a_comment_ends_with_its_line_in_literal_text() {
    check_origin("when: |\n  aaa -- 주석 'x\n  AND bbb\n", "aaa              AND bbb", &["aaa", "bbb"]);
}

#[test]
fn a_comment_in_folded_text_would_swallow_the_rest() {
    let text = "when: >\n  aaa -- note\n  AND bbb\n";
    let (documents, _) = read(text);
    let (_, mistake) = sql_text(FileId(0), text, value(&documents[0], &["when"])).unwrap();
    let mistake = mistake.expect("a mistake");
    assert_eq!((mistake.code, &text[mistake.span.range]), ("E0111", "--"));
    // At the very end it swallows nothing.
    let text = "when: >\n  aaa\n  AND bbb -- note\nid: x\n";
    let (documents, _) = read(text);
    assert!(sql_text(FileId(0), text, value(&documents[0], &["when"])).unwrap().1.is_none());
}

#[test]
fn a_key_that_stands_twice_is_reported_at_the_second() {
    let text = "lane: scan\n레인: 1\nlane: examine\n";
    let (documents, mistakes) = read(text);
    assert_eq!(mistakes.len(), 1);
    assert_eq!((mistakes[0].code, mistakes[0].span.range.clone()), ("E0107", 21..25));
    assert_eq!(value(&documents[0], &["lane"]).text(), Some("scan"));
}

#[test]
fn after_a_syntax_error_reading_goes_on_at_the_next_element() {
    let text = "rules:
  - id: a
    title: one
  - id: b
    title: two: three
    when: x
  - id: c
    title: \"open
  - id: d
    title: four
lists:
  - name: l
";
    let (documents, mistakes) = read(text);
    let codes: Vec<_> = mistakes.iter().map(|m| (m.code, text[..m.span.range.start].lines().count())).collect();
    assert_eq!(codes.len(), 2, "{mistakes:?}");
    assert!(codes.iter().all(|(code, _)| *code == "E0104"));
    assert_eq!(codes[0].1, 5);
    let Value::List(rules) = &value(&documents[0], &["rules"]).value else { panic!("a list") };
    let ids: Vec<_> = rules.iter().filter_map(|rule| value(rule, &["id"]).text()).collect();
    assert!(ids.starts_with(&["a", "b", "c"]), "{ids:?}");
    assert!(rules[1].cut && !rules[0].cut);
    assert_eq!(value(documents.last().unwrap(), &["lists", "0", "name"]).text(), Some("l"));
}

#[test]
fn aliases_and_deep_nesting_are_refused() {
    let (_, mistakes) = read("a: &x 1\nb: *x\n");
    assert_eq!(mistakes.iter().map(|m| m.code).collect::<Vec<_>>(), ["E0105"]);
    let laughs = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n";
    assert!(read(laughs).1.iter().all(|m| m.code == "E0105"));
    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        let (_, mistakes) = read(&deep);
        assert!(mistakes.iter().any(|m| matches!(m.code, "E0106" | "E0104")), "{:?}", mistakes.first());
    }
}

#[test]
fn a_file_of_endless_keys_ends_soon() {
    let start = std::time::Instant::now();
    let keys: Vec<String> = (0..50_000).map(|i| format!("k{i}: 가")).collect();
    assert!(read(&keys.join("\n")).1.is_empty());
    // Keys and values on one line of several bytes a character, and errors on every line.
    assert!(read(&format!("[{}]", "가,".repeat(50_000))).1.is_empty());
    read(&format!("rules:\n{}", "  - a: b: c\n".repeat(20_000)));
    assert_eq!(read(&format!("[{}]", "a,".repeat(1_000_001))).1[0].code, "E0102");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn a_byte_order_mark_and_a_nul_do_no_harm() {
    let (documents, mistakes) = read("\u{feff}id: a\n");
    assert!(mistakes.is_empty());
    assert_eq!(value(&documents[0], &["id"]).at, 7..8);
    assert_eq!(read("id: a\n\0\nwhen: x").1[0].code, "E0104");
}

const RULES: &str = "rules:
  - id: import-0142
    title: '저가 신발: ''new'''
    when: >
      hs4 IN ('6402', '6403')
        AND 설명 = \"x\"
    tests:
      - {given: {hs_code: '6402991000', net_mass_kg: 80}, expect: hit}
    tags: [a, &b c, *b, \"\\u00e9\\
      x\"]
lists:
- name: l
  entries:
  - CN # comment
  - VN
--- |+
 text
...
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is cut out of a file, doubled or put into it, reading ends and every place lies in the file.
    #[test]
    fn no_text_makes_it_panic(
        edits in proptest::collection::vec((0usize..600, 0usize..40, 0usize..24), 1..6),
    ) {
        const PIECES: [&str; 24] = [
            "", "'", "\"", ": ", "- ", "\n", "\r", "\t", "{", "}", "[", "]", "&a ", "*a", "|\n", ">\n", "#", "\\",
            "가", "\0", "\u{feff}", "? ", "---\n", "%YAML 1.2\n",
        ];
        let mut text = RULES.to_owned();
        for (at, cut, piece) in edits {
            let at = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
            let end = (at + cut).min(text.len());
            let end = (end..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap();
            text.replace_range(at..end, PIECES[piece]);
        }
        let (documents, mistakes) = read(&text);
        for mistake in &mistakes {
            prop_assert!(mistake.span.range.start <= mistake.span.range.end && mistake.span.range.end <= text.len());
        }
        let mut nodes: Vec<&Node> = documents.iter().collect();
        while let Some(node) = nodes.pop() {
            prop_assert!(text.get(node.at.clone()).is_some(), "{:?} in {text:?}", node.at);
            match &node.value {
                Value::List(list) => nodes.extend(list),
                Value::Map(entries) => nodes.extend(entries.iter().map(|entry| &entry.value)),
                Value::Scalar(_) => {
                    if let Some((sql, _)) = sql_text(FileId(0), &text, node) {
                        let span = sql.span(0..sql.text.len());
                        prop_assert!(span.range.end <= text.len() + 1);
                    }
                }
            }
        }
    }

    /// Words of a folded condition point at the same words of the file, however its lines are broken.
    #[test]
    fn folding_keeps_every_word_where_it_is(
        lines in proptest::collection::vec(proptest::collection::vec("[a-z가-힣]{1,5}", 1..4), 1..5),
        literal in any::<bool>(),
        empty in any::<bool>(),
    ) {
        let gap = if empty { "\n\n" } else { "\n" };
        let body: Vec<String> = lines.iter().map(|words| format!("   {}", words.join("  "))).collect();
        let text = format!("제목: x\nwhen: {}\n{}\nid: y\n", if literal { "|" } else { ">" }, body.join(gap));
        let sql = sql(&text);
        let mut at = 0;
        for word in lines.iter().flatten() {
            let start = at + sql.text[at..].find(word.as_str()).unwrap();
            let span = sql.span(start..start + word.len());
            prop_assert_eq!(&text[span.range], word.as_str());
            at = start + word.len();
        }
    }
}
