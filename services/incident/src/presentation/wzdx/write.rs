//! Writes incidents as a WZDx 4.2 work-zone feed: imported road events as they came, our own works and closures anew.

use std::collections::BTreeMap;
use std::time::Duration;

use kvartal_kernel::Timestamp;
use serde_json::{Value, json};

use super::terms;
use crate::domain::feed::ExportedIncident;
use crate::domain::incident::{Incident, IncidentKind, IncidentStatus};
use crate::domain::place::LaneState;

/// The data source of what was logged here.
const OWN_SOURCE: &str = "kvartal";
const LICENSE: &str = "https://creativecommons.org/publicdomain/zero/1.0/";
/// Work whose end nobody knows is announced for a day ahead, again with every edition.
const UNKNOWN_END: Duration = Duration::from_hours(24);

/// The feed of the open works and closures among the incidents. `publisher` names the city.
pub(crate) fn write(publisher: &str, incidents: &[ExportedIncident], now: Timestamp) -> Value {
    // Each data source that a feature names must be described; what an importer told of its own is not kept.
    let mut sources = BTreeMap::from([(OWN_SOURCE.to_owned(), publisher.to_owned())]);
    let mut features = Vec::new();
    for exported in incidents.iter().filter(|exported| exported.incident.status.is_open()) {
        let raw = exported.raw.as_deref().and_then(|raw| serde_json::from_str::<Value>(raw).ok());
        let feature = match raw {
            Some(feature) => feature,
            None if matches!(exported.incident.facts.kind, IncidentKind::Roadwork | IncidentKind::Closure) => {
                feature(&exported.incident, now)
            }
            None => continue,
        };
        if let Some(source) = feature.pointer("/properties/core_details/data_source_id").and_then(Value::as_str) {
            sources.entry(source.to_owned()).or_insert_with(|| exported.incident.source.clone());
        }
        features.push(feature);
    }
    let sources: Vec<_> = sources
        .into_iter()
        .map(|(id, organization)| json!({"data_source_id": id, "organization_name": organization}))
        .collect();
    json!({
        "feed_info": {
            "publisher": publisher,
            "version": "4.2",
            "license": LICENSE,
            "update_date": now.to_string(),
            "update_frequency": 60,
            "data_sources": sources,
        },
        "type": "FeatureCollection",
        "features": features,
    })
}

fn feature(incident: &Incident, now: Timestamp) -> Value {
    let facts = &incident.facts;
    let points: Vec<_> = facts.place.points.iter().map(|point| json!([point.longitude, point.latitude])).collect();
    let geometry = if points.len() > 1 { "LineString" } else { "MultiPoint" };
    let road = if facts.place.road.is_empty() { "unnamed" } else { &facts.place.road };
    let end = facts.end.unwrap_or_else(|| now.max(facts.start).plus(UNKNOWN_END));
    let mut properties = json!({
        "core_details": {
            "event_type": "work-zone",
            "data_source_id": OWN_SOURCE,
            "road_names": [road],
            "direction": terms::direction_term(facts.place.direction),
            "name": facts.title,
            "description": if facts.description.is_empty() { &facts.title } else { &facts.description },
            "creation_date": incident.created.to_string(),
            "update_date": incident.updated.to_string(),
        },
        "start_date": facts.start.to_string(),
        "end_date": end.to_string(),
        "is_start_date_verified": facts.start <= now,
        "is_end_date_verified": false,
        "is_start_position_verified": false,
        "is_end_position_verified": false,
        "location_method": "unknown",
        "vehicle_impact": impact(incident),
        "event_status": if facts.start > now { "planned" } else { "active" },
    });
    if !facts.lanes.is_empty() {
        let lanes: Vec<_> = facts
            .lanes
            .iter()
            .enumerate()
            .map(|(index, lane)| json!({"order": index + 1, "type": "general", "status": terms::lane_term(*lane)}))
            .collect();
        properties["lanes"] = Value::Array(lanes);
    }
    json!({
        "id": incident.id.to_string(),
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": geometry, "coordinates": points},
    })
}

fn impact(incident: &Incident) -> &'static str {
    let lanes = &incident.facts.lanes;
    let blocked = lanes.iter().filter(|lane| **lane == Some(LaneState::Blocked)).count();
    if incident.facts.kind == IncidentKind::Closure || (blocked > 0 && blocked == lanes.len()) {
        "all-lanes-closed"
    } else if blocked > 0 {
        "some-lanes-closed"
    } else if lanes.is_empty() || incident.status == IncidentStatus::New {
        "unknown"
    } else {
        "all-lanes-open"
    }
}
