//! Patrols of the demo city: they drive about, go where they are sent, and clear what they find there.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use kvartal_kernel::{Error, Role, Timestamp};
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::PatrolStatus;

use super::roads::{Roads, heading, point_on};
use super::seeding::{Crew, lat_lng};
use super::world::World;
use crate::demo::Demo;
use crate::demo::acts::transition;
use crate::demo::city::SEED;
use crate::demo::people::Person;
use crate::demo::random::Random;
use crate::demo::seed::some;

/// How long a crew needs on the scene.
const WORK: Duration = Duration::from_secs(150);
/// Nobody with lights drives slower than this, metres per second.
const SLOWEST: f64 = 5.0;

/// A crew on the road.
pub(crate) struct Driving {
    crew: Crew,
    road: usize,
    along_m: f64,
    /// Roads still to be driven, the next one last.
    route: Vec<usize>,
    /// The incident it is sent to and the road it is on.
    goal: Option<(String, usize)>,
    /// Since when it works there.
    working: Option<Timestamp>,
    random: Random,
}

impl Driving {
    /// A crew somewhere in the city.
    pub(crate) fn start(crew: Crew, number: u64, roads: &Roads) -> Self {
        let mut random = Random::new(SEED, 800_000 + number);
        let road = random.below(roads.roads.len());
        Self { crew, road, along_m: 0.0, route: Vec::new(), goal: None, working: None, random }
    }

    /// Who speaks for it.
    fn speaker<'a>(&self, demo: &'a Demo) -> Result<&'a Person, Error> {
        let drivers = demo.with_role(Role::Patrol);
        match self.crew.member.and_then(|member| drivers.get(member).copied()) {
            Some(driver) => Ok(driver),
            None => some(&demo.with_role(Role::Dispatcher), 3),
        }
    }

    /// Drives for so many seconds, tells where it is, and does what it is told.
    pub(crate) async fn turn(&mut self, demo: &Demo, world: &World, seconds: f64) -> Result<(), Error> {
        let speed = if self.working.is_some() { 0.0 } else { self.drive(world, seconds) };
        let road = &world.roads.roads[self.road];
        let request = pb::ReportPatrolPositionRequest {
            patrol_id: self.crew.id.to_owned(),
            location: Some(lat_lng(point_on(road, self.along_m / road.length_m))),
            time: None,
            heading_degrees: heading(road),
            speed_kmh: speed * 3.6,
        };
        let client = &demo.town.traffic.patrols;
        let answer = demo.town.call(self.speaker(demo)?, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.report_patrol_position(request).await })
        });
        let patrol = answer.await?.patrol.unwrap_or_default();
        self.obey(demo, &world.roads, &patrol).await
    }

    /// Drives; how fast, metres per second.
    fn drive(&mut self, world: &World, seconds: f64) -> f64 {
        let mut left = seconds;
        let mut speed = 0.0;
        while left > 0.0 {
            let goal = self.goal.as_ref().is_some_and(|(_, road)| *road == self.road) && self.route.is_empty();
            let road = &world.roads.roads[self.road];
            let end = if goal { road.length_m * 0.6 } else { road.length_m };
            speed = world.now(self.road).1.max(SLOWEST);
            let rest = (end - self.along_m).max(0.0);
            if rest >= speed * left {
                self.along_m += speed * left;
                return speed;
            }
            self.along_m = end.max(self.along_m);
            left -= rest / speed;
            if goal {
                return 0.0;
            }
            let next: Vec<usize> = world.roads.leaving_after(self.road);
            self.road = match self.route.pop() {
                Some(next) => next,
                None => *self.random.pick(&next).unwrap_or(&self.road),
            };
            self.along_m = 0.0;
        }
        speed
    }

    /// Follows what the platform says about it: on duty, sent somewhere, called back, arrived, done.
    async fn obey(&mut self, demo: &Demo, roads: &Roads, patrol: &pb::Patrol) -> Result<(), Error> {
        if patrol.status() == PatrolStatus::OffDuty {
            return self.say(demo, PatrolStatus::Available).await;
        }
        let known = self.goal.as_ref().map_or("", |(id, _)| id.as_str());
        if patrol.incident_id != known {
            self.working = None;
            self.route.clear();
            self.goal = match patrol.incident_id.as_str() {
                "" => None,
                id => where_is(demo, roads, id).await?.map(|road| (id.to_owned(), road)),
            };
            if let Some((_, road)) = self.goal {
                self.route = route(roads, self.road, road);
            }
            return Ok(());
        }
        let Some((id, road)) = self.goal.clone() else { return Ok(()) };
        let there = self.road == road && self.route.is_empty() && self.along_m >= roads.roads[road].length_m * 0.59;
        match self.working {
            None if there => {
                self.working = Some(demo.town.now());
                self.say(demo, PatrolStatus::OnScene).await
            }
            Some(since) if demo.town.now().since(since) > WORK => {
                self.working = None;
                let speaker = self.speaker(demo)?;
                // Traffic calls the patrol back when the incident is over.
                transition(demo, speaker, &id, incident::IncidentStatus::Resolved, &mut self.random).await
            }
            _ => Ok(()),
        }
    }

    async fn say(&self, demo: &Demo, status: PatrolStatus) -> Result<(), Error> {
        let request = pb::SetPatrolStatusRequest {
            patrol_id: self.crew.id.to_owned(),
            status: status.into(),
            etag: String::new(),
        };
        let client = &demo.town.traffic.patrols;
        let answer = demo.town.call(self.speaker(demo)?, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.set_patrol_status(request).await })
        });
        answer.await.map(|_| ())
    }
}

