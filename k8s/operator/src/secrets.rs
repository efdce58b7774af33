//! Passwords: made here, kept in Secrets, and nowhere else. They are made before Helm and never by it, so that no upgrade
//! makes new ones, and no release holds any.

use std::collections::BTreeMap;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::core::ObjectMeta;
use zeroize::Zeroizing;

use crate::api::DATABASE;
use crate::names;

/// Annotation of the server's Secret: the user that is to take over.
pub const NEXT: &str = "kvartal.dev/next-user";
/// Annotation of the service's Secret: since when its user is the one.
pub const SINCE: &str = "kvartal.dev/since";
/// Annotation of the service's Secret: since when the user is that the service's pods were told of.
pub const TOLD: &str = "kvartal.dev/told";
/// Annotation of the service's Secret: the user before, until it is retired.
pub const PREVIOUS: &str = "kvartal.dev/previous-user";
/// Annotation of the service's Secret: the request for a rotation that was answered last.
pub const HANDLED: &str = "kvartal.dev/rotation-handled";

/// A password, wiped when it is no longer needed. Cannot be printed.
pub type Password = Zeroizing<String>;

/// 192 random bits, in letters that need no quotes anywhere.
pub fn password() -> anyhow::Result<Password> {
    let mut bytes = Zeroizing::new([0_u8; 24]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| anyhow::anyhow!("there is no randomness"))?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// The server's Secret for a new database. `username` and `database` are what the image makes: the owner, with whom nobody
/// signs in.
pub fn server(database: &str) -> anyhow::Result<Secret> {
    let owner = names::owner(database);
    let [a, b] = names::users(database);
    let mut data = BTreeMap::new();
    let mut put = |key: &str, value: &str| data.insert(key.to_owned(), ByteString(value.as_bytes().to_vec()));
    put("username", &owner);
    put("database", &owner);
    put("password", &password()?);
    put("superuser-password", &password()?);
    put(&a, &password()?);
    put(&b, &password()?);
    Ok(secret(database, &names::server_secret(database), data, BTreeMap::new()))
}

/// The service's Secret: all it needs to sign in.
pub fn service(
    database: &str,
    namespace: &str,
    user: &str,
    password: &Password,
    annotations: BTreeMap<String, String>,
) -> Secret {
    let (owner, host) = (names::owner(database), host(database, namespace));
    let url = Zeroizing::new(format!("postgres://{user}:{}@{host}:5432/{owner}", password.as_str()));
    let data = [
        ("username", user),
        ("password", password.as_str()),
        ("database", &owner),
        ("host", &host),
        ("port", "5432"),
        ("url", &url),
    ];
    let data = data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())));
    secret(database, &names::release(database), data.into(), annotations)
}

/// Where the server answers.
pub fn host(database: &str, namespace: &str) -> String {
    format!("{}.{namespace}.svc", names::release(database))
}

/// A value of a Secret.
pub fn value(secret: &Secret, key: &str) -> Option<Password> {
    let data = secret.data.as_ref()?.get(key)?;
    String::from_utf8(data.0.clone()).ok().map(Zeroizing::new)
}

/// An annotation of a Secret.
pub fn annotation(secret: &Secret, key: &str) -> Option<String> {
    secret.annotations().get(key).cloned()
}

/// What the server's Secret lacks to be of use: one made by hand, for a database that is taken over, may.
pub fn complete(secret: &Secret, database: &str) -> anyhow::Result<Option<Secret>> {
    let mut completed = secret.clone();
    let mut changed = false;
    for user in names::users(database) {
        if value(secret, &user).is_none() {
            let password = password()?;
            completed.data.get_or_insert_default().insert(user, ByteString(password.as_bytes().to_vec()));
            changed = true;
        }
    }
    Ok(changed.then_some(completed))
}

fn secret(
    database: &str,
    name: &str,
    data: BTreeMap<String, ByteString>,
    annotations: BTreeMap<String, String>,
) -> Secret {
    let labels = [
        (DATABASE, database),
        ("app.kubernetes.io/part-of", "kvartal"),
        ("app.kubernetes.io/managed-by", "kvartal-operator"),
    ];
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    };
    Secret { metadata, data: Some(data), type_: Some("Opaque".to_owned()), ..Secret::default() }
}
