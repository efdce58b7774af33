//! The rules of incidents and reports.

mod cases;
mod catalogue;
mod ground;
mod imports;
mod incidents;
mod numbers;
mod reports;
mod words;

use std::time::Duration;

use kvartal_kernel::{Timestamp, Uuid};

use super::category::Category;
use super::geo::LatLng;
use super::incident::{Facts, Incident, IncidentId, IncidentKind, Priority, Routing};
use super::place::Place;
use super::report::{Filing, Report, ReportId};
use super::timeline::Act;

/// A Friday, 2026-11-20T09:00:00Z.
const NOW: Timestamp = Timestamp(1_795_165_200_000_000);

fn act(actor: &str, minutes: u64) -> Act {
    Act { actor: actor.to_owned(), time: NOW.plus(Duration::from_mins(minutes)) }
}

fn at(latitude: f64, longitude: f64) -> LatLng {
    LatLng::new(latitude, longitude).unwrap()
}

fn facts() -> Facts {
    Facts {
        kind: IncidentKind::Crash,
        priority: Priority::High,
        title: "Two cars".to_owned(),
        description: String::new(),
        place: Place::point(at(55.75, 37.61), String::new()),
        lanes: Vec::new(),
        start: NOW,
        end: None,
    }
}

fn incident() -> Incident {
    let id = IncidentId(NOW.uuid());
    Incident::log(id, facts(), Routing::default(), String::new(), &act("dispatcher", 0)).unwrap().0
}

fn category() -> Category {
    Category {
        id: "pothole".to_owned(),
        name_ru: "Яма".to_owned(),
        name_en: "Pothole".to_owned(),
        group: "roads".to_owned(),
        team: String::new(),
        questions: Vec::new(),
        answer_working_days: 8,
        expire_minutes: 0,
    }
}

fn hazard() -> Category {
    Category { id: "road_hazard".to_owned(), expire_minutes: 60, ..category() }
}

fn reporter() -> Uuid {
    Uuid::from_u128(7)
}

fn filing() -> Filing {
    Filing {
        description: "A deep hole".to_owned(),
        location: at(55.75, 37.61),
        address: String::new(),
        photos: Vec::new(),
        answers: std::collections::BTreeMap::new(),
        reporter: Some(reporter()),
        anonymous: false,
    }
}

fn report(category: &Category) -> Report {
    let by = act(&reporter().to_string(), 0);
    Report::file(ReportId(NOW.uuid()), filing(), category, Routing::default(), &by).0
}
