//! What a message is to what is known of its subject: the first word on it, a change, the same again, or too late.
//!
//! Nothing is ever overwritten. What was said first stays version 1, each accepted change is one more, and what was
//! sent again is answered with what it was answered with before.

use haechi_store::SubjectVersion;

use super::content::Content;

/// What becomes of the rows of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are this version of it: decided.
    Accepted { version: i32 },
    /// They were sent before: the selection at this place answers them.
    Repeated { version: i32 },
    /// They are older than what is known: journalled, and nothing changes.
    Late { version: i32 },
    /// The sender gave this version another content before: set aside, since nobody can tell which one counts.
    Conflict { version: i32 },
}

/// What a sender says of the rows of a subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// Version, where the sender counts them.
    pub version: Option<i32>,
    /// What the rows say.
    pub content: Content,
    /// In which envelope; 0 without one.
    pub envelope: u64,
}

/// Settles what they are. `known` are all versions of the subject, in the order they came.
///
/// - The same content as the newest version is that one sent again, whatever the envelope.
/// - The same content as an older version is that one sent again only in the same envelope, or without one: in a new
///   envelope the sender takes a change back.
/// - A sender who counts is believed: a higher number supersedes, a lower one comes late, and a number that stands for
///   other content already is a conflict. Who does not count supersedes whatever was known.
pub(crate) fn settle(said: &Said, known: &[SubjectVersion]) -> Fate {
    let newest = known.iter().filter(|v| v.decided).max_by_key(|v| v.version);
    let same = |v: &&SubjectVersion| {
        v.content == said.content
            && said.version.is_none_or(|version| version == v.version)
            && (newest.is_some_and(|newest| newest.version == v.version) || v.envelope == said.envelope)
    };
    if let Some(earlier) = known.iter().rev().find(same) {
        return Fate::Repeated { version: earlier.version };
    }
    let Some(newest) = newest.map(|v| v.version) else {
        return Fate::Accepted { version: said.version.unwrap_or(1) };
    };
    match said.version {
        // Whoever has counted to the end has no number left for a change.
        None => newest.checked_add(1).map_or(Fate::Conflict { version: newest }, |version| Fate::Accepted { version }),
        Some(version) if version > newest => Fate::Accepted { version },
        Some(version) if known.iter().any(|v| v.version == version) => Fate::Conflict { version },
        Some(version) => Fate::Late { version },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Versions as `number content envelope`, late ones in brackets; what is said as `number content envelope`, with
    /// `-` for no number; what comes of it.
    fn check(table: &str) {
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [known, said, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("three cells: {line}")
            };
            let content = |text: &str| [text.as_bytes()[0]; 16];
            let version = |text: &str| {
                let late = text.starts_with('(');
                let [number, says, envelope] = text.trim_matches(['(', ')']).split(' ').collect::<Vec<_>>()[..] else {
                    panic!("number, content, envelope: {text}")
                };
                let (version, envelope) = (number.parse().unwrap(), envelope.parse().unwrap());
                SubjectVersion { version, position: 0, content: content(says), envelope, decided: !late }
            };
            let known: Vec<_> = known.split(',').map(str::trim).filter(|t| !t.is_empty()).map(version).collect();
            let [number, says, envelope] = said.split(' ').collect::<Vec<_>>()[..] else { panic!("{said}") };
            let said =
                Said { version: number.parse().ok(), content: content(says), envelope: envelope.parse().unwrap() };
            assert_eq!(format!("{:?}", settle(&said, &known)), expected, "{line}");
        }
    }

    #[test]
    fn what_comes_of_a_message() {
        check(
            "                    | - A 0 | Accepted { version: 1 }
                                 | 3 A 0 | Accepted { version: 3 }
             1 A 0               | - A 0 | Repeated { version: 1 }
             1 A 7               | - A 8 | Repeated { version: 1 }
             1 A 0               | 1 A 0 | Repeated { version: 1 }
             1 A 0               | 2 A 0 | Accepted { version: 2 }
             1 A 0               | - B 0 | Accepted { version: 2 }
             1 A 0               | 1 B 0 | Conflict { version: 1 }
             1 A 0, 2 B 0        | - A 0 | Repeated { version: 1 }
             1 A 7, 2 B 8        | - A 7 | Repeated { version: 1 }
             1 A 7, 2 B 8        | - A 9 | Accepted { version: 3 }
             3 A 0               | 2 B 0 | Late { version: 2 }
             3 A 0, (2 B 0)      | 2 B 0 | Repeated { version: 2 }
             3 A 0, (2 B 0)      | 2 C 0 | Conflict { version: 2 }
             3 A 0, (2 B 0)      | - C 0 | Accepted { version: 4 }
             3 A 0, (2 B 0)      | - A 0 | Repeated { version: 3 }
             2147483647 A 0      | - B 0 | Conflict { version: 2147483647 }",
        );
    }
}
