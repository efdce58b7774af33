//! `kvartal up`: the whole platform in this process, on one port, with nothing else installed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::parser::ValueSource;
use futures::future::try_join_all;
use kvartal_gateway_grpc_web::envoy::{AccessLog, Settings};
use kvartal_gateway_grpc_web::{Edge, Options, serve_beside_envoy};
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::console::{Console, Glyph};
use crate::demo::{self, Demo};
use crate::envoy::{Envoy, Program};
use crate::port;
use crate::process::{self, Ended};
use crate::services::{self, Configs};

/// How the platform comes up.
#[derive(clap::Args, Clone)]
#[command(
    mut_arg("data_dir", |arg| arg.hide_default_value(true).help("Folder in which everything is kept. Not given: a temporary one, deleted at the end")),
    mut_arg("log", |arg| arg.hide_default_value(true).help("What is logged, such as info or warn,kvartal_host=debug. Not given: warn")),
    mut_arg("public_url", |arg| arg.hide_default_value(true).help("Address under which people reach the platform; links in messages begin with it. Not given: this machine")),
)]
#[command(after_help = "Examples:
  kvartal up --demo                         a living city to look at; gone when you stop it
  kvartal up --demo --open                  the same, and the page opens in the browser
  kvartal up --data-dir ./data              an empty city that is kept
  kvartal up --data-dir ./data --identity-admin-email you@city.example --identity-admin-password-file password
  kvartal up --demo --gateway envoy         the same services behind a real Envoy
  kvartal up --port 9000 --address 0.0.0.0  for others in the network (not with --demo: its passwords are known)

Ctrl-C stops: running calls finish, then temporary data is deleted. A second Ctrl-C quits at once.")]
pub(crate) struct Args {
    /// Port of the page and of every API. Not given: 8080, or the next free one.
    #[arg(long, env = "KVARTAL_PORT", default_value_t = 8080)]
    port: u16,
    /// Address to listen on; 0.0.0.0 lets others in.
    #[arg(long, env = "KVARTAL_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Fill the city Severograd with people, reports and incidents, and keep it moving. Its accounts have a known password.
    #[arg(long, env = "KVARTAL_DEMO")]
    demo: bool,
    /// What stands at the public port: this process itself, or a real Envoy before it, as in a cluster.
    #[arg(long, env = "KVARTAL_GATEWAY", value_enum, default_value_t = Gateway::InProcess)]
    gateway: Gateway,
    /// The program, with --gateway envoy.
    #[arg(long, env = "KVARTAL_ENVOY_PATH", value_name = "FILE", default_value = "envoy")]
    envoy_path: PathBuf,
    /// Serve the browser app from this folder instead of the one within the program; for who works on the app.
    #[arg(long, env = "KVARTAL_WEB_DIR", value_name = "DIR")]
    web_dir: Option<PathBuf>,
    /// Open the page in the browser.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    public: Public,
    #[command(flatten)]
    platform: kvartal_host::Config,
    #[command(flatten)]
    configs: Configs,
}

/// What stands at the public port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Gateway {
    /// This process.
    InProcess,
    /// Envoy, as a child process.
    Envoy,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("port", &self.port).field("demo", &self.demo).finish_non_exhaustive()
    }
}

/// Options of a public port.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Public {
    /// Pages of this origin may call too, such as https://app.example; * for any. May be repeated.
    #[arg(long, env = "KVARTAL_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    /// Proxies before the public port that append to x-forwarded-for; the caller's address is taken from there.
    #[arg(long, env = "KVARTAL_TRUSTED_PROXIES", value_name = "COUNT", default_value_t = 0)]
    trusted_proxies: usize,
}

impl Public {
    /// As the edge wants them.
    pub(crate) fn options(&self, runtime: &Runtime) -> Options {
        Options {
            allow_origin: self.allow_origin.clone(),
            trusted_proxies: self.trusted_proxies,
            grace: runtime.config().shutdown_grace,
            ..Options::default()
        }
    }
}

/// What was asked for by name rather than left to us.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    port: bool,
    data_dir: bool,
    log: bool,
    public_url: bool,
}

impl Given {
    /// From the command line and the environment.
    pub(crate) fn read(matches: Option<&clap::ArgMatches>) -> Self {
        let given = |name: &str| {
            matches.is_some_and(|m| m.value_source(name).is_some_and(|source| source != ValueSource::DefaultValue))
        };
        Self { port: given("port"), data_dir: given("data_dir"), log: given("log"), public_url: given("public_url") }
    }
}

