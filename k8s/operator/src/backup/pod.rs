//! The pod of a Job: the image of the database with a script, and, for a backup in a store, the operator's own image to carry
//! it there or back. One container after the other, no rights.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Kind;
use crate::api::Bucket;
use crate::context::Context;
use crate::observe::World;
use crate::quantity::bytes;
use crate::{names, secrets, values};

/// Where backups are in a container.
const BACKUPS: &str = "/backups";
/// What the write-ahead log of a throw-away database takes at most, in bytes: twice its `max_wal_size`, which is no hard limit.
const LOG: u128 = 2 << 30;
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

/// Its specification.
pub(super) fn of(world: &World, context: &Context, kind: Kind, backup: &str) -> anyhow::Result<Value> {
    let (name, spec) = (&world.name, &world.object.spec);
    let source = spec.restore_from.as_ref().filter(|_| kind == Kind::Restore).map_or(name, |from| &from.database);
    let keep = spec.backup.as_ref().map_or(0, |backup| backup.keep).to_string();
    let script = worker(world, context, kind, backup, &keep);
    let size = &spec.storage.size;
    let throw_away = bytes(size).map(|database| (database + LOG).to_string());
    let mut volumes = vec![
        json!({ "name": "scratch", "emptyDir": { "sizeLimit": throw_away } }),
        json!({ "name": "temporary", "emptyDir": { "sizeLimit": "128Mi" } }),
        json!({ "name": "credentials", "secret": { "secretName": names::server_secret(name), "defaultMode": 0o440,
            "items": [{ "key": "superuser-password", "path": "superuser-password" }] } }),
    ];
    let containers = match spec.backup.as_ref().and_then(|backup| backup.s3.as_ref()) {
        None => {
            let claim = json!({ "claimName": names::backups(source) });
            volumes.push(json!({ "name": "backups", "persistentVolumeClaim": claim }));
            vec![script]
        }
        Some(bucket) => {
            // A backup is compressed: it takes less than its database may.
            volumes.push(json!({ "name": "backups", "emptyDir": { "sizeLimit": size } }));
            volumes.push(json!({ "name": "store", "secret": { "secretName": bucket.secret, "defaultMode": 0o440 } }));
            let carry = |verb: &str| carrier(context, bucket, source, verb, backup, &keep);
            match kind {
                Kind::Backup => vec![script, carry("push")?],
                Kind::Verify => vec![carry("pull")?, script, carry("mark")?],
                Kind::Restore => vec![carry("pull")?, script],
            }
        }
    };
    Ok(restricted(context, containers, &volumes))
}

/// Does the work, in the image of the database.
fn worker(world: &World, context: &Context, kind: Kind, backup: &str, keep: &str) -> Value {
    let (name, spec) = (&world.name, &world.object.spec);
    let digest = spec.image.as_ref().and_then(|image| image.digest.as_deref());
    let repository = values::image(spec, &context.defaults);
    let image =
        digest.map_or_else(|| format!("{repository}:{}", spec.version), |digest| format!("{repository}@{digest}"));
    let owner = names::owner(name);
    let host = secrets::host(name, &world.namespace);
    let variables = [
        ("NAME", backup),
        ("DATABASE", &owner),
        ("OWNER", &owner),
        ("HOST", &host),
        ("KEEP", keep),
        ("BACKUPS", BACKUPS),
        ("SCRATCH", "/scratch"),
        ("CREDENTIALS", "/run/secrets/database"),
        ("TERMINATION", "/dev/termination-log"),
    ];
    json!({
        "name": kind.word(),
        "image": image,
        "command": ["/bin/sh", "-c", script(kind)],
        "env": variables.map(|(name, value)| json!({ "name": name, "value": value })),
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
        "volumeMounts": [
            { "name": "backups", "mountPath": BACKUPS },
            { "name": "scratch", "mountPath": "/scratch" },
            { "name": "temporary", "mountPath": "/tmp" },
            { "name": "credentials", "mountPath": "/run/secrets/database", "readOnly": true },
        ],
    })
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
fn restricted(context: &Context, mut containers: Vec<Value>, volumes: &[Value]) -> Value {
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
        "imagePullSecrets": values::pull_secrets(&context.defaults),
        "initContainers": containers,
        "containers": [last],
        "volumes": volumes,
    })
}
