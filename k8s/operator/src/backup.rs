//! Backups: when one is due, when one is checked, and what is known of them. A backup counts when a restore of it into a
//! throw-away server was found to hold what the database held.

pub mod job;
pub mod pod;
pub mod store;
#[cfg(test)]
mod tests;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use k8s_openapi::api::batch::v1::Job;
use kube::{Resource as _, ResourceExt as _};
use kvartal_kernel::Timestamp;

use crate::api::{BACK_UP, BackupRecord, Condition, ServiceDatabaseStatus};
use crate::decide::{FinalBackup, Restore};
use crate::names;
use crate::observe::World;

/// Label of a Job: what it does.
pub const JOB: &str = "kvartal.dev/job";
/// Label of a Job: the backup it is about.
pub const BACKUP: &str = "kvartal.dev/backup";
/// Annotation of a Job: the request it answers.
pub const REQUEST: &str = "kvartal.dev/request";

/// What a Job does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Makes a backup.
    Backup,
    /// Checks one.
    Verify,
    /// Restores one into a new database.
    Restore,
}

impl Kind {
    /// The word on the label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Verify => "verify",
            Self::Restore => "restore",
        }
    }
}

/// How far a Job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// On its way.
    Active,
    /// Through.
    Succeeded,
    /// It gave up.
    Failed,
}

/// A Job, in short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its own name.
    pub job: String,
    /// What it does.
    pub kind: Kind,
    /// The backup it is about; empty for the newest one.
    pub backup: String,
    /// How far it is.
    pub progress: Progress,
    /// The request it answers.
    pub request: Option<String>,
    /// When it began.
    pub created: Timestamp,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// Nothing before this time, if one is known.
    Rest(Option<Timestamp>),
    /// Nothing: a Job is on its way.
    Wait,
    /// Make a backup, for this request if it is for one.
    Make(Option<String>),
    /// Write down that this request has its backup.
    Note(String),
    /// Check the backup of this name.
    Verify(String),
    /// Read what this Job has to tell, and note it.
    Record(Run),
}

/// What a plan is made from.
pub struct Known<'a> {
    /// When, in general.
    pub schedule: &'a Cron,
    /// The newest backup.
    pub last: Option<&'a BackupRecord>,
    /// The newest one that was checked.
    pub verified: Option<&'a BackupRecord>,
    /// The request that was answered last.
    pub handled: Option<&'a str>,
    /// The one that is written on the object.
    pub request: Option<&'a str>,
    /// Since when there is a database.
    pub created: Timestamp,
    /// The Jobs.
    pub runs: &'a [Run],
}

/// Reads five fields of cron.
pub fn schedule(text: &str) -> anyhow::Result<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    parser.parse(text).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The next step.
pub fn plan(known: &Known<'_>, now: Timestamp) -> Move {
    let last = known.last.map(|last| last.name.as_str());
    let verified = known.verified.map(|verified| verified.name.as_str());
    let of = |kind, progress| known.runs.iter().filter(move |run| run.kind == kind && run.progress == progress);
    let newest = |kind, progress| of(kind, progress).max_by(|a, b| a.backup.cmp(&b.backup));
    let request = known.request.filter(|request| known.handled != Some(*request));
    let has_run = |request: &&str| known.runs.iter().any(|run| run.request.as_deref() == Some(*request));
    if let Some(request) = request.filter(has_run) {
        // Its Job says so. The status has to, because the Job is gone after a day and the request is not.
        return Move::Note(request.to_owned());
    }
    if known.runs.iter().any(|run| run.progress == Progress::Active && run.kind != Kind::Restore) {
        return Move::Wait;
    }
    for (kind, recorded) in [(Kind::Backup, last), (Kind::Verify, verified)] {
        if let Some(run) = newest(kind, Progress::Succeeded).filter(|run| Some(run.backup.as_str()) > recorded) {
            return Move::Record(run.clone());
        }
    }
    if let Some(last) = last.filter(|last| Some(*last) != verified) {
        let damaged = of(Kind::Verify, Progress::Failed).any(|run| run.backup == last);
        if !damaged {
            return Move::Verify(last.to_owned());
        }
    }
    if let Some(request) = request {
        return Move::Make(Some(request.to_owned()));
    }
    // One that failed is tried again at the next time, not at once: what was in its way may still be.
    let tried = known.runs.iter().filter(|run| run.kind == Kind::Backup).map(|run| run.created).max();
    let made = known.last.map(|last| last.at.0);
    let since = [Some(known.created), tried, made].into_iter().flatten().max().unwrap_or(known.created);
    match next(known.schedule, since) {
        Some(next) if next <= now => Move::Make(None),
        next => Move::Rest(next),
    }
}

fn next(schedule: &Cron, after: Timestamp) -> Option<Timestamp> {
    let after = chrono::DateTime::from_timestamp_micros(after.0)?;
    let next = schedule.find_next_occurrence(&after, false).ok()?;
    Some(Timestamp(next.timestamp_micros()))
}

