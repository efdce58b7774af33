//! What people have to give an installation: passwords and keys. What is there is never made anew. Those of databases and all
//! certificates are the operator's.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Installation, run};

/// As the tests know it.
const ADMIN_PASSWORD: &str = "a long enough password";

/// Makes those that are missing.
pub(super) fn create(installation: &Installation) -> anyhow::Result<()> {
    let listed =
        installation.access.kubectl(&["--namespace", &installation.namespace, "get", "secrets", "-o", "name"])?;
    let there = |name: &str| listed.lines().any(|line| line.strip_prefix("secret/") == Some(name));
    let mut missing = Vec::new();
    let mut want = |name: &str, data: &dyn Fn() -> anyhow::Result<Vec<(&'static str, String)>>| -> anyhow::Result<()> {
        if !there(name) {
            let data: Map<String, Value> =
                data()?.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            let metadata = json!({"name": name, "namespace": installation.namespace});
            missing.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}));
        }
        Ok(())
    };
    want("platform-redis", &|| {
        let password = random()?;
        let url = format!("redis://:{password}@redis:6379/0");
        Ok(vec![("password", password), ("url", url)])
    })?;
    want("platform-bus", &|| {
        let password = random()?;
        let url = format!("amqp://kvartal:{password}@rabbitmq:5672/%2F");
        Ok(vec![("username", "kvartal".to_owned()), ("password", password), ("url", url)])
    })?;
    want("identity-keys", &|| Ok(vec![("admin-password", ADMIN_PASSWORD.to_owned()), ("master-key", key()?)]))?;
    installation.access.apply(&missing)
}

/// 192 bits as text that no URL and no configuration has to quote.
fn random() -> anyhow::Result<String> {
    Ok(bytes::<24>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// 32 bytes in base64.
fn key() -> anyhow::Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), bytes::<32>()?)?;
    let encoded = run(Path::new("base64"), &["--wrap=0", &file.path().display().to_string()])?;
    Ok(encoded.trim().to_owned())
}

fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
