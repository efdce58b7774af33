//! Incidents and the traffic: what is planned to go wrong is logged, and whatever is logged takes room on its road.
//!
//! So everybody has a hand in the city's jams: an incident that a dispatcher logs on the page makes one, and clearing it
//! lets it go.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Role};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentKind, IncidentStatus, LaneState};

use super::demand::Trouble;
use super::roads::{Roads, point_on};
use super::world::World;
use crate::demo::acts::{lat_lng, open_incidents, transition};
use crate::demo::city::SEED;
use crate::demo::random::Random;
use crate::demo::seed::some;
use crate::demo::{Demo, words};

/// An incident farther from any road than this stands in nobody's way, metres.
const ON_ROAD_M: f64 = 40.0;
/// What is left of a road however much stands on it: somebody always squeezes by.
const LEAST: f64 = 0.12;
/// What a lane loses that can be passed with care.
const CARE: f64 = 0.35;

/// What was logged of what was planned.
#[derive(Default)]
pub(crate) struct Logged {
    incidents: Vec<(Trouble, String)>,
}

impl Logged {
    /// Logs what has begun and clears what is over.
    pub(crate) async fn keep_up(&mut self, demo: &Demo, world: &World) -> Result<(), Error> {
        let new: Vec<Trouble> = world
            .troubles()
            .filter(|trouble| !self.incidents.iter().any(|(known, _)| known == *trouble))
            .copied()
            .collect();
        for trouble in new {
            let id = log(demo, &world.roads, &trouble).await?;
            self.incidents.push((trouble, id));
        }
        let now = world.moment();
        let over: Vec<String> =
            self.incidents.iter().filter(|(trouble, _)| trouble.end <= now).map(|(_, id)| id.clone()).collect();
        self.incidents.retain(|(trouble, _)| trouble.end > now);
        for id in over {
            let dispatchers = demo.with_role(Role::Dispatcher);
            let mut random = Random::new(SEED, now.to_bits());
            // Somebody may have cleared it already.
            if let Err(error) =
                transition(demo, some(&dispatchers, 1)?, &id, IncidentStatus::Resolved, &mut random).await
            {
                tracing::debug!(error = error.chain(), "an incident of the demo could not be cleared");
            }
        }
        Ok(())
    }
}

async fn log(demo: &Demo, roads: &Roads, trouble: &Trouble) -> Result<String, Error> {
    let road = &roads.roads[trouble.road];
    let mut random = Random::new(SEED, trouble.begin.to_bits() ^ trouble.road as u64);
    let lanes = road.grade.lanes();
    let blocked = (f64::from(lanes) * (1.0 - trouble.open)).round().clamp(1.0, f64::from(lanes));
    let state = |lane: u32| if f64::from(lane) < blocked { LaneState::Blocked } else { LaneState::Affected };
    let (kind, title) = words::obstacle(&mut random);
    let request = pb::CreateIncidentRequest {
        request_id: random.uuid().to_string(),
        kind: kind.into(),
        priority: pb::Priority::High.into(),
        title,
        description: String::new(),
        place: Some(pb::Place {
            points: vec![lat_lng(point_on(road, 0.6))],
            road: road.street.to_owned(),
            address: roads.name(road),
            direction: pb::Direction::Unknown.into(),
        }),
        lanes: (0..lanes).map(|lane| state(lane).into()).collect(),
        ..pb::CreateIncidentRequest::default()
    };
    let dispatchers = demo.with_role(Role::Dispatcher);
    let incidents = &demo.town.incidents;
    let answer = demo.town.call(some(&dispatchers, random.next())?, request, |request| {
        let mut client = incidents.clone();
        Box::pin(async move { client.create_incident(request).await })
    });
    Ok(answer.await?.incident.unwrap_or_default().incident_id)
}

/// What share of its capacity each road has left, as the open incidents tell it.
pub(crate) async fn told(demo: &Demo, roads: &Roads) -> Result<BTreeMap<usize, f64>, Error> {
    let dispatchers = demo.with_role(Role::Dispatcher);
    let mut told = BTreeMap::new();
    for incident in open_incidents(demo, some(&dispatchers, 2)?).await? {
        let place = incident.place.clone().unwrap_or_default();
        let Some(point) = place.points.get(place.points.len() / 2) else { continue };
        let Some((road, distance)) = roads.nearest((point.latitude, point.longitude)) else { continue };
        if distance > ON_ROAD_M {
            continue;
        }
        let open = left(&incident, roads.roads[road].grade.lanes());
        let share = told.entry(road).or_insert(1.0_f64);
        *share = share.min(open);
    }
    told.retain(|_, open| *open < 1.0);
    Ok(told)
}

/// What an incident leaves of a road with so many lanes. One that nobody has confirmed leaves all.
fn left(incident: &pb::Incident, lanes: u32) -> f64 {
    let confirmed =
        matches!(incident.status(), IncidentStatus::Confirmed | IncidentStatus::Assigned | IncidentStatus::InProgress);
    let urgent = incident.priority() >= pb::Priority::High;
    if !confirmed && !urgent {
        return 1.0;
    }
    if incident.kind() == IncidentKind::Closure {
        return LEAST;
    }
    let lost: f64 = incident
        .lanes()
        .map(|lane| match lane {
            LaneState::Blocked => 1.0,
            LaneState::Affected => CARE,
            LaneState::Free | LaneState::Unspecified => 0.0,
        })
        .sum();
    (1.0 - lost / f64::from(lanes).max(incident.lanes.len() as f64)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(status: IncidentStatus, lanes: &[LaneState]) -> pb::Incident {
        pb::Incident {
            status: status.into(),
            lanes: lanes.iter().map(|lane| i32::from(*lane)).collect(),
            ..pb::Incident::default()
        }
    }

    #[test]
    fn blocked_lanes_take_their_share_once_somebody_confirmed_them() {
        let lanes = [LaneState::Blocked, LaneState::Free];
        assert!((left(&incident(IncidentStatus::New, &lanes), 2) - 1.0).abs() < 1e-9);
        assert!((left(&incident(IncidentStatus::InProgress, &lanes), 2) - 0.5).abs() < 1e-9);
        assert!((left(&incident(IncidentStatus::InProgress, &lanes), 3) - 2.0 / 3.0).abs() < 1e-9);
        assert!((left(&incident(IncidentStatus::Confirmed, &[LaneState::Blocked]), 1) - LEAST).abs() < 1e-9);
    }
}
