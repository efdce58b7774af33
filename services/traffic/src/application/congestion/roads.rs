//! The city for the rules of congestion, put together from the network and the detectors on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use kvartal_kernel::Error;

use super::ports::{FreeFlows, Measurements, Roads};
use crate::application::network::Atlas;
use crate::domain::city::{City, CitySegment, Place, SegmentName};
use crate::domain::network::Network;

/// The city of this process.
pub struct CityMap {
    atlas: Arc<Atlas>,
    measurements: Arc<dyn Measurements>,
    flows: Arc<dyn FreeFlows>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    revision: i64,
    placing: (i64, i64),
    learnt: i64,
    city: Arc<City>,
}

impl CityMap {
    /// Over these.
    pub fn new(atlas: Arc<Atlas>, measurements: Arc<dyn Measurements>, flows: Arc<dyn FreeFlows>) -> Self {
        Self { atlas, measurements, flows, known: Mutex::default() }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Roads for CityMap {
    async fn city(&self) -> Result<Arc<City>, Error> {
        let (network, placing) = (self.atlas.network(), self.measurements.placing().await?);
        let revision = network.revision();
        let learnt = self.flows.revision().await?;
        let same = |known: &Known| known.revision == revision && known.placing == placing && known.learnt == learnt;
        let known = self.known().clone();
        if let Some(known) = known.filter(same) {
            return Ok(known.city);
        }
        let (placed, flows) = (self.measurements.placed().await?, self.flows.all().await?);
        let city = Arc::new(City::new(segments(&network, &flows), placed));
        *self.known() = Some(Known { revision, placing, learnt, city: city.clone() });
        Ok(city)
    }
}

fn segments(network: &Network, flows: &BTreeMap<SegmentName, f64>) -> BTreeMap<SegmentName, CitySegment> {
    let segment = |segment: &Arc<crate::domain::network::Segment>| {
        let facts = &segment.facts;
        let points: Vec<(f64, f64)> = facts.geometry.iter().map(|point| (point.latitude, point.longitude)).collect();
        let name = SegmentName(segment.name.clone());
        let city = CitySegment {
            length_m: segment.length_m,
            lanes: facts.lanes,
            limit_kmh: facts.speed_limit_kmh,
            free_flow_kmh: flows.get(&name).copied().unwrap_or(facts.speed_limit_kmh),
            district: network.district_of(segment.id).map(|district| district.name.clone()).unwrap_or_default(),
            corridor: facts.corridor.clone(),
            offset_m: facts.corridor_offset_m,
            next: facts.next.iter().cloned().map(SegmentName).collect(),
            name: facts.display_name.clone(),
            place: Place::of(&points),
        };
        (name, city)
    };
    network.segments().iter().map(segment).collect()
}