/// Runs until it is told to stop.
pub(crate) async fn run(mut args: Args, given: Given, console: Console) -> anyhow::Result<Ended> {
    if args.platform.tls_dir.is_some() {
        anyhow::bail!(
            "--tls-dir is for `kvartal serve`: here every service is in this process, and none proves its name"
        );
    }
    let began = SystemClock.now();
    console.line(console.strong(concat!("kvartal ", env!("CARGO_PKG_VERSION"))));
    let listener = port::listen(args.address, args.port, given.port).await?;
    let port = listener.local_addr()?.port();
    if port != args.port && args.port != 0 {
        console.say(Glyph::Warning, format_args!("port {} is taken; using {port}", args.port));
    }
    let temporary = prepare(&mut args, given, port)?;
    if args.demo {
        args.configs.identity.demo_users = demo::accounts();
    }
    show_mail(&mut args);
    let storage = match &temporary {
        Some(folder) => format!("temporary: {}", folder.path().display()),
        None if args.platform.database_url.is_some() || args.platform.database_url_file.is_some() => {
            "PostgreSQL".to_owned()
        }
        None => args.platform.data_dir.display().to_string(),
    };
    let open = async |runtime: &Runtime| {
        console.step(Glyph::Step, "storage", &storage, SystemClock.now().since(began));
        open(&args, runtime, listener, console).await
    };
    let ready = |runtime: &Runtime| {
        welcome(&args, temporary.is_some(), console);
        if args.demo {
            Demo::start(runtime, console)?;
        }
        if args.open {
            open_browser(&args.platform.public_url, console);
        }
        Ok(())
    };
    let start = Box::pin(Runtime::start(args.platform.clone()));
    let ended = process::run(console, start, open, ready).await;
    forget(temporary, console);
    ended
}

/// Mails that cannot leave are shown instead, links and all: only to who sits at this machine.
fn show_mail(args: &mut Args) {
    let config = &mut args.configs.notification;
    let leaves = config.smtp_url.is_some() || config.smtp_url_file.is_some();
    config.dev_mail = !leaves && (config.dev_mail || args.address.is_loopback());
}

