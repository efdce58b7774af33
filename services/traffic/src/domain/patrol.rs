//! Patrols: where they are, what they do, and how soon they can be somewhere.

use std::time::Duration;

use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Kind, Timestamp, Uuid, Version};

use super::network::{Network, ON_ROAD_M, Segment};

/// Nobody drives slower than this to an incident, km/h: patrols have lights, and lanes beside a queue.
const SLOWEST_KMH: f64 = 15.0;
/// Share of the speed limit that is driven on average where nobody measured: crossings and lights take the rest.
const USUAL_SHARE: f64 = 0.75;
/// Streets are so many times longer than the straight line (Boscoe, Henry and Zdeb 2012 found 1.417 for the USA).
const DETOUR: f64 = 1.417;
/// Speed along them where no road is known, km/h.
const OFF_MAP_KMH: f64 = 30.0;
/// A position may be this far ahead of our clock.
const AHEAD: Duration = Duration::from_mins(1);
/// Most people aboard.
pub const MEMBERS_MAX: usize = 8;

/// What a patrol is doing; the numbers are those of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PatrolStatus {
    /// Not on duty.
    OffDuty = 1,
    /// Ready to be sent.
    Available = 2,
    /// On the way to an incident.
    EnRoute = 3,
    /// At an incident.
    OnScene = 4,
    /// On duty but not to be sent.
    Busy = 5,
}

impl PatrolStatus {
    /// Every status, by number.
    pub const ALL: [Self; 5] = [Self::OffDuty, Self::Available, Self::EnRoute, Self::OnScene, Self::Busy];

    /// The number in the contract and in storage.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// From the number in the contract or in storage.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|status| i32::from(status.number()) == number)
    }

    /// Whether it says that there is an incident.
    fn is_mission(self) -> bool {
        matches!(self, Self::EnRoute | Self::OnScene)
    }
}

/// Where a patrol was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Position {
    /// Where.
    pub point: LatLng,
    /// When.
    pub time: Timestamp,
    /// Degrees clockwise from north.
    pub heading_degrees: f64,
    /// How fast.
    pub speed_kmh: f64,
}

/// What a patrol was sent to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mission {
    /// The incident.
    pub incident: Uuid,
    /// Where it is.
    pub place: LatLng,
}

/// A patrol.
#[derive(Clone, PartialEq, Debug)]
pub struct Patrol {
    /// What the outside world calls it.
    pub name: String,
    /// How it is called on the radio.
    pub call_sign: String,
    /// Such as the number of its car.
    pub vehicle: String,
    /// Who is aboard.
    pub members: Vec<Uuid>,
    /// What it is doing.
    pub status: PatrolStatus,
    /// Since when.
    pub status_time: Timestamp,
    /// The newest position.
    pub position: Option<Position>,
    /// What it is sent to.
    pub mission: Option<Mission>,
    /// How often anything but the position changed.
    pub version: Version,
}

/// What happened to a patrol that others should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatrolEvent {
    /// It was sent to an incident.
    Assigned {
        /// Which.
        incident: Uuid,
    },
    /// It was called back.
    Released {
        /// From which.
        incident: Uuid,
    },
}

impl Patrol {
    /// A new patrol, not on duty yet.
    pub fn new(name: String, call_sign: String, vehicle: String, members: Vec<Uuid>, now: Timestamp) -> Self {
        Self {
            name,
            call_sign,
            vehicle,
            members,
            status: PatrolStatus::OffDuty,
            status_time: now,
            position: None,
            mission: None,
            version: Version::FIRST,
        }
    }

    /// Whether this is what somebody who creates it again asks for.
    pub fn is_as_created(&self, call_sign: &str, vehicle: &str, members: &[Uuid]) -> bool {
        self.call_sign == call_sign && self.vehicle == vehicle && self.members == members
    }

    /// Takes a position in; `false` for one that is not newer than the known one.
    pub fn report(&mut self, position: Position, now: Timestamp) -> Result<bool, Error> {
        if position.time > now.plus(AHEAD) {
            return Err(Error::invalid("time", "must not be in the future"));
        }
        if self.position.is_some_and(|known| known.time >= position.time) {
            return Ok(false);
        }
        self.position = Some(position);
        Ok(true)
    }

    /// Says what the patrol is doing; `false` when it does that already.
    pub fn set_status(&mut self, status: PatrolStatus, now: Timestamp) -> Result<bool, Error> {
        if self.status == status {
            return Ok(false);
        }
        match (status.is_mission(), self.mission) {
            (true, None) => {
                let message = "the patrol is sent nowhere: assign it to an incident first";
                Err(Error::new(Kind::FailedPrecondition, "PATROL_WITHOUT_MISSION", message))
            }
            (false, Some(_)) => {
                let message = "the patrol is sent to an incident: release it first";
                Err(Error::new(Kind::FailedPrecondition, "PATROL_ON_MISSION", message))
            }
            _ => {
                self.turn(status, now);
                Ok(true)
            }
        }
    }

    /// Sends the patrol; nothing happens when it is on its way there already.
    pub fn assign(&mut self, mission: Mission, now: Timestamp) -> Result<Option<PatrolEvent>, Error> {
        if let Some(current) = self.mission {
            if current.incident == mission.incident {
                return Ok(None);
            }
            let message = "the patrol is sent to another incident: release it first";
            return Err(Error::new(Kind::FailedPrecondition, "PATROL_ON_MISSION", message));
        }
        if self.status != PatrolStatus::Available {
            let message = "the patrol is not available: it is off duty or busy";
            return Err(Error::new(Kind::FailedPrecondition, "PATROL_NOT_AVAILABLE", message));
        }
        self.mission = Some(mission);
        self.turn(PatrolStatus::EnRoute, now);
        Ok(Some(PatrolEvent::Assigned { incident: mission.incident }))
    }

