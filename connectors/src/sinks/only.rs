//! Which selections a sink is sent.

use haechi_model::SubjectKind;
use serde::{Deserialize, Serialize};

use super::published::{Published, text};

/// `only`: for each stream that is named the least strict lane of interest; streams that are not named are left out.
/// Without it everything is sent.
///
/// ```toml
/// only = { declaration = "documents", traveller = "clear" }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Only {
    /// From which lane on declarations are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
    /// From which lane on consignments are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consignment: Option<String>,
    /// From which lane on travellers are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traveller: Option<String>,
}

impl Only {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Looks the lanes up.
    pub fn filter(&self) -> Result<Filter, String> {
        let mut ranks_min = [None; 3];
        for kind in SubjectKind::ALL {
            let Some(name) = self.lane(kind) else { continue };
            let lane = kind.lane(name).ok_or_else(|| {
                let stream = kind.stream();
                format!("`only.{stream}`: there is no lane `{name}`; the lanes are {}", kind.lanes().join(", "))
            })?;
            ranks_min[kind as usize] = Some(lane.rank());
        }
        Ok(Filter { all: self.is_empty(), ranks_min })
    }

    fn lane(&self, kind: SubjectKind) -> Option<&str> {
        match kind {
            SubjectKind::Declaration => self.declaration.as_deref(),
            SubjectKind::Consignment => self.consignment.as_deref(),
            SubjectKind::Traveller => self.traveller.as_deref(),
        }
    }
}

/// [`Only`] with its lanes looked up.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    all: bool,
    /// By kind of subject: the rank from which on it is sent.
    ranks_min: [Option<usize>; 3],
}

impl Filter {
    /// The rows that are sent, in order.
    pub fn rows(&self, selections: &Published<'_>) -> Vec<usize> {
        (0..selections.len()).filter(|row| self.all || self.takes(selections, *row)).collect()
    }

    fn takes(&self, selections: &Published<'_>, row: usize) -> bool {
        let Some(kind) = selections.kind(row) else { return false };
        let lane = text(selections.lanes, row).and_then(|name| kind.lane(name));
        self.ranks_min[kind as usize].is_some_and(|min| lane.is_some_and(|lane| lane.rank() >= min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::testing::{Row, published};

    fn check(only: &str, sent: &[u64]) {
        let only: Only = toml::from_str(only).unwrap();
        let rows = [(1, "declaration", "release"), (2, "declaration", "scan"), (3, "declaration", "examine")]
            .into_iter()
            .chain([(4, "traveller", "clear"), (5, "traveller", "refer"), (6, "consignment", "none")])
            .map(|(position, stream, lane)| Row::new(position, stream, "S", lane));
        let batch = published(&rows.collect::<Vec<_>>());
        let selections = Published::of(&batch).unwrap();
        let rows = only.filter().unwrap().rows(&selections);
        assert_eq!(rows.iter().map(|row| selections.position(*row)).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn streams_named_are_sent_from_their_lane_on() {
        check("", &[1, 2, 3, 4, 5, 6]);
        check("declaration = 'scan'", &[2, 3]);
        check("declaration = 'examine'\ntraveller = 'clear'", &[3, 4, 5]);
    }

    #[test]
    fn lanes_of_another_kind_are_refused() {
        let only = Only { traveller: Some("scan".to_owned()), ..Only::default() };
        let reason = only.filter().unwrap_err();
        assert_eq!(
            reason,
            "`only.traveller`: there is no lane `scan`; the lanes are clear, refer, intercept, do_not_board"
        );
    }
}
