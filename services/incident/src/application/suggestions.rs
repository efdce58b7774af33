//! What can be done with suggestions, and how they come about.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Caller, Clock, Error, Page, PageRequest, Timestamp, Uuid};

use super::act;
use super::catalogue::Atlas;
use super::ports::Incidents;
use crate::domain::case::TrackedIncident;
use crate::domain::feed;
use crate::domain::filter::IncidentFilter;
use crate::domain::geo::{Bounds, LatLng};
use crate::domain::incident::{Facts, Incident, IncidentId, IncidentKind, IncidentStatus, Priority};
use crate::domain::place::{POINTS_MAX, Place};
use crate::domain::suggestion::{CAUSE_M, FailedDetector, JamSeen, Suggestion, SuggestionId, SuggestionStatus};

/// Decides about a suggestion while it is held; an incident that it returns is logged in the same transaction.
pub type Decide = Box<dyn FnOnce(&mut Suggestion) -> Result<Option<TrackedIncident>, Error> + Send>;

/// Where suggestions live. Every method is one transaction; those that take an event do nothing when it comes again.
#[async_trait]
pub trait Suggestions: Send + Sync {
    /// By the time they were made, newest first.
    async fn page(&self, status: Option<SuggestionStatus>, page: PageRequest) -> Result<Page<Suggestion>, Error>;

    /// Suggests a jam, or adds it to the open suggestion that covers it; nothing when that place was dismissed lately.
    async fn jam(&self, event: Uuid, jam: JamSeen, now: Timestamp) -> Result<(), Error>;

    /// Remembers a detector that failed; suggests it with those that failed near it.
    async fn detector(&self, event: Uuid, failed: FailedDetector, now: Timestamp) -> Result<(), Error>;

    /// A jam ended, or a detector recovered.
    async fn over(&self, event: Uuid, member: String, now: Timestamp) -> Result<(), Error>;

    /// Reads, decides, stores. `NotFound` when there is no such suggestion.
    async fn decide(&self, id: SuggestionId, decide: Decide) -> Result<Suggestion, Error>;

    /// Forgets at most this many that changed last before the moment and are not open; how many it forgot.
    async fn prune(&self, before: Timestamp, limit: u64) -> Result<u64, Error>;
}

/// The desk at which suggestions are made and decided.
pub struct SuggestionDesk {
    suggestions: Arc<dyn Suggestions>,
    incidents: Arc<dyn Incidents>,
    atlas: Arc<Atlas>,
    clock: Arc<dyn Clock>,
}

/// How a suggestion is taken up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// Which.
    pub id: SuggestionId,
    /// As it was seen.
    pub etag: String,
    /// How the incident is called.
    pub title: String,
    /// What kind; as the suggestion says when nobody says.
    pub kind: Option<IncidentKind>,
    /// What comes first.
    pub priority: Priority,
}

impl SuggestionDesk {
    /// Over these ports.
    pub fn new(
        suggestions: Arc<dyn Suggestions>,
        incidents: Arc<dyn Incidents>,
        atlas: Arc<Atlas>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { suggestions, incidents, atlas, clock }
    }

    /// A page, newest first.
    pub async fn list(&self, status: Option<SuggestionStatus>, page: PageRequest) -> Result<Page<Suggestion>, Error> {
        self.suggestions.page(status, page).await
    }

    /// Makes an incident of it. Repeated, it gives the incident it made.
    pub async fn accept(&self, caller: &Caller, acceptance: Acceptance) -> Result<(Suggestion, Incident), Error> {
        let act = act(caller, &*self.clock);
        let areas = self.atlas.areas().await?;
        let id = IncidentId::generate(&*self.clock);
        let Acceptance { id: suggestion, etag, title, kind, priority } = acceptance;
        let decide = move |suggestion: &mut Suggestion| {
            if suggestion.status == SuggestionStatus::Accepted {
                return Ok(None);
            }
            let facts = Facts {
                kind: kind.unwrap_or_else(|| suggestion.incident_kind()),
                priority,
                title,
                description: String::new(),
                place: place(suggestion)?,
                lanes: Vec::new(),
                start: suggestion.created,
                end: None,
            };
            let routing = feed::route(&areas, &facts.place);
            let (mut incident, change) = Incident::log(id, facts, routing, String::new(), &act)?;
            incident.traffic = suggestion.link();
            suggestion.accept(id, &etag, &act)?;
            Ok(Some(TrackedIncident::new(incident, change)))
        };
        let suggestion = self.suggestions.decide(suggestion, Box::new(decide)).await?;
        let made = suggestion.incident.ok_or_else(|| Error::internal("an accepted suggestion has no incident"))?;
        let incident = self.incidents.find(made).await?;
        let incident = incident.ok_or_else(|| Error::internal("the incident of a suggestion is gone"))?;
        Ok((suggestion, incident))
    }

    /// Says that it is no incident.
    pub async fn dismiss(
        &self,
        caller: &Caller,
        id: SuggestionId,
        reason: String,
        etag: String,
    ) -> Result<Suggestion, Error> {
        let act = act(caller, &*self.clock);
        let decide = move |suggestion: &mut Suggestion| suggestion.dismiss(&reason, &etag, &act).map(|()| None);
        self.suggestions.decide(id, Box::new(decide)).await
    }

    /// A jam began.
    pub async fn jam_started(&self, event: Uuid, jam: JamSeen) -> Result<(), Error> {
        if self.has_cause(jam.head).await? {
            return Ok(());
        }
        self.suggestions.jam(event, jam, self.clock.now()).await
    }

    /// A detector failed.
    pub async fn detector_failed(&self, event: Uuid, failed: FailedDetector) -> Result<(), Error> {
        self.suggestions.detector(event, failed, self.clock.now()).await
    }

    /// A jam ended, or a detector recovered.
    pub async fn is_over(&self, event: Uuid, member: String) -> Result<(), Error> {
        self.suggestions.over(event, member, self.clock.now()).await
    }

    /// Whether an open incident explains a jam here.
    async fn has_cause(&self, head: LatLng) -> Result<bool, Error> {
        /// Open incidents about one place that are looked at.
        const NEAR_MAX: u32 = 200;
        let open = IncidentStatus::ALL.iter().copied().filter(|status| status.is_open()).collect();
        let bounds = Some(Bounds::around(head, CAUSE_M));
        let filter = IncidentFilter { statuses: open, bounds, ..IncidentFilter::default() };
        let near = self.incidents.page(&filter, PageRequest { size: NEAR_MAX, after: None }).await?;
        let points = near.items.iter().flat_map(|incident| &incident.facts.place.points);
        Ok(points.into_iter().any(|point| point.distance_m(head) <= CAUSE_M))
    }
}

fn place(suggestion: &Suggestion) -> Result<Place, Error> {
    let points = suggestion.points.iter().copied().take(POINTS_MAX).collect();
    Place::new(points, suggestion.road.clone(), suggestion.name(), None)
}
