//! Incidents through gRPC.

use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::IncidentStatus as S;
use tonic::Code;

use crate::city::{Calls, City, at, crash, on_both, reason};

on_both!(
    an_incident_goes_from_the_notice_to_the_last_check,
    a_repeated_request_gives_the_same_incident_and_another_content_is_refused,
    a_move_the_machine_does_not_know_is_refused_with_those_it_does,
    an_update_changes_what_the_mask_names,
    a_change_made_from_an_older_state_is_refused,
    concurrent_changes_are_all_kept,
    who_works_on_it_is_told_to_those_who_work_here,
    what_is_not_there_is_not_found,
    requests_that_contradict_themselves_are_refused,
);

async fn an_incident_goes_from_the_notice_to_the_last_check(city: City) {
    let dispatcher = city.dispatcher();
    let mut client = city.incidents(&dispatcher);
    let new = client.log(crash()).await;
    assert_eq!(new.status(), S::New);
    assert_eq!(new.priority(), pb::Priority::Normal);
    assert_eq!(client.see(&new.incident_id).await, new, "what was answered is what is kept");

    let patrol = city.person(&["patrol"]);
    client.go(&new.incident_id, S::Confirmed).await.unwrap();
    let assign = pb::AssignIncidentRequest {
        incident_id: new.incident_id.clone(),
        assignee_id: patrol.name(),
        team: "towing".to_owned(),
        etag: String::new(),
    };
    let assigned = client.assign_incident(assign).await.unwrap().into_inner().incident.unwrap();
    assert_eq!((assigned.status(), assigned.assignee_id), (S::Assigned, patrol.name()));
    let mut driver = city.incidents(&patrol);
    driver.go(&new.incident_id, S::InProgress).await.unwrap();
    let comment = pb::AddIncidentCommentRequest { incident_id: new.incident_id.clone(), comment: "two lanes".into() };
    driver.add_incident_comment(comment).await.unwrap();
    city.clock.advance(std::time::Duration::from_secs(1));
    driver.go(&new.incident_id, S::Resolved).await.unwrap();
    let closed = client.go(&new.incident_id, S::Closed).await.unwrap();
    assert_eq!(closed.status(), S::Closed);

    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            pb::ListIncidentTimelineRequest { incident_id: new.incident_id.clone(), page_size: 2, page_token };
        let page = client.list_incident_timeline(request).await.unwrap().into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let told: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.after.as_str())).collect();
    let responsible = format!("{} (towing)", patrol.name());
    assert_eq!(
        told,
        [
            ("created", "NEW"),
            ("status", "CONFIRMED"),
            ("assignment", responsible.as_str()),
            ("status", "ASSIGNED"),
            ("status", "IN_PROGRESS"),
            ("comment", ""),
            ("status", "RESOLVED"),
            ("status", "CLOSED"),
        ]
    );
    assert_eq!(entries[0].actor_id, dispatcher.name());
    assert_eq!(entries[4].actor_id, patrol.name());
}

async fn a_repeated_request_gives_the_same_incident_and_another_content_is_refused(city: City) {
    let dispatcher = city.dispatcher();
    let mut client = city.incidents(&dispatcher);
    let request = pb::CreateIncidentRequest { request_id: Uuid::new_v4().to_string(), ..crash() };
    let first = client.log(request.clone()).await;
    assert_eq!(client.log(request.clone()).await, first);

    let mut others = Vec::new();
    for _ in 0..8 {
        let (mut client, request) = (city.incidents(&dispatcher), request.clone());
        others.push(tokio::spawn(async move { client.log(request).await.incident_id }));
    }
    for other in others {
        assert_eq!(other.await.unwrap(), first.incident_id);
    }

    let changed = pb::CreateIncidentRequest { title: "Three cars".into(), ..request.clone() };
    let refused = client.create_incident(changed).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    let theirs = city.incidents(&city.dispatcher()).log(request).await;
    assert_ne!(theirs.incident_id, first.incident_id, "each caller has names of its own");
}

async fn a_move_the_machine_does_not_know_is_refused_with_those_it_does(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    let refused = client.go(&new.incident_id, S::Closed).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "TRANSITION_NOT_ALLOWED"));
    assert!(refused.message().contains("CONFIRMED,ASSIGNED,IN_PROGRESS,RESOLVED,REJECTED"), "{}", refused.message());
    let nobody = client.go(&new.incident_id, S::Assigned).await.unwrap_err();
    assert_eq!(reason(&nobody), "NOBODY_ASSIGNED");
    assert_eq!(client.see(&new.incident_id).await, new, "a refused move leaves no trace");
}

async fn an_update_changes_what_the_mask_names(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    let request = pb::UpdateIncidentRequest {
        incident_id: new.incident_id.clone(),
        title: "Three cars".into(),
        description: "not named".into(),
        lanes: vec![pb::LaneState::Blocked.into(), pb::LaneState::Unspecified.into()],
        place: Some(pb::Place { points: vec![at(55.7, 37.6), at(55.71, 37.61)], direction: 6, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["title".into(), "lanes".into(), "place".into()] }),
        ..Default::default()
    };
    let changed = client.update_incident(request.clone()).await.unwrap().into_inner().incident.unwrap();
    assert_eq!(changed.title, "Three cars");
    assert_eq!(changed.description, "");
    assert_eq!(changed.lanes, request.lanes);
    assert_eq!(changed.place, request.place);
    assert_ne!(changed.etag, new.etag);
    let stale = pb::UpdateIncidentRequest { etag: new.etag, ..request.clone() };
    let again = client.update_incident(stale).await.unwrap().into_inner().incident.unwrap();
    assert_eq!(again, changed, "a repeated call finds its work done");

    for paths in [vec![], vec!["status".to_owned()], vec!["title".to_owned()], vec!["kind".to_owned()]] {
        let update_mask = Some(prost_types::FieldMask { paths: paths.clone() });
        let wrong = pb::UpdateIncidentRequest { title: " ".into(), update_mask, ..request.clone() };
        assert_eq!(client.update_incident(wrong).await.unwrap_err().code(), Code::InvalidArgument, "{paths:?}");
    }
}

