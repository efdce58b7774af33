//! What the city begins with: areas, reports and incidents in every state, the same in every run.
//!
//! Each thing has a request id made from the seed, so filling a city that is full already changes nothing: what exists
//! is given back, and only what still stands at its beginning is moved on.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt as _};
use kvartal_kernel::{Error, Kind, Role};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus, LaneState, Priority, ReportStatus};
use uuid::Uuid;

use super::city::SEED;
use super::people::Person;
use super::random::Random;
use super::{Demo, photo, words};

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
    let done = AtomicUsize::new(0);
    let reports = stream::iter(0..REPORTS)
        .map(|index| counted(&done, report(demo, &categories, index, fresh)))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let reports = survey(reports.await)?;
    let incidents = stream::iter(0..INCIDENTS)
        .map(|index| counted(&done, incident(demo, index)))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let incidents = survey(incidents.await)?;
    Ok(Made { reports, incidents })
}

async fn counted(done: &AtomicUsize, step: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let result = step.await;
    let count = done.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_multiple_of(50) {
        tracing::info!(count, of = REPORTS + INCIDENTS, "the demo city is being filled");
    }
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

/// What can be reported.
pub(super) async fn categories(demo: &Demo) -> Result<Vec<pb::Category>, Error> {
    let citizens = demo.with_role(Role::Citizen);
    let citizen = citizens.first().ok_or_else(|| Error::internal("the demo has no citizen"))?;
    let reports = &demo.town.reports;
    let answer = demo
        .town
        .call(citizen, pb::ListCategoriesRequest {}, |request| {
            let mut client = reports.clone();
            Box::pin(async move { client.list_categories(request).await })
        })
        .await?;
    if answer.categories.is_empty() { Err(Error::internal("nothing can be reported")) } else { Ok(answer.categories) }
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

/// A report that a citizen may write.
pub(super) fn filing(
    demo: &Demo,
    category: &pb::Category,
    request_id: Uuid,
    random: &mut Random,
) -> Result<pb::CreateReportRequest, Error> {
    let spot = demo.city.spot(random).ok_or_else(|| Error::internal("the demo city has no streets"))?;
    Ok(pb::CreateReportRequest {
        request_id: request_id.to_string(),
        category_id: category.category_id.clone(),
        description: words::report(&category.category_id, random),
        location: Some(lat_lng(spot.point)),
        address: spot.address,
        photo_ids: Vec::new(),
        answers: words::answers(category),
        anonymous: random.percent(15),
    })
}

/// Files it.
pub(super) async fn file(demo: &Demo, citizen: &Person, request: pb::CreateReportRequest) -> Result<pb::Report, Error> {
    let reports = &demo.town.reports;
    let answer = demo.town.call(citizen, request, |request| {
        let mut client = reports.clone();
        Box::pin(async move { client.create_report(request).await })
    });
    answer.await?.report.ok_or_else(|| Error::internal("a report was filed and not given back"))
}

/// Paints a photo and uploads it.
pub(super) async fn upload(demo: &Demo, citizen: &Person, random: &mut Random) -> Result<String, Error> {
    let content =
        photo::paint(random).map_err(|error| Error::internal("a demo photo could not be painted").because(error))?;
    let reports = &demo.town.reports;
    let answer = demo.town.call(citizen, pb::UploadPhotoRequest { content: content.into() }, |request| {
        let mut client = reports.clone();
        Box::pin(async move { client.upload_photo(request).await })
    });
    Ok(answer.await?.photo_id)
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

/// Lists reports, the last changed first.
pub(super) async fn list_reports(
    demo: &Demo,
    person: &Person,
    filter: pb::ReportFilter,
    page_size: u32,
) -> Result<Vec<pb::Report>, Error> {
    let reports = &demo.town.reports;
    let request = pb::ListReportsRequest { page_size, page_token: String::new(), filter: Some(filter) };
    let answer = demo.town.call(person, request, |request| {
        let mut client = reports.clone();
        Box::pin(async move { client.list_reports(request).await })
    });
    Ok(answer.await?.reports)
}

/// Answers a report.
pub(super) async fn answer(
    demo: &Demo,
    dispatcher: &Person,
    report_id: &str,
    status: ReportStatus,
    duplicate_of: &str,
    random: &mut Random,
) -> Result<(), Error> {
    let request = pb::AnswerReportRequest {
        report_id: report_id.to_owned(),
        status: status.into(),
        answer: words::answer(status, random),
        duplicate_of: duplicate_of.to_owned(),
        etag: String::new(),
    };
    let reports = &demo.town.reports;
    let answer = demo.town.call(dispatcher, request, |request| {
        let mut client = reports.clone();
        Box::pin(async move { client.answer_report(request).await })
    });
    answer.await.map(|_| ())
}

/// Says that it is there or fixed, or that it is not.
pub(super) async fn confirm(demo: &Demo, person: &Person, report_id: &str, confirmed: bool) -> Result<(), Error> {
    let request = pb::ConfirmReportRequest { report_id: report_id.to_owned(), confirmed, comment: String::new() };
    let reports = &demo.town.reports;
    let answer = demo.town.call(person, request, |request| {
        let mut client = reports.clone();
        Box::pin(async move { client.confirm_report(request).await })
    });
    answer.await.map(|_| ())
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

/// Logs an incident somewhere in the city.
pub(super) async fn log(
    demo: &Demo,
    dispatcher: &Person,
    request_id: Uuid,
    random: &mut Random,
) -> Result<pb::Incident, Error> {
    let (kind, title) = words::incident(random);
    let no_streets = || Error::internal("the demo city has no streets");
    let long = matches!(kind, pb::IncidentKind::Roadwork | pb::IncidentKind::Closure | pb::IncidentKind::Weather);
    let (points, road, address) = if long {
        let (points, road) = demo.city.stretch(random).ok_or_else(no_streets)?;
        (points, road, road.to_owned())
    } else {
        let spot = demo.city.spot(random).ok_or_else(no_streets)?;
        (vec![spot.point], spot.road, spot.address)
    };
    let lanes = (0..=random.below(3)).map(|_| *random.pick(&LANES).unwrap_or(&LaneState::Free) as i32).collect();
    let priorities = [Priority::Low, Priority::Normal, Priority::Normal, Priority::High, Priority::Critical];
    let request = pb::CreateIncidentRequest {
        request_id: request_id.to_string(),
        kind: kind.into(),
        priority: (*random.pick(&priorities).unwrap_or(&Priority::Normal)).into(),
        title,
        description: words::comment(random),
        place: Some(pb::Place {
            points: points.into_iter().map(lat_lng).collect(),
            road: road.to_owned(),
            address,
            direction: i32::try_from(1 + random.below(6)).unwrap_or(0),
        }),
        lanes,
        ..pb::CreateIncidentRequest::default()
    };
    let incidents = &demo.town.incidents;
    let answer = demo.town.call(dispatcher, request, |request| {
        let mut client = incidents.clone();
        Box::pin(async move { client.create_incident(request).await })
    });
    answer.await?.incident.ok_or_else(|| Error::internal("an incident was logged and not given back"))
}

const LANES: [LaneState; 4] = [LaneState::Free, LaneState::Affected, LaneState::Affected, LaneState::Blocked];

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

/// Moves an incident; ASSIGNED means giving it to a team.
pub(super) async fn transition(
    demo: &Demo,
    dispatcher: &Person,
    incident_id: &str,
    status: IncidentStatus,
    random: &mut Random,
) -> Result<(), Error> {
    let incidents = &demo.town.incidents;
    if status == IncidentStatus::Assigned {
        let team =
            demo.city.districts.get(random.below(demo.city.districts.len())).map_or("", |district| district.team);
        let request = pb::AssignIncidentRequest {
            incident_id: incident_id.to_owned(),
            assignee_id: String::new(),
            team: team.to_owned(),
            etag: String::new(),
        };
        let answer = demo.town.call(dispatcher, request, |request| {
            let mut client = incidents.clone();
            Box::pin(async move { client.assign_incident(request).await })
        });
        return answer.await.map(|_| ());
    }
    let request = pb::TransitionIncidentRequest {
        incident_id: incident_id.to_owned(),
        status: status.into(),
        comment: words::comment(random),
        etag: String::new(),
    };
    let answer = demo.town.call(dispatcher, request, |request| {
        let mut client = incidents.clone();
        Box::pin(async move { client.transition_incident(request).await })
    });
    answer.await.map(|_| ())
}

/// Says something about an incident.
pub(super) async fn comment(demo: &Demo, person: &Person, incident_id: &str, random: &mut Random) -> Result<(), Error> {
    let request =
        pb::AddIncidentCommentRequest { incident_id: incident_id.to_owned(), comment: words::comment(random) };
    let incidents = &demo.town.incidents;
    let answer = demo.town.call(person, request, |request| {
        let mut client = incidents.clone();
        Box::pin(async move { client.add_incident_comment(request).await })
    });
    answer.await.map(|_| ())
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

/// A point as the contract has it.
pub(super) fn lat_lng((latitude, longitude): (f64, f64)) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
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
