//! Jams that nothing explains and detectors that fail together are offered to dispatchers.

use kvartal_events::Event;
use kvartal_kernel::Clock as _;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::suggestion_service_client::SuggestionServiceClient;
use kvartal_proto::traffic::v1 as traffic;
use tonic::{Code, Status};

use crate::city::{Calls as _, City, Person, SOON, at, crash, on_both, reason};

on_both!(
    a_jam_becomes_an_incident_with_its_place_and_segments,
    a_jam_near_an_open_incident_is_explained,
    a_suggestion_expires_with_its_jams_and_jams_of_one_place_are_one,
    what_was_dismissed_is_not_suggested_again_for_two_hours,
    detectors_that_fail_together_are_suggested_and_single_ones_are_not,
    suggestions_are_for_dispatchers,
);

async fn publish(city: &City, message: &impl prost::Name) {
    // One subject: they are handled one after another.
    city.runtime.bus().publish(&[Event::new("traffic", "test", city.clock.now(), message)]).await.unwrap();
}

fn jam(number: u128, segments: &[&str]) -> traffic::Jam {
    traffic::Jam {
        jam_id: kvartal_kernel::Uuid::from_u128(number).to_string(),
        display_name: "Tverskaya, at the bridge".to_owned(),
        corridor: "T-N".to_owned(),
        head_location: Some(traffic::LatLng { latitude: 55.75, longitude: 37.61 }),
        segment_ids: segments.iter().map(|id| (*id).to_owned()).collect(),
        queue_length_m: 640.0,
        ..Default::default()
    }
}

fn started(jam: &traffic::Jam) -> traffic::JamStarted {
    traffic::JamStarted { jam: Some(jam.clone()) }
}

fn ended(jam: &traffic::Jam) -> traffic::JamEnded {
    traffic::JamEnded { jam: Some(jam.clone()) }
}

fn failed(id: &str, latitude: f64) -> traffic::DetectorFailed {
    traffic::DetectorFailed {
        detector_id: id.to_owned(),
        location: Some(traffic::LatLng { latitude, longitude: 37.61 }),
        segment_id: format!("of-{id}"),
        ..Default::default()
    }
}

async fn list(city: &City, status: pb::SuggestionStatus) -> Vec<pb::Suggestion> {
    let request = pb::ListSuggestionsRequest { status: status.into(), ..Default::default() };
    city.suggestions(&city.dispatcher()).list_suggestions(request).await.unwrap().into_inner().suggestions
}

/// Waits until the only suggestion in this status has so many members.
async fn only(city: &City, status: pb::SuggestionStatus, members: usize) -> pb::Suggestion {
    kvartal_testing::eventually(SOON, || async move {
        let found = list(city, status).await;
        let count = |one: &pb::Suggestion| {
            let link = one.traffic.clone().unwrap();
            link.jam_ids.len() + link.detector_ids.len()
        };
        match &found[..] {
            [one] if count(one) == members => Ok(one.clone()),
            _ => Err(found),
        }
    })
    .await
}

async fn accept(city: &City, who: &Person, of: &pb::Suggestion) -> Result<pb::AcceptSuggestionResponse, Status> {
    let request = pb::AcceptSuggestionRequest {
        suggestion_id: of.suggestion_id.clone(),
        etag: of.etag.clone(),
        title: "Something stands in the way".to_owned(),
        priority: pb::Priority::High.into(),
        ..Default::default()
    };
    Ok(city.suggestions(who).accept_suggestion(request).await?.into_inner())
}

async fn dismiss(city: &City, of: &pb::Suggestion, etag: &str) -> Result<pb::Suggestion, Status> {
    let request = pb::DismissSuggestionRequest {
        suggestion_id: of.suggestion_id.clone(),
        etag: etag.to_owned(),
        reason: "the match at the stadium".to_owned(),
    };
    let answer = city.suggestions(&city.dispatcher()).dismiss_suggestion(request).await?;
    Ok(answer.into_inner().suggestion.unwrap())
}

