//! What the start page shows at one moment.

use kvartal_kernel::Timestamp;
use serde::Serialize;

/// Everything that moves on the page.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Snapshot {
    /// When it was taken, RFC 3339.
    pub(crate) time: String,
    /// The same moment, for computing.
    #[serde(skip)]
    pub(crate) taken: Timestamp,
    /// Whether every service is up.
    pub(crate) ready: bool,
    /// The services, by name.
    pub(crate) services: Vec<Service>,
    /// Incidents by status.
    pub(crate) incidents: Tally,
    /// Reports by status.
    pub(crate) reports: Tally,
    /// Events that consumers have finished with, since start.
    pub(crate) events_handled: u64,
    /// Requests the edge has answered, since start.
    pub(crate) requests: u64,
    /// RPCs the services of this process have answered since start, whoever called.
    pub(crate) calls: u64,
    /// The same a second, over the last few seconds.
    pub(crate) calls_per_second: f64,
    /// Parts of the city.
    #[serde(skip)]
    pub(crate) areas: Vec<Area>,
    /// What lies where.
    pub(crate) points: Vec<Point>,
    /// The newest changes, newest first.
    #[serde(skip)]
    pub(crate) latest: Vec<Change>,
}

/// One service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Service {
    /// Its name, such as `incident`.
    pub(crate) name: String,
    /// Whether it answers.
    pub(crate) serving: bool,
    /// What is wrong with it or with what it needs; empty when nothing is.
    pub(crate) problem: String,
    /// RPCs answered since start.
    pub(crate) calls: u64,
    /// Those that did not end with OK.
    pub(crate) failed: u64,
}

/// How many of each status; the index is the status's number in the contract.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// By status number.
    pub(crate) by_status: Vec<u64>,
    /// Those that are not over.
    pub(crate) open: u64,
    /// There are more than were counted; the counts are lower bounds.
    pub(crate) truncated: bool,
}

/// A part of the city.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// UUID.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Outer ring, latitude and longitude.
    pub(crate) boundary: Vec<(f64, f64)>,
}

/// Whether something is an incident or a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    /// An incident.
    Incident,
    /// A citizen's report.
    Report,
}

/// Something on the map.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Point {
    /// What it is.
    pub(crate) subject: Subject,
    /// UUID.
    pub(crate) id: String,
    /// Number of its status in the contract.
    pub(crate) status: usize,
    /// Degrees north.
    pub(crate) latitude: f64,
    /// Degrees east.
    pub(crate) longitude: f64,
    /// One line.
    pub(crate) title: String,
}

/// Something that changed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// When.
    pub(crate) time: Timestamp,
    /// What it is.
    pub(crate) subject: Subject,
    /// Number of its status in the contract.
    pub(crate) status: usize,
    /// One line.
    pub(crate) title: String,
    /// In people's words.
    pub(crate) place: String,
}
