//! What can be done with incidents.

use std::sync::Arc;

use kvartal_kernel::{Actor, Caller, Clock, Error, Kind, Page, PageRequest, Timestamp, Uuid};

use super::catalogue::Atlas;
use super::fingerprint::Fingerprint;
use super::ports::{Cases, Incidents, RequestKey, Scope};
use super::{act, works_on_incidents};
use crate::domain::case::{Case, TrackedIncident};
use crate::domain::feed::{self, ExportedIncident, ImportCounts, RoadEvent};
use crate::domain::filter::IncidentFilter;
use crate::domain::incident::{Facts, Incident, IncidentId, IncidentKind, IncidentStatus, Priority};
use crate::domain::place::{Direction, LaneState, Place};
use crate::domain::report::ReportId;
use crate::domain::timeline::{Act, Entry, action};

/// The desk at which incidents are logged, moved and watched.
pub struct IncidentDesk {
    cases: Arc<dyn Cases>,
    incidents: Arc<dyn Incidents>,
    atlas: Arc<Atlas>,
    clock: Arc<dyn Clock>,
}

/// An incident to be logged.
#[derive(Clone, PartialEq, Debug)]
pub struct NewIncident {
    /// Makes repeating safe.
    pub request_id: Option<Uuid>,
    /// What happened.
    pub kind: IncidentKind,
    /// What comes first.
    pub priority: Priority,
    /// One line.
    pub title: String,
    /// As much as is known.
    pub description: String,
    /// Where.
    pub place: Place,
    /// From the middle of the road outwards.
    pub lanes: Vec<Option<LaneState>>,
    /// Now when not given.
    pub start: Option<Timestamp>,
    /// When it should end.
    pub end: Option<Timestamp>,
    /// Reports it is made from.
    pub reports: Vec<ReportId>,
}

/// Which facts to change; what is `None` stays.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FactsPatch {
    /// What happened.
    pub kind: Option<IncidentKind>,
    /// What comes first.
    pub priority: Option<Priority>,
    /// One line.
    pub title: Option<String>,
    /// As much as is known.
    pub description: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// From the middle of the road outwards.
    pub lanes: Option<Vec<Option<LaneState>>>,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it should end; `Some(None)` for nobody knows.
    pub end: Option<Option<Timestamp>>,
}

impl FactsPatch {
    fn apply(self, facts: Facts) -> Facts {
        let Self { kind, priority, title, description, place, lanes, start, end } = self;
        Facts {
            kind: kind.unwrap_or(facts.kind),
            priority: priority.unwrap_or(facts.priority),
            title: title.unwrap_or(facts.title),
            description: description.unwrap_or(facts.description),
            place: place.unwrap_or(facts.place),
            lanes: lanes.unwrap_or(facts.lanes),
            start: start.unwrap_or(facts.start),
            end: end.unwrap_or(facts.end),
        }
    }
}

impl IncidentDesk {
    /// Over these ports.
    pub fn new(cases: Arc<dyn Cases>, incidents: Arc<dyn Incidents>, atlas: Arc<Atlas>, clock: Arc<dyn Clock>) -> Self {
        Self { cases, incidents, atlas, clock }
    }

    /// Logs an incident; see [`Cases::create_incident`].
    pub async fn create(&self, caller: &Caller, new: NewIncident) -> Result<Incident, Error> {
        let act = act(caller, &*self.clock);
        let key = new.request_id.map(|id| RequestKey { caller: act.actor.clone(), id, fingerprint: new.fingerprint() });
        let NewIncident { request_id: _, kind, priority, title, description, place, lanes, start, end, mut reports } =
            new;
        let routing = feed::route(&self.atlas.areas().await?, &place);
        let start = start.unwrap_or(act.time);
        let facts = Facts { kind, priority, title, description, place, lanes, start, end };
        let id = IncidentId::generate(&*self.clock);
        let (incident, change) = Incident::log(id, facts, routing, source(caller), &act)?;
        reports.sort_unstable();
        reports.dedup();
        self.cases.create_incident(key, TrackedIncident::new(incident, change), reports, act).await
    }

    /// One incident.
    pub async fn get(&self, id: IncidentId) -> Result<Incident, Error> {
        self.incidents.find(id).await?.ok_or_else(|| Error::not_found("INCIDENT_NOT_FOUND", "incident"))
    }

