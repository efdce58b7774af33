//! What can be done with patrols.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Actor, Caller, Clock, Error, Kind, Page, PageRequest, Role, Timestamp, Uuid};

use super::live::Showing;
use super::network::Atlas;
use super::paging::page_of;
use crate::domain::network::{ON_ROAD_M, Segment, SegmentId};
use crate::domain::patrol::{Arrival, Mission, Patrol, PatrolEvent, PatrolStatus, Position, arrival};

/// Most patrols of one installation.
pub const PATROLS_MAX: usize = 2_000;
/// Most positions of one answer.
const TRACK_MAX: u64 = 10_000;
/// Longest time of one answer.
const TRACK_SPAN_S: i64 = 24 * 3_600;
/// Most patrols that are told about a place.
const ARRIVALS_MAX: usize = 20;

/// Decides a change of a patrol; what it returns becomes events in the same transaction.
pub type DecidePatrol = Box<dyn FnOnce(&mut Patrol) -> Result<Vec<PatrolEvent>, Error> + Send>;

/// Decides whether a patrol may go.
pub type CheckPatrol = Box<dyn FnOnce(&Patrol) -> Result<(), Error> + Send>;

/// Where patrols are kept.
#[async_trait]
pub trait Patrols: Send + Sync {
    /// Every patrol.
    async fn all(&self) -> Result<Vec<Patrol>, Error>;

    /// One patrol.
    async fn find(&self, name: &str) -> Result<Option<Patrol>, Error>;

    /// Adds a patrol, or gives the one that has its name already. `ResourceExhausted` when there are too many.
    async fn create(&self, patrol: Patrol) -> Result<Patrol, Error>;

    /// Reads, decides, stores, with events by this actor; `None` when there is no such patrol.
    async fn change(
        &self,
        name: String,
        actor: String,
        now: Timestamp,
        decide: DecidePatrol,
    ) -> Result<Option<Patrol>, Error>;

    /// Removes a patrol and its track if the check agrees; `false` when there is none.
    async fn remove(&self, name: String, check: CheckPatrol) -> Result<bool, Error>;

    /// Notes where a patrol was; the same time again changes nothing.
    async fn keep_position(&self, name: String, position: Position) -> Result<(), Error>;

    /// Where a patrol was, oldest first.
    async fn track(&self, name: &str, from: Timestamp, to: Timestamp, limit: u64) -> Result<Vec<Position>, Error>;

    /// Calls back everybody who is sent to this incident; those who were.
    async fn release_all(&self, incident: Uuid, actor: String, now: Timestamp) -> Result<Vec<Patrol>, Error>;

    /// Removes at most this many positions from before the moment; how many it removed.
    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error>;
}

/// What incident says about an incident.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct IncidentPlace {
    /// Where it is.
    pub place: LatLng,
    /// Whether something is still to be done.
    pub open: bool,
}

/// The incident service.
#[async_trait]
pub trait Incidents: Send + Sync {
    /// Where an incident is; `NotFound` when there is none.
    async fn place(&self, incident: Uuid) -> Result<IncidentPlace, Error>;
}

/// How fast the traffic is.
pub trait Speeds: Send + Sync {
    /// Km/h on a segment now; `None` where nobody measured.
    fn speed_kmh(&self, segment: SegmentId) -> Option<f64>;
}

/// A patrol with what follows from where it is.
#[derive(Clone, PartialEq, Debug)]
pub struct PatrolView {
    /// The patrol.
    pub patrol: Patrol,
    /// Name of the segment it is on.
    pub segment: Option<String>,
    /// When it should be at its incident.
    pub arrival: Option<Timestamp>,
}

/// Changes and readings of patrols.
pub struct PatrolDesk {
    patrols: Arc<dyn Patrols>,
    incidents: Arc<dyn Incidents>,
    atlas: Arc<Atlas>,
    speeds: Arc<dyn Speeds>,
    showing: Arc<dyn Showing>,
    clock: Arc<dyn Clock>,
}

