//! What the operator does for the platform: credentials that change, a backup that brings back what was spoiled, its own end.

use kvartal_testing::eventually;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::city::{City, NAMESPACE, PATIENCE};
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
    let (desk, name) = (City::find().await, database.clone());
    let rotate = move || -> anyhow::Result<String> {
        let said = desk.plugin(&["rotate", &name])?;
        rolled_out(&access, &format!("deployment/{SERVICE}"))?;
        Ok(said)
    };
    let (said, tally) = during(&city.front, &citizen, RETRY, rotate).await;
    let after = field(&city, "servicedatabase", &database, ".status.credentials.user");
    assert_ne!(before, after);
    assert_eq!(said.unwrap(), format!("{database} signs in as {after} now\n"));
    tally.tell();
    assert!(tally.failures.is_empty(), "{} failed: {:#?}", tally.failures.len(), tally.failures);
    let users = psql(
        &city,
        &database,
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'postgres'",
    );
    assert_eq!(users.unwrap(), after, "whoever is connected signed in anew");
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
    println!("{}", said.trim());

    spoil(&city, &database, "report");
    let error = psql(&city, &database, "SELECT count(*) FROM report").unwrap_err();
    println!("{error}");
    // What cannot be read is no backup, and the one before stays.
    let error = city.plugin(&["backup", &database]).unwrap_err().to_string();
    assert!(error.contains("BackupFailed") && error.contains("logs job/"), "{error}");
    let report = city.plugin(&["report"]).unwrap();
    assert!(report.contains(&database), "{report}");

    let new = format!("{SERVICE}-{}", &Uuid::new_v4().simple().to_string()[..6]);
    let said = city.plugin(&["restore", &new, "--from", &database]).unwrap();
    assert!(said.contains(&format!("set database={new}")), "{said}");
    println!("{}", said.trim());
    let chart = charts().join("domain-service");
    let set = format!("database={new}");
    let change =
        ["upgrade", SERVICE, chart.to_str().unwrap(), "--namespace", NAMESPACE, "--reuse-values", "--set", &set];
    city.access.helm(&change, None).unwrap();
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
    patch(&city, &database, &json!({"deletion": {"policy": "Delete", "keepHours": 0}}));
    city.kubectl(&["delete", "servicedatabase", &database, "--timeout=120s"]).unwrap();
    let volume = format!("data-{database}-database-0");
    city.kubectl(&["wait", "--for=delete", "persistentvolumeclaim", &volume, "--timeout=120s"]).unwrap();
    let kept = field(&city, "persistentvolumeclaim", &format!("{database}-database-backups"), ".status.phase");
    assert_eq!(kept, "Bound");
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
    assert!(status.lines().skip(1).all(|line| line.split_whitespace().nth(1) == Some("True")), "{status}");
}
