//! Everything that is computed once for a dataset and shared by its streams.

use crate::dice::Skewed;
use crate::parties::Parties;
use crate::spec::Spec;
use crate::timeline::{FILING, FLYING, SAILING, Timeline};

/// A dataset before its first row.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) spec: Spec,
    pub(crate) parties: Parties,
    pub(crate) filing: Timeline,
    pub(crate) sailing: Timeline,
    pub(crate) flying: Timeline,
    /// Items of a company's declaration, less one.
    pub(crate) trade_items: Skewed,
    /// Items of a parcel, less one.
    pub(crate) parcel_items: Skewed,
    /// Travellers of a booking, less one.
    pub(crate) party: Skewed,
    pub(crate) agencies: Skewed,
}

impl World {
    pub(crate) fn new(spec: &Spec) -> Self {
        // Most declarations have an item or two; a few have dozens. The mean is 2.5 items.
        let trade: Vec<f64> = (1..=60).map(|n| f64::from(n).powf(-2.1)).collect();
        Self {
            spec: spec.clone(),
            parties: Parties::new(spec),
            filing: Timeline::new(spec, &FILING),
            sailing: Timeline::new(spec, &SAILING),
            flying: Timeline::new(spec, &FLYING),
            trade_items: Skewed::new(&trade),
            parcel_items: Skewed::new(&[0.84, 0.1, 0.03, 0.02, 0.01]),
            party: Skewed::new(&[0.5, 0.31, 0.09, 0.07, 0.02, 0.01]),
            agencies: Skewed::zipf(600, 1.0),
        }
    }
}
