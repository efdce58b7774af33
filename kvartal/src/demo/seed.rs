//! What the city begins with: areas, reports and incidents in every state, the same in every run.
//!
//! Each thing has a request id made from the seed, so filling a city that is full already changes nothing: what exists
//! is given back, and only what still stands at its beginning is moved on.

use futures::stream::{self, StreamExt as _};
use indicatif::ProgressBar;
use kvartal_kernel::{Error, Kind, Role};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus, ReportStatus};

use super::Demo;
use super::acts::{answer, categories, comment, confirm, file, filing, lat_lng, list_reports, log, transition, upload};
use super::city::SEED;
use super::people::Person;
use super::random::Random;

const REPORTS: u64 = 300;
const INCIDENTS: u64 = 80;
/// Calls at once: enough to be quick, few enough to leave the machine to whoever looks at the page.
const AT_ONCE: usize = 4;
/// Of so many new reports one has a photo.
const PHOTO_EVERY: u64 = 12;

/// Where a seeded report ends up, in per cent.
const REPORT_GOALS: [(u64, ReportStatus); 8] = [
    (24, ReportStatus::Received),
    (15, ReportStatus::Accepted),
    (17, ReportStatus::InProgress),
    (16, ReportStatus::Fixed),
    (11, ReportStatus::Closed),
    (8, ReportStatus::Rejected),
    (6, ReportStatus::Duplicate),
    (3, ReportStatus::Expired),
];

/// Where a seeded incident ends up, in per cent.
const INCIDENT_GOALS: [(u64, IncidentStatus); 7] = [
    (18, IncidentStatus::New),
    (14, IncidentStatus::Confirmed),
    (15, IncidentStatus::Assigned),
    (20, IncidentStatus::InProgress),
    (10, IncidentStatus::Resolved),
    (15, IncidentStatus::Closed),
    (8, IncidentStatus::Rejected),
];

/// What was made, or was there already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub(super) reports: usize,
    pub(super) incidents: usize,
}

/// Fills the city.
pub(super) async fn fill(demo: &Demo) -> Result<Made, Error> {
    let fresh = areas(demo).await?;
    let categories = categories(demo).await?;
    let progress = demo.console.progress(REPORTS + INCIDENTS, "filling the city");
    let reports = stream::iter(0..REPORTS)
        .map(|index| counted(&progress, report(demo, &categories, index, fresh)))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let reports = survey(reports.await)?;
    let incidents = stream::iter(0..INCIDENTS)
        .map(|index| counted(&progress, incident(demo, index)))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let incidents = survey(incidents.await)?;
    Ok(Made { reports, incidents })
}

async fn counted(progress: &ProgressBar, step: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let result = step.await;
    progress.inc(1);
    result
}

