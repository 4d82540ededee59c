//! Releases for transit (NCTS): IE029 of phase 5 (`CC029C`) and of phase 4 (`CC029B`), and the refusal of phase 4 (IE051,
//! `CC051B`), each to the outcome of the control at the office of departure.
//!
//! A release says little of its control, and an outcome has to say more. What is not told is chosen so that nothing is
//! learnt from it that nobody saw: a declaration that was released without a control (A2, A3) is `waived`, one that was
//! found not satisfactory (B1) has the result that accuses of least, and no irregularity. A release without a control
//! result makes no row.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono_tz::Tz;
use haechi_model::streams::OUTCOME;

use super::consignment::id_at;
use super::convert::{self, short, text, value};
use super::map::Read::{By, Code, DayOrInstant, Id, Instant};
use super::map::{Field, field};
use super::output::{LazySheet, Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, sheet, table};
use super::value::Value;

/// The column `message_format`.
pub const NAME: &str = "ncts_release";

/// The control, of both phases.
pub const FIELDS: &[Field] = &[
    field("TransitOperation/MRN", "subject_id", Id),
    field("HEAHEA/DocNumHEA5", "subject_id", By("the MRN of phase 4; without one sender and LRN")),
    field("TransitOperation/MRN", "outcome_id", By("`MRN/control`: sent again, the next version of it")),
    field("TransitOperation", "subject_kind", By("declaration")),
    field("TransitOperation", "subject_version", By("not told: 1")),
    field("CustomsOfficeOfDeparture/referenceNumber", "office", Code),
    field("CUSOFFDEPEPT/RefNumEPT1", "office", Code),
    field(
        "ControlResult/code",
        "result",
        By("A1, A2, A3 `NCF`; B1 `ADM`, since what was not satisfactory is not told"),
    ),
    field("CONRESERS/ConResCodERS16", "result", By("the same in phase 4")),
    field("ControlResult/code", "severity", By("A1, A2, A3 0; B1 1")),
    field("ControlResult/code", "waived", By("A2 considered satisfactory and A3 simplified: nobody looked")),
    field("ControlResult/code", "waive_reason", By("the code, where waived")),
    field("ControlResult/code", "final", By("yes")),
    field("ControlResult", "method", By("not told: documents, the least that a control is")),
    field("ControlResult", "selected_by", By("not told: manual, since no rule of ours is named")),
    field(
        "ControlResult/date",
        "inspected_at",
        By("a day; one behind the message is its time limit, and the release is taken"),
    ),
    field("CONRESERS/ConDatERS14", "inspected_at", By("the same in phase 4")),
    field("TransitOperation/releaseDate", "inspected_at", By("else HEAHEA/IssDatHEA186, else the time of the message")),
    field("ControlResult/controlledBy", "officer_id", By("of A1 and B1; `N/A` and `Not controlled` are nobody")),
    field("CONRESERS/ConByERS18", "officer_id", By("the same in phase 4")),
    field("ControlResult/text", "text", By("text; `NA` is none")),
    field(
        "RESOFCON534/DesTOC2",
        "text",
        By("the same in phase 4, where the release was refused; else HEAHEA/NoRelMotHEA272"),
    ),
];

static SHEET: LazySheet = LazyLock::new(|| sheet(&OUTCOME));
static TABLE: LazyTable = LazyLock::new(|| table(FIELDS, &SHEET));

/// What a control result says: its code, whether it found anything, whether anybody looked.
const RESULTS: &[(&str, &str, bool)] =
    &[("A1", "NCF", false), ("A2", "NCF", true), ("A3", "NCF", true), ("B1", "ADM", false)];

/// What senders write into an element that they must fill and have nothing for.
const NOTHING: &[&str] = &["N/A", "NA", "NOT CONTROLLED", "NONE", "-", "---"];

