//! What happens in the city from then on: every few seconds somebody does something, and as much ends as begins.

use std::time::Duration;

use kvartal_kernel::{Error, Role};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus, ReportStatus};

use super::acts::{
    answer, categories, comment, confirm, file, filing, list_reports, log, open_incidents, transition, upload,
};
use super::random::Random;
use super::seed::some;
use super::{Demo, city};

/// Pause between two events, in milliseconds.
const PAUSE_MS: (f64, f64) = (2_000.0, 4_000.0);
/// The pause grows by its own length each time so many things were added: a demo left alone for weeks stays small.
const UNHURRIED_AFTER: u64 = 400;
const SLOWEST: u64 = 15;
/// Open reports and incidents are kept near these numbers.
const OPEN_REPORTS: usize = 150;
const OPEN_INCIDENTS: usize = 50;

/// Lives until it is dropped. A single failure is told and passes.
pub(super) async fn live(demo: &Demo) {
    // The moment decides what happens: a city that is started again goes on instead of repeating itself.
    let mut random = Random::new(city::SEED, demo.town.now().0.unsigned_abs());
    let categories = match categories(demo).await {
        Ok(categories) => categories,
        Err(error) => {
            tracing::warn!(error = error.chain(), "the demo city stands still");
            return;
        }
    };
    let mut added = 0;
    loop {
        let slowness = (1 + added / UNHURRIED_AFTER).min(SLOWEST);
        let pause = random.between(PAUSE_MS.0, PAUSE_MS.1) * slowness as f64;
        tokio::time::sleep(Duration::from_secs_f64(pause / 1_000.0)).await;
        match happen(demo, &categories, &mut random).await {
            Ok(new) => added += u64::from(new),
            Err(error) => tracing::debug!(error = error.chain(), "something in the demo city did not happen"),
        }
    }
}

/// One event; true when it added something.
async fn happen(demo: &Demo, categories: &[pb::Category], random: &mut Random) -> Result<bool, Error> {
    if random.percent(65) {
        about_a_report(demo, categories, random).await
    } else {
        about_an_incident(demo, random).await
    }
}

async fn about_a_report(demo: &Demo, categories: &[pb::Category], random: &mut Random) -> Result<bool, Error> {
    let dispatchers = demo.with_role(Role::Dispatcher);
    let dispatcher = some(&dispatchers, random.next())?;
    let statuses = [ReportStatus::Received, ReportStatus::Accepted, ReportStatus::InProgress];
    let filter = pb::ReportFilter { statuses: statuses.map(i32::from).to_vec(), ..pb::ReportFilter::default() };
    let open = list_reports(demo, dispatcher, filter, 200).await?;
    if wants_more(open.len(), OPEN_REPORTS, random) {
        return new_report(demo, categories, random).await.map(|()| true);
    }
    // The one that has waited longest, or any.
    let chosen = if random.percent(50) { open.last() } else { random.pick(&open) };
    let Some(report) = chosen else { return Ok(false) };
    if random.percent(15) {
        let citizens = demo.with_role(Role::Citizen);
        // People mostly say that it is still there.
        confirm(demo, some(&citizens, random.next())?, &report.report_id, random.percent(80)).await?;
        return Ok(false);
    }
    let next = match report.status() {
        ReportStatus::Received if random.percent(12) => ReportStatus::Rejected,
        ReportStatus::Received => ReportStatus::Accepted,
        ReportStatus::Accepted => ReportStatus::InProgress,
        _ => ReportStatus::Fixed,
    };
    answer(demo, dispatcher, &report.report_id, next, "", random).await?;
    Ok(false)
}

async fn new_report(demo: &Demo, categories: &[pb::Category], random: &mut Random) -> Result<(), Error> {
    let citizens = demo.with_role(Role::Citizen);
    let citizen = some(&citizens, random.next())?;
    let Some(category) = random.pick(categories) else { return Ok(()) };
    let mut request = filing(demo, category, random.uuid(), random)?;
    if random.percent(25) {
        request.photo_ids.push(upload(demo, citizen, random).await?);
    }
    file(demo, citizen, request).await.map(|_| ())
}

async fn about_an_incident(demo: &Demo, random: &mut Random) -> Result<bool, Error> {
    let dispatchers = demo.with_role(Role::Dispatcher);
    let dispatcher = some(&dispatchers, random.next())?;
    let open = open_incidents(demo, dispatcher).await?;
    if wants_more(open.len(), OPEN_INCIDENTS, random) {
        log(demo, dispatcher, random.uuid(), random).await?;
        return Ok(true);
    }
    let chosen = if random.percent(50) { open.last() } else { random.pick(&open) };
    let Some(incident) = chosen else { return Ok(false) };
    if random.percent(20) {
        let patrols = demo.with_role(Role::Patrol);
        comment(demo, some(&patrols, random.next())?, &incident.incident_id, random).await?;
        return Ok(false);
    }
    let next = match incident.status() {
        IncidentStatus::New if random.percent(10) => IncidentStatus::Rejected,
        IncidentStatus::New => IncidentStatus::Confirmed,
        IncidentStatus::Confirmed => IncidentStatus::Assigned,
        IncidentStatus::Assigned => IncidentStatus::InProgress,
        _ => IncidentStatus::Resolved,
    };
    transition(demo, dispatcher, &incident.incident_id, next, random).await?;
    Ok(false)
}

/// Whether something new should happen: always when there is little, never when there is much, else in between. Three
/// moves end what one beginning adds, so one in four keeps the balance.
fn wants_more(open: usize, usual: usize, random: &mut Random) -> bool {
    let share = match open * 100 / usual.max(1) {
        0..80 => 70,
        80..100 => 30,
        100..120 => 18,
        _ => 0,
    };
    random.percent(share)
}
