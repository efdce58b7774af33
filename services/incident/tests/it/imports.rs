//! Editions of feeds, each one transaction.

use std::sync::Arc;

use kvartal_incident::application::catalogue::Atlas;
use kvartal_incident::application::incidents::IncidentDesk;
use kvartal_incident::domain::feed::{ImportCounts, RoadEvent};
use kvartal_incident::domain::geo::LatLng;
use kvartal_incident::domain::incident::{IncidentKind, IncidentStatus};
use kvartal_incident::domain::place::{Direction, LaneState, Place};
use kvartal_incident::infrastructure::{StoredCases, StoredCatalogue, StoredIncidents};
use kvartal_kernel::{Caller, Error};
use kvartal_proto::incident::v1 as pb;

use crate::city::{Calls, City, Filing, NOW, on_both, pothole};

on_both!(
    an_edition_creates_updates_leaves_and_closes,
    a_refused_edition_changes_nothing,
    two_editions_at_once_take_no_event_twice,
    a_large_edition_fits,
    an_export_gives_back_what_came,
);

fn desk(city: &City) -> IncidentDesk {
    let store = || city.store.clone();
    let atlas = Atlas::new(Arc::new(StoredCatalogue::new(store())), city.clock.clone());
    IncidentDesk::new(
        Arc::new(StoredCases::new(store())),
        Arc::new(StoredIncidents::new(store())),
        Arc::new(atlas),
        city.clock.clone(),
    )
}

fn event(id: &str, title: &str) -> RoadEvent {
    RoadEvent {
        id: id.to_owned(),
        kind: IncidentKind::Roadwork,
        title: title.to_owned(),
        description: "Resurfacing".to_owned(),
        place: Place {
            points: vec![LatLng::new(55.75, 37.61).unwrap(), LatLng::new(55.76, 37.62).unwrap()],
            road: "Tverskaya".to_owned(),
            address: String::new(),
            direction: Some(Direction::Northbound),
        },
        lanes: vec![Some(LaneState::Blocked), None],
        start: NOW,
        end: None,
        raw: format!("{{\"id\": \"{id}\", \"title\": \"{title}\", \"unknown\": [1.50]}}"),
    }
}

async fn import(city: &City, events: Vec<RoadEvent>, validate_only: bool) -> Result<ImportCounts, Error> {
    desk(city).import_work_zones(&Caller::anonymous(), "works".to_owned(), events, validate_only).await
}

async fn listed(city: &City) -> Vec<pb::Incident> {
    let filter = Some(pb::IncidentFilter { source: "works".into(), ..Default::default() });
    let request = pb::ListIncidentsRequest { page_size: 200, filter, ..Default::default() };
    city.incidents(&city.nobody()).list_incidents(request).await.unwrap().into_inner().incidents
}

fn counts(created: u32, updated: u32, unchanged: u32, closed: u32) -> ImportCounts {
    ImportCounts { created, updated, unchanged, closed }
}

async fn an_edition_creates_updates_leaves_and_closes(city: City) {
    let first = vec![event("a", "1"), event("b", "1"), event("c", "1")];
    assert_eq!(import(&city, first.clone(), true).await.unwrap(), counts(3, 0, 0, 0));
    assert!(listed(&city).await.is_empty(), "checked only");
    assert_eq!(import(&city, first.clone(), false).await.unwrap(), counts(3, 0, 0, 0));
    assert_eq!(import(&city, first, false).await.unwrap(), counts(0, 0, 3, 0));
    let incidents = listed(&city).await;
    assert!(incidents.iter().all(|incident| incident.status() == pb::IncidentStatus::Confirmed));

    // A report tied to an imported incident follows it like any other.
    let filed = city.reports(&city.citizen()).file(pothole()).await;
    let link = pb::LinkReportRequest {
        report_id: filed.report_id.clone(),
        incident_id: incidents[0].incident_id.clone(),
        ..Default::default()
    };
    city.reports(&city.dispatcher()).link_report(link).await.unwrap();

    assert_eq!(import(&city, vec![], false).await.unwrap(), counts(0, 0, 0, 3));
    assert!(listed(&city).await.iter().all(|incident| incident.status() == pb::IncidentStatus::Closed));
    let seen = city.reports(&city.nobody()).look(&filed.report_id).await.unwrap().report.unwrap();
    assert_eq!(seen.status(), pb::ReportStatus::Fixed);
    assert_eq!(import(&city, vec![event("a", "2"), event("d", "1")], false).await.unwrap(), counts(1, 1, 0, 0));
    let open: Vec<_> =
        listed(&city).await.into_iter().filter(|incident| incident.status() != pb::IncidentStatus::Closed).collect();
    assert_eq!(open.len(), 2, "what is back in the feed is opened again");
    let caller = Caller::anonymous();
    let elsewhere = desk(&city).import_work_zones(&caller, "other".into(), vec![event("a", "1")], false).await;
    assert_eq!(elsewhere.unwrap(), counts(1, 0, 0, 0), "ids are those of one feed");
}

async fn a_refused_edition_changes_nothing(city: City) {
    import(&city, vec![event("a", "1")], false).await.unwrap();
    let before = listed(&city).await;
    let twice = vec![event("b", "1"), event("a", "2"), event("b", "2")];
    assert!(import(&city, twice, false).await.is_err());
    let untitled = vec![event("a", "2"), event("z", " ")];
    assert!(import(&city, untitled, false).await.is_err());
    assert_eq!(listed(&city).await, before);
}

async fn two_editions_at_once_take_no_event_twice(city: City) {
    let city = Arc::new(city);
    let imports = (0..4).map(|_| {
        let city = city.clone();
        tokio::spawn(async move { import(&city, vec![event("a", "1"), event("b", "1")], false).await.unwrap() })
    });
    let mut created = 0;
    for import in imports.collect::<Vec<_>>() {
        created += import.await.unwrap().created;
    }
    assert_eq!(created, 2);
    assert_eq!(listed(&city).await.len(), 2);
}

async fn a_large_edition_fits(city: City) {
    let events: Vec<_> = (0..2_500).map(|number| event(&format!("e{number}"), "1")).collect();
    assert_eq!(import(&city, events.clone(), false).await.unwrap(), counts(2_500, 0, 0, 0));
    assert_eq!(import(&city, events[..1_000].to_vec(), false).await.unwrap(), counts(0, 0, 1_000, 1_500));
}

async fn an_export_gives_back_what_came(city: City) {
    import(&city, vec![event("a", "1"), event("b", "1")], false).await.unwrap();
    let mut client = city.incidents(&city.dispatcher());
    let own = pb::CreateIncidentRequest { kind: pb::IncidentKind::Roadwork.into(), ..crate::city::crash() };
    client.log(own).await;
    client.log(crate::city::crash()).await;
    let kinds = [IncidentKind::Roadwork, IncidentKind::Closure];
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = desk(&city).export(&kinds, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.incident.id);
        found.extend(page);
    }
    assert_eq!(found.len(), 3);
    let mut raw: Vec<_> = found.iter().filter_map(|exported| exported.raw.clone()).collect();
    raw.sort();
    assert_eq!(raw, [event("a", "1").raw, event("b", "1").raw], "to the letter");
    assert!(found.iter().all(|exported| exported.incident.status != IncidentStatus::Closed));
}
