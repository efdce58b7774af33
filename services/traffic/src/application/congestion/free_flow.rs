//! Learns how fast segments are driven when nobody is in the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use kvartal_kernel::{Clock, Error};

use super::ports::{FreeFlows, Measurements, Roads};
use crate::domain::calendar::Calendar;
use crate::domain::city::{City, SegmentName};
use crate::domain::free_flow::{WEEKS, learn};
use crate::domain::step::{STEPS_PER_WEEK, Step};

/// Learns, every night.
pub struct FreeFlowSchool {
    /// The roads.
    pub roads: Arc<dyn Roads>,
    /// What was measured.
    pub measurements: Arc<dyn Measurements>,
    /// Where it is kept.
    pub flows: Arc<dyn FreeFlows>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The clocks of the city.
    pub calendar: Calendar,
}

impl FreeFlowSchool {
    /// Learns every segment with detectors anew; what there is not enough of is forgotten.
    pub async fn learn_all(&self) -> Result<(), Error> {
        let city = self.roads.city().await?;
        let last = Step::of(self.clock.now());
        let mut learnt = BTreeMap::new();
        for segment in city.observed() {
            if let Some(speed) = self.learn(&city, segment, last).await? {
                learnt.insert(segment.clone(), speed);
            }
            // Others want the processor as well.
            tokio::task::yield_now().await;
        }
        self.flows.put(learnt).await
    }

    async fn learn(&self, city: &City, id: &SegmentName, last: Step) -> Result<Option<f64>, Error> {
        let Some(segment) = city.segment(id) else { return Ok(None) };
        let mut sums: BTreeMap<Step, (f64, f64)> = BTreeMap::new();
        for detector in city.detectors(id) {
            for (step, speed) in self.measurements.speeds(detector, last.plus(-WEEKS * STEPS_PER_WEEK), last).await? {
                let (sum, count) = sums.entry(step).or_default();
                *sum += speed;
                *count += 1.0;
            }
        }
        let speeds = sums.into_iter().map(|(step, (sum, count))| (step, sum / count)).collect();
        Ok(learn(&self.calendar, &speeds, segment.limit_kmh))
    }
}