async fn a_jam_becomes_an_incident_with_its_place_and_segments(city: City) {
    let dispatcher = city.dispatcher();
    let heard = city.listen().await;
    let event = Event::new("traffic", "jam", city.clock.now(), &started(&jam(1, &["t2", "t1"])));
    city.runtime.bus().publish(&[event.clone(), event]).await.unwrap();
    let suggestion = only(&city, pb::SuggestionStatus::Open, 1).await;
    assert_eq!((suggestion.kind(), suggestion.points.len()), (pb::SuggestionKind::Jam, 1));
    assert_eq!((suggestion.display_name.as_str(), suggestion.queue_length_m), ("Tverskaya, at the bridge", 640.0));

    let made = accept(&city, &dispatcher, &suggestion).await.unwrap();
    let (accepted, incident) = (made.suggestion.unwrap(), made.incident.unwrap());
    assert_eq!((accepted.status(), &accepted.incident_id), (pb::SuggestionStatus::Accepted, &incident.incident_id));
    assert_eq!(accepted.actor_id, dispatcher.name());
    assert_eq!((incident.kind(), incident.priority()), (pb::IncidentKind::Hazard, pb::Priority::High));
    let place = incident.place.clone().unwrap();
    assert_eq!((place.points, place.road.as_str()), (vec![at(55.75, 37.61)], "T-N"));
    let link = incident.traffic.clone().unwrap();
    assert_eq!((link.jam_ids, link.segment_ids), (vec![jam(1, &[]).jam_id], vec!["t2".to_owned(), "t1".to_owned()]));
    assert_eq!(city.incidents(&dispatcher).see(&incident.incident_id).await, incident, "as it is read later");
    let told = heard.about(&incident.incident_id, 1).await;
    let told: pb::IncidentCreated = told[0].decode().unwrap();
    assert_eq!(told.incident.unwrap().traffic, incident.traffic);

    // Repeating gives the same; deciding otherwise comes too late; the end of the jam changes nothing.
    let again = accept(&city, &dispatcher, &suggestion).await.unwrap();
    assert_eq!(again.incident.unwrap().incident_id, incident.incident_id);
    assert_eq!(reason(&dismiss(&city, &suggestion, "").await.unwrap_err()), "SUGGESTION_NOT_OPEN");
    publish(&city, &ended(&jam(1, &[]))).await;
    publish(&city, &started(&jam(2, &["elsewhere"]))).await;
    // The second one is explained by the incident that the first became.
    publish(&city, &failed("a", 55.0)).await;
    publish(&city, &failed("b", 55.0)).await;
    publish(&city, &failed("c", 55.0)).await;
    only(&city, pb::SuggestionStatus::Open, 3).await;
    assert_eq!(list(&city, pb::SuggestionStatus::Accepted).await.len(), 1);
    assert_eq!(list(&city, pb::SuggestionStatus::Unspecified).await.len(), 2);
}

async fn a_jam_near_an_open_incident_is_explained(city: City) {
    let dispatcher = city.dispatcher();
    let mut incidents = city.incidents(&dispatcher);
    let cause = incidents.log(crash()).await;
    publish(&city, &started(&jam(1, &["t1"]))).await;
    let far =
        traffic::Jam { head_location: Some(traffic::LatLng { latitude: 55.76, longitude: 37.61 }), ..jam(2, &["t9"]) };
    publish(&city, &started(&far)).await;
    let only_far = only(&city, pb::SuggestionStatus::Open, 1).await;
    assert_eq!(only_far.traffic.unwrap().jam_ids, [far.jam_id]);
    // What is over explains nothing.
    incidents.go(&cause.incident_id, pb::IncidentStatus::Resolved).await.unwrap();
    publish(&city, &started(&jam(3, &["t1"]))).await;
    kvartal_testing::eventually(SOON, || async {
        let open = list(&city, pb::SuggestionStatus::Open).await;
        if open.len() == 2 { Ok(()) } else { Err(open) }
    })
    .await;
}

async fn a_suggestion_expires_with_its_jams_and_jams_of_one_place_are_one(city: City) {
    let (first, second) = (jam(1, &["t1", "t0"]), jam(2, &["t2", "t1"]));
    publish(&city, &started(&first)).await;
    publish(&city, &started(&second)).await;
    let both = only(&city, pb::SuggestionStatus::Open, 2).await;
    assert_eq!(both.traffic.unwrap().segment_ids, ["t1", "t0", "t2"]);
    publish(&city, &ended(&first)).await;
    publish(&city, &failed("a", 55.0)).await;
    let still = only(&city, pb::SuggestionStatus::Open, 2).await;
    publish(&city, &ended(&second)).await;
    let gone = only(&city, pb::SuggestionStatus::Expired, 2).await;
    assert_eq!(gone.suggestion_id, still.suggestion_id);
    assert_eq!(reason(&accept(&city, &city.dispatcher(), &still).await.unwrap_err()), "SUGGESTION_NOT_OPEN");
    // Kept for a month.
    city.clock.advance(std::time::Duration::from_secs(31 * 86_400));
    city.upkeep().prune_suggestions().await.unwrap();
    assert_eq!(list(&city, pb::SuggestionStatus::Unspecified).await, []);
}

