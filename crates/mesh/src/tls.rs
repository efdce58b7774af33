//! The identity of a service between machines: a short-lived certificate with a SPIFFE id, and TLS in both directions.
//!
//! * An [`Identity`] is a folder in the layout of a Kubernetes TLS secret: `tls.crt`, `tls.key`, `ca.crt`. It is watched;
//!   a new pair is used from the next handshake on, on both sides, and no connection ends for it.
//! * Its name is `spiffe://<trust domain>/<service>`: the trust domain is the installation, the service is who calls in
//!   the sense of the contract. A certificate has exactly one.
//! * [`Identities`] are those of one process: one of each service it runs, and [`EDGE`]'s if it passes people's calls on.
//! * [`ca`] issues them where no operator does.

pub mod ca;
mod connect;
mod material;
mod name;
mod reload;
mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use kvartal_kernel::{Clock, Error, Kind, Timestamp};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

pub use connect::{Connector, HTTPS, connector, endpoint};
pub use material::{BUNDLE_FILE, CERTIFICATE_FILE, KEY_FILE};
pub use name::Name;

use material::{Files, Material, provider};
use verify::{Clients, Presented, Served, Servers, Time};

/// The edge: the one identity that passes on the calls of people, and makes none of its own.
pub const EDGE: &str = "gateway";

/// What is spoken inside.
pub(crate) const ALPN: &[u8] = b"h2";

/// The identity of one service. A clone is cheap and follows the same folder.
#[derive(Clone)]
pub struct Identity(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    name: Name,
    material: ArcSwap<Material>,
    watch: Mutex<Watch>,
}

/// What the watching of the folder has seen.
struct Watch {
    digest: [u8; 32],
    loads: u64,
    failures: u64,
    error: Option<String>,
    /// The content that `error` is about, as far as it could be read.
    refused: Option<Option<[u8; 32]>>,
}

/// How an identity is, for health and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Whose it is.
    pub name: Name,
    /// The number of the certificate in use, in hexadecimal.
    pub serial: String,
    /// When it ends.
    pub expires: Timestamp,
    /// What is left; zero when it has ended.
    pub left: Duration,
    /// How often the folder's content was taken over, the first time included.
    pub loads: u64,
    /// How many different contents were refused.
    pub failures: u64,
    /// Why the folder's present content is not used; the one before it is.
    pub error: Option<String>,
}

impl Identity {
    /// Reads the folder once; [`Self::run`] follows it. Fails when peers with the same bundle would refuse it: a key that
    /// belongs to another certificate, an unknown authority, a certificate that is over, not yet valid, or has no name.
    pub fn load(folder: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let folder = folder.as_ref().to_owned();
        let files = Files::read(&folder)?;
        let material = Material::check(&files, clock.now())
            .map_err(|error| invalid(format!("{} holds no identity", folder.display())).because(error))?;
        let watch = Watch { digest: files.digest(), loads: 1, failures: 0, error: None, refused: None };
        let (name, material) = (material.name.clone(), ArcSwap::from_pointee(material));
        Ok(Self(Arc::new(Shared { folder, clock, name, material, watch: Mutex::new(watch) })))
    }

    /// Whose it is; a rotation does not change it.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// For calls to `service`: presents this identity, and accepts nobody but that service of the same trust domain.
    pub fn client_config(&self, service: &str) -> Result<Arc<ClientConfig>, Error> {
        let expected = Name::new(self.0.name.trust_domain(), service)?;
        let time = Arc::new(Time(Arc::clone(&self.0.clock)));
        let mut config = ClientConfig::builder_with_details(Arc::clone(provider()), time)
            .with_protocol_versions(&[&TLS13])
            .map_err(unsupported)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Servers { identity: self.clone(), expected }))
            .with_client_cert_resolver(Arc::new(Presented(self.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A resumed session would carry an identity on that is not checked again.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// For the calls of others to this service: they must present an identity of the same trust domain.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        Identities::one(self.clone()).server_config()
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let (material, watch) = (self.material(), self.watch());
        Status {
            name: self.0.name.clone(),
            serial: material.serial.clone(),
            expires: material.expires,
            left: material.expires.since(self.0.clock.now()),
            loads: watch.loads,
            failures: watch.failures,
            error: watch.error.clone(),
        }
    }

    fn material(&self) -> Arc<Material> {
        self.0.material.load_full()
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.0.name.to_string()).finish_non_exhaustive()
    }
}

