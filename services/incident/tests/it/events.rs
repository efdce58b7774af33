//! What the other services are told.

use kvartal_events::Event;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus as I, ReportStatus as S};

use crate::city::{Calls, City, Filing, crash, on_both, pothole};

on_both!(
    an_incidents_events_come_in_order_and_carry_it_whole,
    a_refused_change_tells_nothing,
    the_reporter_and_the_followers_are_told_of_a_reports_moves,
    a_repeated_request_tells_nothing_twice,
);

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.rsplit('.').next().unwrap()).collect()
}

async fn an_incidents_events_come_in_order_and_carry_it_whole(city: City) {
    let heard = city.listen().await;
    let dispatcher = city.dispatcher();
    let mut client = city.incidents(&dispatcher);
    let report = city.reports(&city.citizen()).file(pothole()).await;
    let request = pb::CreateIncidentRequest { report_ids: vec![report.report_id.clone()], ..crash() };
    let new = client.log(request).await;
    client.go(&new.incident_id, I::Confirmed).await.unwrap();
    let assign =
        pb::AssignIncidentRequest { incident_id: new.incident_id.clone(), team: "towing".into(), ..Default::default() };
    let assigned = client.assign_incident(assign).await.unwrap().into_inner().incident.unwrap();
    let update = pb::UpdateIncidentRequest {
        incident_id: new.incident_id.clone(),
        priority: pb::Priority::Critical.into(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["priority".into()] }),
        ..Default::default()
    };
    client.update_incident(update).await.unwrap();

    let events = heard.about(&new.incident_id, 5).await;
    assert_eq!(
        names(&events),
        ["IncidentCreated", "IncidentStatusChanged", "IncidentAssigned", "IncidentStatusChanged", "IncidentUpdated"]
    );
    assert_eq!(events[0].decode::<pb::IncidentCreated>().unwrap().incident.unwrap(), new);
    let moved: pb::IncidentStatusChanged = events[1].decode().unwrap();
    assert_eq!(moved.previous_status(), I::New);
    assert_eq!((moved.actor_id, moved.comment.as_str()), (dispatcher.name(), "so it is"));
    let given: pb::IncidentAssigned = events[2].decode().unwrap();
    assert_eq!(given.incident.unwrap(), assigned, "as it is after the whole change");
    let reports = heard.about(&report.report_id, 2).await;
    assert_eq!(names(&reports), ["ReportReceived", "ReportStatusChanged"], "linking accepts the report");
}

async fn a_refused_change_tells_nothing(city: City) {
    let heard = city.listen().await;
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    client.go(&new.incident_id, I::Closed).await.unwrap_err();
    client.go(&new.incident_id, I::Confirmed).await.unwrap();
    let events = heard.about(&new.incident_id, 2).await;
    assert_eq!(names(&events), ["IncidentCreated", "IncidentStatusChanged"]);
}

async fn the_reporter_and_the_followers_are_told_of_a_reports_moves(city: City) {
    let heard = city.listen().await;
    let (citizen, follower, dispatcher) = (city.citizen(), city.citizen(), city.dispatcher());
    let filed = city.reports(&citizen).file(pb::CreateReportRequest { anonymous: true, ..pothole() }).await;
    for who in [&follower, &citizen] {
        let follow = pb::SubscribeToReportRequest { report_id: filed.report_id.clone() };
        city.reports(who).subscribe_to_report(follow).await.unwrap();
    }
    city.reports(&dispatcher).reply(&filed.report_id, S::Fixed).await.unwrap();
    city.reports(&citizen).vote(&filed.report_id, false).await.unwrap();
    let events = heard.about(&filed.report_id, 3).await;
    assert_eq!(names(&events), ["ReportReceived", "ReportStatusChanged", "ReportStatusChanged"]);
    let received: pb::ReportReceived = events[0].decode().unwrap();
    assert_eq!(received.reporter_id, citizen.name());
    assert_eq!(received.report.unwrap().reporter_id, "", "the report itself names nobody");
    let moved: pb::ReportStatusChanged = events[1].decode().unwrap();
    assert_eq!(moved.audience, [citizen.name(), follower.name()]);
    assert_eq!(moved.previous_status(), S::Received);
    assert_eq!(moved.actor_id, dispatcher.name());
    assert_eq!(moved.report.unwrap().status(), S::Fixed);
    let opened: pb::ReportStatusChanged = events[2].decode().unwrap();
    assert_eq!(opened.actor_id, "", "an anonymous reporter is named nowhere");
}

async fn a_repeated_request_tells_nothing_twice(city: City) {
    let heard = city.listen().await;
    let mut client = city.incidents(&city.dispatcher());
    let request_id = kvartal_kernel::Uuid::new_v4().to_string();
    let request = pb::CreateIncidentRequest { request_id, ..crash() };
    let new = client.log(request.clone()).await;
    client.log(request).await;
    client.go(&new.incident_id, I::Confirmed).await.unwrap();
    let events = heard.about(&new.incident_id, 2).await;
    assert_eq!(names(&events), ["IncidentCreated", "IncidentStatusChanged"]);
}
