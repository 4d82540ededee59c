//! What is planted, and what an inspection finds. Each generated subject carries its [`Finding`], so what was
//! planted and what came out of the inspection cannot drift apart.

use serde::Serialize;

/// A way of cheating that the generator plants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A ring of importers that declares a fraction of what its goods are worth.
    UndervaluationRing,
    /// Goods of one country, shipped through a second, declared as the second's to claim its preference.
    Transhipment,
    /// One order cut into parcels on one day, each just under the duty-free limit.
    SplitConsignments,
    /// A crew that moves contraband: in containers behind cover goods, and in the bags of hired travellers.
    SmugglingCrew,
    /// Passports that are stolen, expired, or do not belong to the nationality they are shown for.
    DocumentFraud,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 5] = [
        Self::UndervaluationRing,
        Self::Transhipment,
        Self::SplitConsignments,
        Self::SmugglingCrew,
        Self::DocumentFraud,
    ];
}

/// A subject that belongs to a planted scheme: the answer key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planted {
    /// The scheme.
    pub scheme: Scheme,
    /// Name of the subject's stream.
    pub stream: &'static str,
    /// The subject.
    pub subject_id: String,
    /// The item, where one item of several is at fault.
    pub item_no: Option<i32>,
    /// As in the outcome: 2 fraud, 3 critical.
    pub severity: i32,
    /// Codes of the outcome, the main one first.
    pub irregularities: Vec<&'static str>,
    /// How it was done, and what gives it away.
    pub note: String,
}

/// What an inspection of one subject finds.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Finding {
    /// The scheme behind it; `None` for honest subjects, with or without an ordinary mistake.
    pub(crate) scheme: Option<Scheme>,
    pub(crate) item_no: Option<i32>,
    pub(crate) severity: i32,
    /// Codes of the outcome, the main one first; empty where nothing was found.
    pub(crate) irregularities: Vec<&'static str>,
    pub(crate) note: String,
    pub(crate) found_hs_code: Option<String>,
    pub(crate) found_origin: Option<&'static str>,
    pub(crate) found_value_usd: Option<f64>,
    pub(crate) found_quantity: Option<f64>,
    pub(crate) duty_delta_usd: Option<f64>,
    pub(crate) seized: Option<Seized>,
}

/// Goods taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seized {
    pub(crate) kind: &'static str,
    pub(crate) kg: f64,
}

impl Finding {
    /// A planted finding.
    pub(crate) fn planted(scheme: Scheme, severity: i32, irregularities: &[&'static str], note: String) -> Self {
        Self { scheme: Some(scheme), severity, irregularities: irregularities.to_vec(), note, ..Self::default() }
    }

    /// An honest mistake.
    pub(crate) fn mistake(code: &'static str, note: &str) -> Self {
        Self { severity: 1, irregularities: vec![code], note: note.to_owned(), ..Self::default() }
    }

    /// The answer key's entry, if this was planted.
    pub(crate) fn planted_as(&self, stream: &'static str, subject_id: &str) -> Option<Planted> {
        Some(Planted {
            scheme: self.scheme?,
            stream,
            subject_id: subject_id.to_owned(),
            item_no: self.item_no,
            severity: self.severity,
            irregularities: self.irregularities.clone(),
            note: self.note.clone(),
        })
    }
}
