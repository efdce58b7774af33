//! The options every process shares: where things are kept, who is reached where, what is observed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use clap::builder::ArgPredicate;
use kvartal_mesh::auth::MeshKey;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One readable line for each event.
    Text,
    /// One JSON object for each event.
    Json,
}

/// What the process runs on. Without any option everything is embedded: SQLite files, a bus and limits inside the process.
#[derive(clap::Args, Clone)]
#[group(skip)]
#[command(next_help_heading = "Platform")]
pub struct Config {
    /// Folder of everything that is kept when no servers are named.
    #[arg(long, env = "KVARTAL_DATA_DIR", value_name = "DIR", default_value = DATA_DIR)]
    pub data_dir: PathBuf,
    /// PostgreSQL, such as postgres://user:password@host/{service}; {service} stands for the service's name. ?sslmode=verify-full&sslrootcert=FILE at its end asks for TLS and for the server's name. Without it: SQLite files.
    #[arg(long, env = "KVARTAL_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that holds the database URL.
    #[arg(long, env = "KVARTAL_DATABASE_URL_FILE", value_name = "FILE", conflicts_with = "database_url")]
    pub database_url_file: Option<PathBuf>,
    /// Database connections of each service at most.
    #[arg(long, env = "KVARTAL_DATABASE_POOL_SIZE", value_name = "COUNT", default_value_t = DATABASE_POOL_SIZE, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub database_pool_size: u32,
    /// RabbitMQ, such as amqp://user:password@host/vhost. Without it: a bus inside the process.
    #[arg(long, env = "KVARTAL_BUS_URL", value_name = "URL", hide_env_values = true)]
    pub bus_url: Option<String>,
    /// A file that holds the bus URL.
    #[arg(long, env = "KVARTAL_BUS_URL_FILE", value_name = "FILE", conflicts_with = "bus_url")]
    pub bus_url_file: Option<PathBuf>,
    /// Redis, such as redis://host:6379/0, for revocations and rate limits of several processes. Without it: inside the process.
    #[arg(long, env = "KVARTAL_REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// A file that holds the Redis URL.
    #[arg(long, env = "KVARTAL_REDIS_URL_FILE", value_name = "FILE", conflicts_with = "redis_url")]
    pub redis_url_file: Option<PathBuf>,
    /// Where services of other processes answer; {service} stands for the name. Several with commas between, every address of a name with dns://{service}:9090, or the ready pods of a Kubernetes service with k8s://namespace/{service}:port. Used together with --tls-dir (then it may not begin with http://, also by default) or the mesh key.
    #[arg(long, env = "KVARTAL_SERVICE_URL", value_name = "URL", default_value = SERVICE_URL, default_value_if("tls_dir", ArgPredicate::IsPresent, SERVICE_URL_TLS))]
    pub service_url: String,
    /// Folder with this service's certificate: tls.crt, tls.key and ca.crt, as a Kubernetes TLS secret has them and `kvartal ca issue` writes them. Services then prove their names to each other and encrypt what they say; new certificates are taken over within a second or so. {service} stands for the name, for a process of several services.
    #[arg(long, env = "KVARTAL_TLS_DIR", value_name = "DIR")]
    pub tls_dir: Option<PathBuf>,
    /// Whose certificates the process needs with `tls_dir`: the services it runs, and the edge where it calls others.
    #[arg(skip)]
    pub tls_names: Vec<String>,
    /// Where probes and metrics are answered without TLS, and nothing else: from the first moment on, so that a process that
    /// waits for servers is seen to be alive and not ready.
    #[arg(skip)]
    pub probe_listen: Option<SocketAddr>,
    /// A file with the key all services share (32 bytes in base64, as `openssl rand -base64 32` writes them); without --tls-dir it proves that a service calls. Without either only services of this process are reached.
    #[arg(long, env = "KVARTAL_MESH_KEY_FILE", value_name = "FILE")]
    pub mesh_key_file: Option<PathBuf>,
    /// Address under which people reach the platform; links in messages begin with it.
    #[arg(long, env = "KVARTAL_PUBLIC_URL", value_name = "URL", default_value = PUBLIC_URL)]
    pub public_url: String,
    /// What this installation is, such as development, staging or production; appears in traces.
    #[arg(long, env = "KVARTAL_ENVIRONMENT", value_name = "NAME", default_value = ENVIRONMENT)]
    pub environment: String,
    /// What this process calls itself in traces. Not given: its service, or kvartal when there are several.
    #[arg(long, env = "KVARTAL_SERVICE_NAME", value_name = "NAME")]
    pub service_name: Option<String>,
    /// OTLP over HTTP, such as http://collector:4318, for traces. Without it none are sent.
    #[arg(long, env = "KVARTAL_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that are sent, 0 to 1; calls that fail or are slow are sent in any case.
    #[arg(long, env = "KVARTAL_TRACE_RATIO", value_name = "SHARE", default_value_t = TRACE_RATIO)]
    pub trace_ratio: f64,
    /// How log lines look.
    #[arg(long, env = "KVARTAL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// What is logged, such as info or warn,kvartal_host=debug.
    #[arg(long, env = "KVARTAL_LOG", value_name = "FILTER", default_value = LOG_FILTER)]
    pub log: String,
    /// How many times as often as usual everyone may call; for load tests.
    #[arg(long, env = "KVARTAL_RATE_FACTOR", value_name = "COUNT", default_value_t = RATE_FACTOR, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_factor: u32,
    /// Breaks something on purpose, for the test that must catch it. Not in release builds.
    #[cfg(debug_assertions)]
    #[arg(long, env = "KVARTAL_SABOTAGE", hide = true, value_parser = ["outbox-outside-transaction"])]
    pub sabotage: Option<String>,
    /// Background jobs of each service that run at once.
    #[arg(long, env = "KVARTAL_JOB_WORKERS", value_name = "COUNT", default_value_t = JOB_WORKERS, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub job_workers: u32,
    /// How long to wait at the start for PostgreSQL, RabbitMQ and Redis when they do not answer yet, such as 60s.
    #[arg(long, env = "KVARTAL_WAIT_FOR_SERVERS", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub wait_for_servers: Duration,
    /// How long running work may take to end when the process is told to stop, such as 20s.
    #[arg(long, env = "KVARTAL_SHUTDOWN_GRACE", value_name = "TIME", default_value = "20s", value_parser = parse_duration)]
    pub shutdown_grace: Duration,
}

