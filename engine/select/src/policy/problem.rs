//! Mistakes in a policy file: where each stands, what is wrong, what would be right.

use std::fmt;

use haechi_model::SubjectKind;

/// All mistakes of one policy file, in the order of the text; never none. Displays one a line.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyErrors {
    /// The file as the user named it.
    pub file: String,
    /// What is wrong with it.
    pub mistakes: Vec<PolicyMistake>,
}

/// One mistake; line and column count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyMistake {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// What is wrong.
    pub problem: Problem,
}

impl std::error::Error for PolicyErrors {}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, PolicyMistake { line, column, problem }) in self.mistakes.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}:{column}: {problem}", self.file)?;
        }
        Ok(())
    }
}

/// What can be wrong with a policy file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is not YAML.
    #[error("not YAML: {reason}")]
    NotYaml {
        /// In the parser's words.
        reason: String,
    },
    /// A second document in the file.
    #[error("a policy file holds one document, and here a second begins")]
    SecondDocument,
    /// `*name`.
    #[error("aliases are not used in policy files: write the value itself")]
    Alias,
    /// Lists in lists in lists.
    #[error("nested more than {depth_max} deep")]
    TooDeep {
        /// What is accepted.
        depth_max: usize,
    },
    /// A list or mapping as the key of a mapping.
    #[error("a key is text")]
    KeyNotText,
    /// A key of a mapping stands there already.
    #[error("key `{key}` stands here twice")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// A key that means nothing here.
    #[error("unknown key `{key}` in {place}, {}", nearest_or(.nearest.as_deref(), .known))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        place: &'static str,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
        /// All known keys.
        known: &'static [&'static str],
    },
    /// A key that has to be there.
    #[error("{place} lacks `{key}`")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// Where it should stand.
        place: &'static str,
    },
    /// Text for a number, a list for a mapping.
    #[error("`{key}` is {found}, not {wanted}")]
    WrongType {
        /// Whose value.
        key: &'static str,
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A stream that gets no selections, or none at all.
    #[error("unknown stream `{name}`, {}", nearest_or(.nearest.as_deref(), STREAMS))]
    UnknownStream {
        /// As written.
        name: String,
        /// The stream most like it.
        nearest: Option<&'static str>,
    },
    /// The pack is about another stream.
    #[error("the policy is for `{found}`, the pack for `{expected}`")]
    OtherStream {
        /// What the policy says.
        found: &'static str,
        /// What the pack says.
        expected: &'static str,
    },
    /// A lane that the subject does not have.
    #[error("unknown lane `{name}` of a {}, {}", .kind.stream(), nearest_or(.nearest.as_deref(), .kind.lanes()))]
    UnknownLane {
        /// As written.
        name: String,
        /// Whose lanes.
        kind: SubjectKind,
        /// The lane most like it.
        nearest: Option<&'static str>,
    },
    /// Not a number, infinite, or out of range.
    #[error("`{key}` is `{text}`, not {wanted}")]
    BadNumber {
        /// Whose value.
        key: &'static str,
        /// As written.
        text: String,
        /// The range.
        wanted: &'static str,
    },
    /// The most lenient lane is what a subject gets anyway.
    #[error("`{lane}` is what a subject gets anyway: name a stricter lane, or take this out")]
    AsksNothing {
        /// The lane.
        lane: &'static str,
    },
    /// A threshold that fewer points reach already.
    #[error(
        "never matters: {at_least} points ask for `{other_lane}` already, so more points have to ask for a stricter lane than that"
    )]
    UselessThreshold {
        /// The other threshold's points.
        at_least: f64,
        /// The other threshold's lane.
        other_lane: &'static str,
    },
    /// Two strata of one name would draw alike, and reports could not tell them apart.
    #[error("stratum `{name}` stands here twice")]
    RepeatedStratum {
        /// The name.
        name: String,
    },
    /// Two strata without a condition.
    #[error("stratum `{name}` has no `when`, and neither has `{other}`: only one may be for everyone else")]
    SecondFallback {
        /// The later one.
        name: String,
        /// The earlier one.
        other: String,
    },
}

impl Problem {
    /// The stable code under which `haechi explain-error` describes it: the same as for rule files, where a mistake
    /// of the same sort has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotYaml { .. } | Self::SecondDocument => "E0104",
            Self::Alias => "E0105",
            Self::TooDeep { .. } => "E0106",
            Self::RepeatedKey { .. } => "E0107",
            Self::KeyNotText => "E0109",
            Self::UnknownKey { .. } => "E0301",
            Self::WrongType { .. } => "E0302",
            Self::UnknownLane { .. } => "E0305",
            Self::UnknownStream { .. } => "E0310",
            Self::MissingKey { .. }
            | Self::OtherStream { .. }
            | Self::RepeatedStratum { .. }
            | Self::SecondFallback { .. } => "E0501",
            Self::BadNumber { .. } | Self::AsksNothing { .. } | Self::UselessThreshold { .. } => "E0502",
        }
    }
}

const STREAMS: &[&str] = &["declaration", "consignment", "traveller"];

fn nearest_or(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(name) => format!("nearest is `{name}`"),
        None => format!("known are `{}`", known.join("`, `")),
    }
}

/// The name most like a wrong one, if any is like enough to be what was meant.
pub(super) fn nearest(wrong: &str, names: &[&'static str]) -> Option<&'static str> {
    if wrong.len() > 64 {
        return None; // no name is like it, and distances to long text cost time
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&wrong.to_lowercase(), name);
    let (distance, name) = names.iter().map(|name| (distance(name), *name)).min()?;
    (distance <= 1 + name.len() / 3).then_some(name)
}
