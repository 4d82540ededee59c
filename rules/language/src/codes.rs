//! The stable codes of mistakes and warnings, each with what `haechi explain-error CODE` says about it.
//!
//! A new code is one entry in [`CODES`]; codes are never reused. `E01` files and their form, `E02` conditions,
//! `E03` keys of a rule, `E04` lists and tables, `E05` policy, `E06` tests, `W07` warnings, `E08` features over time.

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeEntry {
    /// `E` for an error, `W` for a warning, and four digits.
    pub code: &'static str,
    /// What it is called, in a few words.
    pub title: &'static str,
    /// What is wrong and what to write instead, with an example of each.
    pub explanation: &'static str,
}

/// The entry of a code, whatever the case it is typed in.
pub fn find(code: &str) -> Option<&'static CodeEntry> {
    CODES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code.trim()))
}

const fn entry(code: &'static str, title: &'static str, explanation: &'static str) -> CodeEntry {
    CodeEntry { code, title, explanation }
}

/// Every code, in order.
pub const CODES: &[CodeEntry] = &[
    entry(
        "E0101",
        "file cannot be read",
        "The file or folder named does not exist, or this user may not read it.

Wrong:  haechi check packs/imprt
Right:  haechi check packs/import",
    ),
    entry(
        "E0102",
        "file too large",
        "A rule file, list or table is read whole and may have 16 MiB. Split it: a list of a million keys belongs
into several lists, or into a watchlist that the screening service holds.",
    ),
    entry(
        "E0103",
        "file is not UTF-8",
        "Rule files, lists and tables are UTF-8 text. A table exported from a spreadsheet is often written in the
encoding of the country (EUC-KR, Windows-1252): export it again as `CSV UTF-8`.

Wrong:  iconv -t EUC-KR watch.csv
Right:  iconv -f EUC-KR -t UTF-8 watch.csv",
    ),
    entry(
        "E0104",
        "YAML syntax error",
        "The file is no YAML from this place on. What follows is read again from the next rule. The usual causes are
text with `: ` or ` #` that is not quoted, tabs as indentation, and a quote that is not closed.

Wrong:  title: Footwear: undervalued
Right:  title: 'Footwear: undervalued'",
    ),
    entry(
        "E0105",
        "alias",
        "Anchors and aliases (`&x`, `*x`, `<<`) are not read: a rule says what it says where it stands, so that a
change to one never changes another unseen.

Wrong:  owner: *desk
Right:  owner: valuation-desk",
    ),
    entry(
        "E0106",
        "nested too deep",
        "No rule file needs lists and mappings nested more than 32 deep.

Wrong:  tags: [[[[[[...]]]]]]
Right:  tags: [valuation, footwear]",
    ),
    entry(
        "E0107",
        "key twice",
        "A key stands twice in one mapping, so one of its values would be lost.

Wrong:  {id: a-1, lane: scan, lane: examine}
Right:  {id: a-1, lane: examine}",
    ),
    entry(
        "E0108",
        "not a rule file",
        "A YAML file holds one rule (its keys at the top), several rules under `rules:`, or lists under `lists:`.

Wrong:  - id: import-0142
          when: hs4 = '6402'
Right:  rules:
          - id: import-0142
            when: hs4 = '6402'",
    ),
    entry(
        "E0109",
        "key is not text",
        "Keys are plain words.

Wrong:  {[a, b]: 1}
Right:  {hs_code: '6402991000'}",
    ),
    entry(
        "E0110",
        "JSON line wrong",
        "Every line of a `.jsonl` or `.ndjson` file is one rule as a JSON object with `id` and `when`, and optionally
`stream`, `title`, `lane` and `score`.

Wrong:  {\"id\": \"R1\"}
Right:  {\"id\": \"R1\", \"when\": \"hs_code LIKE '64%'\"}",
    ),
    entry(
        "E0111",
        "comment swallows the rest of the condition",
        "In a folded text (`when: >`, or a condition that goes on over several lines without `|`) YAML joins the lines
into one, so an SQL comment `--` would hide everything after it. Write `when: |`, which keeps the lines, or leave the
comment out.

Wrong:  when: >
          hs4 = '6402'   -- footwear
          AND NOT importer_aeo
Right:  when: |
          hs4 = '6402'   -- footwear
          AND NOT importer_aeo",
    ),
    entry(
        "E0112",
        "too many mistakes",
        "Only the first 200 mistakes of a file are shown; the rest usually follows from them. Correct those and check
again.",
    ),
    entry(
        "E0201",
        "syntax error in condition",
        "A condition is one SQL boolean expression.

Wrong:  when: hs4 = '6402' AND
Right:  when: hs4 = '6402' AND NOT importer_aeo",
    ),
    entry(
        "E0202",
        "unknown column",
        "The name is no column of the rule's stream. `haechi schema STREAM` lists them. Text stands in single quotes;
without quotes, or in double quotes, it is taken for a column.

Wrong:  when: origin_contry = \"CN\"
Right:  when: origin_country = 'CN'",
    ),
    entry(
        "E0203",
        "unknown function",
        "There is no function of that name. `rules/README.md` lists them.

Wrong:  when: startswith(hs_code, '64')
Right:  when: starts_with(hs_code, '64')",
    ),
    entry(
        "E0204",
        "function not allowed",
        "The function exists in SQL, but its answer depends on more than the row (the time of day, chance, other rows),
or it can fail. A rule gives the same answer in every replay.

Wrong:  when: declared_at < now()
Right:  when: declared_at < as_of",
    ),
    entry(
        "E0205",
        "wrong arguments",
        "The function takes another number of arguments, or another kind: a list or table is named by text in quotes.

Wrong:  when: in_list(origin_country)
Right:  when: in_list(origin_country, 'footwear_watch')",
    ),
    entry(
        "E0206",
        "types do not fit",
        "Text is compared with text, numbers with numbers, dates with `DATE '2026-01-01'`. Codes are text even where
they are written in digits.

Wrong:  when: hs4 = 6402
Right:  when: hs4 = '6402'",
    ),
    entry(
        "E0207",
        "not a condition",
        "The expression is a number, text or date and not true or false.

Wrong:  when: customs_value_usd / net_mass_kg
Right:  when: customs_value_usd / net_mass_kg < 4.5",
    ),
    entry(
        "E0208",
        "unknown list",
        "No list of that name was loaded. Lists stand under `lists:` in a YAML file, or in `lists/NAME.txt`.

Wrong:  when: in_list(origin_country, 'footwear_wach')
Right:  when: in_list(origin_country, 'footwear_watch')",
    ),
    entry(
        "E0209",
        "unknown table or table column",
        "No reference table of that name was loaded (`tables/NAME.csv`), or it has no such column.

Wrong:  when: lookup('hs6_floor.price', hs6) > 3
Right:  when: lookup('hs6_floor_price.usd_per_kg', hs6) > 3",
    ),
    entry(
        "E0210",
        "not an expression over one row",
        "Subqueries, aggregates and other statements of SQL are not conditions over a row. To look across the items of a
declaration use `any_item`, `all_items`, `count_items`, `sum_items`.

Wrong:  when: (SELECT count(*) FROM items) > 5
Right:  when: count_items(TRUE) > 5",
    ),
    entry(
        "E0211",
        "condition too large",
        "The expression is nested too deep or too long to be checked in bounded time. Long alternatives belong into a list.

Wrong:  when: hs_code = '01' OR (hs_code = '02' OR (hs_code = '03' OR (...
Right:  when: in_list(hs_code, 'watched_codes')",
    ),
    entry(
        "E0212",
        "cast that can fail",
        "A cast fails on text that is no number, and a rule may not fail. `TRY_CAST` gives NULL instead.

Wrong:  when: CAST(procedure AS INT) > 20
Right:  when: TRY_CAST(procedure AS INT) > 20",
    ),
    entry(
        "E0213",
        "unknown feature",
        "A name with a dot is a feature: a number about an entity over a time window. No such feature is declared.

Wrong:  when: importer.declarations_9d < 5
Right:  when: importer.declarations_90d < 5",
    ),
    entry(
        "E0214",
        "function over items not available here",
        "`any_item` and its sisters belong to streams with items or records, and do not stand inside one another.

Wrong:  stream: traveller
        when: any_item(hs4 = '6402')
Right:  stream: declaration
        when: any_item(hs4 = '6402')",
    ),
    entry(
        "E0215",
        "bad pattern",
        "The pattern of `LIKE` or `regexp_like` is not well formed, or not constant.

Wrong:  when: regexp_like(description, '(used|new')
Right:  when: regexp_like(description, '(used|new)')",
    ),
    entry(
        "E0301",
        "unknown key",
        "No such key is known here; often it is a slip of the pen.

Wrong:  instructions: Check sole material.
Right:  instruction: Check sole material.",
    ),
    entry(
        "E0302",
        "value of the wrong kind",
        "The key wants another kind of value: text, a number, true or false, a list or a mapping.

Wrong:  mandatory: sometimes
Right:  mandatory: true",
    ),
    entry(
        "E0303",
        "rule without id",
        "Every rule has an `id` that stays the same whatever else changes.

Wrong:  - title: Undervalued footwear
Right:  - id: import-0142
          title: Undervalued footwear",
    ),
    entry(
        "E0304",
        "rule without condition",
        "Every rule has a condition, `when`.

Wrong:  - id: import-0142
          lane: examine
Right:  - id: import-0142
          when: hs4 = '6402'
          lane: examine",
    ),
    entry(
        "E0305",
        "unknown lane",
        "The lanes belong to the rule's stream: declaration has release, post_audit, documents, scan, examine;
consignment has none, surveillance, after_storage, scan, immediate; traveller has clear, refer, intercept, do_not_board.

Wrong:  lane: red
Right:  lane: examine",
    ),
    entry(
        "E0306",
        "bad share",
        "The part of the hits to select: a number from 0 to 1.

Wrong:  share: 20
Right:  share: 0.2",
    ),
    entry(
        "E0307",
        "rule without consequence",
        "A rule asks for a `lane`, adds a `score`, or lowers with `lower_to`.

Wrong:  {id: a-1, when: importer_aeo}
Right:  {id: a-1, when: importer_aeo, score: 40}",
    ),
    entry(
        "E0308",
        "id twice",
        "Two rules have the same id. The id is how hits, tests and outcomes refer to a rule.

Wrong:  two rules with id: import-0142
Right:  id: import-0142 and id: import-0143",
    ),
    entry(
        "E0309",
        "bad date",
        "Dates are written year-month-day.

Wrong:  valid: {from: 1.3.2026}
Right:  valid: {from: 2026-03-01}",
    ),
    entry(
        "E0310",
        "unknown stream",
        "Rules read one of the streams declaration, consignment, traveller.

Wrong:  stream: declarations
Right:  stream: declaration",
    ),
    entry(
        "E0311",
        "rule without stream",
        "The rule says which stream it reads, or the `pack.yaml` of its folder does.

Wrong:  {id: a-1, when: importer_aeo, score: 40}
Right:  {id: a-1, stream: declaration, when: importer_aeo, score: 40}",
    ),
    entry(
        "E0312",
        "validity ends before it begins",
        "`from` and `until` are the first and the last day the rule holds.

Wrong:  valid: {from: 2026-12-31, until: 2026-01-01}
Right:  valid: {from: 2026-01-01, until: 2026-12-31}",
    ),
    entry(
        "E0313",
        "lowers and raises",
        "A trusted-trader rule (`lower_to`) only lowers: it has no `lane` and no `score` of its own, and cannot be
`mandatory`.

Wrong:  {id: a-1, when: importer_aeo, lower_to: documents, score: 40}
Right:  {id: a-1, when: importer_aeo, lower_to: documents}",
    ),
    entry(
        "E0314",
        "bad score",
        "A score is a finite number, zero or more.

Wrong:  score: high
Right:  score: 40",
    ),
    entry(
        "E0315",
        "bad id",
        "An id has 1 to 128 characters and no blanks, so that it can stand in commands, files and messages.

Wrong:  id: Undervalued footwear
Right:  id: import-0142",
    ),
    entry(
        "E0401",
        "list or table twice",
        "Two lists, or two tables, have the same name.

Wrong:  lists/watch.txt and lists/watch.csv
Right:  lists/watch_origins.txt and lists/watch_importers.csv",
    ),
    entry(
        "E0402",
        "bad name",
        "Names of lists, tables and table columns have letters, digits, `_` and `-`, so that they can stand in quotes in
a condition; `.` separates table and column.

Wrong:  name: footwear watch
Right:  name: footwear_watch",
    ),
    entry(
        "E0403",
        "unknown kind of list",
        "`id` (the default) holds keys that are compared as they stand; `words` holds words for `mentions`.

Wrong:  kind: text
Right:  kind: words",
    ),
    entry(
        "E0404",
        "list without name or entries",
        "A list has a `name` and `entries`.

Wrong:  - {name: footwear_watch}
Right:  - {name: footwear_watch, entries: [CN, VN, ID]}",
    ),
    entry(
        "E0411",
        "table without header or values",
        "A table opens with a header: the key column, and at least one column of values.

Wrong:  640299,4.5
Right:  hs6,usd_per_kg
        640299,4.5",
    ),
    entry(
        "E0412",
        "key twice",
        "The first column is the key, and a key has one row.

Wrong:  640299,4.5
        640299,5.0
Right:  640299,4.5",
    ),
    entry(
        "E0413",
        "row of another width",
        "Every row has as many cells as the header. A cell that holds a comma stands in double quotes.

Wrong:  640299,Footwear, other,4.5
Right:  640299,\"Footwear, other\",4.5",
    ),
    entry(
        "E0414",
        "column twice",
        "Two columns of a table have the same header.

Wrong:  hs6,price,price
Right:  hs6,price,price_high",
    ),
    entry(
        "E0415",
        "quote not closed",
        "A cell opens with a double quote that is never closed. A quote inside such a cell is doubled.

Wrong:  640299,\"4\" pipes
Right:  640299,\"4\"\" pipes\"",
    ),
    entry(
        "E0416",
        "cells not separated by commas",
        "Cells are separated by commas. Spreadsheets in many countries write semicolons or tabs.

Wrong:  hs6;usd_per_kg
Right:  hs6,usd_per_kg",
    ),
    entry(
        "E0421",
        "header is no column",
        "A column of a decision table is headed by a rule key, a column of the stream, or a template with one `?`.

Wrong:  id,hs,lane
Right:  id,hs4,lane",
    ),
    entry(
        "E0422",
        "more than one place in a template",
        "A template has one `?`, for which the cell is put.

Wrong:  customs_value_usd BETWEEN ? AND ?
Right:  two columns: customs_value_usd >= ? and customs_value_usd <= ?",
    ),
    entry(
        "E0423",
        "cell does not fit its column",
        "A cell under a column of numbers holds a number, a range or a comparison; under a flag true or false; under dates
a date.

Wrong:  under net_mass_kg: heavy
Right:  under net_mass_kg: >1000",
    ),
    entry(
        "E0424",
        "empty range",
        "In `a..b` both ends are included, and `a` is not above `b`.

Wrong:  10..5
Right:  5..10",
    ),
    entry(
        "E0425",
        "row without a condition",
        "All condition cells of the row are empty, so the rule would hit everything.

Wrong:  import-7,,,examine
Right:  import-7,6402,CN,examine",
    ),
    entry(
        "E0426",
        "tests of no decision table",
        "`decisions/NAME.tests.yaml` holds the tests of `decisions/NAME.csv`, under the ids of its rows.

Wrong:  tests: {import-O7: [...]}
Right:  tests: {import-07: [...]}",
    ),
    entry(
        "E0427",
        "list column as a header",
        "A column that holds a list is asked with a template.

Wrong:  container_numbers
Right:  \"array_has(container_numbers, ?)\"",
    ),
    entry(
        "E0501",
        "policy not well formed",
        "`policy.yaml` has `stream`, `scores` and `random`.

Wrong:  score: 40
Right:  scores:
          - {at_least: 40, lane: documents}",
    ),
    entry(
        "E0502",
        "bad rate or threshold",
        "A rate is a number from 0 to 1; a threshold is a number.

Wrong:  rate: 5
Right:  rate: 0.05",
    ),
    entry(
        "E0503",
        "policy twice",
        "A stream has one policy.

Wrong:  two policy.yaml with stream: declaration
Right:  one policy.yaml a stream",
    ),
    entry(
        "E0601",
        "unknown column in a test",
        "A test names columns of the rule's stream.

Wrong:  given: {hscode: '6402991000'}
Right:  given: {hs_code: '6402991000'}",
    ),
    entry(
        "E0602",
        "value of the wrong kind in a test",
        "A value does not fit the kind of its column: text, a number, true or false, a date `2026-01-01`, an instant
`2026-01-01T00:00:00Z`, a list.

Wrong:  given: {net_mass_kg: heavy}
Right:  given: {net_mass_kg: 80}",
    ),
    entry(
        "E0603",
        "test not well formed",
        "A test has `given` or `items`, and `expect`.

Wrong:  - {hs_code: '6402991000'}
Right:  - {given: {hs_code: '6402991000'}, expect: hit}",
    ),
    entry(
        "E0604",
        "unknown expectation",
        "A test expects `hit` or `no_hit`.

Wrong:  expect: yes
Right:  expect: hit",
    ),
    entry(
        "E0605",
        "items on a stream without items",
        "Only declarations have items; other streams take `given`.

Wrong:  stream: traveller, items: [{...}]
Right:  stream: traveller, given: {...}",
    ),
    entry(
        "E0801",
        "entity without a name",
        "A file in `profiles/` declares an entity: who or what is remembered. Rules write its features `entity.feature`.

Wrong:  entity: The importer
Right:  entity: importer",
    ),
    entry(
        "E0802",
        "entity twice",
        "Two files declare an entity of this name. What is known of it stands in one place: put the features together.

Wrong:  entity: importer      # in profiles/importer.yaml and in profiles/valuation.yaml
Right:  entity: importer      # in profiles/importer.yaml alone",
    ),
    entry(
        "E0803",
        "entity without keys or features",
        "`keys:` says for each stream what tells one entity from another: a column, or an expression that gives text, a
whole number or a date. `features:` says what is remembered.

Wrong:  keys: importer_id
Right:  keys: {declaration: importer_id}",
    ),
    entry(
        "E0804",
        "name of a feature",
        "A feature has a name of its own in its entity: lower-case letters, digits and `_`. By custom it ends in its window.

Wrong:  - name: Declarations (90 days)
Right:  - name: declarations_90d",
    ),
    entry(
        "E0805",
        "unknown aggregate",
        "`aggregate:` says how many values become one: count, sum, mean, stddev, share, min, max, distinct, quantile (with
`at:`), most_frequent, entropy, first_seen, last_seen, days_since, latest; and members, how many a network joins.

Wrong:  aggregate: average
Right:  aggregate: mean",
    ),
    entry(
        "E0806",
        "unknown window",
        "`window:` says how far a feature looks back: `all`, hours up to `24h` (to the millisecond), days up to `3660d` (whole
days), or `this day`, `this week`, `this month`, `this quarter`, `this year`.

Wrong:  window: 3 months
Right:  window: 90d",
    ),
    entry(
        "E0807",
        "aggregate of the wrong thing",
        "`of:` is a number for sums, means, extremes and quantiles, a condition for a share, any value for distinct,
most_frequent, entropy and latest. A count needs none; what looks at times takes none. `each:` is `record` or `item`.

Wrong:  {aggregate: sum, of: origin_country}
Right:  {aggregate: distinct, of: origin_country}",
    ),
    entry(
        "E0808",
        "feature of an unknown stream",
        "A feature is made of the records of one stream, and `keys:` has to say whom these are about. Where there is one key,
`stream:` may be left out.

Wrong:  keys: {declaration: importer_id}       # and a feature with stream: outcome
Right:  keys: {declaration: importer_id, outcome: declaration.importer_id}",
    ),
    entry(
        "E0809",
        "share drawn towards nothing",
        "`shrink: {toward: ENTITY.FEATURE, weight: N}` draws a share towards that of a larger group, as if N records of the group
stood beside its own. The other feature is a share too, its entity has a key wherever this one has, and no share is drawn
towards itself.

Wrong:  shrink: {toward: everyone.declarations_90d, weight: 20}
Right:  shrink: {toward: everyone.hit_rate_365d, weight: 20}",
    ),
    entry(
        "E0810",
        "test of a feature",
        "A test of an entity gives records in their order, and what the last of them sees: itself is not in it.

Wrong:  {given: {importer_id: I1}, expect: hit}
Right:  {records: [{declaration: {importer_id: I1}}, {declaration: {importer_id: I1}}], expect: {declarations_90d: 1}}",
    ),
    entry(
        "E0811",
        "how long features about people are kept",
        "An entity whose key is made of what tells travellers apart (document, name, birth, contact, card) says for how many days
after the last record about one of them it is kept. No window of its features is longer, `all` among them.

Wrong:  {entity: traveller, keys: {traveller: document_no}, features: [{name: seen, aggregate: count, window: all}]}
Right:  {entity: traveller, keys: {traveller: document_no}, retention_days: 365,
         features: [{name: seen, aggregate: count, window: 365d}]}",
    ),
    entry(
        "E0812",
        "what joins a network, and keys of lists",
        "`{each: LIST}` makes each element of a list column of texts a key; a field of its records is written
`containers.container_id`. `network:` says what joins several of an entity: links by name, each with its column by stream, for
how many days (`window:`), and how many may share a value before it joins nobody (`hub:`, 2 to 100, 20 if left out). The
feature `{aggregate: members}` counts whom it joins.

Wrong:  network: {links: [phones]}
Right:  network: {links: {phone: {traveller: {each: phones}}, card: {traveller: card_number_masked}}, window: 180d, hub: 10}",
    ),
    entry(
        "W0701",
        "never true",
        "No row can satisfy the condition.

Wrong:  when: hs4 = '6402' AND hs4 = '6403'
Right:  when: hs4 IN ('6402', '6403')",
    ),
    entry(
        "W0702",
        "never false",
        "The condition holds for every row, so the rule selects everything.

Wrong:  when: net_mass_kg >= 0 OR net_mass_kg < 0 OR net_mass_kg IS NULL
Right:  when: net_mass_kg < 0.1",
    ),
    entry(
        "W0703",
        "duplicate",
        "Another rule has the same condition. Both will hit, and their scores add up.",
    ),
    entry(
        "W0704",
        "subsumed",
        "Whatever this rule hits, another rule hits too, and asks for at least as much. This one changes nothing.

Wrong:  a: hs4 = '6402' -> examine;  b: hs4 = '6402' AND origin_country = 'CN' -> scan
Right:  a alone",
    ),
    entry(
        "W0705",
        "expired",
        "The last day of the rule's validity has passed. Prolong it or take it out.

Wrong:  valid: {until: 2019-12-31}
Right:  valid: {until: 2027-12-31}",
    ),
    entry(
        "W0706",
        "no owner",
        "Nobody answers for the rule. Name the desk that does, in the rule or in `pack.yaml`.

Right:  owner: valuation-desk",
    ),
    entry(
        "W0707",
        "no test",
        "The rule has no test, so nothing notices when it stops doing what it was written for. Two are the least: one row
it hits, one it does not.

Right:  tests:
          - {given: {hs_code: '6402991000'}, expect: hit}
          - {given: {hs_code: '8517130000'}, expect: no_hit}",
    ),
    entry(
        "W0708",
        "NULL is not caught",
        "`x <> 'A'` and `x NOT IN (...)` are unknown where `x` is NULL, and unknown is no hit. If rows without a value are
meant too, say so.

Wrong:  when: origin_country <> 'KR'
Right:  when: origin_country IS NULL OR origin_country <> 'KR'",
    ),
    entry(
        "W0709",
        "list never used",
        "No rule refers to the list.",
    ),
    entry(
        "W0710",
        "table never used",
        "No rule refers to the reference table.",
    ),
    entry(
        "W0711",
        "file not read",
        "The file lies in the pack but is nothing the pack knows: CSV files stand in `lists/`, `tables/` or `decisions/`,
and an empty YAML file holds no rule.

Wrong:  packs/import/floor_price.csv
Right:  packs/import/tables/floor_price.csv",
    ),
    entry(
        "W0712",
        "no legal basis",
        "The rule names no law, regulation or reason.

Right:  legal_basis: Customs Act art. 246",
    ),
    entry(
        "W0713",
        "no instruction",
        "The rule asks for a lane in which an officer does something, and does not say what.

Right:  instruction: Check sole material and invoice.",
    ),
    entry(
        "W0714",
        "value outside the code list",
        "The column has a closed list of values and this is none of them, so no real row will ever hold it.

Wrong:  given: {transport_mode: plane}
Right:  given: {transport_mode: air}",
    ),
    entry(
        "W0715",
        "list entry twice, or no entry",
        "The list is empty, or an entry stands in it twice.",
    ),
    entry(
        "W0716",
        "column of numbers read as text",
        "Nearly all cells of the column are numbers, and this one is not, so the whole column is text and cannot be
compared with numbers.

Wrong:  640299,\"4,5\"
Right:  640299,4.5",
    ),
    entry(
        "W0717",
        "comparison with NULL",
        "Nothing is equal to NULL, nor unequal: the comparison is unknown, and unknown is no hit.

Wrong:  when: origin_country = NULL
Right:  when: origin_country IS NULL",
    ),
    entry(
        "W0718",
        "many rules without an anchor",
        "A row is held only against those rules whose anchor it has: a part of the condition that all its rows meet and
that is a text to look up. That is `= 'X'`, IN, LIKE 'X%' or '%X%', in_list() or mentions() on a column, a field of a
record or a lookup(), alone, joined by AND, or in any_item() and its kin; or several of them joined by OR. Comparisons of
numbers and dates, flags, NULL, negations, computed values and the days a rule is valid are none. A few rules without
an anchor cost nothing to speak of, and may be just what is wanted; this is said once, where a stream has more than a
hundred.

Wrong:  when: net_mass_kg > 20000 AND customs_value_usd < 500
Right:  when: hs2 IN ('72', '73') AND net_mass_kg > 20000 AND customs_value_usd < 500",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_well_formed() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code), "errors, then warnings, in order");
        for entry in CODES {
            assert!(entry.code.len() == 5 && entry.code[1..].bytes().all(|b| b.is_ascii_digit()), "{}", entry.code);
            assert!(entry.code.starts_with('E') || entry.code.starts_with("W07"), "{}", entry.code);
            assert!(!entry.explanation.is_empty());
        }
    }

    #[test]
    fn a_code_is_found_as_people_type_it() {
        assert_eq!(find("e0202").map(|e| e.title), Some("unknown column"));
        assert_eq!(find("E9999"), None);
    }

    /// A diagnostic whose code nobody can look up would be a dead end for its reader.
    #[test]
    fn every_code_used_in_this_crate_is_described() {
        fn visit(folder: &std::path::Path, pattern: &regex::Regex, seen: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, pattern, seen);
                } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("codes.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    seen.extend(pattern.captures_iter(&text).map(|c| c[1].to_owned()));
                }
            }
        }
        let mut seen = Vec::new();
        let pattern = regex::Regex::new(r#""([EW]0[0-9]{3})""#).unwrap();
        visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &pattern, &mut seen);
        assert!(seen.len() > 20, "the scan found {} codes", seen.len());
        for code in seen {
            assert!(find(&code).is_some(), "{code} is used and not described");
        }
    }
}
