//! The end of a process.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::Uuid;
use kvartal_proto::audit::v1::VerifyChainRequest;
use tonic::Request;

use crate::platform::{Platform, host};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_waits_for_a_running_call() {
    let platform = Platform::start(|_| {}).await;
    let token = platform.token(Uuid::new_v4(), Uuid::new_v4(), &["admin"]);
    let mut audit = platform.audit().await;
    let mut request = Request::new(VerifyChainRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let call = tokio::spawn(async move { audit.verify_chain(request).await });
    platform.gate.entered.notified().await;
    let runtime = platform.host.runtime.clone();
    let health = runtime.health().clone();
    let stopping = tokio::spawn(runtime.shutdown());
    let mut changed = health.changed();
    while health.report().status != "stopping" {
        changed.changed().await.unwrap();
    }
    assert!(!stopping.is_finished() && !call.is_finished());
    platform.gate.open.notify_one();
    assert!(call.await.unwrap().unwrap().into_inner().intact);
    assert!(stopping.await.unwrap().clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_stop_is_reported_and_cut() {
    let host = host(|config| config.shutdown_grace = Duration::from_millis(400)).await;
    let alive = Arc::new(());
    let held = alive.clone();
    host.runtime.spawn("stubborn", async move {
        let _held = held;
        std::future::pending().await
    });
    let stop = host.runtime.stop();
    host.runtime.spawn("obedient", async move { stop.cancelled().await });
    let began = tokio::time::Instant::now();
    let stopped = host.runtime.shutdown().await;
    assert_eq!((stopped.calls, stopped.tasks), (0, vec!["stubborn"]));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    kvartal_testing::eventually(Duration::from_secs(2), || async { Arc::strong_count(&alive) == 1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_process_stops_at_once_and_its_folder_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let runtime = kvartal_host::Runtime::start(crate::platform::config(&folder)).await.unwrap();
        runtime.store("incident", Vec::new()).await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(runtime.shutdown().await.clean());
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}
