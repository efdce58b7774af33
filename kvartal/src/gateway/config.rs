//! `kvartal gateway config`: the configuration of Envoy, from the contract.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kvartal_gateway_grpc_web::envoy::{self, AccessLog, Authority, Settings, Telemetry, UpstreamTls};

use crate::console::{Console, Glyph};
use crate::services;

/// The file with the configuration itself.
const MAIN: &str = "envoy.yaml";

/// Where Envoy stands, and what is around it. What it does with a call is the contract's: see `kvartal contract`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  kvartal gateway config > envoy.yaml && envoy -c envoy.yaml
  kvartal gateway config --upstream '{service}.kvartal.svc:9090' --pages edge.kvartal.svc:8080
  kvartal gateway config --upstream 127.0.0.1:9090 --upstream identity=127.0.0.1:9091 --listen 127.0.0.1:8443 \\
      --tls /etc/kvartal/tls --output /etc/envoy
  kvartal gateway config --output /etc/envoy --check     is what lies there current? exit code 1 if not
  kvartal gateway config | envoy --mode validate -c /dev/stdin

With --tls or --upstream-tls there are files beside the configuration: Envoy reads certificates again when they change only
if they are named in files of their own. --output writes all of them.")]
pub(crate) struct Args {
    /// The public port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Envoy's administration page; whoever reaches it may do anything.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Where services answer: HOST:PORT, {service} stands for the name; or NAME=HOST:PORT for one of them, repeated for each of its addresses.
    #[arg(long, value_name = "[NAME=]HOST:PORT", value_parser = parse_upstream)]
    upstream: Vec<(Option<String>, Authority)>,
    /// A process that serves the public port itself (`kvartal serve … --edge`): pages, health, keys, plain HTTP. May be repeated.
    #[arg(long, value_name = "HOST:PORT", default_value = "edge:8080")]
    pages: Vec<Authority>,
    /// The rate-limit and revocation services (`kvartal gateway serve`). Without them services alone count and look. May be repeated; with --upstream-tls they need --tls-dir.
    #[arg(long, value_name = "HOST:PORT")]
    guard: Vec<Authority>,
    /// Folder with tls.crt and tls.key of the public port, read again when they change.
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Folder with tls.crt, tls.key and ca.crt for mutual TLS with the services and the guard, as `kvartal ca issue gateway` writes it; read again when they change.
    #[arg(long, value_name = "DIR")]
    upstream_tls: Option<PathBuf>,
    /// Services are called spiffe://THIS/service in their certificates.
    #[arg(long, value_name = "NAME", default_value = "kvartal")]
    trust_domain: String,
    /// Pages of this origin may call too, such as https://app.example; * for any. May be repeated.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    /// Proxies before Envoy that append to x-forwarded-for.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    trusted_proxies: u32,
    /// Collector of traces (OTLP over HTTP), such as collector:4318.
    #[arg(long, value_name = "HOST:PORT")]
    otlp: Option<Authority>,
    /// Part of the calls that is traced.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    sampled: u8,
    /// Where each request is noted: off, stdout, or a file.
    #[arg(long, value_name = "off|stdout|FILE", default_value = "stdout")]
    access_log: String,
    /// Write the configuration and the files beside it into this folder.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The folder in which Envoy will find those files, when it is not the one they are written to.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write nothing: say whether the files in --output are what would be written.
    #[arg(long, requires = "output")]
    check: bool,
}

fn parse_upstream(text: &str) -> Result<(Option<String>, Authority), String> {
    match text.split_once('=') {
        None => Ok((None, text.parse()?)),
        Some((name, authority)) if services::NAMES.contains(&name) => Ok((Some(name.to_owned()), authority.parse()?)),
        Some((name, _)) => Err(format!("there is no service {name}; there are {}", services::NAMES.join(", "))),
    }
}

/// True when all is well.
pub(crate) fn run(args: &Args, console: Console) -> anyhow::Result<bool> {
    let settings = settings(args);
    match &args.output {
        None => {
            console.line(rendered(&settings)?.first().map_or("", |(_, text)| text).trim_end());
            Ok(true)
        }
        Some(folder) if args.check => check(&settings, folder, console),
        Some(folder) => {
            let path = write(&settings, folder)?;
            console.say(Glyph::Good, format_args!("written: {}", path.display()));
            Ok(true)
        }
    }
}

fn settings(args: &Args) -> Settings {
    let mut settings = Settings {
        listen: args.listen,
        admin: args.admin,
        pages: args.pages.clone(),
        guard: args.guard.clone(),
        tls: args.tls.clone(),
        upstream_tls: args
            .upstream_tls
            .clone()
            .map(|folder| UpstreamTls { folder, trust_domain: args.trust_domain.clone() }),
        allow_origin: args.allow_origin.clone(),
        trusted_proxies: args.trusted_proxies,
        telemetry: args.otlp.clone().map(|collector| Telemetry { collector, sampled_percent: args.sampled }),
        access_log: match args.access_log.as_str() {
            "off" => AccessLog::Off,
            "stdout" => AccessLog::Stdout,
            file => AccessLog::File(file.into()),
        },
        ..Settings::default()
    };
    if let Some(folder) = args.folder.as_ref().or(args.output.as_ref()) {
        folder.clone_into(&mut settings.folder);
    }
    for (name, authority) in args.upstream.iter().cloned() {
        match name {
            Some(name) => settings.upstreams.entry(name).or_default().push(authority),
            None => settings.upstream = authority,
        }
    }
    settings
}

/// Every file by name, the main one first.
fn rendered(settings: &Settings) -> anyhow::Result<Vec<(&'static str, String)>> {
    let config = envoy::config(kvartal_proto::contract(), settings);
    std::iter::once((MAIN, config))
        .chain(envoy::files(settings))
        .map(|(name, value)| Ok((name, envoy::yaml(&value)?)))
        .collect()
}

/// Writes every file; where the main one is.
pub(crate) fn write(settings: &Settings, folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in rendered(settings)? {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(folder.join(MAIN))
}

fn check(settings: &Settings, folder: &Path, console: Console) -> anyhow::Result<bool> {
    let mut current = true;
    for (name, text) in rendered(settings)? {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            console.say(Glyph::Bad, format_args!("{} is not current; write it again without --check", path.display()));
            current = false;
        }
    }
    if current {
        console.say(Glyph::Good, "current");
    }
    Ok(current)
}
