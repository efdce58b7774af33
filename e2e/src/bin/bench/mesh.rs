//! What the mesh costs on the wire: raw tonic, our stack, and a pair of Envoys, all with mutual TLS, in one run.
//!
//! Each contestant is a set of processes of its own: who calls, who answers, and what stands between. All are offered the
//! same calls a second at the same times, in turns (ABBA), and what counts is the CPU time of all of its processes. The
//! confidence intervals are over runs, not over calls, which are not independent. Latency on a machine whose processors
//! are shared by caller and called is rough; CPU time is what can be carried over.

mod envoy;
mod layers;
mod refusals;
mod serve;
mod statistics;
mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kvartal_kernel::{Clock as _, SystemClock};
use kvartal_mesh::tls::ca::Authority;

pub(crate) use layers::{Layer, call as call_layer, run as compare};
pub(crate) use refusals::run as compare_refusals;
pub(crate) use wire::{Part, answer, call};

use envoy::Pair;
use statistics::{Interval, interval};
use wire::{Caller, Server};

/// How calls are offered to the mesh.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Runs of each contestant.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Calls a second, as a share of what the slowest contestant can do, in percent.
    #[arg(long, default_value_t = 50)]
    load: u32,
    /// Calls a second, in place of that share.
    #[arg(long)]
    rate: Option<u32>,
    /// Leave TLS out.
    #[arg(long)]
    plaintext: bool,
    /// The program Envoy; without it the pair of proxies is left out.
    #[arg(long, env = "KVARTAL_TEST_ENVOY")]
    envoy: Option<PathBuf>,
    /// Count instructions of each layer with valgrind instead.
    #[arg(long)]
    callgrind: bool,
}

/// One way from a caller to a server.
struct Contestant {
    name: &'static str,
    caller: Caller,
    server: Server,
    proxies: Option<Pair>,
    runs: Vec<Run>,
}

/// What one run showed.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// CPU time for each call in microseconds: caller, proxies, server.
    cpu: [f64; 3],
    /// Microseconds from when a call was to be sent until it was answered.
    p50: f64,
    p99: f64,
}

impl Run {
    fn total(&self) -> f64 {
        self.cpu.iter().sum()
    }
}

pub(crate) async fn run(args: &Args) {
    if args.callgrind {
        return layers::count();
    }
    let folder = tempfile::tempdir().unwrap();
    let identities = (!args.plaintext).then(|| issue(folder.path()));
    let mut contestants = start(args, folder.path(), identities.as_deref()).await;
    let rate = match args.rate {
        Some(rate) => rate,
        None => saturation(&mut contestants) * args.load / 100,
    };
    eprintln!("{rate} calls a second, {} runs of {} s …", args.runs, args.seconds);
    let lasting = Duration::from_secs(args.seconds);
    for contestant in &mut contestants {
        contestant.measure(rate, lasting / 6);
    }
    for round in 0..args.runs.max(2) {
        let mut order: Vec<usize> = (0..contestants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            let contestant = &mut contestants[place];
            let run = contestant.measure(rate, lasting);
            eprintln!("  {:12} {:8.1} µs CPU/call, p99 {:8.0} µs", contestant.name, run.total(), run.p99);
            contestant.runs.push(run);
        }
    }
    report(&contestants);
}

/// Identities of the caller and the called.
fn issue(folder: &Path) -> PathBuf {
    let (now, day) = (SystemClock.now(), Duration::from_secs(86_400));
    let authority = Authority::create(&folder.join("ca"), "bench", day, now).unwrap();
    for service in [wire::CALLER, wire::CALLED] {
        authority.issue(service, day, now).unwrap().write(&folder.join("identities").join(service)).unwrap();
    }
    folder.join("identities")
}