/// Sends the crew that is there first to an incident that nobody drives to; nothing when there is none.
pub(crate) async fn send_somebody(demo: &Demo, open: &[incident::Incident], crews: &[Driving]) -> Result<(), Error> {
    let taken = |id: &str| crews.iter().any(|crew| crew.goal.as_ref().is_some_and(|(goal, _)| goal == id));
    let urgent =
        open.iter().find(|incident| incident.priority() >= incident::Priority::High && !taken(&incident.incident_id));
    let Some(chosen) = urgent else { return Ok(()) };
    let Some(point) = chosen.place.as_ref().and_then(|place| place.points.first()) else { return Ok(()) };
    let location = Some(pb::LatLng { latitude: point.latitude, longitude: point.longitude });
    let dispatchers = demo.with_role(Role::Dispatcher);
    let dispatcher = some(&dispatchers, 4)?;
    let client = &demo.town.traffic.patrols;
    let answer = demo.town.call(dispatcher, pb::EstimatePatrolArrivalsRequest { location }, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.estimate_patrol_arrivals(request).await })
    });
    let arrivals = answer.await?.arrivals;
    let Some(first) = arrivals.into_iter().next().and_then(|arrival| arrival.patrol) else { return Ok(()) };
    let request = pb::AssignPatrolRequest {
        patrol_id: first.patrol_id,
        incident_id: chosen.incident_id.clone(),
        etag: String::new(),
    };
    let answer = demo.town.call(dispatcher, request, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.assign_patrol(request).await })
    });
    answer.await.map(|_| ())
}

/// The road of an incident.
async fn where_is(demo: &Demo, roads: &Roads, id: &str) -> Result<Option<usize>, Error> {
    let dispatchers = demo.with_role(Role::Dispatcher);
    let client = &demo.town.incidents;
    let request = incident::GetIncidentRequest { incident_id: id.to_owned() };
    let answer = demo.town.call(some(&dispatchers, 3)?, request, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.get_incident(request).await })
    });
    let place = answer.await?.incident.and_then(|incident| incident.place).unwrap_or_default();
    let point = place.points.first().map(|point| (point.latitude, point.longitude));
    Ok(point.and_then(|point| roads.nearest(point)).map(|(road, _)| road))
}

/// The shortest way between two roads: what comes after the first, the next one last; empty where none leads there.
fn route(roads: &Roads, from: usize, to: usize) -> Vec<usize> {
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    // Whole centimetres, so that they can be compared; the least comes first.
    let mut open = BinaryHeap::from([(0_i64, from, from)]);
    while let Some((cost, road, came_from)) = open.pop() {
        if before.contains_key(&road) {
            continue;
        }
        before.insert(road, came_from);
        if road == to {
            break;
        }
        for next in roads.leaving_after(road) {
            open.push((cost - (roads.roads[next].length_m * 100.0) as i64, next, road));
        }
    }
    let mut way = Vec::new();
    let mut at = to;
    while at != from {
        way.push(at);
        let Some(previous) = before.get(&at) else { return Vec::new() };
        at = *previous;
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::city::City;

    #[test]
    fn a_way_leads_from_road_to_road_up_to_the_goal() {
        let roads = Roads::of(&City::generate());
        for (from, to) in [(0, 100), (5, 330), (200, 7)] {
            let way = route(&roads, from, to);
            assert_eq!(way.first(), Some(&to));
            let mut at = from;
            for next in way.iter().rev() {
                assert!(roads.leaving_after(at).contains(next));
                at = *next;
            }
        }
    }
}
