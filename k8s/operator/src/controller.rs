//! The loops: databases and identities of each namespace, and volumes whose time is over.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::api::{DATABASE, ServiceDatabase};
use crate::context::Context;
use crate::identity::{self, Issuer};
use crate::reconcile;
use crate::release::DIGEST;
use crate::retention;

/// How many objects are looked at at once.
const CONCURRENCY: u16 = 16;
/// What changes together is looked at once.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// How often volumes are looked at.
const SWEEP: Duration = Duration::from_secs(60);

/// Runs until `stop`; then every look comes to its end, and so does every Helm process.
pub async fn run(context: Arc<Context>, issuer: Arc<Issuer>, namespaces: &[String], stop: CancellationToken) {
    let loops = namespaces.iter().map(|namespace| {
        let (context, issuer) = (Arc::clone(&context), Arc::clone(&issuer));
        let stop = stop.clone();
        async move {
            tokio::join!(
                databases(Arc::clone(&context), namespace, stop.clone()),
                identities(issuer, namespace, stop.clone()),
                sweep(&context, namespace, stop),
            )
        }
    });
    join_all(loops).await;
    context.helm.finish().await;
}

async fn databases(context: Arc<Context>, namespace: &str, stop: CancellationToken) {
    let ours = "app.kubernetes.io/component=database,app.kubernetes.io/part-of=kvartal";
    let in_release = watcher::Config::default().labels(ours);
    let labelled = watcher::Config::default().labels(DATABASE);
    let releases = watcher::Config::default().labels(&format!("owner=helm,{DIGEST}"));
    let part = watcher::Config::default().labels("app.kubernetes.io/part-of=kvartal");
    let client = &context.client;
    let controller = Controller::new(api::<ServiceDatabase>(client, namespace), watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .watches(api::<StatefulSet>(client, namespace), in_release.clone(), by_name)
        .watches(api::<ConfigMap>(client, namespace), in_release.clone(), by_name)
        .watches(api::<Service>(client, namespace), in_release.clone(), by_name)
        .watches(api::<ServiceAccount>(client, namespace), in_release.clone(), by_name)
        .watches(api::<NetworkPolicy>(client, namespace), in_release.clone(), by_name)
        .watches(api::<PodDisruptionBudget>(client, namespace), in_release.clone(), by_name)
        .watches(api::<Pod>(client, namespace), in_release, by_name)
        .watches(api::<PersistentVolumeClaim>(client, namespace), part, by_name)
        .watches(api::<Secret>(client, namespace), releases, by_name)
        .watches(api::<Secret>(client, namespace), labelled.clone(), by_label)
        .watches(api::<Job>(client, namespace), labelled, by_label)
        .graceful_shutdown_on(stop.clone().cancelled_owned());
    let seen = controller.store();
    // Each look tells of itself; here is only what the stream has to say.
    let looks = controller.run(reconcile::reconcile, reconcile::failed, context).for_each(|_| async {});
    until_stopped(&seen, &stop, looks).await;
}

async fn identities(issuer: Arc<Issuer>, namespace: &str, stop: CancellationToken) {
    let accounts = watcher::Config::default().labels(identity::SERVICE);
    // Not the authority's own Secret, which is nobody's identity.
    let owned = watcher::Config::default().labels(&format!("{0},{0}!=authority", identity::SERVICE));
    let by_service = |secret: Secret| {
        let service = secret.labels().get(identity::SERVICE)?;
        Some(ObjectRef::new(service).within(&secret.namespace()?))
    };
    let controller = Controller::new(api::<ServiceAccount>(&issuer.client, namespace), accounts)
        .with_config(Config::default().concurrency(4).debounce(DEBOUNCE))
        .watches(api::<Secret>(&issuer.client, namespace), owned, by_service)
        .graceful_shutdown_on(stop.clone().cancelled_owned());
    let failed = |account: Arc<ServiceAccount>, error: &identity::Error, _: Arc<Issuer>| {
        tracing::warn!(account = %account.name_any(), %error, "an identity could not be made");
        Action::requeue(Duration::from_secs(15))
    };
    let (accounts, metrics) = (controller.store(), issuer.metrics.clone());
    let looks = controller.run(identity::reconcile, failed, issuer).for_each(|_| {
        // Whose account has gone is not looked at any more.
        let there = accounts.state();
        let services = there.iter().filter_map(|account| account.labels().get(identity::SERVICE));
        metrics.keep_identities(namespace, &services.map(String::as_str).collect());
        std::future::ready(())
    });
    until_stopped(&accounts, &stop, looks).await;
}

/// Lets looks come to their end after `stop`. The library waits for ever when it is told so before it has seen what there is;
/// then no look has begun.
async fn until_stopped<K>(seen: &Store<K>, stop: &CancellationToken, looks: impl Future<Output = ()>)
where
    K: reflector::Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let stopped_early = async {
        tokio::select! {
            biased;
            _ = seen.wait_until_ready() => std::future::pending().await,
            () = stop.cancelled() => {}
        }
    };
    tokio::select! {
        () = looks => {}
        () = stopped_early => {}
    }
}

async fn sweep(context: &Context, namespace: &str, stop: CancellationToken) {
    loop {
        if let Err(error) = retention::sweep(context, namespace).await {
            tracing::warn!(namespace, %error, "volumes could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}

fn api<K>(client: &kube::Client, namespace: &str) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned,
{
    Api::namespaced(client.clone(), namespace)
}

/// Objects of a release and its revisions have its name in a label.
#[expect(clippy::needless_pass_by_value, reason = "the shape kube asks for")]
fn by_name<K: Resource<DynamicType = ()>>(object: K) -> Option<ObjectRef<ServiceDatabase>> {
    let labels = object.labels();
    let name = labels.get("app.kubernetes.io/name").or_else(|| labels.get("name"))?;
    Some(ObjectRef::new(name.strip_suffix("-database")?).within(&object.namespace()?))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape kube asks for")]
fn by_label<K: Resource<DynamicType = ()>>(object: K) -> Option<ObjectRef<ServiceDatabase>> {
    Some(ObjectRef::new(object.labels().get(DATABASE)?).within(&object.namespace()?))
}
