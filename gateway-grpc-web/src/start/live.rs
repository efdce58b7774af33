//! Collects what the start page shows: from health, metrics, and calls that anybody may make.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kvartal_host::Runtime;
use kvartal_kernel::{Error, Timestamp};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use tokio::sync::Mutex;

use super::map::area_names;
use super::metrics;
use super::snapshot::{Area, Change, Point, Service, Snapshot, Subject, Tally};

/// However many look at the page, the platform is asked this often.
const FRESH: Duration = Duration::from_millis(1_500);
/// Areas change rarely.
const AREAS_FRESH: Duration = Duration::from_secs(15);
/// Pages of a list that are counted at most; beyond that the counts are lower bounds.
const PAGES_MAX: usize = 5;
const PAGE_SIZE: u32 = 200;
const POINTS_MAX: usize = 600;
const LATEST: usize = 12;
/// Nothing on the page is worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the edge counts itself.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
}

impl Counters {
    /// One more request.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The page's view of the platform.
pub(crate) struct Live {
    runtime: Runtime,
    counters: Arc<Counters>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    snapshot: Arc<Snapshot>,
    areas: Vec<Area>,
    areas_taken: Timestamp,
    /// Calls at earlier moments, for the rate.
    history: std::collections::VecDeque<(Timestamp, u64)>,
}

impl Live {
    /// Looks at this process.
    pub(crate) fn new(runtime: &Runtime, counters: Arc<Counters>) -> Self {
        Self { runtime: runtime.clone(), counters, known: Mutex::default() }
    }

    /// The present moment, or one that is hardly older. Whoever comes while it is being taken waits for the same one.
    pub(crate) async fn snapshot(&self) -> Arc<Snapshot> {
        let mut known = self.known.lock().await;
        let now = self.runtime.clock().now();
        if now.since(known.snapshot.taken) < FRESH && known.snapshot.taken <= now {
            return Arc::clone(&known.snapshot);
        }
        let snapshot = Arc::new(self.take(&mut known, now).await);
        known.snapshot = Arc::clone(&snapshot);
        snapshot
    }

    async fn take(&self, known: &mut Known, now: Timestamp) -> Snapshot {
        let mut snapshot = Snapshot { taken: now, time: now.to_string(), ..Snapshot::default() };
        let report = self.runtime.health().report();
        let figures = metrics::read(&self.runtime.metrics());
        snapshot.ready = self.runtime.health().ready();
        snapshot.events_handled = figures.events_handled;
        snapshot.services = report.services.iter().map(|service| row(service, &report, &figures)).collect();
        snapshot.requests = self.counters.requests();
        snapshot.calls = figures.calls.values().map(|calls| calls.all).sum();
        snapshot.calls_per_second = known.rate(now, snapshot.calls);
        // What cannot be had is left out: the page must answer while a service does not.
        let gathered = tokio::time::timeout(PATIENCE, self.gather(known, now, &mut snapshot)).await;
        if let Ok(Err(error)) = gathered {
            tracing::debug!(error = error.chain(), "the start page lacks some numbers");
        }
        snapshot
    }

