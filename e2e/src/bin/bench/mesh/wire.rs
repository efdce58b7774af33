//! The processes of a contestant: who answers, and who calls at scheduled times.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use hdrhistogram::Histogram;
use kvartal_kernel::SystemClock;
use kvartal_mesh::tls::{self, Identities, Identity};
use kvartal_mesh::{BoxFuture, Directory, Remote, RemoteOptions};
use kvartal_proto::identity::v1::GetContactRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;

use super::serve;
use crate::drive;

/// Who calls, and who is called; the contract allows it.
pub(super) const CALLER: &str = "notification";
pub(super) const CALLED: &str = "identity";
/// Connections of a caller.
const CONNECTIONS: usize = 2;
/// Valgrind makes handshakes take seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Calls under way when as many as possible are wanted.
const AT_ONCE: usize = 64;

/// With or without us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Part {
    /// tonic as it comes.
    Raw,
    /// Our stack on both sides.
    Full,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Full => "full",
        }
    }
}

fn child(role: &str, part: Part, arguments: &[&str], identity: Option<PathBuf>) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([role, part.name()]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(folder) = identity {
        command.arg("--identity").arg(folder);
    }
    let mut child = command.spawn().expect("the child starts");
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("the child speaks");
    line.trim().to_owned()
}

/// The process that answers; killed when dropped.
pub(super) struct Server {
    child: Child,
    /// `127.0.0.1:port` behind its scheme.
    pub(super) url: String,
}

impl Server {
    pub(super) fn start(part: Part, identities: Option<&Path>) -> Self {
        let (child, mut output) = child("mesh-server", part, &[], identities.map(|folder| folder.join(CALLED)));
        let scheme = if identities.is_some() { tls::HTTPS } else { "http://" };
        Self { url: format!("{scheme}{}", line(&mut output)), child }
    }

    pub(super) fn cpu(&self) -> Duration {
        drive::cpu(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process that calls; killed when dropped.
pub(super) struct Caller {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// What became of the calls of one run.
pub(super) struct Answered {
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Caller {
    pub(super) fn start(part: Part, url: &str, identities: Option<&Path>) -> Self {
        let (child, output) = child("mesh-caller", part, &["--url", url], identities.map(|folder| folder.join(CALLER)));
        Self { child, output }
    }

    /// Offers so many calls a second, or as many as can be done when that is 0, and waits for the outcome.
    pub(super) fn offer(&mut self, rate: u32, lasting: Duration) -> Answered {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{rate} {}", lasting.as_millis()).expect("the caller listens");
        let line = line(&mut self.output);
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
        let [answered, failed, p50, p99] = numbers[..] else { panic!("the caller said {line}") };
        Answered { answered, failed, p50: p50 as f64, p99: p99 as f64 }
    }

    pub(super) fn cpu(&self) -> Duration {
        drive::cpu(self.child.id())
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The role of the process that answers.
pub(crate) async fn answer(part: Part, identity: Option<PathBuf>) {
    let identity = identity.as_deref();
    serve::end_with_parent();
    let listener = serve::listen().await;
    println!("{}", listener.local_addr().unwrap());
    serve(part, listener, identity).await;
}

/// Answers on a socket.
pub(super) async fn serve(part: Part, listener: TcpListener, identity: Option<&Path>) {
    match part {
        Part::Raw => serve::serve_raw(listener, identity).await,
        Part::Full => serve::serve_full(listener, identity).await,
    }
}

pub(super) type Call = Arc<dyn Fn() -> BoxFuture<bool> + Send + Sync>;

/// The role of the process that calls: each line of its input is a run, each line of its output what became of it.
pub(crate) async fn call(part: Part, url: &str, identity: Option<PathBuf>) {
    let call = caller(part, url, identity.as_deref());
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (rate, millis) = line.split_once(' ').unwrap();
        let (rate, lasting) = (rate.parse().unwrap(), Duration::from_millis(millis.parse().unwrap()));
        let (times, failed) = offer(&call, rate, lasting).await;
        println!("{} {failed} {} {}", times.len(), times.value_at_quantile(0.5), times.value_at_quantile(0.99));
    }
}

/// Makes one call each time.
pub(super) fn caller(part: Part, url: &str, identity: Option<&Path>) -> Call {
    let identity = identity.map(|folder| Identity::load(folder, Arc::new(SystemClock)).unwrap());
    match part {
        Part::Raw => raw(url, identity.as_ref()),
        Part::Full => full(url, identity),
    }
}

fn contact() -> GetContactRequest {
    GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() }
}

/// Whether a call was answered; the first that was not is shown.
fn good<T>(answer: Result<T, Status>) -> bool {
    static FIRST: Once = Once::new();
    if let Err(status) = &answer {
        FIRST.call_once(|| eprintln!("a call failed: {status}"));
    }
    answer.is_ok()
}

fn raw(url: &str, identity: Option<&Identity>) -> Call {
    let connect = |_: usize| {
        let endpoint = tls::endpoint(url).unwrap().tcp_nodelay(true);
        match identity {
            Some(identity) => {
                let connector = tls::connector(identity, CALLED, CONNECT_TIMEOUT).unwrap();
                endpoint.connect_with_connector_lazy(connector)
            }
            None => endpoint.connect_lazy(),
        }
    };
    let clients: Vec<_> = (0..CONNECTIONS).map(connect).map(IdentityServiceClient::new).collect();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move || -> BoxFuture<bool> {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut client = clients[turn % CONNECTIONS].clone();
        Box::pin(async move { good(client.get_contact(contact()).await) })
    })
}

fn full(url: &str, identity: Option<Identity>) -> Call {
    let remote = Remote {
        url: url.to_owned(),
        key: identity.is_none().then(serve::mesh_key),
        options: RemoteOptions {
            connections: CONNECTIONS,
            connect_timeout: CONNECT_TIMEOUT,
            security: identity.map(Identities::one).into(),
            ..RemoteOptions::default()
        },
    };
    let directory = Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote));
    let client = IdentityServiceClient::new(directory.channel(CALLED, CALLER).unwrap());
    Arc::new(move || -> BoxFuture<bool> {
        let mut client = client.clone();
        Box::pin(async move { good(client.get_contact(contact()).await) })
    })
}

/// Calls at scheduled times whatever became of earlier calls; times count from when a call was to be sent.
async fn offer(call: &Call, rate: u32, lasting: Duration) -> (Histogram<u64>, u64) {
    let times = Arc::new(Mutex::new((Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).unwrap(), 0_u64)));
    let (call, outcome) = (call.clone(), times.clone());
    let one = move |due: Instant| {
        let (call, times) = (call.clone(), outcome.clone());
        async move {
            let good = call().await;
            let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
            let mut times = times.lock().unwrap();
            if good {
                times.0.saturating_record(took);
            } else {
                times.1 += 1;
            }
        }
    };
    let (begun, mut calls) = (Instant::now(), JoinSet::new());
    if rate == 0 {
        for _ in 0..AT_ONCE {
            let one = one.clone();
            calls.spawn(async move {
                while begun.elapsed() < lasting {
                    one(Instant::now()).await;
                }
            });
        }
    } else {
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        let mut sent = 0_u64;
        while begun.elapsed() < lasting {
            tick.tick().await;
            while sent as f64 / f64::from(rate) < begun.elapsed().as_secs_f64() {
                let due = begun + Duration::from_secs_f64(sent as f64 / f64::from(rate));
                calls.spawn(one(due));
                sent += 1;
            }
            while calls.try_join_next().is_some() {}
        }
    }
    while calls.join_next().await.is_some() {}
    let times = times.lock().unwrap();
    times.clone()
}
