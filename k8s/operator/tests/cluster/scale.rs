//! Many databases at once: how long, how much, and nothing at all when nothing changes.

use std::collections::HashSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use kube::runtime::watcher::{self, Event};
use kvartal_operator::api::ServiceDatabase;
use kvartal_testing::eventually;
use serde_json::json;

use crate::kubelet::kind;
use crate::operator::{Operator, Settings};
use crate::place::{Place, database, is_ready};
use crate::proxy::Proxy;

/// A thousand with the feature `scale`, which takes minutes; a few otherwise.
const COUNT: usize = if cfg!(feature = "scale") { 1000 } else { 20 };

/// Waits until all are. It is told of changes: who asks again and again for a thousand objects is the load that is measured.
async fn all_ready(objects: Api<ServiceDatabase>, ready: &mut HashSet<String>) {
    let mut events = pin!(watcher::watcher(objects, watcher::Config::default()));
    while ready.len() < COUNT {
        if let Event::Apply(object) | Event::InitApply(object) = events.next().await.unwrap().unwrap()
            && is_ready(&object, 1).is_ok()
        {
            ready.insert(object.name_any());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_databases_become_ready_and_then_cost_nothing() {
    let place = Place::new("many", kind()).await;
    let proxy = Proxy::start(place.client.clone(), None).await;
    // As often as in an installation: looks at those that are ready are not to be the load while others are made.
    let settings = Settings { url: proxy.url.clone(), ..place.settings() };
    let mut operator = Operator::start(place.cluster, &settings).await;
    let objects: Api<ServiceDatabase> = place.api();
    let begin = Instant::now();
    for number in 0..COUNT {
        objects.create(&Default::default(), &database(&format!("m{number}"), json!({}))).await.unwrap();
    }
    // Two seconds each, and a minute to begin with.
    let patience = Duration::from_secs(60 + 2 * COUNT as u64);
    let mut ready = HashSet::new();
    let all = tokio::time::timeout(patience, all_ready(objects.clone(), &mut ready)).await;
    assert!(all.is_ok(), "{} of {COUNT} are ready after {patience:?}", ready.len());
    let took = begin.elapsed();
    assert_eq!(operator.metric("kvartal_operator_helm_runs_total").await, COUNT as f64, "Helm runs");
    let (processor, memory) = operator.usage();
    // Another one looks at all of them as soon as it can.
    operator.stop().await;
    let operator = Operator::start(place.cluster, &Settings { resync: 1, ..settings }).await;
    let runs = || operator.metric("kvartal_operator_helm_runs_total");
    let looks = || operator.metric("kvartal_operator_reconciles_total");
    let writes = proxy.writes();
    // Six looks at each, as in an hour with the resync of every ten minutes.
    let enough = 6.0 * COUNT as f64;
    let idle = Instant::now();
    eventually(Duration::from_secs(300 + COUNT as u64), || async { looks().await >= enough }).await;
    let (processor_idle, memory_idle) = operator.usage();
    assert_eq!((proxy.writes(), runs().await), (writes, 0.0), "something was done while nothing changed");
    println!(
        "{COUNT} databases ready in {took:?}: the operator took {processor:.1} s of processor (Helm apart) and {memory} MiB at most; {} looks in {:?} took {processor_idle:.1} s, no write, no Helm; {memory_idle} MiB at most",
        6 * COUNT,
        idle.elapsed()
    );
    let revisions: Api<Secret> = place.api();
    assert_eq!(revisions.list(&ListParams::default().labels("owner=helm")).await.unwrap().items.len(), COUNT);
}
