//! The Jobs that make, check and restore backups: the image of the database, one script, no rights.

use anyhow::Context as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BACKUP, JOB, Kind, REQUEST, Run};
use crate::api::{BackupRecord, DATABASE, Moment, Storage};
use crate::context::Context;
use crate::observe::{World, smaller};
use crate::values::{self, JOB_NAME};
use crate::{names, secrets};

const COMMON: &str = include_str!("common.sh");
const BACKUP_SCRIPT: &str = include_str!("backup.sh");
const VERIFY_SCRIPT: &str = include_str!("verify.sh");
const RESTORE_SCRIPT: &str = include_str!("restore.sh");

/// The script of a Job.
pub fn script(kind: Kind) -> String {
    let own = match kind {
        Kind::Backup => BACKUP_SCRIPT,
        Kind::Verify => VERIFY_SCRIPT,
        Kind::Restore => RESTORE_SCRIPT,
    };
    format!("{COMMON}\n{own}")
}

/// Starts a Job, unless it is there.
pub async fn start(
    context: &Context,
    world: &World,
    kind: Kind,
    backup: &str,
    request: Option<&str>,
) -> anyhow::Result<()> {
    if kind == Kind::Backup {
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
    let ends = found
        .items
        .iter()
        .flat_map(|pod| pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten()));
    let ended = ends.filter_map(|container| container.state.as_ref()?.terminated.as_ref());
    let mut last = None;
    for end in ended {
        let message = end.message.clone().unwrap_or_default();
        let at = end.finished_at.as_ref().map(super::moment);
        if end.exit_code == 0 {
            let told: Told =
                serde_json::from_str(&message).with_context(|| format!("{} ended with: {message}", run.job))?;
            let Told { name, bytes, tables, rows, seconds } = told;
            let at = Moment::from(at.unwrap_or_else(|| context.now()));
            return Ok(Ok(BackupRecord { name, at, bytes, tables, rows, seconds }));
        }
        last = Some(message);
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
    let (name, spec) = (&world.name, &world.object.spec);
    let image = spec.image.as_ref().and_then(|image| image.digest.as_deref());
    let repository = values::image(spec, &context.defaults);
    let image =
        image.map_or_else(|| format!("{repository}:{}", spec.version), |digest| format!("{repository}@{digest}"));
    let source = spec.restore_from.as_ref().filter(|_| kind == Kind::Restore).map_or(name, |from| &from.database);
    let labels = json!({
        DATABASE: name, JOB: kind.word(), BACKUP: backup,
        "app.kubernetes.io/name": JOB_NAME, "app.kubernetes.io/part-of": "kvartal", "app.kubernetes.io/managed-by": "kvartal-operator",
    });
    let job_name = match kind {
        Kind::Restore => format!("{name}-restore"),
        kind => format!("{name}-{}-{backup}", kind.word()),
    };
    let keep = spec.backup.as_ref().map_or(0, |backup| backup.keep).to_string();
    let owner = names::owner(name);
    let host = secrets::host(name, &world.namespace);
    let variables = [
        ("NAME", backup),
        ("DATABASE", &owner),
        ("OWNER", &owner),
        ("HOST", &host),
        ("KEEP", &keep),
        ("BACKUPS", "/backups"),
        ("SCRATCH", "/scratch"),
        ("CREDENTIALS", "/run/secrets/database"),
        ("TERMINATION", "/dev/termination-log"),
    ];
    let variables = variables.map(|(name, value)| json!({ "name": name, "value": value }));
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
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 101, "runAsGroup": 103, "fsGroup": 103,
                        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": kind.word(),
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["/bin/sh", "-c", script(kind)],
                        "env": variables,
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
                        },
                        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
                        "volumeMounts": [
                            { "name": "backups", "mountPath": "/backups" },
                            { "name": "scratch", "mountPath": "/scratch" },
                            { "name": "temporary", "mountPath": "/tmp" },
                            { "name": "credentials", "mountPath": "/run/secrets/database", "readOnly": true },
                        ],
                    }],
                    "volumes": [
                        { "name": "backups", "persistentVolumeClaim": { "claimName": names::backups(source) } },
                        { "name": "scratch", "emptyDir": {} },
                        { "name": "temporary", "emptyDir": {} },
                        { "name": "credentials", "secret": { "secretName": names::server_secret(name), "defaultMode": 0o440,
                            "items": [{ "key": "superuser-password", "path": "superuser-password" }] } },
                    ],
                },
            },
        },
    }))?)
}