/// The plan of a database; `None` when it has no backups.
pub fn of(world: &World, status: &ServiceDatabaseStatus, now: Timestamp) -> Option<Move> {
    let backup = world.object.spec.backup.as_ref()?;
    let schedule = schedule(&backup.schedule).ok()?;
    let known = Known {
        schedule: &schedule,
        last: status.last_backup.as_ref(),
        verified: status.last_verified.as_ref(),
        handled: status.handled_backup.as_deref(),
        request: world.object.annotations().get(BACK_UP).map(String::as_str),
        created: world.object.creation_timestamp().map_or(now, |at| moment(&at)),
        runs: &runs(&world.jobs),
    };
    Some(plan(&known, now))
}

/// The Jobs, in short.
pub fn runs(jobs: &[Job]) -> Vec<Run> {
    jobs.iter().filter_map(run).collect()
}

fn run(job: &Job) -> Option<Run> {
    let labels = job.labels();
    let kinds = [Kind::Backup, Kind::Verify, Kind::Restore];
    let kind = kinds.into_iter().find(|kind| labels.get(JOB).is_some_and(|word| word == kind.word()))?;
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let is = |word: &str| conditions.clone().any(|condition| condition.type_ == word && condition.status == "True");
    let progress = match (is("Complete"), is("Failed")) {
        (true, _) => Progress::Succeeded,
        (_, true) => Progress::Failed,
        _ => Progress::Active,
    };
    Some(Run {
        job: job.name_any(),
        kind,
        backup: labels.get(BACKUP).cloned().unwrap_or_default(),
        progress,
        request: job.annotations().get(REQUEST).cloned(),
        created: job.creation_timestamp().map(|at| moment(&at)).unwrap_or_default(),
    })
}

/// How far the restore into a new database is.
pub fn restore_state(jobs: &[Job]) -> Restore {
    match runs(jobs).iter().find(|run| run.kind == Kind::Restore).map(|run| run.progress) {
        None => Restore::Due,
        Some(Progress::Active) => Restore::Running,
        Some(Progress::Failed) => Restore::Failed,
        Some(Progress::Succeeded) => Restore::Done,
    }
}

/// How far the backup before the end is: one that was made and checked after the object was deleted.
pub fn final_state(world: &World) -> FinalBackup {
    let Some(deleted) = world.object.meta().deletion_timestamp.as_ref().map(moment) else { return FinalBackup::Done };
    let from = names::backup(deleted);
    let status = world.object.status.clone().unwrap_or_default();
    let after = |record: &Option<BackupRecord>| record.as_ref().is_some_and(|record| record.name >= from);
    if after(&status.last_verified) {
        return FinalBackup::Done;
    }
    let runs = runs(&world.jobs);
    let mut ours = runs.iter().filter(|run| run.kind != Kind::Restore && run.backup >= from).peekable();
    if ours.peek().is_none() {
        let busy = runs.iter().any(|run| run.progress == Progress::Active);
        return if busy || after(&status.last_backup) { FinalBackup::Running } else { FinalBackup::Due };
    }
    if ours.any(|run| run.progress == Progress::Failed) { FinalBackup::Failed } else { FinalBackup::Running }
}

/// What is said about backups.
pub fn conditions(
    world: &World,
    status: &ServiceDatabaseStatus,
) -> Vec<(&'static str, &'static str, &'static str, String)> {
    if world.object.spec.backup.is_none() {
        return Vec::new();
    }
    let runs = runs(&world.jobs);
    let last = status.last_backup.as_ref();
    let name = last.map(|last| last.name.as_str());
    let failed = |kind: Kind, newer: &dyn Fn(&Run) -> bool| {
        runs.iter()
            .find(|run| run.kind == kind && run.progress == Progress::Failed && newer(run))
            .map(|run| run.job.clone())
    };
    let made = match failed(Kind::Backup, &|run| Some(run.backup.as_str()) > name) {
        Some(job) => ("False", "BackupFailed", format!("kubectl --namespace {} logs job/{job}", world.namespace)),
        None if last.is_none() => ("Unknown", "NoneYet", "the first backup is yet to be made".to_owned()),
        None => ("True", "BackedUp", format!("the newest is {}", name.unwrap_or_default())),
    };
    let verified = status.last_verified.as_ref();
    let checked = match failed(Kind::Verify, &|run| Some(run.backup.as_str()) == name) {
        Some(job) => (
            "False",
            "BackupDamaged",
            format!(
                "{} was restored and is not what the database was: kubectl --namespace {} logs job/{job}",
                name.unwrap_or_default(),
                world.namespace
            ),
        ),
        None if verified.is_none() => ("Unknown", "NoneYet", "no backup has been restored yet".to_owned()),
        None => {
            let verified =
                verified.map(|record| format!("{}: {} tables, {} rows", record.name, record.tables, record.rows));
            ("True", "Restored", format!("restored and found whole: {}", verified.unwrap_or_default()))
        }
    };
    vec![("BackupHealthy", made.0, made.1, made.2), ("RestoreVerified", checked.0, checked.1, checked.2)]
}

/// Whether a condition says that backups are in trouble.
pub fn is_trouble(condition: &Condition) -> bool {
    matches!(condition.kind.as_str(), "BackupHealthy" | "RestoreVerified") && condition.status == "False"
}

pub(crate) fn moment(at: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> Timestamp {
    Timestamp(at.0.as_microsecond())
}
