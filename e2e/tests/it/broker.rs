//! RabbitMQ hangs, dies and comes back while reports are filed: nobody waits for it, and nothing is lost or told twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_testing::{RabbitServer, eventually};
use serde_json::Value;
use tokio::time::Instant;

use crate::kill::{Acknowledged, assert_nothing_lost, check, write};

const SOON: Duration = Duration::from_secs(60);
/// Slow enough for every report to be looked at in the end.
const PACE: Duration = Duration::from_millis(100);
/// Reports that must be acknowledged while the broker is away.
const MEANWHILE: usize = 20;

/// The sum of a metric over everything that has it.
async fn metric(platform: &Platform, name: &str) -> Option<f64> {
    let (_, page) = platform.get("/metrics").await;
    let lines = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    let values: Vec<f64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

/// `/healthz`: the HTTP status, and what it says about everything together.
async fn health(platform: &Platform) -> (u16, String) {
    let (status, body) = platform.get("/healthz").await;
    let report: Value = serde_json::from_str(&body).unwrap_or_default();
    (status, report["status"].as_str().unwrap_or_default().to_owned())
}

/// The broker has just gone: that is known soon, and hinders nobody.
async fn away(platform: &Platform, acknowledged: &Acknowledged, what: &str) {
    let began = Instant::now();
    eventually(SOON, || async { metric(platform, "kvartal_events_breaker_open").await >= Some(1.0) }).await;
    println!("{what}: known after {:?}", began.elapsed());
    eventually(SOON, || async {
        let health = health(platform).await;
        if health == (200, "degraded".to_owned()) { Ok(()) } else { Err(format!("{health:?}")) }
    })
    .await;
    let (before, since) = (acknowledged.lock().await.len(), Instant::now());
    eventually(SOON, || async { acknowledged.lock().await.len() >= before + MEANWHILE }).await;
    println!("{what}: {MEANWHILE} reports acknowledged meanwhile in {:?}", since.elapsed());
    assert!(metric(platform, "kvartal_events_outbox_depth").await > Some(0.0), "events wait in the outbox");
    assert_eq!(health(platform).await, (200, "degraded".to_owned()), "{what}: no reason not to be ready");
}

/// The broker is there again.
async fn back(platform: &Platform, what: &str) {
    let began = Instant::now();
    eventually(SOON, || async {
        let open = metric(platform, "kvartal_events_breaker_open").await;
        let health = health(platform).await;
        if open == Some(0.0) && health == (200, "ready".to_owned()) {
            Ok(())
        } else {
            Err(format!("{open:?} {health:?}"))
        }
    })
    .await;
    println!("{what}: all is well after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_or_dies_holds_up_nobody_and_nothing_is_lost_or_told_twice() {
    let mut server = RabbitServer::start().await;
    let rabbit = server.vhost().await;
    let args = vec!["--edge-metrics".to_owned()];
    let options = Options { bus_url: Some(rabbit.url()), args, ..Options::default() };
    let platform = Platform::start(Adapter::Servers, options).await;
    let email = {
        let admin = platform.admin().await;
        platform.user(&admin, &[]).await.email().to_owned()
    };
    let (acknowledged, stop) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
    let citizen = platform.sign_in(&email).await;
    let writer = tokio::spawn(write(citizen, acknowledged.clone(), stop.clone(), PACE));
    eventually(SOON, || async { acknowledged.lock().await.len() > 5 }).await;
    assert_eq!(metric(&platform, "kvartal_events_breaker_open").await, Some(0.0));

    server.pause();
    away(&platform, &acknowledged, "RabbitMQ hangs").await;
    server.resume();
    back(&platform, "RabbitMQ hangs").await;
    // RabbitMQ 3.10 writes down the existence of a new quorum queue some seconds later, whatever it has confirmed; by now
    // it has. One that is killed before never elects a leader again.
    server.kill();
    away(&platform, &acknowledged, "RabbitMQ is killed").await;
    server.restart().await;
    back(&platform, "RabbitMQ is killed").await;

    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    eventually(SOON, || async { metric(&platform, "kvartal_events_outbox_depth").await == Some(0.0) }).await;
    let acknowledged: Vec<String> = acknowledged.lock().await.clone().into_values().collect();
    let findings = check(&platform, &email, acknowledged).await;
    assert_nothing_lost(&findings, 2 * MEANWHILE);
    println!("{} reports, each told of once", findings.acknowledged);
}