async fn a_change_made_from_an_older_state_is_refused(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    client.go(&new.incident_id, S::Confirmed).await.unwrap();
    let request = pb::TransitionIncidentRequest {
        incident_id: new.incident_id,
        status: S::InProgress.into(),
        etag: new.etag,
        ..Default::default()
    };
    let refused = client.transition_incident(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));
}

async fn concurrent_changes_are_all_kept(city: City) {
    let dispatcher = city.dispatcher();
    let new = city.incidents(&dispatcher).log(crash()).await;
    let calls = (0..20).map(|number| {
        let (mut client, id) = (city.incidents(&dispatcher), new.incident_id.clone());
        tokio::spawn(async move {
            let request = pb::UpdateIncidentRequest {
                incident_id: id,
                description: format!("{number}"),
                update_mask: Some(prost_types::FieldMask { paths: vec!["description".into()] }),
                ..Default::default()
            };
            client.update_incident(request).await.unwrap().into_inner().incident.unwrap().etag
        })
    });
    let mut etags = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        etags.push(call.await.unwrap());
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 20, "each change has its own state after it");
    let request =
        pb::ListIncidentTimelineRequest { incident_id: new.incident_id, page_size: 200, page_token: String::new() };
    let timeline = city.incidents(&dispatcher).list_incident_timeline(request).await.unwrap().into_inner().entries;
    assert_eq!(timeline.len(), 21);
}

async fn who_works_on_it_is_told_to_those_who_work_here(city: City) {
    let patrol = city.person(&["patrol"]);
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    let assign = pb::AssignIncidentRequest {
        incident_id: new.incident_id.clone(),
        assignee_id: patrol.name(),
        ..Default::default()
    };
    client.assign_incident(assign).await.unwrap();
    for (who, told) in [(city.nobody(), false), (city.citizen(), false), (patrol.clone(), true)] {
        let seen = city.incidents(&who).see(&new.incident_id).await;
        assert_eq!(!seen.assignee_id.is_empty(), told);
        let filter = Some(pb::IncidentFilter { assignee_id: patrol.name(), ..Default::default() });
        let request = pb::ListIncidentsRequest { filter, ..Default::default() };
        let list = city.incidents(&who).list_incidents(request).await;
        match list {
            Ok(list) => assert!(told && list.into_inner().incidents.len() == 1),
            Err(refused) => assert!(!told && refused.code() == Code::PermissionDenied),
        }
    }
}

async fn what_is_not_there_is_not_found(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let incident_id = Uuid::new_v4().to_string();
    let found = client.get_incident(pb::GetIncidentRequest { incident_id: incident_id.clone() }).await;
    assert_eq!(reason(&found.unwrap_err()), "INCIDENT_NOT_FOUND");
    assert_eq!(client.go(&incident_id, S::Confirmed).await.unwrap_err().code(), Code::NotFound);
    let comment = pb::AddIncidentCommentRequest { incident_id: incident_id.clone(), comment: "?".into() };
    assert_eq!(client.add_incident_comment(comment).await.unwrap_err().code(), Code::NotFound);
    let timeline = pb::ListIncidentTimelineRequest { incident_id, ..Default::default() };
    assert_eq!(client.list_incident_timeline(timeline).await.unwrap_err().code(), Code::NotFound);
    let unknown = pb::CreateIncidentRequest { report_ids: vec![Uuid::new_v4().to_string()], ..crash() };
    assert_eq!(client.create_incident(unknown).await.unwrap_err().code(), Code::NotFound);
}

async fn requests_that_contradict_themselves_are_refused(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let moment = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let backwards = pb::CreateIncidentRequest { start_time: moment(20), end_time: moment(10), ..crash() };
    let bounds = Some(pb::BoundingBox { low: Some(at(56.0, 37.0)), high: Some(at(55.0, 38.0)) });
    let filter = Some(pb::IncidentFilter { bounds, ..Default::default() });
    let refused = client.list_incidents(pb::ListIncidentsRequest { filter, ..Default::default() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for wrong in [
        backwards,
        pb::CreateIncidentRequest { title: "  ".into(), ..crash() },
        pb::CreateIncidentRequest { place: None, ..crash() },
        pb::CreateIncidentRequest { place: Some(pb::Place::default()), ..crash() },
        pb::CreateIncidentRequest { kind: 0, ..crash() },
        pb::CreateIncidentRequest { lanes: vec![99], ..crash() },
    ] {
        assert_eq!(client.create_incident(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let citizen = city.incidents(&city.citizen()).create_incident(crash()).await.unwrap_err();
    assert_eq!(citizen.code(), Code::PermissionDenied);
    let nobody = city.incidents(&city.nobody()).create_incident(crash()).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
}
