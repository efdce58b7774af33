//! The custom resource: which database a service has. The definition for Kubernetes is made from these types.

#![expect(unreachable_pub, reason = "the rules of a schema are written into a copy of the type that nobody sees")]

mod status;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use status::{BackupRecord, Condition, CredentialsStatus, Moment, Operation, ServiceDatabaseStatus};

/// Group of the resource, and prefix of labels and annotations.
pub const GROUP: &str = "kvartal.dev";
/// Keeps an object until what was made for it is gone.
pub const FINALIZER: &str = "kvartal.dev/database";
/// Annotation: a Helm release of somebody else may be taken over, when `true`.
pub const ADOPT: &str = "kvartal.dev/adopt";
/// Annotation: a new value asks for a backup now.
pub const BACK_UP: &str = "kvartal.dev/backup-requested";
/// Annotation: a new value asks for new credentials now.
pub const ROTATE: &str = "kvartal.dev/rotation-requested";
/// Annotation of a volume: when it is deleted.
pub const DELETE_AFTER: &str = "kvartal.dev/delete-after";
/// Label of what was made for a database: the name of the object.
pub const DATABASE: &str = "kvartal.dev/database";

/// The database of one service. The object has the name of the service, unless it says another one.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, PartialEq, Debug)]
#[kube(
    group = "kvartal.dev",
    version = "v1alpha1",
    kind = "ServiceDatabase",
    plural = "servicedatabases",
    singular = "servicedatabase",
    shortname = "sdb",
    category = "kvartal",
    namespaced,
    status = "ServiceDatabaseStatus",
    derive = "PartialEq",
    doc = "The database of one service. The object has the name of the service, unless it says another one.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Engine", type_ = "string", json_path = ".spec.engine"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Size", type_ = "string", json_path = ".spec.storage.size"),
    printcolumn(name = "Backup", type_ = "date", json_path = ".status.lastBackup.at"),
    printcolumn(name = "Verified", type_ = "date", json_path = ".status.lastVerified.at"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$')").message("the name of a database is that of its service: at most 30 lower-case letters, digits and dashes, a letter first"),
    validation = Rule::new("has(self.spec.restoreFrom) == has(oldSelf.spec.restoreFrom) && (!has(self.spec.restoreFrom) || self.spec.restoreFrom == oldSelf.spec.restoreFrom)").message("restoreFrom is for a new database: make another object to restore into, and switch over to it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.engine == oldSelf.engine").message("the engine of a database cannot change: make another object and restore a backup into it"),
    validation = Rule::new("self.version.split('.')[0] == oldSelf.version.split('.')[0]").message("a major upgrade is a restore into a new database: make another object with this version and restoreFrom"),
    validation = Rule::new("!self.version.contains('.') || !oldSelf.version.contains('.') || int(self.version.split('.')[1]) >= int(oldSelf.version.split('.')[1])").message("the version cannot go back: an older server may not read what a newer one wrote"),
    validation = Rule::new("!has(self.backup) || self.engine == 'postgres'").message("backups are checked by restoring them, and that is known for engine postgres only: remove backup"),
    validation = Rule::new("!(has(self.deletion) && has(self.deletion.finalBackup) && self.deletion.finalBackup) || has(self.backup)").message("deletion.finalBackup needs a place for it: set backup")
)]
pub struct ServiceDatabaseSpec {
    /// The service that uses it, where that has another name: its pods are let in, and start anew with new credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub service: Option<String>,
    /// What runs.
    #[serde(default)]
    pub engine: Engine,
    /// Version of the server, `15` or `15.14`: the tag of the image. A minor upgrade is a change of it.
    #[serde(default = "version")]
    #[schemars(length(max = 7), regex(pattern = r"^[0-9]{1,3}(\.[0-9]{1,3})?$"))]
    pub version: String,
    /// The image; the operator's own choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The volume of the data.
    #[serde(default)]
    pub storage: Storage,
    /// Settings of postgresql.conf.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub parameters: BTreeMap<String, String>,
    /// Processor and memory of the server; the chart's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Leaves everything as it is until it is false again.
    #[serde(default)]
    pub paused: bool,
    /// How long the server may take to become ready before the change counts as failed.
    #[serde(default = "progress_deadline_seconds")]
    #[schemars(range(min = 30, max = 86400))]
    pub progress_deadline_seconds: u32,
    /// What becomes of the data when the object is deleted.
    #[serde(default)]
    pub deletion: Deletion,
    /// How the service's user and password are changed.
    #[serde(default)]
    pub credentials: Credentials,
    /// Scheduled backups; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// Begins with the content of a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_from: Option<RestoreFrom>,
}

/// What runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    #[default]
    Postgres,
    /// PostgreSQL with the TimescaleDB extension in its image.
    TimescaleDb,
}

