//! Containers and other equipment: EQD with its seals and measures.

use haechi_model::ids::ContainerId;

use super::places::upper;
use super::segments::Segment;

/// One container, trailer or other piece of equipment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Equipment {
    /// C237.
    pub id: String,
    /// C224: four characters of ISO 6346, or an older code as sent.
    pub iso_type: Option<String>,
    /// `full` or `empty`.
    pub fill: Option<&'static str>,
    /// `FCL` or `LCL`.
    pub load: Option<&'static str>,
    /// SEL.
    pub seals: Vec<String>,
    /// MEA.
    pub gross_mass_kg: Option<f64>,
    /// Of the number (ISO 6346); unknown for what is no container.
    pub check_digit_ok: Option<bool>,
}

impl Equipment {
    /// Reads an EQD.
    pub fn read(eqd: Segment<'_, '_>) -> Self {
        let (fill, load) = match eqd.get(5, 0) {
            "4" => (Some("empty"), None),
            "5" => (Some("full"), None),
            "7" => (Some("full"), Some("LCL")),
            "8" => (Some("full"), Some("FCL")),
            _ => (None, None),
        };
        let id = container_id(eqd.get(1, 0));
        let check_digit_ok = (eqd.get(0, 0) == "CN" && !id.is_empty()).then(|| ContainerId::parse(&id).is_ok());
        let iso_type = eqd.value(2, 0).map(|t| upper(t).into_owned());
        Self { id, iso_type, fill, load, check_digit_ok, ..Self::default() }
    }

    /// One that only a goods line names.
    pub fn named_only(id: &str) -> Self {
        let id = container_id(id);
        let check_digit_ok = Some(ContainerId::parse(&id).is_ok());
        Self { id, check_digit_ok, ..Self::default() }
    }
}

/// A container number in one spelling: upper case, without blanks and dashes.
pub fn container_id(text: &str) -> String {
    upper(text).chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}
