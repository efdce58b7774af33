//! What can be done with reports.

mod handling;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kvartal_kernel::{Actor, Caller, Clock, Error, Page, PageRequest, Uuid};

use super::catalogue::Atlas;
use super::fingerprint::Fingerprint;
use super::ports::{Cases, Reports, RequestKey};
use super::{act, viewer};
use crate::domain::area::locate;
use crate::domain::case::TrackedReport;
use crate::domain::filter::{ReportFilter, Viewer};
use crate::domain::geo::{Bounds, LatLng};
use crate::domain::incident::Routing;
use crate::domain::photo::PhotoId;
use crate::domain::report::{Filing, Report, ReportId};
use crate::domain::similarity::{DISTANCE_MAX_M, Likeness, SCORE_MIN, Subject};
use crate::domain::timeline::Entry;
use crate::domain::tracking::TrackingNumber;

pub use handling::{Answer, NewFromReport};

/// Most entries of a report's timeline that are shown.
const TIMELINE_MAX: u64 = 500;
/// Most reports near a place that are compared.
const NEAR_MAX: u64 = 200;
/// Most duplicates that are suggested.
const SUGGESTIONS_MAX: usize = 5;

/// The desk at which reports are filed, answered and followed.
pub struct ReportDesk {
    cases: Arc<dyn Cases>,
    reports: Arc<dyn Reports>,
    atlas: Arc<Atlas>,
    clock: Arc<dyn Clock>,
}

/// A report to be filed.
#[derive(Clone, PartialEq, Debug)]
pub struct NewReport {
    /// Makes repeating safe.
    pub request_id: Option<Uuid>,
    /// What it is about.
    pub category: String,
    /// In the reporter's words.
    pub description: String,
    /// Where.
    pub location: LatLng,
    /// What people would say.
    pub address: String,
    /// Photos uploaded before.
    pub photos: Vec<PhotoId>,
    /// Answers to the category's questions.
    pub answers: BTreeMap<String, String>,
    /// Do not show who I am, though I am signed in.
    pub anonymous: bool,
}

/// How somebody names a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReportName {
    /// By its id.
    Id(ReportId),
    /// By its tracking number.
    Number(TrackingNumber),
}

impl ReportName {
    /// Reads an id or a tracking number.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(ReportId(id))),
            Err(_) => Ok(Self::Number(TrackingNumber::parse(text)?)),
        }
    }
}

/// A report that may be about the same thing.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The report.
    pub report: Report,
    /// 0 to 1.
    pub score: f64,
    /// How far away.
    pub distance_m: f64,
}

impl ReportDesk {
    /// Over these ports.
    pub fn new(cases: Arc<dyn Cases>, reports: Arc<dyn Reports>, atlas: Arc<Atlas>, clock: Arc<dyn Clock>) -> Self {
        Self { cases, reports, atlas, clock }
    }

    /// Files a report; see [`Cases::create_report`].
    pub async fn create(&self, caller: &Caller, new: NewReport) -> Result<Report, Error> {
        let act = act(caller, &*self.clock);
        let key = new.request_id.map(|id| RequestKey { caller: act.actor.clone(), id, fingerprint: new.fingerprint() });
        let category = self.atlas.category("category_id", &new.category).await?;
        let areas = self.atlas.areas().await?;
        let routing = locate(&areas, &[new.location])
            .map(|area| Routing { area: Some(area.id), team: area.team.clone() })
            .unwrap_or_default();
        let NewReport { request_id: _, category: _, description, location, address, mut photos, answers, anonymous } =
            new;
        let mut seen = HashSet::new();
        photos.retain(|photo| seen.insert(*photo));
        let reporter = match caller.actor {
            Actor::User { id, .. } => Some(id),
            Actor::Anonymous | Actor::Machine { .. } | Actor::Service { .. } => None,
        };
        let answers = category.check_answers(answers)?;
        let filing = Filing { description, location, address, photos, answers, reporter, anonymous };
        let id = ReportId::generate(&*self.clock);
        let (report, change) = Report::file(id, filing, &category, routing, &act);
        self.cases.create_report(key, TrackedReport::new(report, change), act.actor).await
    }

