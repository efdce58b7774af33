//! The newest speeds, for whoever needs one at once.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::desk::SegmentView;
use crate::application::patrols::Speeds;
use crate::domain::network::SegmentId;

/// Speeds of segments as they were shown last.
#[derive(Debug, Default)]
pub struct NewestSpeeds(RwLock<HashMap<SegmentId, f64>>);

impl NewestSpeeds {
    /// Takes over what was measured.
    pub fn take(&self, states: &[SegmentView]) {
        let speed = |view: &SegmentView| Some((SegmentId::named(&view.segment.0), view.seen.speed_kmh?));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = states.iter().filter_map(speed).collect();
    }
}

impl Speeds for NewestSpeeds {
    fn speed_kmh(&self, segment: SegmentId) -> Option<f64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&segment).copied()
    }
}
