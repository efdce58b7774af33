//! Reads a WZDx 4.2 work-zone feed and says of every error where it is and why.

use std::collections::HashSet;

use kvartal_kernel::{Error, Timestamp, Violation};
use serde_json::{Map, Value};

use super::{FeedWarning, terms};
use crate::domain::feed::RoadEvent;
use crate::domain::geo::LatLng;
use crate::domain::incident::IncidentKind;
use crate::domain::place::{LaneState, Place};

/// Most errors that one answer names.
const MAX_PROBLEMS: usize = 100;
/// Most features that one feed may hold.
const MAX_FEATURES: usize = 5_000;
/// Most points that one road event may have; longer lines are thinned.
const MAX_POINTS: usize = 2_000;

/// A feed that is good throughout.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Its road events, in order.
    pub(crate) events: Vec<RoadEvent>,
    /// What is allowed and yet unlikely.
    pub(crate) warnings: Vec<FeedWarning>,
}

/// Reads a whole feed, or refuses it with each error's JSON pointer (RFC 6901) as the field.
pub(crate) fn read(content: &[u8]) -> Result<Feed, Error> {
    let text = std::str::from_utf8(content)
        .map_err(|error| Error::invalid("content", format!("is not UTF-8 at byte {}", error.valid_up_to())))?;
    let feed: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        Error::invalid("content", format!("is not JSON at line {}, column {}: {error}", error.line(), error.column()))
    })?;
    let mut reader = Reader::default();
    let events = reader.feed(&feed);
    if reader.problems.is_empty() {
        Ok(Feed { events, warnings: reader.warnings })
    } else {
        Err(Error::violations(reader.problems))
    }
}

#[derive(Default)]
struct Reader {
    problems: Vec<Violation>,
    warnings: Vec<FeedWarning>,
    sources: HashSet<String>,
}

