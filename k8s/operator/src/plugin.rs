//! `kubectl kvartal`: what a person wants to know of databases, and asks of them.

mod table;

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use futures::TryStreamExt as _;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::config::KubeConfigOptions;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Config, ResourceExt as _};
use kvartal_kernel::{Clock, SystemClock, Timestamp};
use serde_json::json;

use crate::api::{BACK_UP, BackupRecord, Condition, ROTATE, RestoreFrom, ServiceDatabase};
use crate::names;
use table::Table;

/// The databases of Kvartal's services.
#[derive(Parser)]
#[command(name = "kubectl-kvartal", bin_name = "kubectl kvartal", version)]
pub struct Plugin {
    #[command(subcommand)]
    verb: Verb,
    /// The namespace; that of the current context when absent.
    #[arg(short, long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// The context of the kubeconfig; its current one when absent.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// What there is, and whether it is well.
    Status {
        /// One database; all when absent.
        name: Option<String>,
    },
    /// Make a backup now, and check it by restoring it.
    Backup(Wait),
    /// Let the service sign in with new credentials; its pods change over one by one.
    Rotate(Wait),
    /// Make a new database that begins with a backup of another one.
    Restore(Restore),
    /// Talk to a server.
    Psql {
        /// The database.
        name: String,
        /// Options of psql.
        #[arg(last = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
    /// How much would be lost, and how long a restore takes: measured, not promised.
    Report,
}

#[derive(Args)]
struct Wait {
    /// The database.
    name: String,
    /// Wait for the end, so many seconds at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Do not wait.
    #[arg(long)]
    no_wait: bool,
}

#[derive(Args)]
struct Restore {
    /// The new database.
    name: String,
    /// The database whose backup it is.
    #[arg(long, value_name = "DATABASE")]
    from: String,
    /// The backup; the newest when absent.
    #[arg(long, value_name = "BACKUP")]
    backup: Option<String>,
    /// Wait for the end, so many seconds at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

/// Does what is asked, and returns what there is to say. Psql takes the terminal.
pub async fn run(plugin: Plugin) -> anyhow::Result<String> {
    let client = match &plugin.context {
        None => Client::try_default().await?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
            Client::try_from(Config::from_kubeconfig(&options).await?)?
        }
    };
    let namespace = plugin.namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let desk = Desk { api: Api::namespaced(client, &namespace), namespace, context: plugin.context };
    match plugin.verb {
        Verb::Status { name: None } => desk.overview().await,
        Verb::Status { name: Some(name) } => Ok(one(&desk.get(&name).await?)),
        Verb::Backup(wait) => desk.back_up(&wait).await,
        Verb::Rotate(wait) => desk.rotate(&wait).await,
        Verb::Restore(restore) => desk.restore(&restore).await,
        Verb::Psql { name, options } => desk.psql(&name, &options).await,
        Verb::Report => desk.report().await,
    }
}

struct Desk {
    api: Api<ServiceDatabase>,
    namespace: String,
    context: Option<String>,
}

impl Desk {
    async fn get(&self, name: &str) -> anyhow::Result<ServiceDatabase> {
        let found = self.api.get_opt(name).await?;
        found.with_context(|| {
            format!("there is no database {name} in {}: kubectl kvartal status lists them", self.namespace)
        })
    }

    async fn all(&self) -> anyhow::Result<Vec<ServiceDatabase>> {
        let all = self.api.list(&ListParams::default()).await?.items;
        anyhow::ensure!(!all.is_empty(), "there are no databases in {}", self.namespace);
        Ok(all)
    }

    async fn overview(&self) -> anyhow::Result<String> {
        let mut table = Table::new(&["NAME", "READY", "STATUS", "VERSION", "SIZE", "BACKUP", "VERIFIED"]);
        let now = SystemClock.now();
        for database in self.all().await? {
            let status = database.status.clone().unwrap_or_default();
            let ready = condition(&database, "Ready");
            let ago = |record: &Option<BackupRecord>| record.as_ref().map_or("-".to_owned(), |record| age(record, now));
            table.row([
                database.name_any(),
                ready.map_or("-".to_owned(), |ready| ready.status.clone()),
                ready.map_or("-".to_owned(), |ready| ready.reason.clone()),
                database.spec.version.clone(),
                database.spec.storage.size.clone(),
                ago(&status.last_backup),
                ago(&status.last_verified),
            ]);
        }
        Ok(table.to_string())
    }

