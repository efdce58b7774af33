//! Reports through gRPC: from the filing to the fix.

use std::collections::HashMap;

use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::ReportStatus as S;
use tonic::Code;

use crate::city::{Calls, City, Filing, crash, on_both, pothole, reason};

on_both!(
    a_report_goes_from_the_filing_to_the_confirmed_fix,
    a_repeated_filing_gives_the_same_report,
    a_tracking_number_leads_to_its_report,
    answers_are_checked_against_the_questions,
    a_report_follows_its_incident,
    a_report_becomes_an_incident_once,
    photos_belong_to_one_report_of_their_owner,
);

async fn a_report_goes_from_the_filing_to_the_confirmed_fix(city: City) {
    let citizen = city.citizen();
    let mut mine = city.reports(&citizen);
    let filed = mine.file(pothole()).await;
    assert_eq!(filed.status(), S::Received);
    assert_eq!(filed.reporter_id, citizen.name());
    let due = filed.answer_due_time.unwrap().seconds;
    assert_eq!(due, kvartal_kernel::Timestamp::parse("2026-12-02T09:00:00Z").unwrap().seconds(), "8 working days");

    let dispatcher = city.dispatcher();
    let mut theirs = city.reports(&dispatcher);
    theirs.reply(&filed.report_id, S::Accepted).await.unwrap();
    let refused = theirs.reply(&filed.report_id, S::Closed).await.unwrap_err();
    assert_eq!(reason(&refused), "TRANSITION_NOT_ALLOWED");
    theirs.reply(&filed.report_id, S::Fixed).await.unwrap();
    let opened = mine.vote(&filed.report_id, false).await.unwrap();
    assert_eq!(opened.status(), S::Accepted, "the reporter says no");
    theirs.reply(&filed.report_id, S::Fixed).await.unwrap();
    let closed = mine.vote(&filed.report_id, true).await.unwrap();
    assert_eq!(closed.status(), S::Closed);
    assert_eq!(mine.vote(&filed.report_id, true).await.unwrap_err().code(), Code::FailedPrecondition);

    let seen = city.reports(&city.nobody()).look(&filed.report_id).await.unwrap();
    let told: Vec<_> = seen.timeline.iter().map(|entry| (entry.action.as_str(), entry.after.as_str())).collect();
    assert_eq!(
        told,
        [
            ("created", "RECEIVED"),
            ("status", "ACCEPTED"),
            ("status", "FIXED"),
            ("refuted", ""),
            ("status", "ACCEPTED"),
            ("status", "FIXED"),
            ("confirmed", ""),
            ("status", "CLOSED"),
        ]
    );
    assert!(seen.timeline.iter().all(|entry| entry.actor_id.is_empty()), "the public does not learn who");
    assert_eq!(seen.report.unwrap().answer, "so it is");
    let seen = theirs.look(&filed.report_id).await.unwrap();
    assert_eq!(seen.timeline[0].actor_id, citizen.name());
    assert_eq!(seen.timeline[1].actor_id, dispatcher.name());
}

async fn a_repeated_filing_gives_the_same_report(city: City) {
    for who in [city.citizen(), city.nobody()] {
        let mut client = city.reports(&who);
        let answers = HashMap::from([("size".to_owned(), "large".to_owned()), ("lane".to_owned(), "2".to_owned())]);
        let request = pb::CreateReportRequest { request_id: Uuid::new_v4().to_string(), answers, ..pothole() };
        let first = client.file(request.clone()).await;
        assert_eq!(client.file(request.clone()).await, first);
        let changed = pb::CreateReportRequest { description: "another".into(), ..request };
        let refused = client.create_report(changed).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }
}