    async fn gather(&self, known: &mut Known, now: Timestamp, snapshot: &mut Snapshot) -> Result<(), Error> {
        let channel = self.runtime.directory().channel("incident", "gateway")?;
        let reports = ReportServiceClient::new(channel.clone()).max_decoding_message_size(16 << 20);
        let incidents = IncidentServiceClient::new(channel).max_decoding_message_size(16 << 20);
        if now.since(known.areas_taken) > AREAS_FRESH || known.areas.is_empty() {
            known.areas = areas(reports.clone()).await?;
            known.areas_taken = now;
        }
        snapshot.areas.clone_from(&known.areas);
        let (incidents, reports) = tokio::join!(all_incidents(incidents), all_reports(reports));
        let ((incidents, more_incidents), (reports, more_reports)) = (incidents?, reports?);
        snapshot.incidents = tally(incidents.iter().map(|incident| incident.status), 7, &[1, 2, 3, 4], more_incidents);
        snapshot.reports = tally(reports.iter().map(|report| report.status), 8, &[1, 2, 3], more_reports);
        snapshot.points = points(&incidents, &reports);
        snapshot.latest = latest(&incidents, &reports, &known.areas);
        Ok(())
    }
}

impl Known {
    /// Calls a second over about the last ten seconds.
    fn rate(&mut self, now: Timestamp, calls: u64) -> f64 {
        self.history.push_back((now, calls));
        while self.history.len() > 2
            && self.history.front().is_some_and(|(at, _)| now.since(*at) > Duration::from_secs(10))
        {
            self.history.pop_front();
        }
        let Some((since, before)) = self.history.front() else { return 0.0 };
        let seconds = now.since(*since).as_secs_f64();
        if seconds > 0.0 { calls.saturating_sub(*before) as f64 / seconds } else { 0.0 }
    }
}

fn row(
    service: &kvartal_host::health::ServiceReport,
    report: &kvartal_host::health::Report,
    figures: &metrics::Figures,
) -> Service {
    let down = report.dependencies.iter().filter(|dependency| {
        dependency.state == kvartal_host::health::State::Down && service.dependencies.contains(&dependency.name)
    });
    let calls = figures.calls.get(&service.name).copied().unwrap_or_default();
    Service {
        name: service.name.clone(),
        serving: service.state == kvartal_host::health::State::Up,
        problem: down.map(|dependency| dependency.name.clone()).collect::<Vec<_>>().join(", "),
        calls: calls.all,
        failed: calls.failed,
    }
}

async fn areas(mut client: ReportServiceClient<kvartal_mesh::Channel>) -> Result<Vec<Area>, Error> {
    let answer =
        client.list_areas(pb::ListAreasRequest {}).await.map_err(|status| kvartal_mesh::from_status(&status))?;
    let read = |area: pb::Area| Area {
        id: area.area_id,
        name: area.display_name,
        boundary: area.boundary.iter().map(|point| (point.latitude, point.longitude)).collect(),
    };
    Ok(answer.into_inner().areas.into_iter().map(read).collect())
}

async fn all_incidents(
    mut client: IncidentServiceClient<kvartal_mesh::Channel>,
) -> Result<(Vec<pb::Incident>, bool), Error> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let request = pb::ListIncidentsRequest { page_size: PAGE_SIZE, page_token, filter: None };
        let answer =
            client.list_incidents(request).await.map_err(|status| kvartal_mesh::from_status(&status))?.into_inner();
        found.extend(answer.incidents);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

async fn all_reports(mut client: ReportServiceClient<kvartal_mesh::Channel>) -> Result<(Vec<pb::Report>, bool), Error> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let request = pb::ListReportsRequest { page_size: PAGE_SIZE, page_token, filter: None };
        let answer =
            client.list_reports(request).await.map_err(|status| kvartal_mesh::from_status(&status))?.into_inner();
        found.extend(answer.reports);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

fn tally(statuses: impl Iterator<Item = i32>, last: usize, open: &[usize], truncated: bool) -> Tally {
    let mut by_status = vec![0; last + 1];
    for status in statuses {
        if let Some(count) = usize::try_from(status).ok().and_then(|status| by_status.get_mut(status)) {
            *count += 1;
        }
    }
    let open = open.iter().filter_map(|status| by_status.get(*status)).sum();
    Tally { by_status, open, truncated }
}

/// What is open, where it is. What is over would only hide it.
fn points(incidents: &[pb::Incident], reports: &[pb::Report]) -> Vec<Point> {
    let incidents = incidents.iter().filter(|incident| (1..=5).contains(&incident.status)).filter_map(|incident| {
        let place = incident.place.as_ref()?;
        let middle = place.points.get(place.points.len() / 2)?;
        Some(point(Subject::Incident, &incident.incident_id, incident.status, middle, &incident.title))
    });
    let reports = reports.iter().filter(|report| (1..=4).contains(&report.status)).filter_map(|report| {
        let location = report.location.as_ref()?;
        Some(point(Subject::Report, &report.report_id, report.status, location, &report.description))
    });
    incidents.chain(reports).take(POINTS_MAX).collect()
}

fn point(subject: Subject, id: &str, status: i32, at: &pb::LatLng, title: &str) -> Point {
    Point {
        subject,
        id: id.to_owned(),
        status: usize::try_from(status).unwrap_or_default(),
        latitude: at.latitude,
        longitude: at.longitude,
        title: short(title),
    }
}

fn latest(incidents: &[pb::Incident], reports: &[pb::Report], areas: &[Area]) -> Vec<Change> {
    let names = area_names(areas);
    let place = |address: &str, area: &str| match names.get(area) {
        Some(name) if address.is_empty() => (*name).to_owned(),
        Some(name) => format!("{address} ({name})"),
        None => address.to_owned(),
    };
    let incidents = incidents.iter().take(LATEST).map(|incident| Change {
        time: time(incident.update_time.as_ref()),
        subject: Subject::Incident,
        status: usize::try_from(incident.status).unwrap_or_default(),
        title: short(&incident.title),
        place: place(incident.place.as_ref().map_or("", |place| place.address.as_str()), &incident.area_id),
    });
    let reports = reports.iter().take(LATEST).map(|report| Change {
        time: time(report.update_time.as_ref()),
        subject: Subject::Report,
        status: usize::try_from(report.status).unwrap_or_default(),
        title: short(&report.description),
        place: place(&report.address, &report.area_id),
    });
    let mut changes: Vec<Change> = incidents.chain(reports).collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.time));
    changes.truncate(LATEST);
    changes
}

/// To the second: more is noise for readers.
fn time(stamp: Option<&prost_types::Timestamp>) -> Timestamp {
    let parsed = kvartal_proto::time::from_proto("time", stamp).ok().flatten().unwrap_or_default();
    Timestamp(parsed.0 - parsed.0.rem_euclid(1_000_000))
}

/// The first 90 characters.
fn short(text: &str) -> String {
    const LONGEST: usize = 90;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}