    async fn report(&self) -> anyhow::Result<String> {
        let mut table = Table::new(&["NAME", "CHECKED BACKUP", "AGE", "SIZE", "TABLES", "ROWS", "RESTORE TOOK"]);
        let (now, mut unchecked) = (SystemClock.now(), Vec::new());
        for database in self.all().await? {
            let name = database.name_any();
            match database.status.and_then(|status| status.last_verified) {
                Some(record) => table.row([
                    name,
                    record.name.clone(),
                    age(&record, now),
                    size(record.bytes),
                    record.tables.to_string(),
                    record.rows.to_string(),
                    format!("{} s", record.seconds),
                ]),
                None => unchecked.push(name),
            }
        }
        let mut text = table.to_string();
        if !unchecked.is_empty() {
            text.push_str(&format!("\nWithout a backup that was ever restored: {}\n", unchecked.join(", ")));
        }
        Ok(text)
    }

    async fn back_up(&self, wait: &Wait) -> anyhow::Result<String> {
        let database = self.get(&wait.name).await?;
        anyhow::ensure!(
            database.spec.backup.is_some(),
            "{} has no place for backups: set spec.backup first",
            wait.name
        );
        // The newest before, and not the time here: another machine's clock makes the names.
        let before = database.status.and_then(|status| status.last_verified).map(|record| record.name);
        let asked = SystemClock.now();
        self.ask(&wait.name, BACK_UP).await?;
        if wait.no_wait {
            return Ok(format!("asked {} for a backup\n", wait.name));
        }
        let done = self.wait(&wait.name, wait.timeout, |database| {
            let verified = database.status.as_ref().and_then(|status| status.last_verified.clone());
            if let Some(record) = verified.filter(|record| Some(&record.name) > before.as_ref()) {
                return Some(Ok(record));
            }
            let bad = ["BackupHealthy", "RestoreVerified"].into_iter().filter_map(|kind| condition(database, kind));
            let mut bad = bad.filter(|condition| {
                condition.status == "False" && condition.last_transition_time.0.seconds() >= asked.seconds()
            });
            bad.next().map(|condition| Err(anyhow::anyhow!("{}: {}", condition.reason, condition.message)))
        });
        let record = done.await??;
        Ok(format!(
            "{}: {}, {} tables, {} rows; restored and found whole in {} s\n",
            record.name,
            size(record.bytes),
            record.tables,
            record.rows,
            record.seconds
        ))
    }

    async fn rotate(&self, wait: &Wait) -> anyhow::Result<String> {
        let user =
            |database: &ServiceDatabase| database.status.as_ref()?.credentials.as_ref().map(|known| known.user.clone());
        let before = user(&self.get(&wait.name).await?);
        self.ask(&wait.name, ROTATE).await?;
        if wait.no_wait {
            return Ok(format!("asked {} for new credentials\n", wait.name));
        }
        let done =
            self.wait(&wait.name, wait.timeout, |database| user(database).filter(|now| Some(now) != before.as_ref()));
        Ok(format!("{} signs in as {} now\n", wait.name, done.await?))
    }

    async fn restore(&self, restore: &Restore) -> anyhow::Result<String> {
        let mut spec = self.get(&restore.from).await?.spec;
        // The one it is made from may be at rest because of what happened to it.
        spec.paused = false;
        let service = spec.service.get_or_insert_with(|| restore.from.clone()).clone();
        spec.restore_from = Some(RestoreFrom { database: restore.from.clone(), backup: restore.backup.clone() });
        let new = ServiceDatabase::new(&restore.name, spec);
        self.api.create(&PostParams::default(), &new).await.context("the new database cannot be made")?;
        let done = self.wait(&restore.name, restore.timeout, |database| {
            let stalled = condition(database, "Stalled").filter(|stalled| stalled.status == "True");
            if let Some(stalled) = stalled {
                return Some(Err(anyhow::anyhow!("{}: {}", stalled.reason, stalled.message)));
            }
            let ready = condition(database, "Ready").is_some_and(|ready| ready.status == "True");
            database.status.as_ref()?.restored.clone().filter(|_| ready).map(Ok)
        });
        let backup = done.await??;
        let (name, namespace) = (&restore.name, &self.namespace);
        Ok(format!(
            "{name} holds {backup} of {}. To change over to it, first stop the service, or what its old pods still write is lost:\n  kubectl --namespace {namespace} scale deployment {service} --replicas 0\nthen upgrade its release with --set database={name}\n",
            restore.from
        ))
    }