/// An image of the server.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its repository, without a tag: that is the version.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[a-z0-9][-a-z0-9._/:]*$"))]
    pub repository: String,
    /// Its digest, stronger than the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
}

/// A volume.
#[derive(KubeSchema, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0").message("a volume cannot shrink: keep the size, or restore a backup into a new, smaller database"),
    validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)").message("the class of a volume cannot change: restore a backup into a new database of that class")
)]
pub struct Storage {
    /// How large. It can grow, not shrink.
    #[serde(default = "size")]
    #[schemars(length(max = 14), regex(pattern = r"^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti|k|M|G|T)?$"))]
    pub size: String,
    /// Its class; the cluster's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: size(), class_name: None }
    }
}

/// Processor and memory.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is reserved.
    #[serde(default)]
    pub requests: Amounts,
    /// What is not exceeded.
    #[serde(default)]
    pub limits: Amounts,
}

/// Amounts, such as `500m` and `512Mi`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
pub struct Amounts {
    /// Processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?m?$"))]
    pub cpu: Option<String>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[1-9][0-9]*(Ki|Mi|Gi|k|M|G)?$"))]
    pub memory: Option<String>,
}

/// What becomes of the data when the object is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// Whether the volume stays.
    #[serde(default)]
    pub policy: DeletionPolicy,
    /// With policy `Delete`: how long the volume and its passwords stay. An object of the same name takes them over.
    #[serde(default = "keep_hours")]
    #[schemars(range(max = 8760))]
    pub keep_hours: u32,
    /// A backup is made and checked first; the object stays until that is done.
    #[serde(default)]
    pub final_backup: bool,
}

impl Default for Deletion {
    fn default() -> Self {
        Self { policy: DeletionPolicy::default(), keep_hours: keep_hours(), final_backup: false }
    }
}

/// Whether the volume stays.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeletionPolicy {
    /// It stays, and so do its passwords. A new object of the same name takes both over.
    #[default]
    Retain,
    /// It is deleted after a time.
    Delete,
}

/// How the service's user and password are changed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// A new user takes over after so many days; only when asked for if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3650))]
    pub rotate_after_days: Option<u32>,
    /// How long the user before stays, at least; one that still has sessions stays longer.
    #[serde(default = "retire_after_minutes")]
    #[schemars(range(max = 525_600))]
    pub retire_after_minutes: u32,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { rotate_after_days: None, retire_after_minutes: retire_after_minutes() }
    }
}

/// Scheduled backups. Each is restored into a throw-away server and compared with what was there when it was made.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// When, as five fields of cron, in UTC.
    #[serde(default = "schedule")]
    #[schemars(length(max = 100), regex(pattern = r"^\S+( \S+){4}$"))]
    pub schedule: String,
    /// How many stay. The newest one that was checked always does.
    #[serde(default = "keep")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: u32,
    /// The volume they are on: made if it is not there, never deleted.
    #[serde(default)]
    pub volume: Storage,
    /// The bucket they are in, instead of a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<Bucket>,
}

/// A bucket of an S3-compatible store. The backups of a database lie in it under `prefix` and the name of the database.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Address of the store, such as `https://s3.example`.
    #[schemars(length(max = 255), regex(pattern = r"^https?://[^\s/]+/?$"))]
    pub endpoint: String,
    /// Its name.
    #[schemars(length(min = 3, max = 63), regex(pattern = "^[a-z0-9][-.a-z0-9]*$"))]
    pub bucket: String,
    /// What the names of objects begin with.
    #[serde(default = "prefix")]
    #[schemars(length(max = 200), regex(pattern = "^[A-Za-z0-9][-_.A-Za-z0-9]*(/[A-Za-z0-9][-_.A-Za-z0-9]*)*$"))]
    pub prefix: String,
    /// Its region.
    #[serde(default = "region")]
    #[schemars(length(min = 1, max = 63))]
    pub region: String,
    /// Secret with `accessKeyId` and `secretAccessKey`, and `ca.crt` if the store has an authority of its own.
    #[schemars(length(min = 1, max = 253))]
    pub secret: String,
}

/// A backup to begin with.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RestoreFrom {
    /// The database it is of, in the same namespace. It need not be there any more, its backups need.
    #[schemars(length(max = 30), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub database: String,
    /// Its name, such as `20261126t030000z`; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = "^[0-9]{8}t[0-9]{6}z$"))]
    pub backup: Option<String>,
}

fn version() -> String {
    "15".to_owned()
}

fn size() -> String {
    "5Gi".to_owned()
}

fn schedule() -> String {
    "0 3 * * *".to_owned()
}

fn prefix() -> String {
    "kvartal".to_owned()
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn keep() -> u32 {
    7
}

fn keep_hours() -> u32 {
    168
}

fn retire_after_minutes() -> u32 {
    1440
}

fn progress_deadline_seconds() -> u32 {
    600
}
