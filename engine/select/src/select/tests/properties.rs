//! What holds of every decision, whatever the rules, the hits and the cut into batches.

use proptest::prelude::*;

use super::*;

/// Rules of every sort, few enough lanes and points that they meet.
fn any_effects() -> impl Strategy<Value = Vec<RuleEffect>> {
    let lanes = || prop::option::of((0..5usize).prop_map(|rank| KIND.all_lanes().nth(rank).unwrap()));
    let share = prop_oneof![3 => Just(1.0), 1 => 0.0..1.0];
    let effect = (lanes(), prop::option::of(-20..60i32), lanes(), any::<bool>(), share);
    prop::collection::vec(effect, 1..12).prop_map(|effects| {
        let named = effects.into_iter().enumerate().map(|(i, (lane, score, lower_to, mandatory, share))| RuleEffect {
            lane,
            score: score.map(|points| f64::from(points) / 3.0),
            lower_to: lower_to.filter(|_| i % 3 == 0),
            mandatory,
            share,
            ..RuleEffect::new(format!("rule-{i}"))
        });
        named.collect()
    })
}

/// Sizes of declarations, and hits anywhere on them.
fn any_hits() -> impl Strategy<Value = (Vec<usize>, Vec<(prop::sample::Index, prop::sample::Index)>)> {
    let hit = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (prop::collection::vec(1..4usize, 1..12), prop::collection::vec(hit, 0..40))
}

const CHANCE: &str = "{stream: declaration, scores: [{at_least: 10, lane: post_audit}, {at_least: 20.5, lane: scan}],\
                      random: [{stratum: baseline, rate: 0.3, lane: documents}, {stratum: odd, when: x, rate: 0.6, lane: scan}]}";

struct Case {
    selector: Selector,
    effects: Vec<RuleEffect>,
    ids: Vec<String>,
    strata: Vec<Option<u32>>,
    hits: Vec<RowHit>,
}

fn any_case() -> impl Strategy<Value = Case> {
    (any_effects(), any_hits()).prop_map(|(effects, (sizes, hits))| {
        let ids: Vec<_> =
            sizes.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(format!("D{i}"), *n)).collect();
        let pick = |(row, rule): (prop::sample::Index, prop::sample::Index)| {
            hit(row.index(ids.len()) as u32, rule.index(effects.len()) as u32)
        };
        let mut hits: Vec<_> = hits.into_iter().map(pick).collect();
        hits.sort_unstable();
        hits.dedup();
        let strata = (0..sizes.len()).map(|i| (i % 2 == 1).then_some(1)).collect();
        Case { selector: selector(policy(CHANCE), &effects), effects, ids, strata, hits }
    })
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}\n{:?}\n{:?}", self.effects, self.ids, self.hits)
    }
}

impl Case {
    fn subjects(&self) -> SubjectBatch {
        subjects(&self.ids).with_strata(self.strata.clone()).unwrap()
    }
}

proptest! {
    #[test]
    fn the_order_of_hits_changes_nothing(case in any_case(), seed in any::<prop::sample::Index>()) {
        let selected = case.selector.select(&case.subjects(), &case.hits, &STAMP).unwrap();
        let mut shuffled: Vec<_> = case.hits.iter().copied().zip(selected.kept.iter().copied()).collect();
        shuffled.reverse();
        if !shuffled.is_empty() {
            let middle = seed.index(shuffled.len());
            shuffled.rotate_left(middle);
        }
        let (hits, kept): (Vec<_>, Vec<_>) = shuffled.into_iter().unzip();
        let again = case.selector.select(&case.subjects(), &hits, &STAMP).unwrap();
        prop_assert_eq!(again.selections, selected.selections);
        prop_assert_eq!(again.kept, kept);
        prop_assert_eq!(again.counts, selected.counts);
    }

    #[test]
    fn how_subjects_are_cut_into_batches_changes_nothing(case in any_case(), per_batch in 1..5usize) {
        let whole_subjects = case.subjects();
        let whole = case.selector.select(&whole_subjects, &case.hits, &STAMP).unwrap();
        let (mut kept, mut counts, mut batches) = (Vec::new(), SelectionCounts::new(KIND), Vec::new());
        for first in (0..whole_subjects.len()).step_by(per_batch) {
            let last = (first + per_batch).min(whole_subjects.len()) - 1;
            let rows = whole_subjects.rows(first).start..whole_subjects.rows(last).end;
            let part = subjects(&case.ids[rows.start as usize..rows.end as usize]);
            let part = part.with_strata(case.strata[first..=last].to_vec()).unwrap();
            let hits = case.hits.iter().filter(|h| rows.contains(&h.row)).map(|h| hit(h.row - rows.start, h.rule));
            let selected = case.selector.select(&part, &hits.collect::<Vec<_>>(), &STAMP).unwrap();
            kept.extend(selected.kept);
            counts += &selected.counts;
            batches.push(selected.selections);
        }
        let joined = arrow::compute::concat_batches(&selection_schema(), &batches).unwrap();
        for column in ["subject_id", "lane", "requested_lane", "score", "random_stratum", "lowered_by", "mandatory"] {
            prop_assert_eq!(texts(&joined, column), texts(&whole.selections, column));
        }
        prop_assert_eq!(lists(&joined, "reasons"), lists(&whole.selections, "reasons"));
        prop_assert_eq!((kept, counts), (whole.kept, whole.counts));
    }

    #[test]
    fn bounds_hold_for_every_subject(case in any_case()) {
        let batch = case.subjects();
        let selected = case.selector.select(&batch, &case.hits, &STAMP).unwrap();
        let kept: Vec<_> = case.hits.iter().zip(&selected.kept).filter(|(_, kept)| **kept).map(|(h, _)| *h).collect();
        for subject in 0..batch.len() {
            let decision = case.selector.explain(&batch, subject, &case.hits).unwrap();
            prop_assert_eq!(Some(decision.lane.name().to_owned()), texts(&selected.selections, "lane")[subject].clone());
            prop_assert_eq!(&decision.reasons, &lists(&selected.selections, "reasons")[subject]);
            let rows = batch.rows(subject);
            let rules: Vec<_> = case.effects.iter().enumerate()
                .filter(|(i, _)| kept.iter().any(|h| h.rule as usize == *i && rows.contains(&h.row)))
                .map(|(_, effect)| effect).collect();
            let strictest_mandatory = rules.iter().filter(|e| e.mandatory).filter_map(|e| e.lane).max();
            prop_assert!(strictest_mandatory.is_none_or(|lane| decision.lane >= lane), "mandatory is never lowered");
            let strictest = rules.iter().filter_map(|e| e.lane).max().unwrap_or(KIND.lowest());
            prop_assert!(decision.requested_lane >= strictest, "max over lanes");
            if decision.random_stratum.is_none() {
                prop_assert!(decision.lane <= decision.requested_lane, "only chance raises");
            }
            if rules.iter().all(|e| e.lower_to.is_none()) {
                prop_assert!(decision.lane >= decision.requested_lane, "only a trusted-trader rule lowers");
                prop_assert!(decision.lowered_by.is_none());
            }
            if rules.is_empty() && decision.random_stratum.is_none() {
                prop_assert_eq!(decision.lane, KIND.lowest());
            }
        }
    }
}
