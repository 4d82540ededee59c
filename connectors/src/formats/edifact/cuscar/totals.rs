//! What CNT counts, of a manifest or of one bill, and whether that is what is listed.

use super::super::interchange::leading_number;
use super::super::measure;
use super::super::segments::Segment;

/// What CNT says of the whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// 7.
    pub gross_mass_kg: Option<f64>,
    /// 8, 11.
    pub packages: Option<f64>,
    /// 10.
    pub consignments: Option<u64>,
    /// 16.
    pub equipment: Option<u64>,
}

/// What of it is listed; unknown what nobody lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// In goods lines.
    pub gross_mass_kg: Option<f64>,
    /// In goods lines.
    pub packages: Option<f64>,
    /// In containers: some count what is stowed, some what was packed.
    pub stowed: Option<f64>,
    /// Containers.
    pub equipment: Option<u64>,
}

impl Totals {
    /// Takes a CNT.
    pub fn read(&mut self, cnt: Segment<'_, '_>) {
        let value = if cnt.get(0, 1).is_empty() { cnt.get(1, 0) } else { cnt.get(0, 1) };
        match cnt.get(0, 0) {
            "7" => self.gross_mass_kg = measure::number(value).and_then(|mass| measure::mass_kg(mass, cnt.get(0, 2))),
            "8" | "11" => self.packages = measure::number(value),
            "10" => self.consignments = leading_number(value),
            "16" => self.equipment = leading_number(value),
            _ => {}
        }
    }

    /// What a bill counts otherwise than it lists, in words.
    pub fn differs_from(&self, listed: &Listed) -> Vec<String> {
        let differs = |said: f64, listed: f64| (said - listed).abs() > 0.5;
        let mut says = Vec::new();
        if let (Some(said), Some(listed)) = (self.equipment, listed.equipment)
            && said != listed
        {
            says.push(format!("equipment {said}, listed {listed}"));
        }
        if let (Some(said), Some(packed)) = (self.packages, listed.packages)
            && differs(said, packed)
            && listed.stowed.is_none_or(|stowed| differs(said, stowed))
        {
            says.push(format!("packages {said}, listed {packed}"));
        }
        if let (Some(said), Some(listed)) = (self.gross_mass_kg, listed.gross_mass_kg)
            && differs(said, listed)
        {
            says.push(format!("gross mass {said} kg, listed {listed} kg"));
        }
        says
    }
}