async fn what_was_dismissed_is_not_suggested_again_for_two_hours(city: City) {
    publish(&city, &started(&jam(1, &["t1"]))).await;
    let suggestion = only(&city, pb::SuggestionStatus::Open, 1).await;
    assert_eq!(dismiss(&city, &suggestion, "v9").await.unwrap_err().code(), Code::Aborted);
    let dismissed = dismiss(&city, &suggestion, &suggestion.etag).await.unwrap();
    assert_eq!(
        (dismissed.status(), dismissed.reason.as_str()),
        (pb::SuggestionStatus::Dismissed, "the match at the stadium")
    );
    assert_eq!(dismiss(&city, &suggestion, &suggestion.etag).await.unwrap(), dismissed, "repeating changes nothing");
    publish(&city, &started(&jam(2, &["t1"]))).await;
    publish(&city, &started(&jam(3, &["elsewhere"]))).await;
    let other = only(&city, pb::SuggestionStatus::Open, 1).await;
    assert_eq!(other.traffic.unwrap().jam_ids, [jam(3, &[]).jam_id]);
    city.clock.advance(std::time::Duration::from_secs(2 * 3_600 + 60));
    publish(&city, &started(&jam(4, &["t1"]))).await;
    kvartal_testing::eventually(SOON, || async {
        let open = list(&city, pb::SuggestionStatus::Open).await;
        if open.len() == 2 { Ok(()) } else { Err(open) }
    })
    .await;
}

async fn detectors_that_fail_together_are_suggested_and_single_ones_are_not(city: City) {
    // Two here, one ten kilometres away, one without a place.
    publish(&city, &failed("a", 55.750)).await;
    publish(&city, &failed("far", 55.85)).await;
    publish(&city, &traffic::DetectorFailed { location: None, ..failed("nowhere", 0.0) }).await;
    publish(&city, &failed("b", 55.751)).await;
    assert_eq!(list(&city, pb::SuggestionStatus::Open).await, []);
    publish(&city, &failed("c", 55.752)).await;
    let three = only(&city, pb::SuggestionStatus::Open, 3).await;
    assert_eq!(three.kind(), pb::SuggestionKind::Detectors);
    assert_eq!(three.traffic.unwrap().segment_ids, ["of-a", "of-b", "of-c"]);
    publish(&city, &failed("d", 55.753)).await;
    let four = only(&city, pb::SuggestionStatus::Open, 4).await;
    assert_eq!(four.points.len(), 4);
    for id in ["a", "b", "c", "d"] {
        publish(&city, &traffic::DetectorRecovered { detector_id: id.to_owned(), ..Default::default() }).await;
    }
    only(&city, pb::SuggestionStatus::Expired, 4).await;
    // Those that recovered do not make a group with one that fails later.
    publish(&city, &failed("e", 55.753)).await;
    publish(&city, &started(&jam(1, &["t1"]))).await;
    only(&city, pb::SuggestionStatus::Open, 1).await;
}

async fn suggestions_are_for_dispatchers(city: City) {
    let ask = |who: Person| {
        let mut client: SuggestionServiceClient<_> = city.suggestions(&who);
        async move { client.list_suggestions(pb::ListSuggestionsRequest::default()).await.map(|_| ()) }
    };
    assert_eq!(ask(city.citizen()).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(ask(city.nobody()).await.unwrap_err().code(), Code::Unauthenticated);
    ask(city.dispatcher()).await.unwrap();
    let nothing =
        pb::Suggestion { suggestion_id: kvartal_kernel::Uuid::from_u128(9).to_string(), ..Default::default() };
    assert_eq!(accept(&city, &city.dispatcher(), &nothing).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(accept(&city, &city.person(&["admin"]), &nothing).await.unwrap_err().code(), Code::PermissionDenied);
}
