//! What people of the demo city do, each act one RPC by somebody who may make it.

use kvartal_kernel::{Error, Role};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus, LaneState, Priority, ReportStatus};
use uuid::Uuid;

use super::people::Person;
use super::random::Random;
use super::{Demo, photo, words};

const LANES: [LaneState; 4] = [LaneState::Free, LaneState::Affected, LaneState::Affected, LaneState::Blocked];

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

/// A point as the contract has it.
pub(super) fn lat_lng((latitude, longitude): (f64, f64)) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
}

/// Incidents on which something is still to be done.
pub(super) async fn open_incidents(demo: &Demo, dispatcher: &Person) -> Result<Vec<pb::Incident>, Error> {
    let statuses =
        [IncidentStatus::New, IncidentStatus::Confirmed, IncidentStatus::Assigned, IncidentStatus::InProgress];
    let filter = pb::IncidentFilter { statuses: statuses.map(i32::from).to_vec(), ..pb::IncidentFilter::default() };
    let request = pb::ListIncidentsRequest { page_size: 200, page_token: String::new(), filter: Some(filter) };
    let incidents = &demo.town.incidents;
    let answer = demo.town.call(dispatcher, request, |request| {
        let mut client = incidents.clone();
        Box::pin(async move { client.list_incidents(request).await })
    });
    Ok(answer.await?.incidents)
}
