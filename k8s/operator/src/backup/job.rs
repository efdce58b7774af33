//! The Jobs that make, check and restore backups: started once, and asked what they have to tell.

use anyhow::Context as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BACKUP, JOB, Kind, REQUEST, Run, pod};
use crate::api::{BackupRecord, DATABASE, Moment, Storage};
use crate::context::Context;
use crate::names;
use crate::observe::{World, smaller};
use crate::values::JOB_NAME;

/// Starts a Job, unless it is there.
pub async fn start(
    context: &Context,
    world: &World,
    kind: Kind,
    backup: &str,
    request: Option<&str>,
) -> anyhow::Result<()> {
    let bucket = world.object.spec.backup.as_ref().and_then(|backup| backup.s3.as_ref());
    if kind == Kind::Backup && bucket.is_none() {
        ensure_volume(context, world).await?;
    }
    let job = manifest(world, context, kind, backup, request)?;
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &world.namespace);
    match jobs.create(&PostParams::default(), &job).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        result => result.map(|_| ()).with_context(|| format!("the Job of {} cannot be made", kind.word())),
    }
}

/// What a Job has told: the record of its backup, or the sentence it ended with.
pub async fn told(context: &Context, world: &World, run: &Run) -> anyhow::Result<Result<BackupRecord, String>> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &world.namespace);
    let found = pods.list(&ListParams::default().labels(&format!("batch.kubernetes.io/job-name={}", run.job))).await?;
    let mut last = None;
    for status in found.items.iter().filter_map(|pod| pod.status.as_ref()) {
        // What carries backups runs beside what makes them: a pod has done well when all of it has.
        let all = [&status.init_container_statuses, &status.container_statuses];
        let ends = all.into_iter().flatten().flatten();
        let ended = ends.filter_map(|container| container.state.as_ref()?.terminated.as_ref());
        let ended: Vec<_> = ended.map(|end| (end, end.message.clone().unwrap_or_default())).collect();
        if let Some((end, message)) = ended.iter().find(|(end, _)| end.exit_code != 0) {
            // Who was ended could not say why: for too much memory, or too much on the disk, which the pod tells.
            let reason = || status.message.clone().or_else(|| end.reason.clone()).unwrap_or_default();
            let silent = || format!("{} ended with code {}: {}", run.job, end.exit_code, reason());
            last = Some(if message.is_empty() { silent() } else { message.clone() });
            continue;
        }
        let Some((end, message)) = ended.into_iter().find(|(_, message)| !message.is_empty()) else { continue };
        let told: Told =
            serde_json::from_str(&message).with_context(|| format!("{} ended with: {message}", run.job))?;
        let Told { name, bytes, tables, rows, seconds } = told;
        let at = Moment::from(end.finished_at.as_ref().map_or_else(|| context.now(), super::moment));
        return Ok(Ok(BackupRecord { name, at, bytes, tables, rows, seconds }));
    }
    Ok(Err(last.unwrap_or_else(|| format!("{} ended without a word", run.job))))
}

#[derive(Deserialize)]
struct Told {
    name: String,
    bytes: u64,
    tables: u64,
    rows: u64,
    seconds: u64,
}

async fn ensure_volume(context: &Context, world: &World) -> anyhow::Result<()> {
    let Some(backup) = &world.object.spec.backup else { return Ok(()) };
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &world.namespace);
    let name = names::backups(&world.name);
    if let Some(found) = volumes.get_opt(&name).await? {
        let requests = found.spec.and_then(|spec| spec.resources).and_then(|resources| resources.requests);
        let size = requests.and_then(|requests| requests.get("storage").map(|size| size.0.clone()));
        if smaller(size.as_deref(), &backup.volume.size) {
            let patch = json!({ "spec": { "resources": { "requests": { "storage": backup.volume.size } } } });
            // One that may still fit is better than none.
            if let Err(error) = volumes.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                tracing::warn!(volume = name, %error, "the volume of backups cannot grow");
            }
        }
        return Ok(());
    }
    let volume = serde_json::from_value(claim(&name, &world.name, &backup.volume))?;
    match volumes.create(&PostParams::default(), &volume).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}

fn claim(name: &str, database: &str, storage: &Storage) -> Value {
    let mut claim = json!({
        "metadata": { "name": name, "labels": { DATABASE: database, "app.kubernetes.io/part-of": "kvartal" } },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": storage.size } } },
    });
    if let Some(class) = &storage.class_name {
        claim["spec"]["storageClassName"] = class.as_str().into();
    }
    claim
}

fn manifest(world: &World, context: &Context, kind: Kind, backup: &str, request: Option<&str>) -> anyhow::Result<Job> {
    let name = &world.name;
    let labels = json!({
        DATABASE: name, JOB: kind.word(), BACKUP: backup,
        "app.kubernetes.io/name": JOB_NAME, "app.kubernetes.io/part-of": "kvartal", "app.kubernetes.io/managed-by": "kvartal-operator",
    });
    let job_name = match kind {
        Kind::Restore => format!("{name}-restore"),
        kind => format!("{name}-{}-{backup}", kind.word()),
    };
    let mut metadata = json!({ "name": job_name, "labels": labels });
    if let Some(request) = request {
        metadata["annotations"] = json!({ REQUEST: request });
    }
    // An object that is deleted without the operator takes its Jobs with it.
    let owner = kube::Resource::controller_owner_ref(&world.object, &()).context("the object has a number")?;
    metadata["ownerReferences"] = json!([owner]);
    Ok(serde_json::from_value(json!({
        "metadata": metadata,
        "spec": {
            "backoffLimit": 2,
            // A day for the largest of databases; then something hangs.
            "activeDeadlineSeconds": 86_400,
            "ttlSecondsAfterFinished": 86_400,
            "template": { "metadata": { "labels": labels }, "spec": pod::of(world, context, kind, backup)? },
        },
    }))?)
}
