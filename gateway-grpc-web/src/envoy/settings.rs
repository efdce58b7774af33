//! What differs between installations.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// How Envoy stands in its surroundings. What it does with each call is not here: that is the contract's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public port.
    pub listen: SocketAddr,
    /// Envoy's administration page: whoever reaches it may do anything, so keep it on a loopback address.
    pub admin: SocketAddr,
    /// A folder with `tls.crt` and `tls.key` (as a Kubernetes secret is mounted), read again when it changes. Without it
    /// the public port speaks plain HTTP, for a load balancer before it that ends TLS.
    pub tls: Option<PathBuf>,
    /// The folder in which Envoy finds [`super::files`].
    pub folder: PathBuf,
    /// Other origins whose pages may call: exact ones, or `*`. Empty: only our own.
    pub allow_origin: Vec<String>,
    /// Proxies before Envoy that append to `x-forwarded-for`.
    pub trusted_proxies: u32,
    /// Where services answer gRPC; `{service}` in the host stands for the name of each.
    pub upstream: Authority,
    /// Services that answer elsewhere, by name; each at one address or at several.
    pub upstreams: BTreeMap<String, Vec<Authority>>,
    /// How services and Envoy prove to each other who they are. Without it they talk in the clear.
    pub upstream_tls: Option<UpstreamTls>,
    /// Where pages, health, keys, reflection and the services' plain routes are: processes with an [`crate::Edge`].
    pub pages: Vec<Authority>,
    /// Where the rate-limit and revocation services answer; without any neither is asked. With [`Settings::upstream_tls`]
    /// they must prove that they are the edge as well.
    pub guard: Vec<Authority>,
    /// Whether [`Settings::guard`] counts calls. When it does not answer, calls pass: services count by themselves too.
    pub rate_limit: bool,
    /// Whether [`Settings::guard`] is asked about the session of a token. When it does not answer, the call is refused.
    pub revocation: bool,
    /// Where traces go.
    pub telemetry: Option<Telemetry>,
    /// Where each request is noted.
    pub access_log: AccessLog,
    /// Most bytes of memory: near it Envoy refuses work rather than be killed.
    pub heap_bytes: u64,
    /// Most open connections; keep it below half of the limit of open files.
    pub connections_max: u64,
}

/// Where the access log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard output, for a collector of containers' logs.
    Stdout,
    /// To a file.
    File(PathBuf),
}

/// A collector that takes OTLP over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telemetry {
    /// Where it is, such as `collector:4318`.
    pub collector: Authority,
    /// Which part of the calls is traced, in percent. The client's own wish does not count.
    pub sampled_percent: u8,
}

/// Certificates between Envoy and the services.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamTls {
    /// A folder with `tls.crt`, `tls.key` and `ca.crt`, read again when it changes.
    pub folder: PathBuf,
    /// The services' names are `spiffe://<this>/<service>`.
    pub trust_domain: String,
}

/// A host and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Authority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no address; it looks like incident:9090");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(['/', ' ', '@']) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl From<SocketAddr> for Authority {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl Settings {
    /// Whether the guard counts calls.
    pub(super) fn counts(&self) -> bool {
        !self.guard.is_empty() && self.rate_limit
    }

    /// Whether the guard looks sessions up.
    pub(super) fn looks_up(&self) -> bool {
        !self.guard.is_empty() && self.revocation
    }

    /// Where a service answers.
    pub fn upstream(&self, service: &str) -> Vec<Authority> {
        let Authority { host, port } = &self.upstream;
        let pattern = || vec![Authority { host: host.replace("{service}", service), port: *port }];
        self.upstreams.get(service).cloned().unwrap_or_else(pattern)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)),
            tls: None,
            folder: PathBuf::from("/etc/envoy"),
            allow_origin: Vec::new(),
            trusted_proxies: 0,
            upstream: Authority { host: "{service}".to_owned(), port: 9090 },
            upstreams: BTreeMap::new(),
            upstream_tls: None,
            pages: vec![Authority { host: "edge".to_owned(), port: 8080 }],
            guard: Vec::new(),
            rate_limit: true,
            revocation: true,
            telemetry: None,
            access_log: AccessLog::Stdout,
            heap_bytes: 512 * 1024 * 1024,
            connections_max: 10_000,
        }
    }
}