const DATA_DIR: &str = "kvartal-data";
const DATABASE_POOL_SIZE: u32 = 8;
const SERVICE_URL: &str = "http://{service}:9090";
const SERVICE_URL_TLS: &str = "https://{service}:9090";
const PUBLIC_URL: &str = "http://localhost:8080";
const ENVIRONMENT: &str = "development";
const TRACE_RATIO: f64 = 1.0;
const LOG_FILTER: &str = "info";
const RATE_FACTOR: u32 = 1;
const JOB_WORKERS: u32 = 4;
const WAIT_FOR_SERVERS: Duration = Duration::from_secs(60);
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// Stands for the name of a service in an option.
const SERVICE: &str = "{service}";

impl Config {
    /// Everything embedded, kept in `data_dir`, logs as text; reads no environment.
    pub fn embedded(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            database_url_file: None,
            database_pool_size: DATABASE_POOL_SIZE,
            bus_url: None,
            bus_url_file: None,
            redis_url: None,
            redis_url_file: None,
            service_url: SERVICE_URL.to_owned(),
            tls_dir: None,
            tls_names: Vec::new(),
            probe_listen: None,
            mesh_key_file: None,
            public_url: PUBLIC_URL.to_owned(),
            environment: ENVIRONMENT.to_owned(),
            service_name: None,
            otlp_endpoint: None,
            trace_ratio: TRACE_RATIO,
            log_format: LogFormat::Text,
            log: LOG_FILTER.to_owned(),
            rate_factor: RATE_FACTOR,
            #[cfg(debug_assertions)]
            sabotage: None,
            job_workers: JOB_WORKERS,
            wait_for_servers: WAIT_FOR_SERVERS,
            shutdown_grace: SHUTDOWN_GRACE,
        }
    }

    /// Finds what cannot work before anything is started; the error names the option.
    pub fn validate(&self) -> anyhow::Result<()> {
        if let Some(url) = self.database_url()? {
            expect_scheme("--database-url", &url, &["postgres", "postgresql"])?;
        }
        if let Some(url) = self.bus_url()? {
            expect_scheme("--bus-url", &url, &["amqp", "amqps"])?;
        }
        if let Some(url) = self.redis_url()? {
            expect_scheme("--redis-url", &url, &["redis", "rediss"])?;
        }
        if let Some(url) = &self.otlp_endpoint {
            expect_scheme("--otlp-endpoint", url, &["http"])?;
        }
        expect_scheme("--public-url", &self.public_url, &["http", "https"])?;
        if self.tls_dir.is_some() {
            expect_scheme("--service-url", &self.service_url, &["https", "dns", "k8s"]).context("with --tls-dir")?;
        } else {
            expect_scheme("--service-url", &self.service_url, &["http", "dns", "k8s"]).context("without --tls-dir")?;
        }
        if !(0.0..=1.0).contains(&self.trace_ratio) {
            bail!("--trace-ratio must lie between 0 and 1");
        }
        tracing_subscriber::EnvFilter::try_new(&self.log).context("--log cannot be read")?;
        self.mesh_key()?;
        Ok(())
    }

    /// Where this service's database is.
    pub fn store_url(&self, service: &str) -> anyhow::Result<String> {
        match self.database_url()? {
            Some(url) => Ok(url.replace(SERVICE, service)),
            None => Ok(format!("sqlite:{}?mode=rwc", self.data_dir.join(format!("{service}.sqlite")).display())),
        }
    }

    /// RabbitMQ, if it is named.
    pub fn bus_url(&self) -> anyhow::Result<Option<String>> {
        one_of("--bus-url", &self.bus_url, &self.bus_url_file)
    }

    /// Redis, if it is named.
    pub fn redis_url(&self) -> anyhow::Result<Option<String>> {
        one_of("--redis-url", &self.redis_url, &self.redis_url_file)
    }

    /// The key that services share, if a file is named.
    pub fn mesh_key(&self) -> anyhow::Result<Option<MeshKey>> {
        let Some(path) = &self.mesh_key_file else { return Ok(None) };
        let cannot = || format!("--mesh-key-file {} cannot be used", path.display());
        let content = std::fs::read(path).with_context(cannot)?;
        MeshKey::parse(&content).with_context(cannot).map(Some)
    }

    /// PostgreSQL, if it is named.
    pub fn database_url(&self) -> anyhow::Result<Option<String>> {
        one_of("--database-url", &self.database_url, &self.database_url_file)
    }
}

