//! Helm's storage: the Secrets in which it keeps the revisions of a release. They are the truth about it.

use std::io::Read as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

/// Label of a revision that we made: the digest of what it was made from.
pub const DIGEST: &str = "kvartal.dev/digest";
/// Description of a revision whose process died; such failures are nobody's fault and are not counted.
const INTERRUPTED: &str = "interrupted: its process is gone";
/// No release is larger when unpacked: a Secret holds one megabyte.
const LARGEST: u64 = 32 << 20;

/// All revisions of a release, the newest first.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Revision>);

/// One revision, as its labels tell it. The content is read when it is needed.
#[derive(Clone)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// Helm's word for its state.
    pub status: String,
    /// The digest of what it was made from; absent when somebody else made it.
    pub digest: Option<String>,
    secret: Secret,
}

impl std::fmt::Debug for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.number, self.status, self.digest)
    }
}

impl History {
    /// Reads it.
    pub async fn read(client: &Client, namespace: &str, release: &str) -> kube::Result<Self> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let found = secrets.list(&ListParams::default().labels(&format!("owner=helm,name={release}"))).await?;
        let mut all: Vec<Revision> = found.items.into_iter().filter_map(Revision::new).collect();
        all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
        Ok(Self(all))
    }

    /// The newest revision.
    pub fn latest(&self) -> Option<&Revision> {
        self.0.first()
    }

    /// The newest revision before the latest that was in place and was made from something else than `digest`.
    pub fn earlier(&self, digest: &str) -> Option<&Revision> {
        let was_in_place = |revision: &&Revision| matches!(revision.status.as_str(), "deployed" | "superseded");
        self.0.iter().skip(1).filter(was_in_place).find(|revision| revision.digest.as_deref() != Some(digest))
    }

    /// How many of the newest revisions failed in a row, all made from `digest`, and not for want of their process.
    pub fn failures(&self, digest: &str) -> usize {
        let failed = |revision: &&Revision| revision.status == "failed" && revision.digest.as_deref() == Some(digest);
        let by_itself = |revision: &&Revision| {
            revision.content().is_ok_and(|content| content["info"]["description"] != INTERRUPTED)
        };
        self.0.iter().take_while(failed).filter(by_itself).count()
    }
}

impl Revision {
    fn new(secret: Secret) -> Option<Self> {
        let labels = secret.labels();
        let number = labels.get("version")?.parse().ok()?;
        let status = labels.get("status")?.clone();
        let digest = labels.get(DIGEST).cloned();
        Some(Self { number, status, digest, secret })
    }

    /// The objects it holds.
    pub fn manifest(&self) -> anyhow::Result<Vec<Value>> {
        let content = self.content()?;
        documents(content["manifest"].as_str().context("a release has a manifest")?)
    }

    /// The values it was made with.
    pub fn config(&self) -> anyhow::Result<Value> {
        Ok(self.content()?["config"].take())
    }

    /// Sets a pending revision to failed, as long as nobody else has touched it.
    pub async fn unlock(&self, client: &Client) -> anyhow::Result<()> {
        let mut content = self.content()?;
        content["info"]["status"] = "failed".into();
        content["info"]["description"] = INTERRUPTED.into();
        let mut secret = self.secret.clone();
        let packed = ByteString(pack(&content)?);
        secret.data.get_or_insert_default().insert("release".to_owned(), packed);
        secret.labels_mut().insert("status".to_owned(), "failed".to_owned());
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.secret.namespace().unwrap_or_default());
        secrets.replace(&self.secret.name_any(), &PostParams::default(), &secret).await?;
        Ok(())
    }

    fn content(&self) -> anyhow::Result<Value> {
        let data = self.secret.data.as_ref().and_then(|data| data.get("release")).context("a release has content")?;
        unpack(&data.0)
    }
}

/// The documents of a manifest, as Helm writes them: between lines of three dashes.
fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    for document in text.split("\n---\n").map(|document| document.trim_start_matches("---\n")) {
        // Helm's YAML is that of Kubernetes, in which 0440 is a mode, not the number 440.
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        let object: Value = serde_saphyr::from_str_with_options(document, options).context("a manifest is YAML")?;
        if object.is_object() {
            objects.push(object);
        }
    }
    Ok(objects)
}

/// Helm's packing: JSON, gzip, base64.
fn unpack(data: &[u8]) -> anyhow::Result<Value> {
    let packed = STANDARD.decode(data).context("a release is base64")?;
    let mut json = Vec::new();
    GzDecoder::new(&packed[..]).take(LARGEST).read_to_end(&mut json).context("a release is packed with gzip")?;
    serde_json::from_slice(&json).context("a release is JSON")
}

fn pack(content: &Value) -> anyhow::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut packer, content)?;
    Ok(STANDARD.encode(packer.finish()?).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn a_mode_is_octal_in_a_manifest() {
        let found = super::documents("---\n# Source: x\nmode: 0440\n---\n# nothing\n---\nname: \"0440\"\n").unwrap();
        assert_eq!(found, [serde_json::json!({ "mode": 288 }), serde_json::json!({ "name": "0440" })]);
    }

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_broken_is_an_error() {
        let content =
            serde_json::json!({ "info": { "status": "pending-upgrade" }, "manifest": "---\nkind: Service\n" });
        let packed = pack(&content).unwrap();
        assert_eq!(unpack(&packed).unwrap(), content);
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
        assert!(unpack(b"!").is_err());
    }
}
