//! The identities of services: a certificate for each ServiceAccount that names its service in a label, and the authority
//! that makes them. New ones come at half of the life of the old; services take them over by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::runtime::controller::Action;
use kube::{Client, Resource as _, ResourceExt as _};
use kvartal_kernel::{Clock, Timestamp};
use kvartal_mesh::tls::ca::{AUTHORITY_KEY_FILE, Authority};
use kvartal_mesh::tls::{BUNDLE_FILE, CERTIFICATE_FILE, KEY_FILE};

use crate::context::MANAGER;
use crate::metrics::Metrics;
use crate::{names, secrets};

/// Label of a ServiceAccount: the service whose identity its pods have.
pub const SERVICE: &str = "kvartal.dev/service";
/// How often certificates are looked at.
const EVERY: Duration = Duration::from_secs(1800);
/// How long an authority lives.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3650 * 86_400);

/// Makes identities.
pub struct Issuer {
    /// The cluster.
    pub client: Client,
    /// Where the authority's Secret is: in the operator's namespace, out of reach of services.
    pub namespace: String,
    /// Its name.
    pub secret: String,
    /// The installation.
    pub trust_domain: String,
    /// How long an identity lives.
    pub life: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
}

/// An identity could not be made.
#[derive(thiserror::Error, Debug)]
#[error("{0:#}")]
pub struct Error(#[from] anyhow::Error);

/// Looks at the identity of one account.
pub async fn reconcile(account: Arc<ServiceAccount>, issuer: Arc<Issuer>) -> Result<Action, Error> {
    let Some(service) = account.labels().get(SERVICE) else { return Ok(Action::await_change()) };
    let namespace = account.namespace().context("an account is in a namespace")?;
    let expires = issuer.ensure(&account, &namespace, service).await?;
    issuer.metrics.identity(&namespace, service, expires.seconds());
    // At half of what is left, and often enough to see another authority soon.
    let left = expires.since(issuer.clock.now()) / 2;
    Ok(Action::requeue(left.clamp(Duration::from_secs(5), EVERY)))
}

impl Issuer {
    /// Makes the identity of a service if it is not there, is old, or is of another authority. When it ends.
    pub async fn ensure(&self, account: &ServiceAccount, namespace: &str, service: &str) -> anyhow::Result<Timestamp> {
        let authority = self.authority().await?;
        let now = self.clock.now();
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let name = names::identity(service);
        // An account that goes takes its identity with it; one of the same name that comes after it gets another.
        let owner = account.owner_ref(&()).context("an account of the cluster has a number")?;
        if let Some(found) = secrets.get_opt(&name).await? {
            let file = |key| found.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
            let looked = file(CERTIFICATE_FILE).map(|chain| authority.examine(chain, file(BUNDLE_FILE), now));
            if let Some(Ok(looked)) = looked
                && !looked.due
                && looked.name.service() == service
                && found.owner_references().contains(&owner)
            {
                return Ok(looked.expires);
            }
        }
        let issued = authority.issue(service, self.life, now).context("the certificate cannot be made")?;
        let data = [(CERTIFICATE_FILE, &issued.certificate), (KEY_FILE, &issued.key), (BUNDLE_FILE, &issued.bundle)];
        let data = data.map(|(key, value)| (key, value.as_str()));
        let secret = secret(&name, "kubernetes.io/tls", data, service, vec![owner]);
        secrets.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&secret)).await?;
        tracing::info!(namespace, service, expires = %issued.expires, "identity issued");
        Ok(issued.expires)
    }

    /// The authority; made when there is none. Who makes one at the same time wins or loses as a whole.
    async fn authority(&self) -> anyhow::Result<Authority> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = match secrets.get_opt(&self.secret).await? {
            Some(found) => found,
            None => {
                let made = Authority::generate(&self.trust_domain, AUTHORITY_LIFE, self.clock.now())?;
                let data = [(AUTHORITY_KEY_FILE, made.key.as_str()), (BUNDLE_FILE, made.bundle.as_str())];
                let secret = secret(&self.secret, "Opaque", data, "authority", Vec::new());
                match secrets.create(&PostParams::default(), &secret).await {
                    Err(kube::Error::Api(status)) if status.is_already_exists() => secrets.get(&self.secret).await?,
                    result => result?,
                }
            }
        };
        let file = |key: &str| {
            secrets::value(&found, key)
                .with_context(|| format!("Secret {}/{} has no {key}", self.namespace, self.secret))
        };
        let authority = Authority::from_pem(&file(AUTHORITY_KEY_FILE)?, file(BUNDLE_FILE)?.to_string())?;
        anyhow::ensure!(
            authority.trust_domain() == self.trust_domain,
            "Secret {}/{} is the authority of {}, and --trust-domain is {}",
            self.namespace,
            self.secret,
            authority.trust_domain(),
            self.trust_domain
        );
        Ok(authority)
    }
}

fn secret<const N: usize>(
    name: &str,
    kind: &str,
    data: [(&str, &str); N],
    service: &str,
    owners: Vec<OwnerReference>,
) -> Secret {
    let labels = [
        (SERVICE, service),
        ("app.kubernetes.io/part-of", "kvartal"),
        ("app.kubernetes.io/managed-by", "kvartal-operator"),
    ];
    let labels: BTreeMap<_, _> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let data: BTreeMap<_, _> = data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).into();
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(labels),
        owner_references: Some(owners),
        ..ObjectMeta::default()
    };
    Secret { metadata, data: Some(data), type_: Some(kind.to_owned()), ..Secret::default() }
}