/// How many went well. Single failures are told and borne; when nothing went well, that is an error.
fn survey(results: Vec<Result<(), Error>>) -> Result<usize, Error> {
    let mut good = 0;
    let mut last = None;
    for result in results {
        match result {
            Ok(()) => good += 1,
            Err(error) => {
                tracing::debug!(error = error.chain(), "something of the demo city could not be made");
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if good == 0 => Err(error),
        Some(error) => {
            tracing::warn!(
                error = error.chain(),
                good,
                "not all of the demo city could be made; this is the last reason"
            );
            Ok(good)
        }
        None => Ok(good),
    }
}

/// Draws the districts; true when the city was empty before.
async fn areas(demo: &Demo) -> Result<bool, Error> {
    let admins = demo.with_role(Role::Admin);
    let admin = admins.first().ok_or_else(|| Error::internal("the demo has no administrator"))?;
    let reports = &demo.town.reports;
    let known = demo
        .town
        .call(admin, pb::ListAreasRequest {}, |request| {
            let mut client = reports.clone();
            Box::pin(async move { client.list_areas(request).await })
        })
        .await?;
    let fresh = known.areas.is_empty();
    for district in &demo.city.districts {
        if known.areas.iter().any(|area| area.area_id == district.id.to_string()) {
            continue;
        }
        let request = pb::PutAreaRequest {
            area_id: district.id.to_string(),
            display_name: district.name.to_owned(),
            boundary: district.boundary.iter().map(|point| lat_lng(*point)).collect(),
            team: district.team.to_owned(),
        };
        demo.town
            .call(admin, request, |request| {
                let mut client = reports.clone();
                Box::pin(async move { client.put_area(request).await })
            })
            .await?;
    }
    Ok(fresh)
}

/// Files one report and takes it where it belongs.
async fn report(demo: &Demo, categories: &[pb::Category], index: u64, fresh: bool) -> Result<(), Error> {
    let mut random = Random::new(SEED, 10_000 + index);
    let goal = goal(&REPORT_GOALS, random.next() % 100);
    let citizens = demo.with_role(Role::Citizen);
    let citizen = some(&citizens, index)?;
    // Only a hazard can expire; everything can do everything else.
    let hazards: Vec<&pb::Category> = categories.iter().filter(|category| category.expire_minutes > 0).collect();
    let choice = random.below(categories.len());
    let category = match goal {
        ReportStatus::Expired => hazards.first().copied().or(categories.first()),
        _ => categories.get(choice),
    };
    let category = category.ok_or_else(|| Error::internal("nothing can be reported"))?;
    let request_id = random.uuid();
    let with_photo = fresh && index.is_multiple_of(PHOTO_EVERY);
    let mut request = filing(demo, category, request_id, &mut random)?;
    if with_photo {
        request.photo_ids.push(upload(demo, citizen, &mut random).await?);
    }
    let filed = match file(demo, citizen, request).await {
        Ok(filed) => filed,
        // The same request was filed with a photo in an earlier run.
        Err(error) if error.kind() == Kind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    };
    if filed.status() == ReportStatus::Received {
        let dispatchers = demo.with_role(Role::Dispatcher);
        advance_report(demo, some(&dispatchers, index)?, citizen, &filed, goal, &mut random).await?;
    }
    Ok(())
}

/// Moves a received report to where it belongs, step by step as dispatchers do.
async fn advance_report(
    demo: &Demo,
    dispatcher: &Person,
    citizen: &Person,
    report: &pb::Report,
    goal: ReportStatus,
    random: &mut Random,
) -> Result<(), Error> {
    use ReportStatus::{Accepted, Closed, Duplicate, Expired, Fixed, InProgress, Rejected};
    let steps: &[ReportStatus] = match goal {
        Accepted => &[Accepted],
        InProgress => &[Accepted, InProgress],
        Fixed | Closed => &[Accepted, InProgress, Fixed],
        Rejected => &[Rejected],
        _ => &[],
    };
    for status in steps {
        answer(demo, dispatcher, &report.report_id, *status, "", random).await?;
    }
    match goal {
        // The reporter's own word closes a fix, and ends a hazard.
        Closed => confirm(demo, citizen, &report.report_id, true).await,
        Expired => confirm(demo, citizen, &report.report_id, false).await,
        Duplicate => {
            if let Some(original) = original(demo, dispatcher, report).await? {
                answer(demo, dispatcher, &report.report_id, Duplicate, &original, random).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Some other report that is not itself a repetition.
async fn original(demo: &Demo, dispatcher: &Person, report: &pb::Report) -> Result<Option<String>, Error> {
    let filter = pb::ReportFilter {
        statuses: vec![ReportStatus::Received.into(), ReportStatus::Accepted.into()],
        ..pb::ReportFilter::default()
    };
    let others = list_reports(demo, dispatcher, filter, 50).await?;
    let alike =
        others.iter().find(|other| other.category_id == report.category_id && other.report_id != report.report_id);
    let any = others.iter().find(|other| other.report_id != report.report_id);
    Ok(alike.or(any).map(|other| other.report_id.clone()))
}

/// Logs one incident and takes it where it belongs.
async fn incident(demo: &Demo, index: u64) -> Result<(), Error> {
    let mut random = Random::new(SEED, 50_000 + index);
    let goal = goal(&INCIDENT_GOALS, random.next() % 100);
    let dispatchers = demo.with_role(Role::Dispatcher);
    let dispatcher = some(&dispatchers, index)?;
    let request_id = random.uuid();
    let logged = log(demo, dispatcher, request_id, &mut random).await?;
    if logged.status() == IncidentStatus::New {
        advance_incident(demo, dispatcher, &logged.incident_id, goal, &mut random).await?;
    }
    Ok(())
}

async fn advance_incident(
    demo: &Demo,
    dispatcher: &Person,
    incident_id: &str,
    goal: IncidentStatus,
    random: &mut Random,
) -> Result<(), Error> {
    use IncidentStatus::{Assigned, Closed, Confirmed, InProgress, New, Rejected, Resolved};
    let steps: &[IncidentStatus] = match goal {
        Confirmed => &[Confirmed],
        Assigned => &[Confirmed, Assigned],
        InProgress => &[Confirmed, Assigned, InProgress],
        Resolved => &[Confirmed, InProgress, Resolved],
        Closed => &[Confirmed, InProgress, Resolved, Closed],
        Rejected => &[Rejected],
        _ => &[],
    };
    for status in steps {
        transition(demo, dispatcher, incident_id, *status, random).await?;
    }
    if goal != New && random.percent(40) {
        comment(demo, dispatcher, incident_id, random).await?;
    }
    Ok(())
}

/// The goal at this per cent.
fn goal<T: Copy + Default>(goals: &[(u64, T)], percent: u64) -> T {
    let mut sum = 0;
    let found = goals.iter().find(|(share, _)| {
        sum += share;
        percent < sum
    });
    found.map(|(_, goal)| *goal).unwrap_or_default()
}

/// One of them, in turn.
pub(super) fn some<'a>(people: &[&'a Person], index: u64) -> Result<&'a Person, Error> {
    let count = people.len().max(1) as u64;
    let found = usize::try_from(index % count).ok().and_then(|index| people.get(index));
    found.copied().ok_or_else(|| Error::internal("the demo lacks a role"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_goals_cover_every_case() {
        assert_eq!(REPORT_GOALS.iter().map(|(share, _)| share).sum::<u64>(), 100);
        assert_eq!(INCIDENT_GOALS.iter().map(|(share, _)| share).sum::<u64>(), 100);
        assert_eq!(goal(&INCIDENT_GOALS, 0), IncidentStatus::New);
        assert_eq!(goal(&INCIDENT_GOALS, 99), IncidentStatus::Rejected);
    }
}
