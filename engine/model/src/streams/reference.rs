//! Which records speak of which subjects: an outcome of the declaration that was inspected.

use super::{CARGO_EVENT, CONSIGNMENT, CROSSING, DECLARATION, OUTCOME, PERMIT, TRAVELLER};
use crate::stream::Stream;

/// Records of a stream that name a subject of another.
#[derive(Debug)]
pub struct Reference {
    /// The stream of the records.
    pub from: &'static Stream,
    /// The column that names the subject.
    pub column: &'static str,
    /// The column that says which kind of subject it is, where there are several.
    pub kind_column: Option<&'static str>,
    /// The column that narrows it to one of its rows.
    pub item_column: Option<&'static str>,
    /// The stream of the subject.
    pub subject: &'static Stream,
}

const fn reference(from: &'static Stream, column: &'static str, subject: &'static Stream) -> Reference {
    Reference { from, column, kind_column: None, item_column: None, subject }
}

const fn inspected(subject: &'static Stream, item_column: Option<&'static str>) -> Reference {
    Reference { kind_column: Some("subject_kind"), item_column, ..reference(&OUTCOME, "subject_id", subject) }
}

/// Every reference.
static REFERENCES: [Reference; 7] = [
    inspected(&DECLARATION, Some("item_no")),
    inspected(&CONSIGNMENT, None),
    inspected(&TRAVELLER, None),
    reference(&CROSSING, "traveller_id", &TRAVELLER),
    Reference { item_column: Some("item_no"), ..reference(&PERMIT, "declaration_id", &DECLARATION) },
    reference(&CARGO_EVENT, "consignment_id", &CONSIGNMENT),
    reference(&CARGO_EVENT, "declaration_id", &DECLARATION),
];

/// The subjects that records of a stream speak of.
pub fn references(from: &Stream) -> impl Iterator<Item = &'static Reference> + use<'_> {
    REFERENCES.iter().filter(move |reference| reference.from == from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_columns_that_are_there() {
        for Reference { from, column, kind_column, item_column, subject } in &REFERENCES {
            assert!(subject.lanes.is_some());
            for name in [Some(*column), *kind_column, *item_column].into_iter().flatten() {
                assert!(from.column(name).is_some(), "{}: {name}", from.name);
            }
            if item_column.is_some() {
                assert!(subject.column("item_no").is_some());
            }
        }
    }
}