    /// Calls the patrol back; nothing happens when it is sent nowhere.
    pub fn release(&mut self, now: Timestamp) -> Option<PatrolEvent> {
        let mission = self.mission.take()?;
        self.turn(PatrolStatus::Available, now);
        Some(PatrolEvent::Released { incident: mission.incident })
    }

    /// Refuses to be removed while it is sent to something.
    pub fn check_removable(&self) -> Result<(), Error> {
        if self.mission.is_none() {
            return Ok(());
        }
        let message = "the patrol is sent to an incident: release it first";
        Err(Error::new(Kind::FailedPrecondition, "PATROL_ON_MISSION", message))
    }

    fn turn(&mut self, status: PatrolStatus, now: Timestamp) {
        self.status = status;
        self.status_time = now;
        self.version = self.version.next();
    }
}

/// How long somebody needs to a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// On the roads, or along an estimate where no road is known.
    pub distance_m: f64,
    /// As the traffic is.
    pub seconds: f64,
    /// Whether a way on the roads was found.
    pub routed: bool,
}

/// How long a patrol needs from a position to a place: the quickest way on the roads. A segment takes its length at the
/// speed that `measured` gives, else three quarters of the limit; never slower than 15 km/h, never faster than the limit.
/// Where no way is found: 1.417 times the straight line at 30 km/h.
pub fn arrival(network: &Network, from: &Position, to: LatLng, measured: impl Fn(&Segment) -> Option<f64>) -> Arrival {
    let speed = |segment: &Segment| {
        let limit = segment.facts.speed_limit_kmh;
        measured(segment).unwrap_or(limit * USUAL_SHARE).min(limit).max(SLOWEST_KMH)
    };
    // Who stands has no heading.
    let heading = (from.speed_kmh > 3.0).then_some(from.heading_degrees);
    let start = network.nearest(from.point, ON_ROAD_M, heading);
    let goals = network.nearest_each_way(to, ON_ROAD_M);
    let ways = start.iter().flat_map(|start| goals.iter().filter_map(|goal| network.way(start, goal, speed)));
    match ways.min_by(|a, b| a.seconds.total_cmp(&b.seconds)) {
        Some(way) => Arrival { distance_m: way.distance_m, seconds: way.seconds, routed: true },
        None => {
            let distance_m = from.point.distance_m(to) * DETOUR;
            Arrival { distance_m, seconds: distance_m * 3.6 / OFF_MAP_KMH, routed: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn patrol() -> Patrol {
        Patrol::new("p1".into(), "Восход-1".into(), String::new(), Vec::new(), NOW)
    }

    fn mission(number: u128) -> Mission {
        Mission { incident: Uuid::from_u128(number), place: LatLng { latitude: 1.0, longitude: 1.0 } }
    }

    #[test]
    fn only_an_available_patrol_is_sent_and_only_to_one_incident() {
        let mut patrol = patrol();
        assert_eq!(patrol.assign(mission(1), NOW).unwrap_err().reason(), "PATROL_NOT_AVAILABLE");
        assert!(patrol.set_status(PatrolStatus::Available, NOW).unwrap());
        let sent = patrol.assign(mission(1), NOW).unwrap();
        assert_eq!(sent, Some(PatrolEvent::Assigned { incident: Uuid::from_u128(1) }));
        assert_eq!(patrol.status, PatrolStatus::EnRoute);
        assert_eq!(patrol.assign(mission(1), NOW).unwrap(), None);
        assert_eq!(patrol.assign(mission(2), NOW).unwrap_err().reason(), "PATROL_ON_MISSION");
        assert!(patrol.check_removable().is_err());
        assert!(patrol.set_status(PatrolStatus::OnScene, NOW).unwrap());
        assert_eq!(patrol.set_status(PatrolStatus::OffDuty, NOW).unwrap_err().reason(), "PATROL_ON_MISSION");
        assert!(patrol.release(NOW).is_some() && patrol.release(NOW).is_none());
        assert_eq!(patrol.status, PatrolStatus::Available);
        assert_eq!(patrol.set_status(PatrolStatus::EnRoute, NOW).unwrap_err().reason(), "PATROL_WITHOUT_MISSION");
    }

    #[test]
    fn an_old_position_does_not_move_a_patrol_and_one_from_the_future_is_refused() {
        let mut patrol = patrol();
        let at = |micros: i64| Position {
            point: LatLng { latitude: 1.0, longitude: 1.0 },
            time: Timestamp(micros),
            heading_degrees: 0.0,
            speed_kmh: 0.0,
        };
        assert!(patrol.report(at(NOW.0 - 5), NOW).unwrap());
        assert!(!patrol.report(at(NOW.0 - 5), NOW).unwrap());
        assert!(!patrol.report(at(NOW.0 - 6), NOW).unwrap());
        assert!(patrol.report(at(NOW.0 + 61_000_000), NOW).is_err());
    }

    #[test]
    fn off_the_map_the_way_is_an_estimate_and_says_so() {
        let from = Position {
            point: LatLng { latitude: 55.0, longitude: 37.0 },
            time: NOW,
            heading_degrees: 0.0,
            speed_kmh: 0.0,
        };
        let to = LatLng { latitude: 55.01, longitude: 37.0 };
        let arrival = arrival(&Network::default(), &from, to, |_| None);
        assert!(!arrival.routed);
        assert!((arrival.distance_m - 1_112.0 * DETOUR).abs() < 5.0);
        assert!((arrival.seconds - arrival.distance_m * 3.6 / 30.0).abs() < 0.1);
    }
}