impl Reader {
    fn wrong(&mut self, path: &str, description: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            let field = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
            self.problems.push(Violation { field, description: description.into() });
        }
    }

    fn odd(&mut self, path: &str, message: impl Into<String>) {
        if self.warnings.len() < MAX_PROBLEMS {
            self.warnings.push(FeedWarning { path: path.to_owned(), message: message.into() });
        }
    }

    fn feed(&mut self, feed: &Value) -> Vec<RoadEvent> {
        let Some(feed) = self.object(feed, "") else { return Vec::new() };
        match feed.get("type").and_then(Value::as_str) {
            Some("FeatureCollection") => {}
            _ => self.wrong("/type", "must be \"FeatureCollection\""),
        }
        let name = if feed.contains_key("feed_info") { "feed_info" } else { "road_event_feed_info" };
        self.feed_info(feed, name);
        let Some(features) = feed.get("features").and_then(Value::as_array) else {
            self.wrong("/features", "must be a list of features");
            return Vec::new();
        };
        if features.len() > MAX_FEATURES {
            self.wrong("/features", format!("holds {} features, at most {MAX_FEATURES} are taken", features.len()));
            return Vec::new();
        }
        let mut ids = HashSet::new();
        let mut events = Vec::with_capacity(features.len());
        for (index, feature) in features.iter().enumerate() {
            let path = format!("/features/{index}");
            if let Some(id) = feature.get("id").and_then(Value::as_str)
                && !ids.insert(id.to_owned())
            {
                self.wrong(&format!("{path}/id"), "is the id of an earlier feature");
            }
            events.extend(self.feature(feature, &path));
        }
        events
    }

    fn feed_info(&mut self, feed: &Map<String, Value>, name: &str) {
        let path = format!("/{name}");
        let Some(info) = feed.get(name) else {
            self.wrong("/feed_info", "is required");
            return;
        };
        let Some(info) = self.object(info, &path) else { return };
        self.text(info, "publisher", &path);
        self.moment(info, "update_date", &path);
        match self.text(info, "version", &path).as_deref() {
            None | Some("4.2" | "4.1" | "4.0") => {}
            Some(version) => self.odd(&format!("{path}/version"), format!("is {version}; read as 4.2")),
        }
        let sources = info.get("data_sources").and_then(Value::as_array).cloned().unwrap_or_default();
        if sources.is_empty() {
            self.wrong(&format!("{path}/data_sources"), "must name at least one data source");
        }
        for (index, source) in sources.iter().enumerate() {
            let path = format!("{path}/data_sources/{index}");
            let Some(source) = self.object(source, &path) else { continue };
            self.text(source, "organization_name", &path);
            if let Some(id) = self.text(source, "data_source_id", &path) {
                self.sources.insert(id);
            }
        }
    }

    fn feature(&mut self, feature: &Value, path: &str) -> Option<RoadEvent> {
        let raw = feature;
        let feature = self.object(feature, path)?;
        if feature.get("type").and_then(Value::as_str) != Some("Feature") {
            self.wrong(&format!("{path}/type"), "must be \"Feature\"");
        }
        let id = self.text(feature, "id", path);
        let points = self.geometry(feature, path);
        let properties_path = format!("{path}/properties");
        let properties = self.object(feature.get("properties").unwrap_or(&Value::Null), &properties_path)?;
        let core_path = format!("{properties_path}/core_details");
        let core = self.object(properties.get("core_details").unwrap_or(&Value::Null), &core_path)?;
        if core.contains_key("device_type") {
            self.wrong(&core_path, "describes a field device; this is a device feed, not a work-zone feed");
            return None;
        }
        let work_zone = match self.term(core, "event_type", &core_path, terms::EVENT_TYPES) {
            Some("work-zone") => true,
            Some("restriction") => {
                self.wrong(
                    &format!("{core_path}/event_type"),
                    "must be \"work-zone\" or \"detour\" in a work-zone feed",
                );
                false
            }
            _ => false,
        };
        if let Some(source) = self.text(core, "data_source_id", &core_path)
            && !self.sources.contains(&source)
        {
            self.odd(&format!("{core_path}/data_source_id"), format!("{source} is not among the feed's data sources"));
        }
        let direction = self.term(core, "direction", &core_path, terms::DIRECTIONS).map(terms::direction);
        let roads = self.roads(core, &core_path);
        for date in ["creation_date", "update_date"] {
            if core.contains_key(date) {
                self.moment(core, date, &core_path);
            }
        }
        let start = self.moment(properties, "start_date", &properties_path);
        let end = self.moment(properties, "end_date", &properties_path);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            self.wrong(&format!("{properties_path}/end_date"), "lies before start_date");
        }
        self.verified(properties, &properties_path, work_zone);
        let impact = if work_zone {
            self.term(properties, "location_method", &properties_path, terms::LOCATION_METHODS);
            self.term(properties, "vehicle_impact", &properties_path, terms::VEHICLE_IMPACTS).unwrap_or("unknown")
        } else {
            "unknown"
        };
        self.minimum(
            properties,
            &["beginning_milepost", "ending_milepost", "reduced_speed_limit_kph"],
            &properties_path,
        );
        let lanes = self.lanes(properties, &properties_path);
        let status = match properties.get("event_status") {
            None => None,
            Some(_) => self.term(properties, "event_status", &properties_path, terms::EVENT_STATUSES),
        };
        let kind =
            if impact == "all-lanes-closed" || !work_zone { IncidentKind::Closure } else { IncidentKind::Roadwork };
        if let Some(status @ ("completed" | "cancelled")) = status {
            self.odd(&format!("{properties_path}/event_status"), format!("is {status}; taken as gone from the feed"));
            return None;
        }
        let description = core.get("description").and_then(Value::as_str).unwrap_or_default();
        let name = core.get("name").and_then(Value::as_str).unwrap_or_default();
        let road = roads.join(", ");
        Some(RoadEvent {
            id: id?,
            kind,
            title: title(name, &road, impact, work_zone),
            description: clip(description, 4_000),
            place: Place::new(points?, clip(&road, 200), clip(&street(properties), 300), direction).ok()?,
            lanes,
            start: start?,
            end,
            raw: raw.to_string(),
        })
    }

    fn roads(&mut self, core: &Map<String, Value>, path: &str) -> Vec<String> {
        let path = format!("{path}/road_names");
        let names = core.get("road_names").and_then(Value::as_array).cloned().unwrap_or_default();
        if names.is_empty() {
            self.wrong(&path, "must name at least one road");
        }
        let mut roads = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match name.as_str() {
                Some(name) if !name.trim().is_empty() => roads.push(name.trim().to_owned()),
                _ => self.wrong(&format!("{path}/{index}"), "must be a name"),
            }
        }
        roads
    }

    /// Each of the four verifications is said in the old way or in the new.
    fn verified(&mut self, properties: &Map<String, Value>, path: &str, work_zone: bool) {
        let pairs: &[(&str, &str)] = if work_zone { terms::VERIFICATIONS } else { &terms::VERIFICATIONS[..2] };
        for (flag, accuracy) in pairs {
            match (properties.get(*flag), properties.get(*accuracy)) {
                (None, None) => self.wrong(&format!("{path}/{flag}"), "is required"),
                (Some(Value::Bool(_)), _) => {}
                (Some(_), _) => self.wrong(&format!("{path}/{flag}"), "must be true or false"),
                (None, Some(_)) => _ = self.term(properties, accuracy, path, &["estimated", "verified"]),
            }
        }
    }

    fn lanes(&mut self, properties: &Map<String, Value>, path: &str) -> Vec<Option<LaneState>> {
        let Some(lanes) = properties.get("lanes") else { return Vec::new() };
        let path = format!("{path}/lanes");
        let Some(lanes) = lanes.as_array() else {
            self.wrong(&path, "must be a list of lanes");
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, lane) in lanes.iter().enumerate() {
            let path = format!("{path}/{index}");
            let Some(lane) = self.object(lane, &path) else { continue };
            let order = lane.get("order").and_then(Value::as_i64).filter(|order| *order >= 1);
            if order.is_none() {
                self.wrong(&format!("{path}/order"), "must be a whole number from 1");
            }
            let status = self.term(lane, "status", &path, terms::LANE_STATUSES);
            self.term(lane, "type", &path, terms::LANE_TYPES);
            if let (Some(order), Some(status)) = (order, status) {
                found.push((order, terms::lane_state(status)));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, state)| Some(state)).take(16).collect()
    }

    fn geometry(&mut self, feature: &Map<String, Value>, path: &str) -> Option<Vec<LatLng>> {
        let path = format!("{path}/geometry");
        let geometry = self.object(feature.get("geometry").unwrap_or(&Value::Null), &path)?;
        let least = match geometry.get("type").and_then(Value::as_str) {
            Some("LineString") => 2,
            Some("MultiPoint") => 1,
            _ => {
                self.wrong(&format!("{path}/type"), "must be \"LineString\" or \"MultiPoint\"");
                return None;
            }
        };
        let path = format!("{path}/coordinates");
        let Some(coordinates) = geometry.get("coordinates").and_then(Value::as_array) else {
            self.wrong(&path, "must be a list of positions");
            return None;
        };
        if coordinates.len() < least {
            self.wrong(&path, format!("needs at least {least} positions"));
            return None;
        }
        let mut points = Vec::with_capacity(coordinates.len());
        for (index, position) in coordinates.iter().enumerate() {
            let numbers: Vec<f64> =
                position.as_array().map(|p| p.iter().filter_map(Value::as_f64).collect()).unwrap_or_default();
            let point = match numbers.as_slice() {
                [longitude, latitude, ..] => LatLng::new(*latitude, *longitude),
                _ => None,
            };
            match point {
                Some(point) => points.push(point),
                None => self.wrong(
                    &format!("{path}/{index}"),
                    "must be [longitude, latitude] within ±180 and ±90 degrees; are they swapped?",
                ),
            }
        }
        if points.len() > MAX_POINTS {
            self.odd(&path, format!("has {} positions; thinned to {MAX_POINTS}", points.len()));
            points = thin(&points);
        }
        Some(points)
    }

    fn object<'v>(&mut self, value: &'v Value, path: &str) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong(path, if value.is_null() { "is required" } else { "must be an object" });
        }
        object
    }

    fn text(&mut self, of: &Map<String, Value>, key: &str, path: &str) -> Option<String> {
        match of.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
            None => {
                self.wrong(&format!("{path}/{key}"), "is required");
                None
            }
            Some(_) => {
                self.wrong(&format!("{path}/{key}"), "must be text");
                None
            }
        }
    }

    fn term(&mut self, of: &Map<String, Value>, key: &str, path: &str, known: &[&'static str]) -> Option<&'static str> {
        let text = self.text(of, key, path)?;
        let term = known.iter().find(|term| **term == text).copied();
        if term.is_none() {
            self.wrong(&format!("{path}/{key}"), format!("\"{}\" is not one of {}", clip(&text, 60), known.join(", ")));
        }
        term
    }

    fn moment(&mut self, of: &Map<String, Value>, key: &str, path: &str) -> Option<Timestamp> {
        let text = self.text(of, key, path)?;
        let moment = Timestamp::parse(&text);
        if moment.is_none() {
            self.wrong(
                &format!("{path}/{key}"),
                "must be a date and time with time zone, such as 2026-11-20T09:30:00Z",
            );
        }
        moment
    }

    fn minimum(&mut self, of: &Map<String, Value>, keys: &[&str], path: &str) {
        for key in keys {
            if of.get(*key).is_some_and(|value| value.as_f64().is_none_or(|number| number < 0.0)) {
                self.wrong(&format!("{path}/{key}"), "must be a number of 0 or more");
            }
        }
    }
}

/// Keeps the ends and evenly spread points between them.
fn thin(points: &[LatLng]) -> Vec<LatLng> {
    (0..MAX_POINTS).map(|index| points[index * (points.len() - 1) / (MAX_POINTS - 1)]).collect()
}

fn title(name: &str, road: &str, impact: &str, work_zone: bool) -> String {
    let what = if !work_zone {
        "Detour"
    } else if impact == "all-lanes-closed" {
        "Road closed for works"
    } else {
        "Road works"
    };
    clip(&if name.is_empty() { format!("{what}: {road}") } else { name.to_owned() }, 200)
}

fn street(properties: &Map<String, Value>) -> String {
    let text = |key: &str| properties.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    match (text("beginning_cross_street"), text("ending_cross_street")) {
        (from, to) if from.is_empty() && to.is_empty() => String::new(),
        (from, to) if to.is_empty() || from == to => from,
        (from, to) => format!("{from} – {to}"),
    }
}

fn clip(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
