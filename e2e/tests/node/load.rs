//! Citizens who go on reading and filing while something happens to the platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kvartal_e2e::journey::report;
use kvartal_e2e::{Front, User};
use kvartal_proto::incident::v1::GetReportRequest;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// People at a time.
const PEOPLE: usize = 4;
/// Between two calls of one of them.
const PACE: Duration = Duration::from_millis(100);
/// Nobody calls more often than this, however long it takes.
const CALLS: usize = 3_000;
/// Reports that are enough to see whether any is lost.
const SOME: usize = 20;

/// What became of the calls.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reads: usize,
    /// Identifiers of reports that the platform said it had taken.
    pub(crate) filed: Vec<String>,
    /// Calls that were made again because the platform said that it was not there.
    pub(crate) repeated: usize,
    /// The longest that a caller waited for an answer that was good.
    pub(crate) longest: Duration,
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// For the log of the tests.
    pub(crate) fn tell(&self) {
        let Self { reads, filed, repeated, longest, .. } = self;
        println!("{reads} reads, {} reports, {repeated} calls repeated, the longest took {longest:?}", filed.len());
    }
}

/// Calls go on while `event` runs; a call that finds nobody there is made again for as long as `patience`.
pub(crate) async fn during<T: Send + 'static>(
    front: &Front,
    citizen: &User,
    patience: Duration,
    event: impl FnOnce() -> T + Send + 'static,
) -> (T, Tally) {
    let over = Arc::new(AtomicBool::new(false));
    let connect = Arc::new(front.connector());
    let mut people = JoinSet::new();
    for _ in 0..PEOPLE {
        let (over, citizen, connect) = (over.clone(), citizen.clone(), connect.clone());
        people.spawn(async move { person(connect(), citizen, patience, &over, CALLS).await });
    }
    let outcome = tokio::task::spawn_blocking(event).await.expect("it does not panic");
    over.store(true, Ordering::Relaxed);
    let mut sum = Tally::default();
    while let Some(tally) = people.join_next().await {
        let tally = tally.expect("a person does not panic");
        sum.reads += tally.reads;
        sum.filed.extend(tally.filed);
        sum.repeated += tally.repeated;
        sum.longest = sum.longest.max(tally.longest);
        sum.failures.extend(tally.failures);
    }
    (outcome, sum)
}

/// Some calls while nothing happens.
pub(crate) async fn some(front: &Front, citizen: &User) -> Tally {
    person(front.connector()(), citizen.clone(), Duration::ZERO, &AtomicBool::new(false), SOME).await
}

async fn person(channel: Channel, citizen: User, patience: Duration, over: &AtomicBool, calls: usize) -> Tally {
    let mut tally = Tally::default();
    let reports = ReportServiceClient::new(channel);
    let mut pace = tokio::time::interval(PACE);
    for _ in 0..calls {
        if over.load(Ordering::Relaxed) {
            break;
        }
        pace.tick().await;
        // The same identifier again is the same report: filing is idempotent.
        let filing = report();
        let filed = persist(&mut tally, patience, || {
            let (mut reports, request) = (reports.clone(), citizen.request(filing.clone()));
            async move { reports.create_report(request).await }
        })
        .await;
        let Some(report) = filed.and_then(|answer| answer.into_inner().report) else { continue };
        let read = persist(&mut tally, patience, || {
            let request = citizen.request(GetReportRequest { report: report.report_id.clone() });
            let mut reports = reports.clone();
            async move { reports.get_report(request).await }
        })
        .await;
        tally.filed.push(report.report_id);
        tally.reads += usize::from(read.is_some());
    }
    tally
}

/// Calls until it is answered; notes what was no good.
async fn persist<T, F>(tally: &mut Tally, patience: Duration, call: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, Status>>,
{
    let began = Instant::now();
    let mut again = tokio::time::interval(PACE);
    loop {
        again.tick().await;
        match call().await {
            Ok(answer) => {
                tally.longest = tally.longest.max(began.elapsed());
                return Some(answer);
            }
            Err(status) if status.code() == Code::Unavailable && began.elapsed() < patience => tally.repeated += 1,
            Err(status) => {
                tally.failures.push(format!("after {:?}: {status:?}", began.elapsed()));
                return None;
            }
        }
    }
}

/// Reports of the tally that the platform does not know.
pub(crate) async fn lost(front: &Front, citizen: &User, tally: &Tally) -> Vec<String> {
    let mut lost = Vec::new();
    let mut reports = ReportServiceClient::new(front.channel());
    for id in &tally.filed {
        if let Err(status) = reports.get_report(citizen.request(GetReportRequest { report: id.clone() })).await {
            lost.push(format!("{id}: {status:?}"));
        }
    }
    lost
}
