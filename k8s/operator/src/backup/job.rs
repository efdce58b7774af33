//! The Jobs that make, check and restore backups: the image of the database, one script, no rights.

use anyhow::Context as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BACKUP, JOB, Kind, REQUEST, Run};
use crate::api::{BackupRecord, Bucket, DATABASE, Moment, Storage};
use crate::context::Context;
use crate::observe::{World, smaller};
use crate::values::{self, JOB_NAME};
use crate::{names, secrets};

/// Where backups are in a container.
const BACKUPS: &str = "/backups";
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
        if let Some((_, message)) = ended.iter().find(|(end, _)| end.exit_code != 0) {
            last = Some(message.clone());
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
        ("BACKUPS", BACKUPS),
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
    let script = json!({
        "name": kind.word(),
        "image": image,
        "command": ["/bin/sh", "-c", script(kind)],
        "env": variables,
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
        "volumeMounts": [
            { "name": "backups", "mountPath": BACKUPS },
            { "name": "scratch", "mountPath": "/scratch" },
            { "name": "temporary", "mountPath": "/tmp" },
            { "name": "credentials", "mountPath": "/run/secrets/database", "readOnly": true },
        ],
    });
    let mut volumes = vec![
        json!({ "name": "scratch", "emptyDir": {} }),
        json!({ "name": "temporary", "emptyDir": {} }),
        json!({ "name": "credentials", "secret": { "secretName": names::server_secret(name), "defaultMode": 0o440,
            "items": [{ "key": "superuser-password", "path": "superuser-password" }] } }),
    ];
    let containers = match spec.backup.as_ref().and_then(|backup| backup.s3.as_ref()) {
        None => {
            volumes
                .push(json!({ "name": "backups", "persistentVolumeClaim": { "claimName": names::backups(source) } }));
            vec![script]
        }
        Some(bucket) => {
            volumes.push(json!({ "name": "backups", "emptyDir": {} }));
            volumes.push(json!({ "name": "store", "secret": { "secretName": bucket.secret, "defaultMode": 0o440 } }));
            let carry = |verb: &str| carrier(context, bucket, source, verb, backup, &keep);
            match kind {
                Kind::Backup => vec![script, carry("push")?],
                Kind::Verify => vec![carry("pull")?, script, carry("mark")?],
                Kind::Restore => vec![carry("pull")?, script],
            }
        }
    };
    Ok(serde_json::from_value(json!({
        "metadata": metadata,
        "spec": {
            "backoffLimit": 2,
            // A day for the largest of databases; then something hangs.
            "activeDeadlineSeconds": 86_400,
            "ttlSecondsAfterFinished": 86_400,
            "template": { "metadata": { "labels": labels }, "spec": pod(containers, &volumes) },
        },
    }))?)
}

/// Brings a backup to a store or from it, with the operator's own image.
fn carrier(
    context: &Context,
    bucket: &Bucket,
    database: &str,
    verb: &str,
    backup: &str,
    keep: &str,
) -> anyhow::Result<Value> {
    let image = context.defaults.own_image.as_ref();
    let image = image.context("the operator was not told its own image, which carries backups: --own-image")?;
    let prefix = format!("{}/{database}", bucket.prefix);
    let variables = [
        ("STORE_ENDPOINT", bucket.endpoint.as_str()),
        ("STORE_BUCKET", &bucket.bucket),
        ("STORE_REGION", &bucket.region),
        ("STORE_PREFIX", &prefix),
        ("STORE_CREDENTIALS", "/run/secrets/store"),
        ("BACKUPS", BACKUPS),
        ("NAME", backup),
        ("KEEP", keep),
    ];
    let variables = variables.map(|(name, value)| json!({ "name": name, "value": value }));
    Ok(json!({
        "name": verb,
        "image": image,
        "args": ["store", verb],
        "env": variables,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "256Mi" } },
        "volumeMounts": [
            { "name": "backups", "mountPath": BACKUPS },
            { "name": "store", "mountPath": "/run/secrets/store", "readOnly": true },
        ],
    }))
}

/// A restricted pod that runs one container after the other.
fn pod(mut containers: Vec<Value>, volumes: &[Value]) -> Value {
    for container in &mut containers {
        container["imagePullPolicy"] = "IfNotPresent".into();
        container["securityContext"] = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
        });
    }
    let last = containers.pop();
    json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 101, "runAsGroup": 103, "fsGroup": 103,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" },
        },
        "initContainers": containers,
        "containers": [last],
        "volumes": volumes,
    })
}
