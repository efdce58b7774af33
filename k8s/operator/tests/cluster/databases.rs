//! The life of databases.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams};
use kvartal_operator::api::ServiceDatabase;
use kvartal_operator::secrets::value;
use kvartal_testing::eventually;
use serde_json::{Value, json};

use crate::apiserver::uid;
use crate::kubelet::{Fate, kind};
use crate::operator::{Operator, Settings};
use crate::place::{Place, database};
use crate::proxy::Proxy;

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_made_and_nothing_is_touched_while_nothing_changes() {
    let place = Place::new("idle", kind()).await;
    let proxy = Proxy::start(place.client.clone(), None).await;
    let settings = Settings { url: proxy.url.clone(), resync: 1, ..place.settings() };
    let operator = Operator::start(place.cluster, &settings).await;
    place.create(json!({ "backup": {} })).await;
    place.ready().await;
    let secret = place.service().await.unwrap();
    assert_eq!(&*value(&secret, "username").unwrap(), "idle_a");
    assert!(value(&secret, "url").unwrap().contains("@idle-database.op-"));
    assert!(value(&secret, "superuser-password").is_none(), "the service does not see the superuser's password");
    // No release holds a password.
    let server = place.server().await.unwrap();
    for key in ["superuser-password", "idle_a"] {
        let password = value(&server, key).unwrap();
        assert!(!place.values().await.contains(&*password), "{key}");
        assert!(!operator.output().contains(&*password), "{key} is in the log");
    }
    let (writes, runs) = (proxy.writes(), operator.metric("kvartal_operator_helm_runs_total").await);
    assert!(runs >= 1.0);
    let looks = || operator.metric("kvartal_operator_reconciles_total");
    let before = looks().await;
    // As many looks as an hour has with the resync of every ten minutes.
    eventually(SOON, || async { looks().await >= before + 12.0 }).await;
    assert_eq!(operator.metric("kvartal_operator_helm_runs_total").await, runs, "Helm ran");
    assert_eq!(proxy.writes(), writes, "something was written\n{}", operator.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_somebody_changes_is_put_back() {
    let place = Place::new("drift", kind()).await;
    let operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({})).await;
    place.ready().await;
    let name = "drift-database";
    let edits: [(&str, &str, Value); 7] = [
        ("v1", "ConfigMap", json!({ "data": { "postgresql.conf": "fsync = off" } })),
        ("v1", "ConfigMap", json!({ "metadata": { "labels": { "app.kubernetes.io/name": "other" } } })),
        ("v1", "Service", json!({ "spec": { "selector": { "app.kubernetes.io/name": "other" } } })),
        ("apps/v1", "StatefulSet", json!({ "spec": { "replicas": 0 } })),
        (
            "apps/v1",
            "StatefulSet",
            json!({ "spec": { "template": { "spec": { "automountServiceAccountToken": true } } } }),
        ),
        ("networking.k8s.io/v1", "NetworkPolicy", json!({ "spec": { "ingress": [{}] } })),
        ("policy/v1", "PodDisruptionBudget", json!({ "spec": { "maxUnavailable": 0 } })),
    ];
    for (version, kind, edit) in edits {
        let api = place.objects(version, kind);
        let before = comparable(&api.get(name).await.unwrap());
        api.patch(name, &kube::api::PatchParams::default(), &kube::api::Patch::Merge(&edit)).await.unwrap();
        let begin = std::time::Instant::now();
        eventually(Duration::from_secs(15), || async { comparable(&api.get(name).await.unwrap()) == before }).await;
        println!("{kind} put back after {:?}", begin.elapsed());
    }
    for (version, kind) in [
        ("v1", "ConfigMap"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("apps/v1", "StatefulSet"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
    ] {
        let api = place.objects(version, kind);
        let old = uid(&api.get(name).await.unwrap());
        api.delete(name, &DeleteParams::default()).await.unwrap();
        eventually(Duration::from_secs(30), || async {
            api.get_opt(name).await.unwrap().is_some_and(|object| object.metadata.uid.is_some_and(|uid| uid != old))
        })
        .await;
    }
    place.ready().await;
    assert_eq!(operator.metric("kvartal_operator_helm_runs_total").await, 1.0, "Helm is not needed for that");
}

fn comparable(object: &kube::api::DynamicObject) -> Value {
    json!({ "labels": object.metadata.labels, "spec": object.data.get("spec"), "data": object.data.get("data") })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_grows_and_stays_the_same_and_a_setting_changes() {
    let place = Place::new("grow", kind()).await;
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({ "storage": { "size": "1Gi" } })).await;
    place.ready().await;
    let (volume, server) = (place.volume().await.unwrap(), place.server().await.unwrap());
    place.change(json!({ "spec": { "storage": { "size": "2Gi" }, "parameters": { "work_mem": "8MB" } } })).await;
    place.settled().await;
    let grown = place.volume().await.unwrap();
    assert_eq!(uid(&grown), uid(&volume));
    assert_eq!(grown.spec.unwrap().resources.unwrap().requests.unwrap()["storage"].0, "2Gi");
    let workloads: Api<StatefulSet> = place.api();
    let workload = workloads.get("grow-database").await.unwrap();
    let template = &workload.spec.unwrap().volume_claim_templates.unwrap()[0];
    let size =
        template.spec.as_ref().unwrap().resources.as_ref().unwrap().requests.as_ref().unwrap()["storage"].clone();
    assert_eq!(size.0, "2Gi", "a volume made anew would be as large");
    let settings: Api<ConfigMap> = place.api();
    assert!(settings.get("grow-database").await.unwrap().data.unwrap()["postgresql.conf"].contains("work_mem = '8MB'"));
    assert_eq!(place.server().await.unwrap().data, server.data, "passwords are as they were");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_does_not_become_ready_is_taken_back_and_one_of_the_version_is_not() {
    let fate: Fate = std::sync::Arc::new(|pod: &Pod| {
        let text = serde_json::to_string(&pod.spec).unwrap();
        if text.contains("broken") { Err("ImagePullBackOff") } else { Ok(()) }
    });
    let place = Place::new("back", fate).await;
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({ "progressDeadlineSeconds": 30 })).await;
    place.ready().await;
    let volume = uid(&place.volume().await.unwrap());
    place.change(json!({ "spec": { "image": { "repository": "broken" } } })).await;
    let told = place.reason("RolledBack", Duration::from_secs(120)).await;
    assert!(told.message.contains("change spec"), "{}", told.message);
    let pods: Api<Pod> = place.api();
    eventually(SOON, || async {
        ready_image(&pods, "back-database-0").await.is_some_and(|image| image == "kvartal-postgres:15")
    })
    .await;
    place.change(json!({ "spec": { "image": null } })).await;
    place.settled().await;
    // Forward only: another server may have changed what is on the disk.
    place.change(json!({ "spec": { "version": "15.99", "image": { "repository": "broken" } } })).await;
    let told = place.reason("NotReady", Duration::from_secs(120)).await;
    assert!(told.message.contains("ImagePullBackOff"), "{}", told.message);
    assert_eq!(uid(&place.volume().await.unwrap()), volume);
}

async fn ready_image(pods: &Api<Pod>, name: &str) -> Option<String> {
    let pod = pods.get_opt(name).await.unwrap()?;
    let ready = pod.status.as_ref()?.phase.as_deref() == Some("Running");
    ready.then(|| pod.spec.unwrap().containers[0].image.clone()).flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_and_passwords_outlive_the_object_until_their_time() {
    let place = Place::new("keep", kind()).await;
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({})).await;
    place.ready().await;
    let (volume, server) = (uid(&place.volume().await.unwrap()), place.server().await.unwrap());
    place.delete().await;
    place.empty().await;
    assert_eq!(uid(&place.volume().await.unwrap()), volume);
    assert_eq!(place.server().await.unwrap().data, server.data);

    place.create(json!({ "deletion": { "policy": "Delete", "keepHours": 1 } })).await;
    place.ready().await;
    assert_eq!(uid(&place.volume().await.unwrap()), volume, "it takes over what was there");
    place.delete().await;
    place.empty().await;
    assert!(place.volume().await.unwrap().annotations().contains_key("kvartal.dev/delete-after"));
    place.create(json!({ "deletion": { "policy": "Delete", "keepHours": 0 } })).await;
    place.ready().await;
    let saved = place.volume().await.unwrap();
    assert!(uid(&saved) == volume && !saved.annotations().contains_key("kvartal.dev/delete-after"));
    assert_eq!(place.server().await.unwrap().data, server.data);
    place.delete().await;
    eventually(Duration::from_secs(90), || async { place.volume().await.is_none() && place.server().await.is_none() })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_rotate_and_data_without_credentials_is_left_alone() {
    let place = Place::new("turn", kind()).await;
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({ "credentials": { "retireAfterMinutes": 0 } })).await;
    place.ready().await;
    let before = place.service().await.unwrap();
    place.change(json!({ "metadata": { "annotations": { "kvartal.dev/rotation-requested": "1" } } })).await;
    eventually(SOON, || async {
        place.service().await.is_some_and(|secret| &*value(&secret, "username").unwrap() == "turn_b")
    })
    .await;
    let after = place.service().await.unwrap();
    assert!(value(&before, "password") != value(&after, "password"));
    let can_log_in = |user: &str| format!("SELECT rolcanlogin FROM pg_roles WHERE rolname = '{user}'");
    eventually(SOON, || async { place.sql(&can_log_in("turn_a")).await == "f" }).await;
    assert_eq!(place.sql(&can_log_in("turn_b")).await, "t");
    place.settled().await;

    let secrets: Api<Secret> = place.api();
    secrets.delete("turn-database-server", &DeleteParams::default()).await.unwrap();
    let told = place.reason("CredentialsLost", SOON).await;
    assert!(told.message.contains("turn-database-server") && told.message.contains("put it back"), "{}", told.message);
    assert!(place.server().await.is_none(), "new passwords would lock everybody out");
    assert!(place.volume().await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_made_and_checked_on_request_and_what_fails_is_said() {
    // The first check finds the backup whole, the second one does not.
    let damaged = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = std::sync::Arc::clone(&damaged);
    let fate: Fate = std::sync::Arc::new(move |pod: &Pod| {
        let check = pod.labels().get("kvartal.dev/job").is_some_and(|job| job == "verify");
        if check && now.load(std::sync::atomic::Ordering::SeqCst) { Err("it is damaged") } else { Ok(()) }
    });
    let place = Place::new("save", fate).await;
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({ "backup": { "schedule": "0 3 * * *" } })).await;
    place.ready().await;
    place.change(json!({ "metadata": { "annotations": { "kvartal.dev/backup-requested": "1" } } })).await;
    let status = eventually(SOON, || async {
        let status = place.object().await?.status?;
        status.last_verified.is_some().then_some(status)
    })
    .await;
    let (made, checked) = (status.last_backup.unwrap(), status.last_verified.unwrap());
    assert_eq!((&made.name, made.rows), (&checked.name, 30));
    let is_verified =
        || async { place.condition("RestoreVerified").await.is_some_and(|verified| verified.status == "True") };
    eventually(SOON, is_verified).await;
    damaged.store(true, std::sync::atomic::Ordering::SeqCst);
    place.change(json!({ "metadata": { "annotations": { "kvartal.dev/backup-requested": "2" } } })).await;
    let told = eventually(Duration::from_secs(120), || async {
        place.condition("RestoreVerified").await.filter(|condition| condition.status == "False")
    })
    .await;
    assert_eq!(told.reason, "BackupDamaged");
    assert!(told.message.contains("logs job/save-verify-"), "{}", told.message);
    assert_eq!(place.object().await.unwrap().status.unwrap().last_verified.unwrap().name, checked.name);
    // A new database begins with it; its service is told only then.
    let objects: Api<ServiceDatabase> = place.api();
    let copy = database("copy", json!({ "restoreFrom": { "database": "save" } }));
    objects.create(&Default::default(), &copy).await.unwrap();
    let restored = eventually(SOON, || async { objects.get("copy").await.unwrap().status?.restored }).await;
    assert!(!restored.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_refused_with_a_sentence_that_says_what_to_change() {
    let place = Place::new("wrong", kind()).await;
    let objects: Api<ServiceDatabase> = place.api();
    let long = "w".repeat(31);
    let wrong = [
        ("wrong", json!({ "engine": "mysql" }), "supported values"),
        ("wrong", json!({ "version": "latest" }), "spec.version"),
        ("wrong", json!({ "storage": { "size": "5GB" } }), "spec.storage.size"),
        ("Wrong-", json!({}), "metadata.name"),
        (&long, json!({}), "the name of a database is that of its service"),
        ("wrong", json!({ "engine": "timescaledb", "backup": {} }), "remove backup"),
        ("wrong", json!({ "deletion": { "finalBackup": true } }), "set backup"),
        ("wrong", json!({ "backup": { "schedule": "daily" } }), "spec.backup.schedule"),
        ("wrong", json!({ "sotrage": {} }), "unknown field"),
        ("wrong", json!({ "deletion": { "policy": "Orphan" } }), "supported values"),
    ];
    let strict = kube::api::PostParams::default();
    for (name, spec, expected) in wrong {
        let object = json!({ "apiVersion": "kvartal.dev/v1alpha1", "kind": "ServiceDatabase", "metadata": { "name": name }, "spec": spec });
        let request = http::Request::post(format!(
            "/apis/kvartal.dev/v1alpha1/namespaces/{}/servicedatabases?fieldValidation=Strict",
            place.namespace
        ))
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .unwrap();
        let error = place.client.request::<Value>(request).await.unwrap_err().to_string();
        assert!(error.to_lowercase().contains(expected), "{name}: {error}");
    }
    objects
        .create(&strict, &database("wrong", json!({ "storage": { "size": "2Gi" }, "version": "15.5" })))
        .await
        .unwrap();
    let impossible = [
        (json!({ "engine": "timescaledb" }), "make another object and restore a backup into it"),
        (json!({ "version": "16" }), "a major upgrade is a restore into a new database"),
        (json!({ "version": "15.4" }), "the version cannot go back"),
        (json!({ "storage": { "size": "1Gi" } }), "a volume cannot shrink"),
        (json!({ "storage": { "size": "1500Mi" } }), "a volume cannot shrink"),
        (json!({ "storage": { "className": "fast" } }), "the class of a volume cannot change"),
        (json!({ "restoreFrom": { "database": "other" } }), "make another object to restore into"),
    ];
    for (spec, expected) in impossible {
        let patch = kube::api::Patch::Merge(json!({ "spec": spec }));
        let error = objects.patch("wrong", &Default::default(), &patch).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{spec}: {error}");
    }
    let patch = kube::api::Patch::Merge(json!({ "spec": { "version": "15.10", "storage": { "size": "2048Mi" } } }));
    objects.patch("wrong", &Default::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_operator_takes_over_when_the_first_one_is_gone_and_identities_are_issued() {
    let place = Place::new("two", kind()).await;
    let mut first = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({})).await;
    place.ready().await;
    let second =
        Operator::start(place.cluster, &Settings { identity: "operator-1".to_owned(), ..place.settings() }).await;
    first.kill();
    let killed = std::time::Instant::now();
    place.change(json!({ "spec": { "parameters": { "work_mem": "16MB" } } })).await;
    place.settled().await;
    println!("taken over and settled {:?} after the end of the first", killed.elapsed());
    assert_eq!(second.metric("kvartal_operator_helm_runs_total").await, 1.0);

    let accounts: Api<ServiceAccount> = place.api();
    let account = json!({ "metadata": { "name": "news", "labels": { "kvartal.dev/service": "news" } } });
    accounts.create(&Default::default(), &serde_json::from_value(account).unwrap()).await.unwrap();
    let secrets: Api<Secret> = place.api();
    let identity = eventually(SOON, || async { secrets.get_opt("news-tls").await.unwrap() }).await;
    let folder = tempfile::tempdir().unwrap();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        std::fs::write(folder.path().join(file), value(&identity, file).unwrap().as_bytes()).unwrap();
    }
    let clock = std::sync::Arc::new(kvartal_kernel::SystemClock);
    let loaded = kvartal_mesh::tls::Identity::load(folder.path(), clock).unwrap();
    assert_eq!(loaded.name().to_string(), "spiffe://kvartal/news");
    secrets.delete("news-tls", &DeleteParams::default()).await.unwrap();
    let again = eventually(SOON, || async { secrets.get_opt("news-tls").await.unwrap() }).await;
    let account = uid(&accounts.get("news").await.unwrap());
    assert_eq!(again.owner_references()[0].uid, account, "an account takes its identity with it");

    let series = "kvartal_identity_expiry_timestamp_seconds{";
    assert!(second.metrics().await.contains(series));
    accounts.delete("news", &DeleteParams::default()).await.unwrap();
    eventually(SOON, || async { secrets.get_opt("news-tls").await.unwrap().is_none() }).await;
    eventually(SOON, || async { !second.metrics().await.contains(series) }).await;
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_has_seen_nothing_yet_ends_when_told() {
    let place = Place::new("brief", kind()).await;
    for _ in 0..10 {
        let mut operator = Operator::start(place.cluster, &place.settings()).await;
        operator.works().await;
        assert!(operator.stop().await.success(), "{}", operator.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_of_somebody_else_is_taken_over_only_when_asked() {
    let place = Place::new("adopt", kind()).await;
    place.helm(&["install", "adopt-database", crate::apiserver::chart().to_str().unwrap(), "--set", "service=adopt"]);
    let services: Api<Service> = place.api();
    let before = uid(&services.get("adopt-database").await.unwrap());
    let _operator = Operator::start(place.cluster, &place.settings()).await;
    place.create(json!({})).await;
    let told = place.reason("NotOurs", SOON).await;
    assert!(told.message.contains("kvartal.dev/adopt=true"), "{}", told.message);
    place.change(json!({ "metadata": { "annotations": { "kvartal.dev/adopt": "true" } } })).await;
    // Its passwords are nobody's to guess.
    place.reason("CredentialsLost", SOON).await;
    let secret =
        json!({ "metadata": { "name": "adopt-database-server" }, "stringData": { "superuser-password": "known" } });
    let secrets: Api<Secret> = place.api();
    secrets.create(&Default::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    place.change(json!({ "metadata": { "annotations": { "again": "1" } } })).await;
    place.ready().await;
    assert_eq!(uid(&services.get("adopt-database").await.unwrap()), before);
    let left = place.server().await.unwrap();
    assert_eq!(&*value(&left, "superuser-password").unwrap(), "known");
    let pods: Api<Pod> = place.api();
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 1);
}
