//! Streams: nothing is lost, nothing is told twice.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus as I, ReportStatus as S};
use tokio::time::timeout;
use tonic::{Code, Streaming};

use crate::city::{Calls, City, Filing, SOON, Versions, at, crash, on_both, pothole, reason, version};

on_both!(
    a_stream_tells_what_changes_from_now_on,
    a_stream_resumes_where_it_ended,
    streams_cut_while_writes_go_on_lose_and_repeat_nothing,
    a_slow_reader_gets_the_last_state_of_everything,
    what_leaves_a_filter_is_told_once_more,
    a_hidden_report_leaves_the_dispatchers_stream,
    a_token_that_leads_nowhere_is_refused,
    streams_end_when_the_process_stops,
);

async fn watch(
    city: &City,
    filter: Option<pb::IncidentFilter>,
    resume_token: &str,
) -> Streaming<pb::WatchIncidentsResponse> {
    let request = pb::WatchIncidentsRequest { filter, resume_token: resume_token.to_owned() };
    city.incidents(&city.nobody()).watch_incidents(request).await.unwrap().into_inner()
}

/// The next incident, and the token after it.
async fn next(stream: &mut Streaming<pb::WatchIncidentsResponse>) -> (pb::Incident, String) {
    let next = async {
        loop {
            let message = stream.message().await.unwrap().unwrap();
            if let Some(incident) = message.incident {
                return (incident, message.resume_token);
            }
        }
    };
    timeout(SOON, next).await.unwrap()
}

/// The first message says where the stream begins.
async fn start(stream: &mut Streaming<pb::WatchIncidentsResponse>) -> String {
    let first = timeout(SOON, stream.message()).await.unwrap().unwrap().unwrap();
    assert!(first.incident.is_none());
    first.resume_token
}

async fn a_stream_tells_what_changes_from_now_on(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    client.log(crash()).await;
    let mut stream = watch(&city, None, "").await;
    start(&mut stream).await;
    let new = client.log(crash()).await;
    assert_eq!(next(&mut stream).await.0, new);
    let moved = client.go(&new.incident_id, I::Confirmed).await.unwrap();
    assert_eq!(next(&mut stream).await.0, moved);
    city.reports(&city.citizen()).file(pothole()).await;
    let other = client.log(crash()).await;
    assert_eq!(next(&mut stream).await.0, other, "reports are told elsewhere");
}

async fn a_stream_resumes_where_it_ended(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let mut stream = watch(&city, None, "").await;
    let beginning = start(&mut stream).await;
    let (first, second) = (client.log(crash()).await, client.log(crash()).await);
    let (told, after_first) = next(&mut stream).await;
    assert_eq!(told, first);
    drop(stream);
    let third = client.log(crash()).await;
    let mut resumed = watch(&city, None, &after_first).await;
    assert_eq!(start(&mut resumed).await, after_first);
    assert_eq!(next(&mut resumed).await.0, second);
    let (told, after_third) = next(&mut resumed).await;
    assert_eq!(told, third);
    let mut all = watch(&city, None, &beginning).await;
    for expected in [&first, &second, &third] {
        assert_eq!(next(&mut all).await.0, *expected);
    }
    let mut nothing = watch(&city, None, &after_third).await;
    start(&mut nothing).await;
    let fourth = client.log(crash()).await;
    assert_eq!(next(&mut nothing).await.0, fourth);
}

/// Takes turns between replicas and lives a few messages with each stream; returns what was told in order.
async fn cut_again_and_again(
    cities: &[Arc<City>],
    done: &AtomicBool,
    last: impl Fn(&Versions) -> bool,
) -> Vec<(String, i64)> {
    let (mut told, mut latest) = (Vec::new(), Versions::new());
    let mut token = start(&mut watch(&cities[0], None, "").await).await;
    for turn in 0_usize.. {
        let mut stream = watch(&cities[turn % cities.len()], None, &token).await;
        for _ in 0..=(turn * 7 % 23) {
            // A moment of silence is a cut as well.
            let Ok(message) = timeout(Duration::from_millis(300), stream.message()).await else { break };
            let message = message.unwrap().unwrap();
            token = message.resume_token;
            if let Some(incident) = message.incident {
                latest.insert(incident.incident_id.clone(), version(&incident.etag));
                told.push((incident.incident_id, version(&incident.etag)));
            }
        }
        if done.load(Ordering::SeqCst) && last(&latest) {
            break;
        }
    }
    told
}

