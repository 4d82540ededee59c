//! What is known of one entity, open to be asked and added to, or packed as bytes.

use serde::{Deserialize, Serialize};

use crate::plan::EntityPlan;
use crate::series::Series;

/// What is known of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entity {
    /// By place in the plan.
    pub series: Vec<Series>,
}

impl Entity {
    /// One of whom nothing is known.
    pub fn new(plan: &EntityPlan) -> Self {
        Self { series: vec![Series::default(); plan.series.len()] }
    }

    /// The bytes that [`Entity::unpack`] reads.
    pub fn pack(&self) -> Box<[u8]> {
        // Nothing in it can fail to serialise.
        postcard::to_extend(self, Vec::new()).unwrap_or_default().into()
    }

    /// `None` where the bytes are not those of an entity of this plan.
    pub fn unpack(plan: &EntityPlan, bytes: &[u8]) -> Option<Self> {
        let entity: Self = postcard::from_bytes(bytes).ok()?;
        (entity.series.len() == plan.series.len()).then_some(entity)
    }
}