async fn start(args: &Args, folder: &Path, identities: Option<&Path>) -> Vec<Contestant> {
    let direct = |name, part, identities: Option<&Path>| {
        let server = Server::start(part, identities);
        let caller = Caller::start(part, &server.url, identities);
        Contestant { name, caller, server, proxies: None, runs: Vec::new() }
    };
    let mut contestants =
        vec![direct("raw tonic", Part::Raw, identities), direct("full stack", Part::Full, identities)];
    match &args.envoy {
        Some(program) => {
            let server = Server::start(Part::Raw, None);
            let proxies = Pair::start(program, folder, &server.url, identities).await;
            let caller = Caller::start(Part::Raw, &proxies.url, None);
            contestants.push(Contestant {
                name: "Envoy pair",
                caller,
                server,
                proxies: Some(proxies),
                runs: Vec::new(),
            });
        }
        None => eprintln!("no Envoy: name it with --envoy, or only raw tonic and the full stack are compared"),
    }
    contestants
}

/// How many calls a second the slowest contestant can do.
fn saturation(contestants: &mut [Contestant]) -> u32 {
    let mut least = f64::MAX;
    for contestant in contestants {
        let lasting = Duration::from_secs(3);
        let answer = contestant.caller.offer(0, lasting);
        let rate = answer.answered as f64 / lasting.as_secs_f64();
        eprintln!("{:12} can do {rate:.0} calls a second", contestant.name);
        least = least.min(rate);
    }
    (least as u32).max(100)
}

impl Contestant {
    fn measure(&mut self, rate: u32, lasting: Duration) -> Run {
        let before = self.cpu();
        let answer = self.caller.offer(rate, lasting);
        let after = self.cpu();
        assert_eq!(answer.failed, 0, "calls of {} failed", self.name);
        let per_call = |part: usize| (after[part] - before[part]).as_secs_f64() * 1e6 / answer.answered.max(1) as f64;
        Run { cpu: [per_call(0), per_call(1), per_call(2)], p50: answer.p50, p99: answer.p99 }
    }

    /// CPU time so far of caller, proxies and server.
    fn cpu(&self) -> [Duration; 3] {
        let proxies = self.proxies.as_ref().map(Pair::cpu).unwrap_or_default();
        [self.caller.cpu(), proxies, self.server.cpu()]
    }
}

fn report(contestants: &[Contestant]) {
    println!("| contestant | CPU/call | caller | proxies | server | p50 | p99 |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for contestant in contestants {
        let mean = |of: fn(&Run) -> f64| interval(&[&contestant.runs], |runs| statistics::mean(&runs[0], of));
        let [caller, proxies, server] = [0, 1, 2].map(|part| {
            contestant.runs.iter().map(|run| run.cpu[part]).sum::<f64>() / contestant.runs.len().max(1) as f64
        });
        let [total, p50, p99] = [mean(Run::total), mean(|run| run.p50), mean(|run| run.p99)];
        println!(
            "| {} | {total} µs | {caller:.1} µs | {proxies:.1} µs | {server:.1} µs | {p50} µs | {p99} µs |",
            contestant.name
        );
    }
    let [raw, full, rest @ ..] = contestants else { return };
    added("CPU per call", raw, full, rest.first(), Run::total);
    added("p99", raw, full, rest.first(), |run| run.p99);
}

/// What our stack adds to raw tonic, beside what the pair of Envoys adds.
fn added(what: &str, raw: &Contestant, full: &Contestant, pair: Option<&Contestant>, of: fn(&Run) -> f64) {
    let difference =
        |runs: &[Vec<Run>], more: usize| statistics::mean(&runs[more], of) - statistics::mean(&runs[0], of);
    let ours = interval(&[&raw.runs, &full.runs], |runs| difference(runs, 1));
    println!("\nfull stack − raw tonic, {what}: {ours} µs{}", ours.verdict());
    if let Some(pair) = pair {
        let theirs = interval(&[&raw.runs, &pair.runs], |runs| difference(runs, 1));
        let all = [&raw.runs[..], &full.runs, &pair.runs];
        let Interval { low, middle, high } = interval(&all, |runs| difference(runs, 1) / difference(runs, 2));
        println!("Envoy pair − raw tonic, {what}: {theirs} µs{}", theirs.verdict());
        println!("ratio of the two: {:.1} % ({:.1}–{:.1})", middle * 100.0, low * 100.0, high * 100.0);
    }
}