/// The identities of one process: at least one, all of one trust domain. A clone is cheap.
#[derive(Clone, Debug)]
pub struct Identities(Arc<[Identity]>);

impl Identities {
    /// Of a process that is one service.
    pub fn one(identity: Identity) -> Self {
        Self(Arc::new([identity]))
    }

    /// Of a process that is `services`: `folder` holds the identity of the only one, or has `{service}` in it in place of
    /// each one's name.
    pub fn load(folder: &Path, services: &[String], clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        let pattern = folder.to_string_lossy();
        let load = |service: &String| {
            let identity = Identity::load(pattern.replace("{service}", service), Arc::clone(clock))?;
            if identity.name().service() == service {
                return Ok(identity);
            }
            let (name, folder) = (identity.name(), identity.0.folder.display());
            Err(invalid(format!(
                "{folder} is the identity of {name}, and {service} is wanted; a process that is more than one service has a folder for each, named with {{service}}"
            )))
        };
        let identities: Vec<Identity> = services.iter().map(load).collect::<Result<_, _>>()?;
        let domain = identities.first().map(|identity| identity.name().trust_domain().to_owned());
        let domain = domain.ok_or_else(|| invalid("a process without a service has no identity".to_owned()))?;
        if let Some(other) = identities.iter().find(|identity| identity.name().trust_domain() != domain) {
            return Err(invalid(format!("{} is not of the trust domain {domain}", other.name())));
        }
        Ok(Self(identities.into()))
    }

    /// Under which identity `caller` calls: its own, or that of the process for what is no service by itself.
    pub fn of(&self, caller: &str) -> Option<&Identity> {
        self.named(caller).or_else(|| self.0.first())
    }

    /// The identity of this service.
    pub fn named(&self, service: &str) -> Option<&Identity> {
        self.0.iter().find(|identity| identity.name().service() == service)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Identity> {
        self.0.iter()
    }

    /// For the calls of others: they must present an identity of the same trust domain, and get the one they ask for.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let clock = self.0.first().map(|identity| Arc::clone(&identity.0.clock));
        let clock = clock.ok_or_else(|| invalid("a process without a service has no identity".to_owned()))?;
        let mut config = ServerConfig::builder_with_details(Arc::clone(provider()), Arc::new(Time(clock)))
            .with_protocol_versions(&[&TLS13])
            .map_err(unsupported)?
            .with_client_cert_verifier(Arc::new(Clients(self.clone())))
            .with_cert_resolver(Arc::new(Served(self.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A resumed session would carry an identity on that is not checked again. Connections last, so little is lost.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The least that is left of a peer's certificate and of ours.
    pub(crate) fn left_with(&self, peer: &[CertificateDer<'_>]) -> Result<Duration, Error> {
        let leaf = peer.first().ok_or_else(|| invalid("the peer presented no certificate".to_owned()))?;
        let ours = self.0.iter().map(|identity| identity.material().expires);
        let expires = ours.fold(material::expiry(leaf)?, Timestamp::min);
        let now = self.0.first().map_or(expires, |identity| identity.0.clock.now());
        Ok(expires.since(now))
    }

    fn only(&self) -> Option<&Identity> {
        if let [only] = &*self.0 { Some(only) } else { None }
    }

    fn trust_domain(&self) -> &str {
        self.0.first().map_or("", |identity| identity.name().trust_domain())
    }
}

/// The service a verified chain names; `Err` for a chain whose certificate has no name. It does not verify.
pub fn peer_service(chain: &[CertificateDer<'_>]) -> Result<String, Error> {
    let leaf = chain.first().ok_or_else(|| invalid("the peer presented no certificate".to_owned()))?;
    Ok(Name::of_certificate(leaf)?.service().to_owned())
}

fn invalid(message: String) -> Error {
    Error::new(Kind::FailedPrecondition, "TLS_IDENTITY_INVALID", message)
}

fn unsupported(error: rustls::Error) -> Error {
    Error::internal("the crypto provider does not know TLS 1.3").because(error)
}
