//! What decides: policy, effects and secret put together once, for any number of batches.

use std::sync::Arc;

use arrow::array::StringArray;
use haechi_model::SubjectKind;

use crate::decide::Rulebook;
use crate::effect::{self, EffectError, RuleEffect};
use crate::policy::Policy;
use crate::secret::Secret;

/// Turns hits into lanes for one kind of subject. Cheap to share between threads, and never changes.
#[derive(Clone, Debug)]
pub struct Selector {
    pub(crate) kind: SubjectKind,
    pub(crate) policy: Policy,
    pub(crate) effects: Vec<RuleEffect>,
    pub(crate) rulebook: Rulebook,
    pub(crate) key_id: String,
    pub(crate) policy_hash: [u8; 32],
    pub(crate) names: Names,
}

/// Names that selections refer to, as dictionaries: every batch shares them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub lanes: Arc<StringArray>,
    pub rules: Arc<StringArray>,
    pub strata: Arc<StringArray>,
}

/// Why policy and effects do not make a selector.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SelectorError {
    /// A policy of another stream.
    #[error("the policy is for `{}`, the rules for `{}`", .policy.stream(), .kind.stream())]
    OtherStream {
        /// What the policy is for.
        policy: SubjectKind,
        /// What was asked for.
        kind: SubjectKind,
    },
    /// Rules whose consequences make no sense; all of them.
    #[error("{}", lines(.0))]
    Effects(Vec<EffectError>),
}

fn lines(errors: &[EffectError]) -> String {
    errors.iter().map(EffectError::to_string).collect::<Vec<_>>().join("\n")
}

impl Selector {
    /// A selector for one kind of subject. Hits name rules by their index in `effects`.
    pub fn new(
        kind: SubjectKind,
        policy: Policy,
        effects: Vec<RuleEffect>,
        secret: &Secret,
    ) -> Result<Self, SelectorError> {
        if policy.kind() != kind {
            return Err(SelectorError::OtherStream { policy: policy.kind(), kind });
        }
        let ready = effect::compile(kind, &effects, secret).map_err(SelectorError::Effects)?;
        let rulebook = Rulebook::new(kind, &policy, ready, secret);
        let key_id = secret.key_id();
        let names = Names {
            lanes: Arc::new(StringArray::from_iter_values(kind.lanes())),
            rules: Arc::new(StringArray::from_iter_values(effects.iter().map(|e| &e.id))),
            strata: Arc::new(StringArray::from_iter_values(policy.strata().iter().map(|s| &s.name))),
        };
        Ok(Self { kind, policy_hash: policy.hash(&key_id), policy, effects, rulebook, key_id, names })
    }

    /// What it decides about.
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// The policy it decides by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rules' consequences, by rule index.
    pub fn effects(&self) -> &[RuleEffect] {
        &self.effects
    }

    /// SHA-256 of the canonical policy and the id of the key it draws with. Stored with each selection.
    pub fn policy_hash(&self) -> [u8; 32] {
        self.policy_hash
    }

    /// The id of the key it draws with: see [`Secret::key_id`].
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Rules that ask for points which no threshold turns into a lane: likely an oversight in the policy.
    pub fn idle_scores(&self) -> impl Iterator<Item = &str> {
        let idle = self.policy.thresholds().is_empty();
        self.effects.iter().filter(move |e| idle && e.score.is_some() && e.lane.is_none()).map(|e| e.id.as_str())
    }
}
