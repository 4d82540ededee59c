//! Packages of PAC: several are added up, and are of the first kind; what stands in others (DE 7075) is not counted
//! beside them.

use super::measure::{Unreadable, number};
use super::places::upper;
use super::segments::Segment;

/// Packages of goods.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// 7224.
    pub count: Option<f64>,
    /// 7065, or the text of 7064.
    pub kind: Option<String>,
    /// Level of packaging that they are of: 1 inner, 3 outer.
    level: Option<u8>,
}

impl Packages {
    /// Takes a PAC.
    pub fn add(&mut self, pac: Segment<'_, '_>) -> Result<(), Unreadable> {
        let sent = pac.value(0, 0);
        let count = sent.and_then(number);
        let level = pac.value(1, 0).and_then(|level| level.parse::<u8>().ok()).filter(|level| (1..=3).contains(level));
        let read = if count.is_none() && sent.is_some() { Err(("bad_number", "PAC".to_owned())) } else { Ok(()) };
        match (level, self.level) {
            (Some(inner), Some(outer)) if inner < outer => return read,
            (Some(outer), Some(inner)) if inner < outer && count.is_none() => return read,
            (Some(outer), Some(inner)) if inner < outer => (self.count, self.kind) = (None, None),
            _ => {}
        }
        self.level = level.filter(|_| count.is_some()).or(self.level);
        let kind = pac.value(2, 0).or_else(|| pac.value(2, 3)).map(|kind| upper(kind).into_owned());
        if self.count.is_none() {
            self.kind = kind.or(self.kind.take());
        }
        self.count = count.map(|n| n + self.count.unwrap_or_default()).or(self.count);
        read
    }
}
