//! Selections do not depend on how a stream is cut into deliveries and blocks.

use haechi_pipeline::stream::EngineOptions;
use proptest::prelude::*;

use super::support::*;

/// What is sent, one after the other: a declaration of few, with a content of few, perhaps counted, perhaps in an
/// envelope.
fn messages() -> impl Strategy<Value = Vec<(usize, usize, Option<i32>, Option<usize>)>> {
    let version = prop_oneof![3 => Just(None), 1 => (1..4_i32).prop_map(Some)];
    let envelope = prop_oneof![2 => Just(None), 1 => (0..3_usize).prop_map(Some)];
    prop::collection::vec((0..4_usize, 0..4_usize, version, envelope), 1..24)
}

const IDS: [&str; 4] = ["A", "B", "C", "D"];
const VALUES: [&[f64]; 4] = [&[1.0], &[5000.0], &[1.0, 2.0], &[5000.0, 1.0, 1.0]];
const ENVELOPES: [&str; 3] = ["M1", "M2", "M3"];

async fn sent(
    messages: &[(usize, usize, Option<i32>, Option<usize>)],
    cuts: &[usize],
    block_rows: usize,
) -> Vec<String> {
    let bench = Bench::with(EngineOptions { block_rows, ..EngineOptions::default() });
    let declarations: Vec<_> = messages
        .iter()
        .map(|(id, values, version, envelope)| Declaration {
            id: IDS[*id],
            version: *version,
            values: VALUES[*values],
            message: envelope.map(|envelope| ENVELOPES[envelope]),
        })
        .collect();
    let mut receipts = Vec::new();
    let mut begin = 0;
    for end in cuts.iter().copied().chain([declarations.len()]) {
        let end = end.clamp(begin, declarations.len());
        // Rows that stand together in one delivery are one subject: a subject comes once in it.
        for declaration in &declarations[begin..end] {
            receipts.push(haechi_connectors::Feed::hand_over(&bench.engine, delivery(&[*declaration])).await.unwrap());
        }
        if let Some(receipt) = receipts.pop() {
            receipt.committed().await.unwrap();
        }
        begin = end;
    }
    for receipt in receipts {
        receipt.committed().await.unwrap();
    }
    let mut found = selections(bench.store());
    // Blocks of several subjects may come to stand otherwise; what is said of each subject may not.
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn cuts_do_not_matter(messages in messages(), mut cuts in prop::collection::vec(0..24_usize, 0..6)) {
        cuts.sort_unstable();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let one_by_one: Vec<usize> = (0..messages.len()).collect();
        let alone = runtime.block_on(sent(&messages, &one_by_one, 1));
        prop_assert_eq!(&runtime.block_on(sent(&messages, &cuts, 7)), &alone);
        prop_assert_eq!(&runtime.block_on(sent(&messages, &[], 4096)), &alone);
    }
}
