//! What the operator says about a database.

use std::fmt;

use kvartal_kernel::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the operator says. Nothing in it is needed to go on: it is for people, and for what only time tells.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDatabaseStatus {
    /// The generation that the rest is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, BackupHealthy, RestoreVerified.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The Helm process that is at work, or was last. Written before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The digest of what did not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Since when the server is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressing_since: Option<Moment>,
    /// The service's users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsStatus>,
    /// The newest backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<BackupRecord>,
    /// The newest backup that was restored and found whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<BackupRecord>,
    /// The request for a backup that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_backup: Option<String>,
    /// The backup it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
}

/// One condition, as Kubernetes has them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// When the status changed.
    pub last_transition_time: Moment,
    /// The generation it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A Helm process.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its number.
    pub id: String,
    /// What it does: upgrade, rollback, uninstall.
    pub verb: String,
    /// The operator whose child it is. When that is gone, so is it: they share a container.
    pub holder: String,
    /// When it is over at the latest: it is killed then.
    pub deadline: Moment,
}

/// The service's users.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsStatus {
    /// The user in the Secret.
    pub user: String,
    /// Since when.
    pub since: Moment,
    /// The user before, as long as it may sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// One backup.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct BackupRecord {
    /// Its name.
    pub name: String,
    /// When it was made, or checked.
    pub at: Moment,
    /// Size in bytes.
    pub bytes: u64,
    /// Tables in it.
    pub tables: u64,
    /// Rows in them.
    pub rows: u64,
    /// How long it took.
    pub seconds: u64,
}

/// A moment, as Kubernetes writes it: whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(pub Timestamp);

impl From<Timestamp> for Moment {
    fn from(now: Timestamp) -> Self {
        Self(Timestamp(now.seconds() * 1_000_000))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = Timestamp::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text} is no time")))?;
        Ok(moment.into())
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }

    fn inline_schema() -> bool {
        true
    }
}
