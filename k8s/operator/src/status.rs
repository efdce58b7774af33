//! What is said about a database, and writing it: only when it says something new.

use kube::api::{Api, Patch, PatchParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;

use crate::api::{Condition, CredentialsStatus, Moment, ServiceDatabase, ServiceDatabaseStatus};
use crate::backup;
use crate::context::{Context, MANAGER};
use crate::decide::{Stalled, Step, Waiting};
use crate::observe::World;
use crate::rotation;

/// A condition without its times: kind, status, reason, message.
type Said = (&'static str, &'static str, &'static str, String);

/// Writes a status, unless it is the one that stands there. Fails when somebody else has changed the object since.
pub(crate) async fn write(
    context: &Context,
    object: &ServiceDatabase,
    status: &ServiceDatabaseStatus,
) -> kube::Result<bool> {
    if object.status.as_ref() == Some(status) {
        return Ok(false);
    }
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let api: Api<ServiceDatabase> = Api::namespaced(context.client.clone(), &namespace);
    let patch = json!({
        "apiVersion": ServiceDatabase::api_version(&()),
        "kind": ServiceDatabase::kind(&()),
        "metadata": { "name": name, "resourceVersion": object.resource_version() },
        "status": status,
    });
    api.patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await?;
    Ok(true)
}

/// The status of an object at rest: at the end of a look at it.
pub(crate) fn at_rest(
    context: &Context,
    world: &World,
    step: Step,
    mut status: ServiceDatabaseStatus,
) -> ServiceDatabaseStatus {
    let now = Moment::from(context.now());
    status.observed_generation = world.object.meta().generation;
    if status.rejected.as_deref().is_some_and(|rejected| rejected != world.digest) {
        status.rejected = None;
    }
    // Only a change has a deadline. A server that was ready and whose node has gone is waited for without one: what it runs
    // works, and taking it back would help nobody.
    if step == Step::Settled {
        status.progressing_since = None;
    }
    status.credentials = rotation::known(world).map(|known| CredentialsStatus {
        previous: known.previous.filter(|previous| *previous != known.user),
        user: known.user,
        since: known.since.into(),
    });
    let mut said = summary(world, step);
    said.extend(backup::conditions(world, &status));
    say(&mut status, said, world.object.meta().generation, now);
    status
}

/// The status of an object with which something went wrong that may pass.
pub(crate) fn failing(context: &Context, world: &World, step: Step, error: &str) -> ServiceDatabaseStatus {
    let mut status = world.object.status.clone().unwrap_or_default();
    let message: String = error.chars().take(1000).collect();
    let reason = failure(step);
    let said =
        vec![("Ready", "False", reason, message), ("Reconciling", "True", reason, "it is tried again".to_owned())];
    say(&mut status, said, world.object.meta().generation, context.now().into());
    status
}

/// One word for a step that did not work.
pub(crate) fn failure(step: Step) -> &'static str {
    match step {
        Step::Apply | Step::Rollback | Step::Uninstall => "HelmFailed",
        Step::ExpandVolume => "VolumeNotExpanded",
        Step::Provision => "NotProvisioned",
        Step::BackUp | Step::Restore => "JobNotStarted",
        _ => "Failed",
    }
}

fn summary(world: &World, step: Step) -> Vec<Said> {
    let namespace = &world.namespace;
    let (reason, message): (&'static str, String) = match step {
        Step::Settled => ("Ready", format!("answers at {}:5432", crate::secrets::host(&world.name, namespace))),
        Step::Wait(waiting) => match waiting {
            Waiting::Operation => ("WaitingForHelm", "a Helm process may still be at work".to_owned()),
            Waiting::Workload => ("Starting", world.pod_trouble().unwrap_or_else(|| "the server starts".to_owned())),
            Waiting::Restore => ("Restoring", "the backup is being restored".to_owned()),
            Waiting::Backup => ("BackingUp", "the last backup is made and checked before the database goes".to_owned()),
        },
        Step::Stall(stalled) => stall(world, stalled),
        _ => ("Working", "steps are being taken".to_owned()),
    };
    let is = |yes: bool| if yes { "True" } else { "False" };
    let stalled = matches!(step, Step::Stall(_));
    vec![
        ("Ready", is(step == Step::Settled), reason, message.clone()),
        ("Reconciling", is(!stalled && step != Step::Settled), reason, message.clone()),
        ("Stalled", is(stalled), reason, if stalled { message } else { "nothing is in the way".to_owned() }),
    ]
}

fn stall(world: &World, stalled: Stalled) -> (&'static str, String) {
    let (release, namespace) = (&world.release, &world.namespace);
    let server = crate::names::server_secret(&world.name);
    let volume = crate::names::volume(&world.name);
    match stalled {
        Stalled::Invalid => ("Invalid", world.problem.clone().unwrap_or_default()),
        Stalled::Paused => ("Paused", "spec.paused is true: set it to false to go on".to_owned()),
        Stalled::CredentialsLost => (
            "CredentialsLost",
            format!(
                "there are data on {volume} and Secret {server} with their passwords is missing: put it back, with the key superuser-password at least, or delete the volume if its data is of no use"
            ),
        ),
        Stalled::NotOurs => (
            "NotOurs",
            format!(
                "the Helm release {release} was made by somebody else: annotate this object with {}=true to take it over, or uninstall it",
                crate::api::ADOPT
            ),
        ),
        Stalled::RolledBack => (
            "RolledBack",
            "what spec asks for did not become ready, and what was before is in place again: change spec".to_owned(),
        ),
        Stalled::NotReady => (
            "NotReady",
            format!(
                "the server did not become ready within {} s{}; see kubectl --namespace {namespace} describe pod/{release}-0",
                world.object.spec.progress_deadline_seconds,
                world.pod_trouble().map(|trouble| format!(" ({trouble})")).unwrap_or_default()
            ),
        ),
        Stalled::RestoreFailed => (
            "RestoreFailed",
            format!("see kubectl --namespace {namespace} logs job/{}-restore; delete the Job to try again", world.name),
        ),
        Stalled::BackupFailed => (
            "BackupFailed",
            "the last backup failed or was found damaged, so the database stays: delete its Job to try again, or set spec.deletion.finalBackup to false".to_owned(),
        ),
    }
}

fn say(status: &mut ServiceDatabaseStatus, said: Vec<Said>, generation: Option<i64>, now: Moment) {
    for (kind, value, reason, message) in said {
        let made = Condition {
            kind: kind.to_owned(),
            status: value.to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time: now,
            observed_generation: generation,
        };
        match status.conditions.iter_mut().find(|condition| condition.kind == kind) {
            Some(old) => {
                let since = if old.status == made.status { old.last_transition_time } else { now };
                *old = Condition { last_transition_time: since, ..made };
            }
            None => status.conditions.push(made),
        }
    }
}