async fn a_tracking_number_leads_to_its_report(city: City) {
    let mut client = city.reports(&city.nobody());
    let filed = client.file(pothole()).await;
    let number = &filed.tracking_number;
    for typed in [number.clone(), number.to_lowercase(), number.replace('-', ""), number[3..].to_owned()] {
        let seen = client.look(&typed).await.unwrap().report.unwrap();
        assert_eq!(seen.report_id, filed.report_id);
    }
    let mut wrong = number.clone().into_bytes();
    let last = wrong.len() - 1;
    wrong[last] = if wrong[last] == b'X' { b'Y' } else { b'X' };
    let refused = client.look(&String::from_utf8(wrong).unwrap()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(client.look(&Uuid::new_v4().to_string()).await.unwrap_err().code(), Code::NotFound);
}

async fn answers_are_checked_against_the_questions(city: City) {
    let mut client = city.reports(&city.citizen());
    let crash = pb::CreateReportRequest { category_id: "crash".into(), ..pothole() };
    let unanswered = client.create_report(crash.clone()).await.unwrap_err();
    assert_eq!(unanswered.code(), Code::InvalidArgument);
    let answer = |key: &str, answer: &str| HashMap::from([(key.to_owned(), answer.to_owned())]);
    for answers in [answer("injured", "maybe"), answer("colour", "red")] {
        let request = pb::CreateReportRequest { answers, ..crash.clone() };
        assert_eq!(client.create_report(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let good = pb::CreateReportRequest { answers: answer("injured", "no"), ..crash };
    assert_eq!(client.file(good).await.answers["injured"], "no");
    let unknown = pb::CreateReportRequest { category_id: "ufo".into(), ..pothole() };
    assert_eq!(client.create_report(unknown).await.unwrap_err().code(), Code::InvalidArgument);
}

async fn a_report_follows_its_incident(city: City) {
    let dispatcher = city.dispatcher();
    let (mut incidents, mut reports) = (city.incidents(&dispatcher), city.reports(&dispatcher));
    let first = city.reports(&city.citizen()).file(pothole()).await;
    let second = city.reports(&city.citizen()).file(pothole()).await;
    let request = pb::CreateIncidentRequest { report_ids: vec![first.report_id.clone()], ..crash() };
    let incident = incidents.log(request).await;
    assert_eq!(incident.report_ids, std::slice::from_ref(&first.report_id));
    let link = pb::LinkReportRequest {
        report_id: second.report_id.clone(),
        incident_id: incident.incident_id.clone(),
        ..Default::default()
    };
    let linked = reports.link_report(link.clone()).await.unwrap().into_inner();
    assert_eq!(linked.incident.unwrap().report_ids.len(), 2);
    assert_eq!(linked.report.unwrap().status(), S::Accepted);
    reports.link_report(link).await.unwrap();

    use pb::IncidentStatus as I;
    for (to, follows) in [
        (I::InProgress, S::InProgress),
        (I::Resolved, S::Fixed),
        (I::InProgress, S::InProgress),
        (I::Rejected, S::Rejected),
    ] {
        incidents.go(&incident.incident_id, to).await.unwrap();
        for report in [&first, &second] {
            let seen = reports.look(&report.report_id).await.unwrap().report.unwrap();
            assert_eq!((seen.status(), seen.incident_id), (follows, incident.incident_id.clone()));
        }
    }
    let unlink = pb::UnlinkReportRequest { report_id: first.report_id.clone() };
    let free = reports.unlink_report(unlink).await.unwrap().into_inner().report.unwrap();
    assert_eq!((free.incident_id.as_str(), free.status()), ("", S::Rejected));
    assert_eq!(incidents.see(&incident.incident_id).await.report_ids, std::slice::from_ref(&second.report_id));
    let filter = Some(pb::ReportFilter { incident_id: incident.incident_id, ..Default::default() });
    let listed = reports.list_reports(pb::ListReportsRequest { filter, ..Default::default() }).await.unwrap();
    assert_eq!(listed.into_inner().reports.len(), 1);
    let other = incidents.log(crash()).await;
    let link =
        pb::LinkReportRequest { report_id: second.report_id, incident_id: other.incident_id, ..Default::default() };
    assert_eq!(reason(&reports.link_report(link).await.unwrap_err()), "LINKED_ALREADY");
}

async fn a_report_becomes_an_incident_once(city: City) {
    let mut reports = city.reports(&city.dispatcher());
    let filed = city.reports(&city.citizen()).file(pothole()).await;
    let link = pb::LinkReportRequest {
        report_id: filed.report_id.clone(),
        kind: pb::IncidentKind::Infrastructure.into(),
        priority: pb::Priority::High.into(),
        ..Default::default()
    };
    let made = reports.link_report(link.clone()).await.unwrap().into_inner();
    let incident = made.incident.unwrap();
    assert_eq!(incident.kind(), pb::IncidentKind::Infrastructure);
    assert_eq!(incident.priority(), pb::Priority::High);
    assert_eq!(incident.title, filed.description);
    assert_eq!(incident.place.unwrap().points, [filed.location.unwrap()]);
    assert_eq!(incident.report_ids, [filed.report_id]);
    let again = reports.link_report(link).await.unwrap().into_inner();
    assert_eq!(again.incident.unwrap().incident_id, incident.incident_id);
}

async fn photos_belong_to_one_report_of_their_owner(city: City) {
    use kvartal_incident::application::ports::Photos as _;
    use kvartal_incident::domain::photo::{Photo, PhotoId, ProcessedPhoto};
    use kvartal_incident::infrastructure::StoredPhotos;
    use kvartal_kernel::Clock as _;

    let citizen = city.citizen();
    let photos = StoredPhotos::new(city.store.clone());
    let store = async |owner: String| {
        let id = PhotoId(Uuid::new_v4());
        let photo = Photo { id, owner, created: city.clock.now(), report: None };
        let picture = ProcessedPhoto { full: vec![1], thumbnail: vec![2], width: 1, height: 1, location: None };
        photos.store(photo, picture).await.unwrap();
        id.to_string()
    };
    let (mine, theirs) = (store(citizen.name()).await, store(city.citizen().name()).await);
    let with = |photo_ids: &[&String]| pb::CreateReportRequest {
        photo_ids: photo_ids.iter().map(|id| (*id).clone()).collect(),
        ..pothole()
    };
    let mut client = city.reports(&citizen);
    for wrong in [with(&[&mine, &theirs]), with(&[&Uuid::new_v4().to_string()])] {
        assert_eq!(reason(&client.create_report(wrong).await.unwrap_err()), "PHOTO_NOT_AVAILABLE");
    }
    let request_id = Uuid::new_v4().to_string();
    let request = pb::CreateReportRequest { request_id, ..with(&[&mine]) };
    let filed = client.file(request.clone()).await;
    assert_eq!(filed.photo_ids, std::slice::from_ref(&mine));
    assert_eq!(client.file(request).await.report_id, filed.report_id, "a repeated filing keeps its photos");
    assert_eq!(reason(&client.create_report(with(&[&mine])).await.unwrap_err()), "PHOTO_NOT_AVAILABLE");

    let get = |photo_id: &String| pb::GetPhotoRequest { photo_id: photo_id.clone(), thumbnail: true };
    let mut public = city.reports(&city.nobody());
    assert_eq!(public.get_photo(get(&mine)).await.unwrap().into_inner().content, vec![2]);
    assert_eq!(public.get_photo(get(&theirs)).await.unwrap_err().code(), Code::NotFound, "not filed yet");
    let hide = pb::ModerateReportRequest { report_id: filed.report_id, hidden: true, reason: "a face".into() };
    city.reports(&city.person(&["moderator"])).moderate_report(hide).await.unwrap();
    assert_eq!(public.get_photo(get(&mine)).await.unwrap_err().code(), Code::NotFound);
    assert!(client.get_photo(get(&mine)).await.is_ok());

    let late = store(citizen.name()).await;
    city.clock.advance(std::time::Duration::from_hours(25));
    assert_eq!(reason(&client.create_report(with(&[&late])).await.unwrap_err()), "PHOTO_NOT_AVAILABLE");
}
