//! Many databases at once: how long, how much, and nothing at all when nothing changes.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use kvartal_operator::api::ServiceDatabase;
use kvartal_testing::eventually;
use serde_json::json;

use crate::kubelet::kind;
use crate::operator::{Operator, Settings};
use crate::place::{Place, database};
use crate::proxy::Proxy;

/// A thousand with the feature `scale`, which takes minutes; a few otherwise.
const COUNT: usize = if cfg!(feature = "scale") { 1000 } else { 20 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_databases_become_ready_and_then_cost_nothing() {
    let place = Place::new("many", kind()).await;
    let proxy = Proxy::start(place.client.clone(), None).await;
    let settings = Settings { url: proxy.url.clone(), resync: 30, ..place.settings() };
    let operator = Operator::start(place.cluster, &settings).await;
    let objects: Api<ServiceDatabase> = place.api();
    let begin = Instant::now();
    for number in 0..COUNT {
        objects.create(&Default::default(), &database(&format!("m{number}"), json!({}))).await.unwrap();
    }
    let ready = || async {
        let all = objects.list(&ListParams::default()).await.unwrap().items;
        let is_ready = |object: &&ServiceDatabase| {
            let conditions = object.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
        };
        let ready = all.iter().filter(is_ready).count();
        if ready == COUNT { Ok(()) } else { Err(format!("{ready} of {COUNT}")) }
    };
    // Two seconds each, and a minute to begin with.
    eventually(Duration::from_secs(60 + 2 * COUNT as u64), ready).await;
    let took = begin.elapsed();
    let runs = || operator.metric("kvartal_operator_helm_runs_total");
    assert_eq!(runs().await, COUNT as f64, "Helm runs");
    let (processor, memory) = operator.usage();
    let looks = || operator.metric("kvartal_operator_reconciles_total");
    let (writes, before) = (proxy.writes(), looks().await);
    // Six looks at each, as in an hour with the resync of every ten minutes.
    let enough = before + 6.0 * COUNT as f64;
    let idle = Instant::now();
    eventually(Duration::from_secs(300 + COUNT as u64), || async { looks().await >= enough }).await;
    let (processor_idle, memory_idle) = operator.usage();
    assert_eq!((proxy.writes(), runs().await), (writes, COUNT as f64), "something was done while nothing changed");
    println!(
        "{COUNT} databases ready in {took:?}: the operator took {processor:.1} s of processor (Helm apart) and {memory} MiB at most; {} looks in {:?} took {:.1} s, no write, no Helm; {memory_idle} MiB at most",
        6 * COUNT,
        idle.elapsed(),
        processor_idle - processor
    );
    let revisions: Api<Secret> = place.api();
    assert_eq!(revisions.list(&ListParams::default().labels("owner=helm")).await.unwrap().items.len(), COUNT);
}
