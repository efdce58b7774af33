//! What the operator does for the platform: credentials that change, a backup that brings back what was spoiled, its own end.

use kvartal_testing::{S3, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::city::{City, NAMESPACE, PATIENCE, plugin, setting};
use crate::failure::{RETRY, charts, rolled_out};
use crate::load::{during, lost, some};

const SERVICE: &str = "incident";
const OPERATOR: &str = "kvartal-operator";

/// A field of an object in the platform's namespace.
fn field(city: &City, kind: &str, name: &str, path: &str) -> String {
    city.kubectl(&["get", kind, name, "-o", &format!("jsonpath={{{path}}}")]).unwrap()
}

fn patch(city: &City, database: &str, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    city.kubectl(&["patch", "servicedatabase", database, "--type=merge", "--patch", &patch]).unwrap();
}

fn psql(city: &City, database: &str, statement: &str) -> anyhow::Result<String> {
    let options = ["psql", database, "--", "--tuples-only", "--no-align", "--command", statement];
    city.plugin(&options).map(|said| said.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_fail_no_call() {
    let city = City::find().await;
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let (database, access) = (city.database(SERVICE), city.access.clone());
    let before = field(&city, "servicedatabase", &database, ".status.credentials.user");
    let name = database.clone();
    let rotate = move || -> anyhow::Result<String> {
        let said = plugin(&access, &["rotate", &name])?;
        rolled_out(&access, &format!("deployment/{SERVICE}"))?;
        Ok(said)
    };
    let (said, tally) = during(&city.front, &citizen, RETRY, rotate).await;
    let after = field(&city, "servicedatabase", &database, ".status.credentials.user");
    assert_ne!(before, after);
    assert_eq!(said.unwrap(), format!("{database} signs in as {after} now\n"));
    tally.tell();
    assert!(tally.failures.is_empty(), "{} failed: {:#?}", tally.failures.len(), tally.failures);
    // The pod before has a moment to end.
    let users =
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'postgres'";
    eventually(PATIENCE, || async {
        let users = psql(&city, &database, users).unwrap();
        if users == after { Ok(()) } else { Err(users) }
    })
    .await;
}

/// Writes rubbish over what is on the disk, and lets the server read it from there.
fn spoil(city: &City, database: &str, table: &str) {
    let file = psql(city, database, &format!("SELECT pg_relation_filepath('{table}')")).unwrap();
    psql(city, database, "CHECKPOINT").unwrap();
    let pod = format!("{database}-database-0");
    let write = format!("dd if=/dev/urandom of=\"$PGDATA/{file}\" bs=8192 count=1 conv=notrunc && sync");
    city.kubectl(&["exec", &pod, "--", "sh", "-c", &write]).unwrap();
    city.kubectl(&["delete", "pod", &pod]).unwrap();
    rolled_out(&city.access, &format!("statefulset/{database}-database")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_has_spoiled_comes_back_from_a_backup_that_was_checked() {
    let city = City::find().await;
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let database = city.database(SERVICE);
    patch(&city, &database, &json!({"backup": {"schedule": "0 3 1 1 *", "volume": {"size": "1Gi"}}}));
    let filed = some(&city.front, &citizen).await;
    assert!(filed.failures.is_empty(), "{filed:?}");
    let said = city.plugin(&["backup", &database]).unwrap();
    assert!(said.contains("restored and found whole"), "{said}");
    let backup = said.split(':').next().unwrap();
    println!("{}", said.trim());

    spoil(&city, &database, "report");
    let error = psql(&city, &database, "SELECT count(*) FROM report").unwrap_err().to_string();
    assert!(error.contains("invalid page"), "the table is as it was: {error}");
    // What cannot be read is no backup, and the one before stays.
    let error = city.plugin(&["backup", &database]).unwrap_err().to_string();
    assert!(error.contains("BackupFailed") && error.contains("logs job/"), "{error}");
    let report = city.plugin(&["report"]).unwrap();
    let line = report.lines().find(|line| line.starts_with(&format!("{database} ")));
    assert!(line.is_some_and(|line| line.contains(backup)), "{report}");

    let new = unique(SERVICE);
    let said = city.plugin(&["restore", &new, "--from", &database]).unwrap();
    assert!(said.contains(&format!("--set database={new}")) && said.contains(backup), "{said}");
    println!("{}", said.trim());
    // Pods of both would take calls side by side, and what the old ones took would be lost.
    city.kubectl(&["scale", "deployment", SERVICE, "--replicas", "0"]).unwrap();
    let pods = format!("app.kubernetes.io/name={SERVICE},app.kubernetes.io/component=service");
    city.kubectl(&["wait", "--for=delete", "pod", "--selector", &pods, "--timeout=120s"]).unwrap();
    let chart = charts().join("domain-service");
    let change = ["upgrade", SERVICE, chart.to_str().unwrap(), "--namespace", NAMESPACE, "--reuse-values"];
    let to = ["--force-conflicts", "--set", &format!("database={new}")];
    city.access.helm(&[&change[..], &to].concat(), None).unwrap();
    rolled_out(&city.access, &format!("deployment/{SERVICE}")).unwrap();
    assert_eq!(city.database(SERVICE), new);
    city.answers().await;
    let (front, found) = (&city.front, &filed);
    eventually(PATIENCE, || async {
        let lost = lost(front, &citizen, found).await;
        if lost.is_empty() { Ok(()) } else { Err(lost) }
    })
    .await;
    let more = some(&city.front, &citizen).await;
    assert!(more.failures.is_empty(), "{more:?}");

    // What is of no use goes, its volume too, and the backups stay.
    delete(&city, &database);
    let volume = format!("data-{database}-database-0");
    city.kubectl(&["wait", "--for=delete", "persistentvolumeclaim", &volume, "--timeout=120s"]).unwrap();
    let kept = field(&city, "persistentvolumeclaim", &format!("{database}-database-backups"), ".status.phase");
    assert_eq!(kept, "Bound");
}

/// Lets a database go; its volume goes within a minute.
fn delete(city: &City, database: &str) {
    patch(city, database, &json!({"deletion": {"policy": "Delete", "keepHours": 0}}));
    city.kubectl(&["delete", "servicedatabase", database, "--timeout=120s"]).unwrap();
}

/// A name that no test before had: what is left of a database is taken over by one of the same name.
fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &Uuid::new_v4().simple().to_string()[..6])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_to_a_store_and_comes_back_from_there() {
    let city = City::find().await;
    let store = S3::start(&setting("KVARTAL_E2E_STORE")).await;
    let (name, copy) = (&*unique("spare"), &*unique("copy"));
    let keys = json!({"accessKeyId": S3::ACCESS_KEY_ID, "secretAccessKey": S3::SECRET_ACCESS_KEY});
    let bucket = json!({"endpoint": store.url(), "bucket": S3::BUCKET, "secret": "backup-store"});
    let spec = json!({"storage": {"size": "1Gi"}, "backup": {"schedule": "0 3 1 1 *", "s3": bucket}});
    city.access
        .apply(&[
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "backup-store", "namespace": NAMESPACE}, "stringData": keys}),
            json!({"apiVersion": "kvartal.dev/v1alpha1", "kind": "ServiceDatabase", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}),
        ])
        .unwrap();
    city.settled(name).unwrap();
    psql(&city, name, "CREATE TABLE post AS SELECT n, 'пост ' || n AS title FROM generate_series(1, 500) n").unwrap();
    let said = city.plugin(&["backup", name]).unwrap();
    assert!(said.contains("1 tables, 500 rows; restored and found whole"), "{said}");
    let objects = store.objects(&format!("kvartal/{name}"));
    assert_eq!(objects.len(), 4, "{objects:?}");
    println!("{}: {}", said.trim(), objects.join(", "));
    city.plugin(&["restore", copy, "--from", name]).unwrap();
    assert_eq!(psql(&city, copy, "SELECT count(*) || max(title) FROM post").unwrap(), "500пост 99");
    for database in [name, copy] {
        delete(&city, database);
        assert!(city.kubectl(&["get", "persistentvolumeclaim", &format!("{database}-database-backups")]).is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_at_work_goes_on_and_keeps_volume_and_passwords() {
    let city = City::find().await;
    let database = city.database(SERVICE);
    let kept = || {
        let volume = field(&city, "persistentvolumeclaim", &format!("data-{database}-database-0"), ".metadata.uid");
        (volume, field(&city, "secret", &format!("{database}-database-server"), ".data"))
    };
    let before = kept();
    let memory = format!("{}MB", 4 + u32::from(Uuid::new_v4().as_bytes()[0] % 60));
    patch(&city, &database, &json!({"parameters": {"work_mem": memory}}));
    let label = format!("app.kubernetes.io/name={OPERATOR}");
    let kill = ["-n", OPERATOR, "delete", "pod", "-l", &label, "--grace-period=0", "--force"];
    city.access.kubectl(&kill).unwrap();
    city.settled(&database).unwrap();
    assert_eq!(psql(&city, &database, "SHOW work_mem").unwrap(), memory);
    assert_eq!(kept(), before);
    let status = city.plugin(&["status"]).unwrap();
    let ready = status.lines().filter(|line| line.split_whitespace().nth(1) == Some("True")).count();
    // Every line but the head of the table.
    assert_eq!(ready, status.lines().count() - 1, "{status}");
    assert_eq!(ready, city.list("servicedatabases").len(), "{status}");
    assert!(ready >= 6, "{status}");
}