impl PatrolDesk {
    /// Over these ports.
    pub fn new(
        patrols: Arc<dyn Patrols>,
        incidents: Arc<dyn Incidents>,
        atlas: Arc<Atlas>,
        speeds: Arc<dyn Speeds>,
        showing: Arc<dyn Showing>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { patrols, incidents, atlas, speeds, showing, clock }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One patrol.
    pub async fn get(&self, name: &str) -> Result<PatrolView, Error> {
        self.patrols.find(name).await?.map(|patrol| self.view(patrol)).ok_or_else(no_patrol)
    }

    /// A page of patrols by call sign.
    pub async fn list(&self, statuses: &[PatrolStatus], page: PageRequest) -> Result<Page<PatrolView>, Error> {
        let mut patrols = self.patrols.all().await?;
        patrols.retain(|patrol| statuses.is_empty() || statuses.contains(&patrol.status));
        patrols.sort_by(|a, b| (&a.call_sign, &a.name).cmp(&(&b.call_sign, &b.name)));
        Ok(page_of(patrols, page, |patrol| &patrol.name).map(|patrol| self.view(patrol)))
    }

    /// Adds a patrol. An equal one that exists is given back.
    pub async fn create(
        &self,
        name: String,
        call_sign: String,
        vehicle: String,
        members: Vec<Uuid>,
    ) -> Result<PatrolView, Error> {
        let new = Patrol::new(name, call_sign, vehicle, members, self.clock.now());
        let stored = self.patrols.create(new.clone()).await?;
        if stored.is_as_created(&new.call_sign, &new.vehicle, &new.members) {
            return Ok(self.told(stored));
        }
        let message = "a patrol with this id exists and differs; change it instead";
        Err(Error::new(Kind::AlreadyExists, "PATROL_EXISTS", message))
    }

    /// Changes what is given.
    pub async fn update(
        &self,
        caller: &Caller,
        name: String,
        call_sign: Option<String>,
        vehicle: Option<String>,
        members: Option<Vec<Uuid>>,
        etag: String,
    ) -> Result<PatrolView, Error> {
        let decide = move |patrol: &mut Patrol| {
            let call_sign = call_sign.unwrap_or_else(|| patrol.call_sign.clone());
            let vehicle = vehicle.unwrap_or_else(|| patrol.vehicle.clone());
            let members = members.unwrap_or_else(|| patrol.members.clone());
            if patrol.is_as_created(&call_sign, &vehicle, &members) {
                return Ok(Vec::new());
            }
            patrol.version.check(&etag)?;
            (patrol.call_sign, patrol.vehicle, patrol.members) = (call_sign, vehicle, members);
            patrol.version = patrol.version.next();
            Ok(Vec::new())
        };
        self.change(caller, name, Box::new(decide)).await
    }

    /// Removes a patrol that is sent nowhere.
    pub async fn delete(&self, name: String, etag: String) -> Result<(), Error> {
        let check = move |patrol: &Patrol| {
            patrol.version.check(&etag)?;
            patrol.check_removable()
        };
        if !self.patrols.remove(name.clone(), Box::new(check)).await? {
            return Err(no_patrol());
        }
        self.showing.patrol_gone(&name);
        Ok(())
    }

    /// Takes in where a patrol is. Who only drives may speak for the own patrol alone.
    pub async fn report(&self, caller: &Caller, name: String, position: Position) -> Result<PatrolView, Error> {
        let now = self.clock.now();
        let aboard = aboard(caller);
        let decide = move |patrol: &mut Patrol| {
            aboard(patrol)?;
            patrol.report(position, now)?;
            Ok(Vec::new())
        };
        let view = self.change(caller, name.clone(), Box::new(decide)).await?;
        self.patrols.keep_position(name, position).await?;
        Ok(view)
    }

    /// Says what a patrol is doing.
    pub async fn set_status(
        &self,
        caller: &Caller,
        name: String,
        status: PatrolStatus,
        etag: String,
    ) -> Result<PatrolView, Error> {
        let now = self.clock.now();
        let aboard = aboard(caller);
        let decide = move |patrol: &mut Patrol| {
            aboard(patrol)?;
            let version = patrol.version;
            if patrol.set_status(status, now)? {
                version.check(&etag)?;
            }
            Ok(Vec::new())
        };
        self.change(caller, name, Box::new(decide)).await
    }

    /// Sends a patrol to an incident on which something is still to be done.
    pub async fn assign(
        &self,
        caller: &Caller,
        name: String,
        incident: Uuid,
        etag: String,
    ) -> Result<PatrolView, Error> {
        let IncidentPlace { place, open } = self.incidents.place(incident).await?;
        if !open {
            let message = "nothing is to be done about this incident any more";
            return Err(Error::new(Kind::FailedPrecondition, "INCIDENT_OVER", message));
        }
        let now = self.clock.now();
        let decide = move |patrol: &mut Patrol| {
            let version = patrol.version;
            let event = patrol.assign(Mission { incident, place }, now)?;
            if event.is_some() {
                version.check(&etag)?;
            }
            Ok(event.into_iter().collect())
        };
        self.change(caller, name, Box::new(decide)).await
    }

    /// Calls a patrol back.
    pub async fn release(&self, caller: &Caller, name: String, etag: String) -> Result<PatrolView, Error> {
        let now = self.clock.now();
        let aboard = aboard(caller);
        let decide = move |patrol: &mut Patrol| {
            aboard(patrol)?;
            let version = patrol.version;
            let event = patrol.release(now);
            if event.is_some() {
                version.check(&etag)?;
            }
            Ok(event.into_iter().collect())
        };
        self.change(caller, name, Box::new(decide)).await
    }

    /// The incident is over: everybody who is sent there comes back.
    pub async fn incident_over(&self, incident: Uuid) -> Result<(), Error> {
        let released = self.patrols.release_all(incident, String::new(), self.clock.now()).await?;
        for patrol in released {
            self.told(patrol);
        }
        Ok(())
    }

    /// How long each available patrol with a position needs to a place, the quickest first.
    pub async fn arrivals(&self, place: LatLng) -> Result<Vec<(PatrolView, Arrival)>, Error> {
        let mut free: Vec<(Patrol, Position)> = self
            .patrols
            .all()
            .await?
            .into_iter()
            .filter(|patrol| patrol.status == PatrolStatus::Available)
            .filter_map(|patrol| patrol.position.map(|position| (patrol, position)))
            .collect();
        // Ways are searched for those that are near as the crow flies; twice as many as are told.
        free.sort_by(|a, b| a.1.point.distance_m(place).total_cmp(&b.1.point.distance_m(place)));
        free.truncate(2 * ARRIVALS_MAX);
        let arrivals = free.into_iter().map(|(patrol, position)| {
            let arrival = self.arrival(&position, place);
            (self.view(patrol), arrival)
        });
        let mut arrivals: Vec<_> = arrivals.collect();
        arrivals.sort_by(|a, b| a.1.seconds.total_cmp(&b.1.seconds));
        arrivals.truncate(ARRIVALS_MAX);
        Ok(arrivals)
    }

    /// Where a patrol was, oldest first.
    pub async fn track(&self, name: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Position>, Error> {
        if to <= from || to.seconds() - from.seconds() > TRACK_SPAN_S {
            return Err(Error::invalid("end_time", "must be after start_time, by a day at most"));
        }
        self.patrols.find(name).await?.ok_or_else(no_patrol)?;
        self.patrols.track(name, from, to, TRACK_MAX).await
    }

    /// Removes at most this many positions from before the moment; how many it removed.
    pub async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error> {
        self.patrols.prune(before, limit).await
    }

    /// Shows how all patrols are: what other replicas changed is seen in this way.
    pub async fn show_all(&self) -> Result<(), Error> {
        let patrols = self.patrols.all().await?;
        let views: Vec<PatrolView> = patrols.into_iter().map(|patrol| self.view(patrol)).collect();
        self.showing.patrols(&views);
        Ok(())
    }

    async fn change(&self, caller: &Caller, name: String, decide: DecidePatrol) -> Result<PatrolView, Error> {
        let changed = self.patrols.change(name, caller.actor_id(), self.clock.now(), decide).await?;
        changed.map(|patrol| self.told(patrol)).ok_or_else(no_patrol)
    }

    fn told(&self, patrol: Patrol) -> PatrolView {
        let view = self.view(patrol);
        self.showing.patrol(&view);
        view
    }

    fn view(&self, patrol: Patrol) -> PatrolView {
        let network = self.atlas.network();
        let on_road = patrol.position.and_then(|position| {
            let heading = (position.speed_kmh > 3.0).then_some(position.heading_degrees);
            network.nearest(position.point, ON_ROAD_M, heading)
        });
        let on_the_way = patrol.mission.filter(|_| patrol.status == PatrolStatus::EnRoute);
        let arrival = on_the_way.zip(patrol.position).map(|(mission, position)| {
            let seconds = self.arrival(&position, mission.place).seconds;
            position.time.plus(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e6)))
        });
        PatrolView { patrol, segment: on_road.map(|on_road| on_road.segment.name.clone()), arrival }
    }

    fn arrival(&self, from: &Position, to: LatLng) -> Arrival {
        arrival(&self.atlas.network(), from, to, |segment: &Segment| self.speeds.speed_kmh(segment.id))
    }
}

/// Checks that the caller may speak for a patrol: dispatchers and machines for every one, drivers for their own.
fn aboard(caller: &Caller) -> impl FnOnce(&Patrol) -> Result<(), Error> + Send + use<> {
    let free = caller.is(Role::Dispatcher) || caller.is(Role::Service);
    let user = match caller.actor {
        Actor::User { id, .. } => Some(id),
        Actor::Anonymous | Actor::Machine { .. } | Actor::Service { .. } => None,
    };
    move |patrol| {
        if free || user.is_some_and(|user| patrol.members.contains(&user)) {
            return Ok(());
        }
        Err(Error::new(Kind::PermissionDenied, "NOT_ABOARD", "you are not a member of this patrol"))
    }
}

fn no_patrol() -> Error {
    Error::not_found("PATROL_NOT_FOUND", "patrol")
}