    async fn psql(&self, name: &str, options: &[String]) -> anyhow::Result<String> {
        self.get(name).await?;
        let pod = format!("statefulset/{}", names::release(name));
        let mut command = tokio::process::Command::new("kubectl");
        command.args(self.context.iter().flat_map(|context| ["--context", context]));
        command.args(["--namespace", &self.namespace, "exec", "--stdin"]);
        if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            command.arg("--tty");
        }
        // Inside the pod, over its socket: no password leaves it.
        command.args([&pod, "--", "psql", "--host", "/var/run/postgresql", "--username", "postgres", "--dbname"]);
        let status = command.arg(names::owner(name)).args(options).status().await.context("kubectl does not start")?;
        anyhow::ensure!(status.success(), "psql ended with {status}");
        Ok(String::new())
    }

    async fn ask(&self, name: &str, annotation: &str) -> anyhow::Result<()> {
        let patch = json!({ "metadata": { "annotations": { annotation: SystemClock.now().to_string() } } });
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    /// Follows a database until `look` has found what it looks for.
    async fn wait<T>(
        &self,
        name: &str,
        timeout: u64,
        look: impl Fn(&ServiceDatabase) -> Option<T>,
    ) -> anyhow::Result<T> {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut events = std::pin::pin!(watcher::watcher(self.api.clone(), config));
        let found = async {
            while let Some(event) = events.try_next().await? {
                if let Event::Apply(database) | Event::InitApply(database) = event
                    && let Some(found) = look(&database)
                {
                    return Ok(found);
                }
            }
            anyhow::bail!("the API server stopped telling")
        };
        let late = || format!("not within {timeout} s; kubectl kvartal status {name} says how it is");
        tokio::time::timeout(Duration::from_secs(timeout), found).await.with_context(late)?
    }
}

fn one(database: &ServiceDatabase) -> String {
    let status = database.status.clone().unwrap_or_default();
    let mut text = format!("{}  {:?} {}\n\n", database.name_any(), database.spec.engine, database.spec.version);
    let mut table = Table::new(&["CONDITION", "STATUS", "REASON", "MESSAGE"]);
    for Condition { kind, status, reason, message, .. } in status.conditions {
        table.row([kind, status, reason, message]);
    }
    text.push_str(&table.to_string());
    if let Some(known) = status.credentials {
        text.push_str(&format!("\nThe service signs in as {} since {}", known.user, known.since));
        text.push_str(&known.previous.map_or("\n".to_owned(), |before| format!("; {before} still may, too\n")));
    }
    for (what, record) in [("Newest backup", status.last_backup), ("Newest checked", status.last_verified)] {
        if let Some(BackupRecord { name, at, bytes, tables, rows, seconds }) = record {
            let size = size(bytes);
            text.push_str(&format!("{what}: {name} of {at}, {size}, {tables} tables, {rows} rows, in {seconds} s\n"));
        }
    }
    text
}

fn condition<'a>(database: &'a ServiceDatabase, kind: &str) -> Option<&'a Condition> {
    database.status.as_ref()?.conditions.iter().find(|condition| condition.kind == kind)
}

/// The age of what is in a backup: from when it was begun.
fn age(record: &BackupRecord, now: Timestamp) -> String {
    let seconds = now.seconds().saturating_sub(seconds(&record.name));
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// When a backup was begun: its name says so.
fn seconds(backup: &str) -> i64 {
    let digit = |range: std::ops::Range<usize>| backup.get(range).unwrap_or("00");
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        digit(0..4),
        digit(4..6),
        digit(6..8),
        digit(9..11),
        digit(11..13),
        digit(13..15)
    );
    Timestamp::parse(&text).map_or(0, Timestamp::seconds)
}

fn size(bytes: u64) -> String {
    match bytes {
        ..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use kvartal_kernel::Timestamp;

    #[test]
    fn the_name_of_a_backup_says_when_it_was_begun() {
        let at = Timestamp::parse("2026-11-26T03:04:05Z").unwrap();
        assert_eq!(super::seconds(&crate::names::backup(at)), at.seconds());
    }
}
