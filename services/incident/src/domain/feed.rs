//! Road events of outside feeds, and what a new edition of a feed means for the incidents made from the last.

use std::collections::{HashMap, HashSet};

use kvartal_kernel::{Error, Timestamp};

use super::area::{Area, locate};
use super::case::{Case, TrackedIncident};
use super::incident::{Facts, Incident, IncidentId, IncidentKind, IncidentStatus, Priority, Routing};
use super::place::{LaneState, Place};
use super::timeline::{Act, Entry, action};

/// A road event of a feed.
#[derive(Clone, PartialEq, Debug)]
pub struct RoadEvent {
    /// The feed's own id of it.
    pub id: String,
    /// What happens.
    pub kind: IncidentKind,
    /// One line, 1 to 200 characters.
    pub title: String,
    /// As much as is known, at most 4,000 characters.
    pub description: String,
    /// Where, and which way the affected traffic goes.
    pub place: Place,
    /// From the middle of the road outwards, at most 16; `None` where the feed does not say.
    pub lanes: Vec<Option<LaneState>>,
    /// When it begins or began.
    pub start: Timestamp,
    /// When it should end.
    pub end: Option<Timestamp>,
    /// The feature as it came, JSON: kept so that an export can give back everything.
    pub raw: String,
}

impl RoadEvent {
    /// What it says about an incident. The priority is the city's own business.
    fn facts(&self, priority: Priority) -> Facts {
        Facts {
            kind: self.kind,
            priority,
            title: self.title.clone(),
            description: self.description.clone(),
            place: self.place.clone(),
            lanes: self.lanes.clone(),
            start: self.start,
            end: self.end,
        }
    }
}

/// A road event known from an earlier edition, with its incident.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownEvent {
    /// The feed's own id of it.
    pub id: String,
    /// The feature as it came last.
    pub raw: String,
    /// Whether the last edition no longer had it.
    pub gone: bool,
    /// The incident with its reports.
    pub case: Case,
}

/// What an edition did, or would do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImportCounts {
    /// New incidents.
    pub created: u32,
    /// Changed incidents.
    pub updated: u32,
    /// Known and unchanged.
    pub unchanged: u32,
    /// Gone from the feed and closed.
    pub closed: u32,
}

/// What is to be stored after an edition.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ImportPlan {
    /// Cases to store; unchanged ones among them cost nothing.
    pub cases: Vec<Case>,
    /// Features to store: event id, incident, raw JSON.
    pub features: Vec<(String, IncidentId, String)>,
    /// Ids of events that are gone.
    pub gone: Vec<String>,
    /// What it did.
    pub counts: ImportCounts,
}

/// Compares an edition with what is known. New events become confirmed incidents; changed ones are updated, and opened
/// again where the feed, not a person, had closed them; those gone are closed. `known` holds every event of the source
/// that is not gone and every event the edition names.
pub fn reconcile(
    source: &str,
    events: Vec<RoadEvent>,
    known: Vec<KnownEvent>,
    areas: &[Area],
    act: &Act,
) -> Result<ImportPlan, Error> {
    let mut seen = HashSet::new();
    if let Some(twice) = events.iter().find(|event| !seen.insert(event.id.clone())) {
        let id: String = twice.id.chars().take(100).collect();
        return Err(Error::invalid("content", format!("the feed has the road event {id} twice")));
    }
    let mut known: HashMap<String, KnownEvent> = known.into_iter().map(|event| (event.id.clone(), event)).collect();
    let mut plan = ImportPlan::default();
    for event in events {
        let routing = route(areas, &event.place);
        match known.remove(&event.id) {
            None => create(&mut plan, source, event, routing, act)?,
            Some(before) if before.raw == event.raw && !before.gone => plan.counts.unchanged += 1,
            Some(before) => update(&mut plan, before, event, routing, act)?,
        }
    }
    for mut before in known.into_values().filter(|event| !event.gone) {
        before.case.close_gone(act)?;
        plan.cases.push(before.case);
        plan.gone.push(before.id);
        plan.counts.closed += 1;
    }
    Ok(plan)
}

/// Where a place lies and who looks after it.
pub fn route(areas: &[Area], place: &Place) -> Routing {
    locate(areas, &place.points)
        .map(|area| Routing { area: Some(area.id), team: area.team.clone() })
        .unwrap_or_default()
}

fn create(plan: &mut ImportPlan, source: &str, event: RoadEvent, routing: Routing, act: &Act) -> Result<(), Error> {
    let id = IncidentId(act.time.uuid());
    let facts = event.facts(Priority::Normal);
    let (mut incident, mut change) = Incident::log(id, facts, routing, source.to_owned(), act)?;
    // The feed's publisher vouches for it: nobody has to see it first.
    incident.status = IncidentStatus::Confirmed;
    change.entries = vec![Entry::new(act.time, act, action::CREATED).moved("", incident.status.name())];
    plan.cases.push(Case { incident: Some(TrackedIncident::new(incident, change)), ..Case::default() });
    plan.features.push((event.id, id, event.raw));
    plan.counts.created += 1;
    Ok(())
}

fn update(
    plan: &mut ImportPlan,
    before: KnownEvent,
    event: RoadEvent,
    routing: Routing,
    act: &Act,
) -> Result<(), Error> {
    let KnownEvent { id, gone, mut case, .. } = before;
    let incident = case.incident()?;
    let incident_id = incident.now.id;
    let facts = event.facts(incident.now.facts.priority);
    let reopen = gone && incident.now.status == IncidentStatus::Closed;
    case.update(facts, routing, act)?;
    if reopen {
        case.transition(IncidentStatus::Confirmed, "back in the feed", act)?;
    }
    if case.incident()?.is_changed() {
        plan.counts.updated += 1;
    } else {
        plan.counts.unchanged += 1;
    }
    plan.cases.push(case);
    plan.features.push((id, incident_id, event.raw));
    Ok(())
}

/// An incident for the export of a feed.
#[derive(Clone, PartialEq, Debug)]
pub struct ExportedIncident {
    /// The incident.
    pub incident: Incident,
    /// The feature it was imported from, JSON as it came; `None` for one logged here.
    pub raw: Option<String>,
}
