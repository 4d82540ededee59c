//! Measures of goods: mass to kilograms, volume to cubic metres, in the three dialects met.

use super::places::short;
use super::segments::Segment;
use super::words::are_digits;

/// What a MEA says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Gross mass.
    GrossMassKg(f64),
    /// Gross volume.
    VolumeM3(f64),
    /// Tare, net mass, lengths: not in our columns.
    Other,
}

/// Why a MEA says nothing: its code and the text of the warning.
pub type Unreadable = (&'static str, String);

/// Reads `MEA+AAE+G+KGM:1850.5`, `MEA+AAE+AAW+MTQ:12.4`, `MEA+WT+AAG+KGM:176`, `MEA+AAI++K:20`.
pub fn read(mea: Segment<'_, '_>) -> Result<Measure, Unreadable> {
    let (unit, value) = (mea.get(2, 0), mea.get(2, 1));
    let what = mea.get(1, 0);
    // Tare; net masses and volumes, of a unit and in all; sizes.
    if value.is_empty() || matches!(what, "T" | "AAF" | "AAL" | "AAA" | "AAC" | "AAX" | "N" | "HT" | "WD" | "LN") {
        return Ok(Measure::Other);
    }
    let value = number(value).ok_or_else(|| ("bad_number", format!("MEA {}", short(what))))?;
    let mass = |factor: f64| Ok(Measure::GrossMassKg(value * factor));
    let volume = |factor: f64| Ok(Measure::VolumeM3(value * factor));
    match unit {
        "KGM" | "KG" | "K" => mass(1.0),
        "GRM" => mass(0.001),
        "TNE" => mass(1000.0),
        "LBR" | "LB" | "L" => mass(0.453_592_37),
        "MTQ" | "M3" => volume(1.0),
        "DMQ" | "LTR" => volume(0.001),
        "CMQ" => volume(0.000_001),
        "FTQ" => volume(0.028_316_846_592),
        "" if matches!(what, "G" | "AAB" | "AAD" | "AAG") => mass(1.0),
        "MTR" | "CMT" | "CEL" | "FAH" | "P1" => Ok(Measure::Other),
        unit => Err(("bad_unit", format!("MEA {} in `{}`", short(what), short(unit)))),
    }
}

/// A mass in kilograms; `None` in a unit of something else.
pub fn mass_kg(value: f64, unit: &str) -> Option<f64> {
    match unit {
        "KGM" | "KG" | "K" | "" => Some(value),
        "GRM" => Some(value * 0.001),
        "TNE" => Some(value * 1000.0),
        "LBR" | "LB" | "L" => Some(value * 0.453_592_37),
        _ => None,
    }
}

/// A number not below zero, decimals with point or comma.
pub fn number(text: &str) -> Option<f64> {
    // What most are.
    if text.len() < 10 && are_digits(text.as_bytes()) {
        return text.parse::<u32>().ok().map(f64::from);
    }
    let number: f64 = if text.contains(',') { text.replace(',', ".").parse() } else { text.parse() }.ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Arena, Cutter};
    use super::super::service::ServiceChars;
    use super::*;

    #[test]
    fn three_dialects_say_the_same() {
        const CHARS: ServiceChars = ServiceChars::DEFAULT;
        for (mea, expected) in [
            ("MEA+AAE+G+KGM:1850.5'", Ok(Measure::GrossMassKg(1850.5))),
            ("MEA+AAE+AAW+MTQ:12,4'", Ok(Measure::VolumeM3(12.4))),
            ("MEA+WT+AAG+TNE:2'", Ok(Measure::GrossMassKg(2000.0))),
            ("MEA+AAI++K:20'", Ok(Measure::GrossMassKg(20.0))),
            ("MEA+AAE+T+KGM:2200'", Ok(Measure::Other)),
            ("MEA+AAE+AAA+KGM:90'", Ok(Measure::Other)),
            ("MEA+WT+AAC+KGM:90'", Ok(Measure::Other)),
            ("MEA+AAE+AAX+MTQ:2'", Ok(Measure::Other)),
            ("MEA+AAE+G+XYZ:1'", Err(("bad_unit", "MEA G in `XYZ`".to_owned()))),
            ("MEA+AAE+G+KGM:heavy'", Err(("bad_number", "MEA G".to_owned()))),
        ] {
            let mut arena = Arena::new(CHARS);
            for raw in Cutter::new(mea, CHARS) {
                arena.push(raw).unwrap();
            }
            assert_eq!(read(arena.first().unwrap()), expected, "{mea}");
        }
    }
}
