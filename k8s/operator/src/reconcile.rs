//! One look at an object: look, decide, take the step, look again, until there is nothing to do but wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::api::Api;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use kvartal_kernel::Timestamp;

use crate::api::{ServiceDatabase, ServiceDatabaseStatus};
use crate::apply;
use crate::backup::{self, Kind, Move, job};
use crate::context::Context;
use crate::decide::{Stalled, Step, Waiting, decide, leave};
use crate::observe::World;
use crate::rotation::{self, Turn};
use crate::{names, status};

/// More steps than any way has; who needs more goes round, and is given a rest.
const LAPS: usize = 40;

/// Something went wrong that may pass.
#[derive(thiserror::Error, Debug)]
#[error("{0:#}")]
pub struct Error(#[from] anyhow::Error);

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self(error.into())
    }
}

/// Looks at an object.
pub async fn reconcile(object: Arc<ServiceDatabase>, context: Arc<Context>) -> Result<Action, Error> {
    let uid = object.uid().unwrap_or_default();
    if let Some(left) = context.rests(&uid, object.meta().generation) {
        // What is written about a failure is a change, too; it must not undo the wait that follows the failure.
        return Ok(Action::requeue(left));
    }
    let started = Instant::now();
    let result = Box::pin(look(&object, &context)).await;
    context.metrics.reconciled(if result.is_ok() { "ok" } else { "error" }, started.elapsed());
    if result.is_ok() {
        context.succeeded(&uid);
    }
    result
}

/// What follows a failure: another look, later each time.
#[expect(clippy::needless_pass_by_value, reason = "the shape kube asks for")]
pub fn failed(object: Arc<ServiceDatabase>, error: &Error, context: Arc<Context>) -> Action {
    if is_conflict(&error.0) {
        // Somebody changed the object between our look and our step.
        return Action::requeue(Duration::from_millis(100));
    }
    let wait = context.failed(&object.uid().unwrap_or_default(), object.meta().generation);
    tracing::warn!(object = %object.name_any(), namespace = object.namespace(), %error, ?wait, "a look failed");
    Action::requeue(wait)
}

async fn look(object: &ServiceDatabase, context: &Context) -> Result<Action, Error> {
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let api: Api<ServiceDatabase> = Api::namespaced(context.client.clone(), &namespace);
    for _ in 0..LAPS {
        let Some(object) = api.get_opt(&name).await? else {
            context.forget(&object.uid().unwrap_or_default());
            return Ok(Action::await_change());
        };
        let world = Box::pin(World::look(context, object)).await?;
        let leaving = world.object.meta().deletion_timestamp.is_some();
        let step = if leaving { leave(&world.leaving(context)) } else { decide(&world.seen(context)) };
        if !matches!(step, Step::Settled | Step::Wait(_) | Step::Stall(_)) {
            take(context, &world, step).await?;
            if step == Step::RemoveFinalizer {
                return Ok(Action::await_change());
            }
            if matches!(step, Step::DeleteLeftovers | Step::ReplaceWorkload) {
                // What was deleted takes a moment to go; until then the next look would find it again.
                return Ok(Action::requeue(Duration::from_secs(1)));
            }
            continue;
        }
        if leaving && step == Step::Settled {
            return Ok(Action::await_change());
        }
        match routine(context, &world, step).await? {
            Routine::Again => {}
            Routine::Rest(at) => return rest(context, &world, step, at).await,
        }
    }
    Ok(Action::requeue(Duration::from_secs(5)))
}

async fn take(context: &Context, world: &World, step: Step) -> anyhow::Result<()> {
    let word = format!("{step:?}");
    tracing::info!(object = %world.name, namespace = %world.namespace, step = %word, "step");
    context.metrics.step(&word);
    let Err(error) = apply::take(context, world, step).await else { return Ok(()) };
    if !is_conflict(&error) {
        let text = format!("{error:#}");
        context.tell(&world.object, true, status::failure(step), &text).await;
        // The intent of an operation was written since: what it says stays.
        let api: Api<ServiceDatabase> = Api::namespaced(context.client.clone(), &world.namespace);
        if let Ok(Some(object)) = api.get_opt(&world.name).await {
            let now = status::failing(context, world, step, &text);
            let kept = object.status.clone().unwrap_or_default();
            let said = ServiceDatabaseStatus { conditions: now.conditions, ..kept };
            let _ = status::write(context, &object, &said).await;
        }
    }
    Err(error)
}

/// What is done besides, while all is well.
enum Routine {
    /// Something was; look again.
    Again,
    /// Nothing is to be done before this time.
    Rest(Option<Timestamp>),
}

async fn routine(context: &Context, world: &World, step: Step) -> anyhow::Result<Routine> {
    let goes = matches!(step, Step::Settled | Step::Wait(Waiting::Backup) | Step::Stall(Stalled::RolledBack));
    if !goes {
        return Ok(Routine::Rest(None));
    }
    let mut wake = Vec::new();
    if step != Step::Wait(Waiting::Backup) {
        match rotation::of(world, context.now()) {
            Turn::Rest(at) => wake.extend(at),
            turn => {
                if apply::turn(context, world, turn).await? {
                    return Ok(Routine::Again);
                }
                wake.push(context.now().plus(Duration::from_secs(60)));
            }
        }
        if note_restore(context, world).await? {
            return Ok(Routine::Again);
        }
    }
    match back_up(context, world).await? {
        Routine::Again => return Ok(Routine::Again),
        Routine::Rest(at) => wake.extend(at),
    }
    Ok(Routine::Rest(wake.into_iter().min()))
}

