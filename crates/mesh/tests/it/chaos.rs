//! Three replicas under load, and one of them goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kvartal_mesh::{Directory, EndpointState, EndpointView};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::replicas::{Mode, Replica, client, directory, endpoint, eventually, read, unavailable, view};
use crate::world::World;

const USUAL: Duration = Duration::from_millis(5);
const WORKERS: usize = 12;
/// How many failures in a row take an endpoint out, and how many slow answers.
const FAILURES: usize = 5;
const SLOW_ANSWERS: usize = 8;

/// Workers that read without pause.
struct Load {
    calls: Arc<AtomicUsize>,
    errors: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Load {
    fn start(directory: &Directory) -> Self {
        let mut load =
            Self { calls: Arc::default(), errors: Arc::default(), stop: Arc::default(), workers: JoinSet::new() };
        for _ in 0..WORKERS {
            let mut client = client(directory);
            let (calls, errors, stop) = (load.calls.clone(), load.errors.clone(), load.stop.clone());
            load.workers.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let failed = read(&mut client).await.is_err();
                    errors.fetch_add(usize::from(failed), Ordering::SeqCst);
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        load
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets so many more calls end.
    async fn pass(&self, calls: usize) {
        let until = self.calls() + calls;
        eventually("more calls", || self.calls() >= until).await;
    }

    async fn end(mut self) -> (usize, usize) {
        self.stop.store(true, Ordering::SeqCst);
        while self.workers.join_next().await.is_some() {}
        (self.calls(), self.errors.load(Ordering::SeqCst))
    }
}

/// Breaks one of three replicas under load, waits until it is out, which takes so many answers, and heals it again; returns
/// how it was seen when it was out. Callers must not see more than one error in a thousand. What it does when it is broken
/// is said of what answers take, which is more where processors are short.
async fn one_breaks(name: &str, usual: Duration, answers: usize, mode: impl Fn(Duration) -> Mode) -> EndpointView {
    let world = World::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::start(&world, Mode::After(usual)).await);
    }
    let (directory, broken) = (directory(&replicas), &replicas[0]);
    let load = Load::start(&directory);
    load.pass(300).await;
    let (began, first) = (Instant::now(), load.calls());
    load.pass(300).await;
    let takes = began.elapsed() * u32::try_from(WORKERS).unwrap() / u32::try_from(load.calls() - first).unwrap();
    assert_eq!(view(&directory).retries, 0, "nothing is wrong yet");

    let (broke, before, calls_before) = (Instant::now(), broken.calls(), load.calls());
    broken.set(mode(takes));
    eventually("it is taken out", || endpoint(&directory, broken).state != EndpointState::Open).await;
    let (took, requests) = (broke.elapsed(), broken.calls() - before);
    let out = endpoint(&directory, broken);
    load.pass(600).await;

    let (healed, lasted) = (Instant::now(), broke.elapsed());
    broken.set(Mode::After(usual));
    eventually("it is let in again", || endpoint(&directory, broken).state == EndpointState::Open).await;
    let (back, again) = (healed.elapsed(), broken.calls());
    eventually("it is called again", || broken.calls() > again + 20).await;

    let during = load.calls() - calls_before;
    let ((calls, errors), view) = (load.end().await, view(&directory));
    eprintln!(
        "chaos, {name}: out after {took:?} and {requests} requests; back {back:?} after it healed; {errors} errors in \
         {calls} calls ({during} since it broke); {} retries",
        view.retries,
    );
    assert!(errors * 1_000 <= calls, "{errors} errors in {calls} calls");
    // Those that were on their way when the last failed have been sent already.
    assert!(requests <= answers + WORKERS || took <= Duration::from_secs(1), "{requests} requests, {took:?}");
    // Each pause is at most twice the one before, and half of it longer by chance: so the last is no longer than all before
    // it and a second, and a half of that.
    assert!(
        back <= (lasted + Duration::from_secs(1)).mul_f64(1.5) + Duration::from_secs(1),
        "{back:?} after {lasted:?}"
    );
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_refuses_everything_is_taken_out_unnoticed() {
    one_breaks("(a) fast UNAVAILABLE", USUAL, FAILURES, |_| Mode::Refuse(unavailable())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_answers_is_taken_out_unnoticed() {
    one_breaks("(b) black hole", USUAL, FAILURES, |_| Mode::Silent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_resets_streams_is_taken_out_unnoticed() {
    one_breaks("(d) resets", USUAL, FAILURES, |_| Mode::Reset).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_in_its_trailers_is_taken_out_unnoticed() {
    one_breaks("(e) error in trailers", USUAL, FAILURES, |_| Mode::Trailers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_ten_times_slower_is_taken_out_unnoticed() {
    // Long enough to stand out from what a busy machine adds.
    let out = one_breaks("(c) 10× slow", USUAL * 4, SLOW_ANSWERS, |takes| Mode::After(takes * 10)).await;
    assert_eq!(out.ejections, 1, "{out:?}");
    // Where processors are short it may seem silent before it has answered often enough to be slow.
    let silent = out.last_error.as_deref() == Some("it does not answer");
    assert!(out.slow_ejections == 1 || silent, "{out:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_total_outage_little_is_sent_and_recovery_needs_nobody() {
    let world = World::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::start(&world, Mode::After(USUAL)).await);
    }
    let directory = directory(&replicas);
    let load = Load::start(&directory);
    load.pass(300).await;
    let broke = Instant::now();
    let (calls, before) = (load.calls(), view(&directory).attempts);
    replicas.iter().for_each(|replica| replica.set(Mode::Refuse(unavailable())));
    eventually("all are out", || view(&directory).endpoints.iter().all(|one| one.state != EndpointState::Open)).await;
    let out = broke.elapsed();
    // Some fail fast after three seconds; nothing spins meanwhile.
    eventually("calls fail fast", || view(&directory).failed_fast > 0).await;
    let (calls, attempts) = (load.calls() - calls, view(&directory).attempts - before);
    let healed = Instant::now();
    replicas.iter().for_each(|replica| replica.set(Mode::After(USUAL)));
    eventually("one is back", || view(&directory).endpoints.iter().any(|one| one.state == EndpointState::Open)).await;
    let back = healed.elapsed();
    eventually("all are back", || view(&directory).endpoints.iter().all(|one| one.state == EndpointState::Open)).await;
    let all_back = healed.elapsed();
    let (_, errors) = load.end().await;
    eprintln!(
        "chaos, total outage: all out after {out:?}; {attempts} attempts for {calls} calls that ended and {WORKERS} that \
         waited; the first back {back:?}, all {all_back:?} after they healed; {errors} errors",
    );
    // Nothing is multiplied: a handful of retries, then none.
    assert!(
        attempts * 10 <= u64::try_from(calls + WORKERS).unwrap() * 11 + 40,
        "{attempts} attempts for {calls} calls"
    );
    assert!(back <= Duration::from_secs(3), "{back:?}");
}
