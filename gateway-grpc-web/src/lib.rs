#![doc = include_str!("../README.md")]

mod app;
pub mod authz;
mod backend;
mod beside;
mod edge;
pub mod envoy;
mod headers;
mod limit;
mod plain;
pub mod protocol;
pub mod ratelimit;
mod rest;
mod start;
mod trace;

use std::path::PathBuf;
use std::time::Duration;

pub use beside::serve_beside_envoy;
pub use edge::Edge;

/// Where the REST paths are described, as an OpenAPI document.
pub const OPENAPI_PATH: &str = "/openapi.json";
/// Where Open311 answers with its categories.
pub const OPEN311_PATH: &str = "/open311/v2/services.json";
/// Where the work zones are offered as a WZDx feed.
pub const WZDX_PATH: &str = "/wzdx/v4.2/work-zones.geojson";

/// Largest request body in bytes, whatever the protocol: a photo of 8 MB fits in.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How the edge behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address under which people reach it, such as `http://localhost:8080`; shown on the start page.
    pub public_url: String,
    /// Other origins whose pages may call: exact ones such as `https://app.example`, or `*`. Empty: only our own.
    pub allow_origin: Vec<String>,
    /// Proxies that stand before the edge and append to `x-forwarded-for`.
    pub trusted_proxies: usize,
    /// Whether `/metrics` is offered; leave it off where strangers can reach the edge.
    pub metrics: bool,
    /// Whether a service shows the mails it has sent under `/_dev/mail`; the start page links there.
    pub mail_page: bool,
    /// Accounts offered at sign-in and on the start page. Only for demonstrations: anybody can sign in with them.
    pub accounts: Vec<Account>,
    /// Scenery of the maps.
    pub scenery: Vec<Line>,
    /// Folder with the browser app; without one, the app within the program is used, if there is one.
    pub web_dir: Option<PathBuf>,
    /// Where services of other processes answer, by name.
    pub peers: Vec<(String, String)>,
    /// How long connections may take to end at shutdown.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:8080".to_owned(),
            allow_origin: Vec::new(),
            trusted_proxies: 0,
            metrics: false,
            mail_page: false,
            accounts: Vec::new(),
            scenery: Vec::new(),
            web_dir: None,
            peers: Vec::new(),
            grace: Duration::from_secs(20),
        }
    }
}

/// An account that everybody knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// What it may be, such as `dispatcher`.
    pub role: String,
    /// What to sign in with.
    pub email: String,
    /// What to sign in with.
    pub password: String,
}

/// A line on the maps.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub class: LineClass,
    /// Latitudes and longitudes.
    pub points: Vec<(f64, f64)>,
}

/// What a line on the map is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineClass {
    /// A street.
    Street,
    /// A river or a shore.
    Water,
}

/// Commands that work as they stand while the platform runs.
pub fn examples(url: &str, authority: &str) -> Vec<String> {
    vec![
        format!("grpcurl -plaintext {authority} list"),
        format!(
            "grpcurl -plaintext -d '{{\"page_size\": 3}}' {authority} kvartal.incident.v1.IncidentService/ListIncidents"
        ),
        format!("curl '{url}/v1/incidents?page_size=3'"),
        format!("curl {url}/healthz"),
        format!("curl '{url}{OPEN311_PATH}'"),
        format!("curl '{url}{WZDX_PATH}'"),
    ]
}