/// Writes down which backup the database began with.
async fn note_restore(context: &Context, world: &World) -> anyhow::Result<bool> {
    let mut now = world.object.status.clone().unwrap_or_default();
    if world.object.spec.restore_from.is_none() || now.restored.is_some() {
        return Ok(false);
    }
    let runs = backup::runs(&world.jobs);
    let Some(run) = runs.iter().find(|run| run.kind == Kind::Restore) else { return Ok(false) };
    let (name, note) = match job::told(context, world, run).await? {
        Ok(record) => {
            let note = format!("began with {}: {} tables, {} rows", record.name, record.tables, record.rows);
            (record.name, note)
        }
        // Done it is, whether or not its pod is there to tell.
        Err(_) => (run.backup.clone(), "began with a backup".to_owned()),
    };
    now.restored = Some(name);
    status::write(context, &world.object, &now).await?;
    context.tell(&world.object, false, "Restored", &note).await;
    Ok(true)
}

async fn back_up(context: &Context, world: &World) -> anyhow::Result<Routine> {
    let mut now = world.object.status.clone().unwrap_or_default();
    let Some(next) = backup::of(world, &now, context.now()) else { return Ok(Routine::Rest(None)) };
    match next {
        Move::Rest(at) => return Ok(Routine::Rest(at)),
        Move::Wait => return Ok(Routine::Rest(Some(context.now().plus(Duration::from_secs(15))))),
        // At the end only the last one is made, and that is a step of its own.
        Move::Make(_) if world.object.meta().deletion_timestamp.is_some() => return Ok(Routine::Rest(None)),
        Move::Make(request) => {
            let backup = names::backup(context.now());
            job::start(context, world, Kind::Backup, &backup, request.as_deref()).await?;
        }
        Move::Note(request) => {
            now.handled_backup = Some(request);
            status::write(context, &world.object, &now).await?;
        }
        Move::Verify(backup) => job::start(context, world, Kind::Verify, &backup, None).await?,
        Move::Record(run) => match job::told(context, world, &run).await? {
            Ok(record) => {
                let (reason, note) = match run.kind {
                    Kind::Backup => ("BackedUp", format!("{}: {} bytes", record.name, record.bytes)),
                    _ => ("BackupVerified", format!("{}: {} tables, {} rows", record.name, record.tables, record.rows)),
                };
                if run.kind == Kind::Backup {
                    now.last_backup = Some(record);
                } else {
                    now.last_verified = Some(record);
                }
                status::write(context, &world.object, &now).await?;
                context.tell(&world.object, false, reason, &note).await;
            }
            Err(message) => {
                // Its pod is gone with what it had to tell: as if it had never been.
                context.tell(&world.object, true, "JobWithoutResult", &format!("{}: {message}", run.job)).await;
                apply::delete_job(context, world, &run.job).await?;
            }
        },
    }
    Ok(Routine::Again)
}

async fn rest(context: &Context, world: &World, step: Step, at: Option<Timestamp>) -> Result<Action, Error> {
    let before = world.object.status.clone().unwrap_or_default();
    let was_ready = is_ready(&before);
    let was_trouble = before.conditions.iter().filter(|condition| backup::is_trouble(condition)).count();
    let now = status::at_rest(context, world, step, before);
    status::write(context, &world.object, &now).await.context("the status cannot be written")?;
    let (namespace, name) = (world.namespace.as_str(), world.name.as_str());
    context.metrics.ready(namespace, name, is_ready(&now));
    let seconds = |record: &Option<crate::api::BackupRecord>| record.as_ref().map(|record| record.at.0.seconds());
    context.metrics.backups(namespace, name, seconds(&now.last_backup), seconds(&now.last_verified));
    if was_ready != is_ready(&now) {
        let ready = now.conditions.iter().find(|condition| condition.kind == "Ready");
        if let Some(ready) = ready {
            context.tell(&world.object, matches!(step, Step::Stall(_)), &ready.reason, &ready.message).await;
        }
    }
    let trouble: Vec<_> = now.conditions.iter().filter(|condition| backup::is_trouble(condition)).collect();
    if trouble.len() > was_trouble {
        for condition in trouble {
            context.tell(&world.object, true, &condition.reason, &condition.message).await;
        }
    }
    let soon = match step {
        Step::Wait(Waiting::Operation) => now.operation.map(|operation| operation.deadline.0),
        Step::Wait(_) => Some(context.now().plus(Duration::from_secs(10))),
        _ => None,
    };
    let wake = [at, soon].into_iter().flatten().min();
    let after = wake.map_or(context.resync, |at| at.since(context.now()) + Duration::from_millis(500));
    Ok(Action::requeue(after.min(context.resync)))
}

fn is_ready(status: &ServiceDatabaseStatus) -> bool {
    status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
}

fn is_conflict(error: &anyhow::Error) -> bool {
    let conflict = |cause: &kube::Error| matches!(cause, kube::Error::Api(status) if status.is_conflict());
    error.chain().filter_map(|cause| cause.downcast_ref::<kube::Error>()).any(conflict)
}