/// Reads a release.
pub fn read(unit: &Unit<'_>, out: &mut Output<'_>) {
    let root = unit.element;
    let path = root.name().to_owned();
    out.saw(NAME, root.name());
    let Some(parts) = Parts::of(unit, &[], out) else { return };
    out.count("releases", u64::from(root.name().starts_with("CC029")));
    let position = format!("byte {}, {path}", unit.place.byte);
    let sender = sender(root);
    let Some(subject) = subject(root, &sender) else {
        return out.set_aside("no_declaration", &position, "the release names neither MRN nor LRN", root.raw());
    };
    let Some(code) = told(root, &["ControlResult/code", "CONRESERS/ConResCodERS16"]) else {
        return out.warn("no_result", path, "no control result: nothing is known of a control");
    };
    let Some((code, result, waived)) = RESULTS.iter().copied().find(|(known, ..)| *known == code.to_uppercase()) else {
        let reason = format!("control result `{}` is none of A1, A2, A3, B1", short(code));
        return out.set_aside("no_result", &position, &reason, root.raw());
    };
    let zone = out.options.zone;
    let mut row = Row::default();
    fill(&TABLE, root, zone, &|| path.clone(), &mut row);
    let prepared = prepared(root, zone);
    let Some(inspected) = inspected(root, prepared, zone, &mut row) else {
        return out.set_aside("no_result", &position, "it is not said when the control or the release was", root.raw());
    };
    row.put(&SHEET, "outcome_id", format!("{subject}/control"));
    row.put(&SHEET, "subject_id", subject);
    row.put(&SHEET, "subject_kind", "declaration");
    row.put(&SHEET, "subject_version", Value::I32(1));
    row.put(&SHEET, "selected_by", "manual");
    row.put(&SHEET, "method", "documents");
    row.put_at(SHEET.at("inspected_at"), Value::Ts(inspected));
    row.put(&SHEET, "result", result);
    row.put(&SHEET, "severity", Value::I32(i32::from(result != "NCF")));
    row.put(&SHEET, "waived", waived);
    row.put(&SHEET, "waive_reason", waived.then_some(code));
    row.put(&SHEET, "final", true);
    let officer = told(root, &["ControlResult/controlledBy", "CONRESERS/ConByERS18"]).filter(|_| !waived);
    row.put(&SHEET, "officer_id", officer.map(str::to_uppercase));
    let words = told(root, &["ControlResult/text", "RESOFCON534/DesTOC2", "HEAHEA/NoRelMotHEA272"]);
    row.put(&SHEET, "text", words.map(|words| text(Cow::Borrowed(words))));
    let id = told(root, &["messageIdentification", "MesIdeMES19"]).unwrap_or_default().to_owned();
    let version = root.name().to_owned();
    Envelope { format: NAME, version, id, sender: sender.into(), issued_at: prepared, change: "new", reason: None }
        .put(&SHEET, &mut row);
    if out.write(&SHEET, &[&row], &parts.stand(root, path)) {
        out.count("outcomes", 1);
    }
}

/// The first of these elements that says something.
fn told<'u>(root: Element<'u>, paths: &[&str]) -> Option<&'u str> {
    paths.iter().filter_map(|path| root.get(path)).find(|text| !is_nothing(text))
}

fn is_nothing(text: &str) -> bool {
    NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(text.trim()))
}

fn sender(root: Element<'_>) -> String {
    told(root, &["messageSender", "MesSenMES3"]).unwrap_or_default().to_uppercase()
}

/// The declaration, as whoever selected it knows it.
fn subject(root: Element<'_>, sender: &str) -> Option<String> {
    let mrn = id_at(root, "TransitOperation/MRN").or_else(|| id_at(root, "HEAHEA/DocNumHEA5"));
    let own = || id_at(root, "TransitOperation/LRN").or_else(|| id_at(root, "HEAHEA/RefNumHEA4"));
    mrn.map(Cow::into_owned).or_else(|| own().map(|own| format!("{sender}:{own}")))
}

/// When the message was written.
fn prepared(root: Element<'_>, zone: Tz) -> Option<i64> {
    let at = |element: Element<'_>, text: String| match value(Instant, element, Cow::Owned(text), zone).0 {
        Value::Ts(instant) => Some(instant),
        _ => None,
    };
    if let Some(element) = root.at("preparationDateAndTime") {
        return at(element, element.value()?.to_owned());
    }
    let element = root.at("DatOfPreMES9")?;
    at(element, convert::prepared(element.value()?, root.get("TimOfPreMES10")))
}

/// When the control was, else the release. Senders write the time limit of the carriage where the day of the control
/// belongs: no control is later than the message that tells of it.
fn inspected(root: Element<'_>, prepared: Option<i64>, zone: Tz, row: &mut Row<'_>) -> Option<i64> {
    let mut day = |path: &str| {
        let element = root.at(path)?;
        let text = element.value()?.to_owned();
        let (value, oddity) = value(DayOrInstant, element, Cow::Owned(text), zone);
        if let Some(oddity) = oddity {
            row.warn(oddity.code, format!("{}/{path}", root.name()), oddity.text);
        }
        match value {
            Value::Ts(instant) => Some(instant),
            _ => None,
        }
    };
    const CONTROL: [&str; 2] = ["ControlResult/date", "CONRESERS/ConDatERS14"];
    let control = CONTROL.iter().find_map(|path| Some((*path, day(path)?)));
    if let Some((_, at)) = control.filter(|(_, at)| prepared.is_none_or(|prepared| *at <= prepared)) {
        return Some(at);
    }
    let released = day("TransitOperation/releaseDate").or_else(|| day("HEAHEA/IssDatHEA186"));
    if let Some((path, _)) = control {
        let path = format!("{}/{path}", root.name());
        // Its midnight was not taken.
        row.warnings.retain(|warning| warning.path != path);
        row.warn("time_limit", path, "behind the message; the release was taken");
    }
    released.or(prepared)
}