fn one_of(option: &str, value: &Option<String>, file: &Option<PathBuf>) -> anyhow::Result<Option<String>> {
    match (value, file) {
        (Some(value), _) => Ok(Some(value.clone())),
        (None, Some(path)) => read_secret(option, path).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_secret(option: &str, path: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{option}-file {} cannot be read", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{option}-file {} is empty", path.display());
    }
    Ok(text.to_owned())
}

/// The URL itself stays out of the message: it may hold a password.
fn expect_scheme(option: &str, url: &str, schemes: &[&str]) -> anyhow::Result<()> {
    match url.split_once("://") {
        Some((scheme, rest)) if schemes.contains(&scheme) && !rest.is_empty() => Ok(()),
        _ => bail!("{option} must begin with {}://", schemes.join(":// or ")),
    }
}

/// Reads `500ms`, `20s`, `5m`, `2h` or a plain number of seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "must be a time such as 500ms, 20s or 5m".to_owned())?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        unit => Err(format!("{unit} is no unit of time; use ms, s, m or h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert!(parse_duration("2w").is_err());
        assert!(parse_duration("soon").is_err());
    }

    #[test]
    fn a_wrong_scheme_is_refused_without_showing_the_password() {
        let config =
            Config { database_url: Some("mysql://root:secret@db/x".to_owned()), ..Config::embedded("/nowhere") };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("--database-url") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_service_name_is_put_into_urls() {
        let config =
            Config { database_url: Some("postgres://db/{service}".to_owned()), ..Config::embedded("/nowhere") };
        assert_eq!(config.store_url("identity").unwrap(), "postgres://db/identity");
        let embedded = Config::embedded("/var/lib/kvartal");
        assert_eq!(embedded.store_url("audit").unwrap(), "sqlite:/var/lib/kvartal/audit.sqlite?mode=rwc");
    }
}