/// Fills in what was left to us. Data goes to a temporary folder unless a place was named.
fn prepare(args: &mut Args, given: Given, port: u16) -> anyhow::Result<Option<TempDir>> {
    if !given.log {
        // The terminal belongs to the person who started this; what goes wrong is shown.
        "warn".clone_into(&mut args.platform.log);
    }
    if !given.public_url {
        let local = args.address.is_loopback() || args.address.is_unspecified();
        let host = match args.address {
            _ if local => "localhost".to_owned(),
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        args.platform.public_url = format!("http://{host}:{port}");
    }
    if given.data_dir {
        return Ok(None);
    }
    let folder = tempfile::Builder::new()
        .prefix("kvartal-")
        .tempdir()
        .context("cannot make a temporary folder; name one with --data-dir")?;
    args.platform.data_dir = folder.path().to_path_buf();
    Ok(Some(folder))
}

async fn open(args: &Args, runtime: &Runtime, listener: TcpListener, console: Console) -> anyhow::Result<()> {
    start_services(&services::NAMES, runtime, &args.configs, console).await?;
    let mut options = Options {
        public_url: args.platform.public_url.clone(),
        metrics: true,
        mail_page: args.configs.notification.dev_mail,
        web_dir: args.web_dir.clone(),
        ..args.public.options(runtime)
    };
    if args.demo {
        options.accounts = demo::shown_accounts();
        options.scenery = demo::scenery();
    }
    match args.gateway {
        Gateway::InProcess => serve_edge(runtime, Edge::new(runtime, options)?, listener),
        Gateway::Envoy => behind_envoy(args, runtime, options, listener, console).await?,
    }
    Ok(())
}

/// Services and pages on ports of this machine only, and Envoy before them on the public one.
async fn behind_envoy(
    args: &Args,
    runtime: &Runtime,
    options: Options,
    public: TcpListener,
    console: Console,
) -> anyhow::Result<()> {
    let began = SystemClock.now();
    let program = Program::find(&args.envoy_path).await?;
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let services = kvartal_host::listen(runtime, local).await?;
    let pages = TcpListener::bind(local).await.context("no port is free")?;
    let settings = Settings {
        listen: public.local_addr()?,
        allow_origin: options.allow_origin.clone(),
        trusted_proxies: u32::try_from(options.trusted_proxies).context("--trusted-proxies is too large")?,
        upstream: services.into(),
        pages: vec![pages.local_addr()?.into()],
        guard: vec![serve_beside_envoy(runtime, local, false).await?.into()],
        // The terminal belongs to the person who started this.
        access_log: AccessLog::Off,
        ..Settings::default()
    };
    // Envoy tells the address it saw, and lets other origins in or not.
    let options = Options { trusted_proxies: 1, allow_origin: Vec::new(), ..options };
    serve_edge(runtime, Edge::new(runtime, options)?, pages);
    // Until here it kept the port for Envoy.
    drop(public);
    let envoy = Envoy::start(&program, settings, &args.platform.data_dir.join("gateway")).await?;
    let text = format!("Envoy {}, administration on http://{}", program.version, envoy.admin());
    console.step(Glyph::Step, "gateway", &text, SystemClock.now().since(began));
    envoy.watch(runtime);
    Ok(())
}

/// Starts services side by side; each is told when it is there.
pub(crate) async fn start_services(
    names: &[&str],
    runtime: &Runtime,
    configs: &Configs,
    console: Console,
) -> anyhow::Result<()> {
    let starting = names.iter().map(|name| async move {
        let began = SystemClock.now();
        services::start(name, runtime, configs).await.with_context(|| format!("{name} does not start"))?;
        console.step(Glyph::Step, name, "started", SystemClock.now().since(began));
        anyhow::Ok(())
    });
    try_join_all(starting).await.map(|_| ())
}

/// Serves the public port until the runtime stops.
pub(crate) fn serve_edge(runtime: &Runtime, edge: Edge, listener: TcpListener) {
    let stop = runtime.stop();
    runtime.spawn("edge", async move {
        if let Err(error) = edge.serve(listener, stop).await {
            tracing::error!(error = format!("{error:#}"), "the public port is not served any more");
        }
    });
}

fn forget(temporary: Option<TempDir>, console: Console) {
    if let Some(folder) = temporary {
        let shown = folder.path().display().to_string();
        match folder.close() {
            Ok(()) => console.say(Glyph::Good, format_args!("temporary data deleted: {shown}")),
            Err(error) => console.say(Glyph::Bad, format_args!("temporary data stays in {shown}: {error}")),
        }
    }
}

/// What is where, who can sign in, what to try.
fn welcome(args: &Args, temporary: bool, console: Console) {
    let url = args.platform.public_url.trim_end_matches('/');
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    console.fact("App", url);
    console.fact("What runs", format_args!("{url}/start"));
    console.fact("gRPC", format_args!("{authority} (and gRPC-Web on the same port)"));
    console.fact("Health", format_args!("{url}/healthz"));
    console.fact("Metrics", format_args!("{url}/metrics"));
    if args.configs.notification.dev_mail {
        console.fact("Mail", format_args!("{url}/_dev/mail (none leaves; --smtp-url changes that)"));
    }
    if args.demo {
        console.fact("Sign in as", format_args!("{} – password {}", demo::ROLES_SHOWN, demo::PASSWORD));
        console.say(Glyph::Warning, "demo accounts exist and everybody knows their password");
        if !args.address.is_loopback() {
            console.say(Glyph::Warning, format_args!("{} lets others in: anybody can be administrator", args.address));
        }
    } else {
        console.fact(
            "Accounts",
            "none yet; --identity-admin-email and --identity-admin-password-file make an administrator",
        );
    }
    console.line(console.strong("  Try"));
    for example in kvartal_gateway_grpc_web::examples(url, authority) {
        console.line(format_args!("    {example}"));
    }
    let data = if temporary { " and deletes the data (keep it with --data-dir)" } else { "" };
    console.line(format_args!("  Ctrl-C stops{data}"));
}

/// A page that does not open is no reason to stop: the address is on the screen.
fn open_browser(url: &str, console: Console) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if let Err(error) = std::process::Command::new(program).arg(url).spawn() {
        console.say(Glyph::Warning, format_args!("cannot open the browser: {program}: {error}"));
    }
}