async fn streams_cut_while_writes_go_on_lose_and_repeat_nothing(city: City) {
    let mut cities = vec![Arc::new(city)];
    if cities[0].store.is_postgres() {
        let replica = cities[0].replica().await;
        cities.push(Arc::new(replica));
    }
    let done = Arc::new(AtomicBool::new(false));
    let finals = Arc::new(std::sync::Mutex::new(Versions::new()));
    let (reader, reader_done, reader_finals) = (cities.clone(), done.clone(), finals.clone());
    let told = tokio::spawn(async move {
        let complete = |latest: &Versions| {
            let finals = reader_finals.lock().unwrap();
            finals.iter().all(|(id, version)| latest.get(id) == Some(version))
        };
        timeout(Duration::from_secs(120), cut_again_and_again(&reader, &reader_done, complete)).await.unwrap()
    });
    let first = watch(&cities[0], None, "").await;
    drop(first);
    let writers = (0..6_usize).map(|writer| {
        let (city, finals) = (cities[writer % cities.len()].clone(), finals.clone());
        tokio::spawn(async move {
            let mut client = city.incidents(&city.dispatcher());
            let mut mine = Vec::new();
            for round in 0..60_usize {
                if round % 3 == 0 {
                    mine.push(client.log(crash()).await.incident_id);
                }
                let id = &mine[round * 7 % mine.len()];
                let request = pb::UpdateIncidentRequest {
                    incident_id: id.clone(),
                    description: format!("{writer} {round}"),
                    update_mask: Some(prost_types::FieldMask { paths: vec!["description".into()] }),
                    ..Default::default()
                };
                client.update_incident(request).await.unwrap();
            }
            for id in mine {
                let seen = client.see(&id).await;
                finals.lock().unwrap().insert(id, version(&seen.etag));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    // The reader may have begun after the first writes: one more change of everything is certainly told.
    let ids: Vec<String> = finals.lock().unwrap().keys().cloned().collect();
    let mut client = cities[0].incidents(&cities[0].dispatcher());
    for id in ids {
        let moved = client.go(&id, I::Confirmed).await.unwrap();
        finals.lock().unwrap().insert(id, version(&moved.etag));
    }
    done.store(true, Ordering::SeqCst);
    let told = told.await.unwrap();
    let mut latest = HashMap::new();
    for (id, version) in &told {
        let before = latest.insert(id, *version);
        assert!(before.is_none_or(|before| before < *version), "{id} was told twice or out of order");
    }
    let finals = finals.lock().unwrap();
    assert_eq!(latest.len(), finals.len());
    assert!(told.len() > finals.len(), "the reader read while others wrote");
}

async fn a_slow_reader_gets_the_last_state_of_everything(city: City) {
    let dispatcher = city.dispatcher();
    let mut client = city.incidents(&dispatcher);
    let mut stream = watch(&city, None, "").await;
    start(&mut stream).await;
    // Nobody reads while much more happens than is kept in memory for a stream.
    let mut finals = Versions::new();
    for _ in 0..5 {
        let new = client.log(crash()).await;
        finals.insert(new.incident_id, 1);
    }
    let updates = (0..600_usize).map(|round| {
        let mut client = client.clone();
        let ids: Vec<String> = finals.keys().cloned().collect();
        async move {
            let request = pb::UpdateIncidentRequest {
                incident_id: ids[round % ids.len()].clone(),
                description: format!("{round}"),
                update_mask: Some(prost_types::FieldMask { paths: vec!["description".into()] }),
                ..Default::default()
            };
            client.update_incident(request).await.unwrap().into_inner().incident.unwrap()
        }
    });
    for changed in futures::stream::iter(updates).buffer_unordered(16).collect::<Vec<_>>().await {
        let known = finals.get_mut(&changed.incident_id).unwrap();
        *known = (*known).max(version(&changed.etag));
    }
    let mut latest = Versions::new();
    let mut messages = 0;
    while latest != finals {
        let (incident, _) = next(&mut stream).await;
        messages += 1;
        let version = version(&incident.etag);
        let before = latest.insert(incident.incident_id, version);
        assert!(before.is_none_or(|before| before < version));
    }
    assert!(messages < 600, "several changes of one incident are told as one");
}

async fn what_leaves_a_filter_is_told_once_more(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    let statuses = pb::IncidentFilter { statuses: vec![I::New.into()], ..Default::default() };
    let bounds = Some(pb::BoundingBox { low: Some(at(55.7, 37.6)), high: Some(at(55.8, 37.7)) });
    let here = pb::IncidentFilter { bounds, ..Default::default() };
    let elsewhere = pb::IncidentFilter {
        bounds: Some(pb::BoundingBox { low: Some(at(10.0, 10.0)), high: Some(at(11.0, 11.0)) }),
        ..Default::default()
    };
    let mut by_status = watch(&city, Some(statuses), "").await;
    let mut by_place = watch(&city, Some(here), "").await;
    let mut away = watch(&city, Some(elsewhere), "").await;
    for stream in [&mut by_status, &mut by_place, &mut away] {
        start(stream).await;
    }
    let moved = client.go(&new.incident_id, I::Confirmed).await.unwrap();
    assert_eq!(next(&mut by_status).await.0, moved, "it left the statuses");
    let request = pb::UpdateIncidentRequest {
        incident_id: new.incident_id.clone(),
        place: Some(pb::Place { points: vec![at(10.5, 10.5)], ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["place".into()] }),
        ..Default::default()
    };
    let gone = client.update_incident(request).await.unwrap().into_inner().incident.unwrap();
    let other = client.log(crash()).await;
    assert_eq!(next(&mut by_status).await.0, other, "what had left before is not told");
    loop {
        // The move may have been told before, or together with this.
        let (told, _) = next(&mut by_place).await;
        if told == gone {
            break;
        }
        assert_eq!(told, moved);
    }
    assert_eq!(next(&mut by_place).await.0, other);
    assert_eq!(next(&mut away).await.0, gone);
}

async fn a_hidden_report_leaves_the_dispatchers_stream(city: City) {
    let (dispatcher, moderator) = (city.dispatcher(), city.person(&["moderator"]));
    let open = async |who| {
        let request = pb::WatchReportsRequest::default();
        let mut stream = city.reports(who).watch_reports(request).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().unwrap().report.is_none());
        stream
    };
    let told = async |stream: &mut Streaming<pb::WatchReportsResponse>| {
        timeout(SOON, stream.message()).await.unwrap().unwrap().unwrap().report.unwrap()
    };
    let (mut theirs, mut all) = (open(&dispatcher).await, open(&moderator).await);
    let citizen = city.citizen();
    let filed = city.reports(&citizen).file(pothole()).await;
    for stream in [&mut theirs, &mut all] {
        let seen = told(stream).await;
        assert_eq!((seen.report_id, seen.reporter_id), (filed.report_id.clone(), citizen.name()));
    }
    let hide = pb::ModerateReportRequest { report_id: filed.report_id.clone(), hidden: true, reason: "rude".into() };
    city.reports(&moderator).moderate_report(hide).await.unwrap();
    let gone = told(&mut theirs).await;
    assert_eq!(gone, pb::Report { report_id: filed.report_id.clone(), hidden: true, ..Default::default() });
    assert_eq!(told(&mut all).await.description, filed.description);
    city.reports(&citizen).vote(&filed.report_id, true).await.unwrap();
    let other = city.reports(&citizen).file(pothole()).await;
    let seen = told(&mut theirs).await;
    assert_eq!((seen.status(), seen.report_id), (S::Received, other.report_id), "what is hidden is told no more");
    let refused = city.reports(&citizen).watch_reports(pb::WatchReportsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

async fn a_token_that_leads_nowhere_is_refused(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let mut stream = watch(&city, None, "").await;
    let old = start(&mut stream).await;
    let mut public = city.incidents(&city.nobody());
    let mut open = async |resume_token: &str| {
        let request = pb::WatchIncidentsRequest { filter: None, resume_token: resume_token.to_owned() };
        public.watch_incidents(request).await
    };
    assert_eq!(open("nonsense").await.unwrap_err().code(), Code::InvalidArgument);
    let request = pb::WatchReportsRequest::default();
    let mut reports = city.reports(&city.dispatcher()).watch_reports(request).await.unwrap().into_inner();
    let other = reports.message().await.unwrap().unwrap().resume_token;
    assert_eq!(open(&other).await.unwrap_err().code(), Code::InvalidArgument, "a token of another stream");
    assert!(open(&old).await.is_ok());
    client.log(crash()).await;
    client.log(crash()).await;
    city.clock.advance(Duration::from_hours(49));
    client.log(crash()).await;
    city.upkeep().prune_log().await.unwrap();
    let expired = open(&old).await.unwrap_err();
    assert_eq!((expired.code(), reason(&expired).as_str()), (Code::FailedPrecondition, "RESUME_TOKEN_EXPIRED"));
}

async fn streams_end_when_the_process_stops(city: City) {
    let mut stream = watch(&city, None, "").await;
    start(&mut stream).await;
    city.runtime.stop().cancel();
    let ended = timeout(SOON, stream.message()).await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    let seen: BTreeSet<String> = [reason(&ended)].into();
    assert_eq!(seen, BTreeSet::from(["STREAM_ENDED".to_owned()]));
}