    /// One report the viewer sees, with its timeline as far as the viewer may know it.
    pub async fn get(&self, viewer: Viewer, name: &ReportName) -> Result<(Report, Vec<Entry>), Error> {
        let report = self.find(viewer, name).await?;
        let mut entries = self.reports.timeline(report.id, TIMELINE_MAX).await?;
        if !viewer.staff {
            if !viewer.is_reporter(&report) {
                entries.retain(|entry| entry.public);
            }
            // Who did it is the business of those who work here.
            entries.iter_mut().for_each(|entry| entry.actor = String::new());
        }
        Ok((report, entries))
    }

    /// A page of reports the viewer sees.
    pub async fn list(&self, viewer: Viewer, filter: &ReportFilter, page: PageRequest) -> Result<Page<Report>, Error> {
        self.reports.page(filter, viewer, page).await
    }

    /// The last filed reports the viewer sees.
    pub async fn newest(&self, viewer: Viewer, filter: &ReportFilter, limit: u64) -> Result<Vec<Report>, Error> {
        self.reports.newest(filter, viewer, limit).await
    }

    /// Open reports that may be about the same thing, the likeliest first.
    pub async fn suggest_duplicates(
        &self,
        category: &str,
        location: LatLng,
        description: &str,
    ) -> Result<Vec<Candidate>, Error> {
        let categories = self.atlas.categories().await?;
        let group = |id: &str| categories.iter().find(|category| category.id == id).map(|category| &category.group);
        let wanted = group(category).ok_or_else(|| Error::invalid("category_id", "is no known category"))?;
        let now = self.clock.now();
        let near = self.reports.open_in(Bounds::around(location, DISTANCE_MAX_M), NEAR_MAX).await?;
        let mut candidates: Vec<Candidate> = near
            .into_iter()
            .map(|report| {
                let distance_m = location.distance_m(report.location);
                let subject = match group(&report.category) {
                    _ if report.category == category => Subject::Same,
                    Some(known) if known == wanted => Subject::Related,
                    _ => Subject::Other,
                };
                let likeness = Likeness {
                    distance_m,
                    age: now.since(report.created),
                    expire_minutes: report.expire_minutes,
                    subject,
                    words: description,
                    other_words: &report.description,
                };
                let score = likeness.score();
                Candidate { report, score, distance_m }
            })
            .filter(|candidate| candidate.score >= SCORE_MIN && candidate.distance_m <= DISTANCE_MAX_M)
            .collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates.truncate(SUGGESTIONS_MAX);
        Ok(candidates)
    }

    /// Lets the caller follow a report, or no longer; how many follow it then.
    pub async fn follow(&self, caller: &Caller, id: ReportId, follows: bool) -> Result<u32, Error> {
        let user = caller.user_id()?;
        self.find(viewer(caller), &ReportName::Id(id)).await?;
        self.cases.follow(id, user, follows, self.clock.now()).await
    }

    async fn find(&self, viewer: Viewer, name: &ReportName) -> Result<Report, Error> {
        let report = match name {
            ReportName::Id(id) => self.reports.find(*id).await?,
            ReportName::Number(number) => self.reports.find_number(number).await?,
        };
        report.filter(|report| viewer.sees(report)).ok_or_else(no_such_report)
    }
}

fn no_such_report() -> Error {
    Error::not_found("REPORT_NOT_FOUND", "report")
}

impl NewReport {
    fn fingerprint(&self) -> [u8; 32] {
        let Self { request_id: _, category, description, location, address, photos, answers, anonymous } = self;
        Fingerprint::default()
            .text(category)
            .text(description)
            .point(*location)
            .text(address)
            .each(photos.iter(), |print, photo| print.text(&photo.to_string()))
            .each(answers.iter(), |print, (key, answer)| print.text(key).text(answer))
            .number(i64::from(*anonymous))
            .finish()
    }
}