    /// A page of incidents. Who works on what is the business of those who work here, and of each for oneself.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &IncidentFilter,
        page: PageRequest,
    ) -> Result<Page<Incident>, Error> {
        check_filter(caller, filter)?;
        self.incidents.page(filter, page).await
    }

    /// Changes facts. The same again changes nothing, whatever the etag: a repeated call finds its own work done.
    pub async fn update(
        &self,
        caller: &Caller,
        id: IncidentId,
        patch: FactsPatch,
        etag: String,
    ) -> Result<Incident, Error> {
        let act = act(caller, &*self.clock);
        let areas = self.atlas.areas().await?;
        let decide = move |case: &mut Case| {
            let incident = &case.incident()?.now;
            let facts = patch.apply(incident.facts.clone());
            if incident.facts == facts {
                return Ok(());
            }
            incident.version.check(&etag)?;
            let routing = feed::route(&areas, &facts.place);
            case.update(facts, routing, &act)
        };
        incident_of(self.cases.change(Scope::Incident(id), Box::new(decide)).await?)
    }

    /// Moves an incident; its reports follow.
    pub async fn transition(
        &self,
        caller: &Caller,
        id: IncidentId,
        to: IncidentStatus,
        comment: String,
        etag: String,
    ) -> Result<Incident, Error> {
        let act = act(caller, &*self.clock);
        let decide = move |case: &mut Case| {
            case.incident()?.now.version.check(&etag)?;
            case.transition(to, &comment, &act)
        };
        incident_of(self.cases.change(Scope::Incident(id), Box::new(decide)).await?)
    }

    /// Gives an incident to a person or a team.
    pub async fn assign(
        &self,
        caller: &Caller,
        id: IncidentId,
        assignee: Option<Uuid>,
        team: String,
        etag: String,
    ) -> Result<Incident, Error> {
        let act = act(caller, &*self.clock);
        let decide = move |case: &mut Case| {
            case.incident()?.now.version.check(&etag)?;
            case.assign(assignee, &team, &act)
        };
        incident_of(self.cases.change(Scope::Incident(id), Box::new(decide)).await?)
    }

    /// Adds a remark to the timeline.
    pub async fn comment(&self, caller: &Caller, id: IncidentId, comment: String) -> Result<Entry, Error> {
        let incident = self.get(id).await?;
        let act = act(caller, &*self.clock);
        let time = act.time.max(Timestamp(incident.updated.0 + 1));
        let entry = Entry::new(time, &act, action::COMMENT).said(comment).internal();
        self.cases.comment(id, entry.clone()).await?;
        Ok(entry)
    }

    /// Notes that a patrol was sent or called back; `event` is what told of it, and makes repeating safe.
    pub async fn patrol(&self, event: Uuid, id: IncidentId, moved: PatrolMove) -> Result<(), Error> {
        let PatrolMove { call_sign, sent, actor, time } = moved;
        let (before, after) = if sent { (String::new(), call_sign) } else { (call_sign, String::new()) };
        let act = Act { actor, time: time.max(self.clock.now()) };
        let entry = Entry::new(act.time, &act, action::PATROL).moved(before, after).internal();
        self.cases.note(event, id, entry).await
    }

    /// A page of the timeline, oldest first.
    pub async fn timeline(&self, id: IncidentId, page: PageRequest) -> Result<Page<Entry>, Error> {
        self.get(id).await?;
        self.incidents.timeline(id, page).await
    }

    /// Takes in a new edition of a feed in one transaction: new events become incidents, changed ones are updated,
    /// those gone are closed. With `validate_only`, only tells what would happen.
    pub async fn import_work_zones(
        &self,
        caller: &Caller,
        source: String,
        events: Vec<RoadEvent>,
        validate_only: bool,
    ) -> Result<ImportCounts, Error> {
        let act = act(caller, &*self.clock);
        let areas = self.atlas.areas().await?;
        let ids = events.iter().map(|event| event.id.clone()).collect();
        let (name, now) = (source.clone(), act.time);
        let decide = move |known| feed::reconcile(&name, events, known, &areas, &act);
        self.cases.import(source, ids, validate_only, now, Box::new(decide)).await
    }

    /// Incidents of these kinds that are not over, with what they were imported from, for an export; by id, after this
    /// one.
    pub async fn export(
        &self,
        kinds: &[IncidentKind],
        after: Option<IncidentId>,
        limit: u64,
    ) -> Result<Vec<ExportedIncident>, Error> {
        self.incidents.export(kinds, after, limit).await
    }
}

/// A patrol was sent to an incident or called back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatrolMove {
    /// How it is called on the radio.
    pub call_sign: String,
    /// Whether it was sent; else it was called back.
    pub sent: bool,
    /// By whom; empty for the platform itself.
    pub actor: String,
    /// When.
    pub time: Timestamp,
}

/// Refuses to look for the work of others.
pub fn check_filter(caller: &Caller, filter: &IncidentFilter) -> Result<(), Error> {
    let allowed = match filter.assignee {
        None => true,
        Some(assignee) => works_on_incidents(caller) || caller.user_id().is_ok_and(|user| user == assignee),
    };
    if allowed {
        return Ok(());
    }
    Err(Error::new(Kind::PermissionDenied, "ASSIGNEE_NOT_VISIBLE", "you may not ask who works on what"))
}

/// Machine clients are sources of their own; people are none.
fn source(caller: &Caller) -> String {
    match &caller.actor {
        Actor::Machine { id, .. } => id.to_string(),
        Actor::Service { name } => name.clone(),
        Actor::Anonymous | Actor::User { .. } => String::new(),
    }
}

fn incident_of(case: Case) -> Result<Incident, Error> {
    let incident = case.incident.ok_or_else(|| Error::internal("the case has no incident"))?;
    Ok(incident.now)
}

impl NewIncident {
    fn fingerprint(&self) -> [u8; 32] {
        let Self { request_id: _, kind, priority, title, description, place, lanes, start, end, reports } = self;
        let Place { points, road, address, direction } = place;
        Fingerprint::default()
            .number(kind.number().into())
            .number(priority.number().into())
            .text(title)
            .text(description)
            .each(points.iter(), |print, point| print.point(*point))
            .text(road)
            .text(address)
            .number(direction.map_or(0, Direction::number).into())
            .each(lanes.iter(), |print, lane| print.number(lane.map_or(0, LaneState::number).into()))
            .maybe(start.map(|start| start.0))
            .maybe(end.map(|end| end.0))
            .each(reports.iter(), |print, report| print.text(&report.to_string()))
            .finish()
    }
}
