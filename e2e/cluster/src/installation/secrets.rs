//! What only the cluster may know: passwords, keys and certificates. What is there is never made anew.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::{Installation, Service, run};

/// As the tests know it.
const ADMIN_PASSWORD: &str = "a long enough password";
/// Certificates outlive every test.
const DAYS: &str = "30";
/// The name of what stands before the services.
const GATEWAY: &str = "gateway";

/// Makes those that are missing.
pub(super) fn create(installation: &Installation, services: &[Service]) -> anyhow::Result<()> {
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
    for Service { name, .. } in services.iter().filter(|service| service.engine != "none") {
        let secret = format!("{name}-database");
        want(&secret, &|| {
            let password = random()?;
            let url = format!("postgres://{name}:{password}@{name}-database:5432/{name}");
            Ok(vec![
                ("username", name.clone()),
                ("password", password),
                ("database", name.clone()),
                ("superuser-password", random()?),
                ("url", url),
            ])
        })?;
    }
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
    let certified: Vec<&str> = services.iter().map(|service| service.name.as_str()).chain([GATEWAY]).collect();
    if certified.iter().any(|name| !there(&format!("{name}-tls"))) {
        missing.extend(certificates(installation, &certified)?);
    }
    installation.access.apply(&missing)
}

/// A new authority and a certificate of it for each; the authority's key is not kept.
fn certificates(installation: &Installation, names: &[&str]) -> anyhow::Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (authority, issued) = (path("authority"), path("issued"));
    run(&installation.program, &["ca", "init", "--dir", &authority])?;
    let issue = [&["ca", "issue"], names, &["--dir", &authority, "--out", &issued, "--days", DAYS]].concat();
    run(&installation.program, &issue)?;
    names.iter().map(|name| secret_of(installation, name, &Path::new(&issued).join(name))).collect()
}

fn secret_of(installation: &Installation, name: &str, folder: &Path) -> anyhow::Result<Value> {
    let mut data = Map::new();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        let content = fs::read_to_string(folder.join(file)).with_context(|| format!("{file} of {name}"))?;
        data.insert(file.to_owned(), content.into());
    }
    let metadata = json!({"name": format!("{name}-tls"), "namespace": installation.namespace});
    Ok(
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "stringData": data}),
    )
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
