//! What an identity consists of at one moment: read from a folder, and checked before anybody uses it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use kvartal_kernel::{Error, Timestamp};
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

use super::invalid;
use super::name::{self, Name};

/// The certificate, followed by those between it and the authority.
pub const CERTIFICATE_FILE: &str = "tls.crt";
/// The private key.
pub const KEY_FILE: &str = "tls.key";
/// The authorities that are trusted.
pub const BUNDLE_FILE: &str = "ca.crt";

/// Larger files are not what they should be.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The one crypto provider of the process, named instead of installed: no order of start matters.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

/// aws-lc-rs.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    &PROVIDER
}

/// A moment as rustls wants it.
pub(super) fn unix(moment: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(moment.seconds()).unwrap_or(0)))
}

/// The files of an identity as they were found. Holds a private key: neither shown nor compared but by [`Self::digest`].
pub(super) struct Files {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) bundle: Vec<u8>,
}

impl Files {
    /// Reads the folder. Where Kubernetes laid it out, all files are read through the same `..data`, so that they are of one
    /// generation; elsewhere a pair of two generations is possible, and [`Material::check`] refuses it.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let generation = std::fs::canonicalize(folder.join("..data")).unwrap_or_else(|_| folder.to_owned());
        Ok(Self {
            certificate: read(generation.join(CERTIFICATE_FILE))?,
            key: read(generation.join(KEY_FILE))?,
            bundle: read(generation.join(BUNDLE_FILE))?,
        })
    }

    /// Tells whether anything changed.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for file in [&self.certificate, &self.key, &self.bundle] {
            digest.update(u64::try_from(file.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(file);
        }
        digest.finalize().into()
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, Error> {
    let cannot = |error: std::io::Error| invalid(format!("{} cannot be read", path.display())).because(error);
    if std::fs::metadata(&path).map_err(cannot)?.len() > FILE_BYTES_MAX {
        return Err(invalid(format!("{} is too large", path.display())));
    }
    std::fs::read(&path).map_err(cannot)
}

/// A complete and checked identity.
pub(super) struct Material {
    /// Whose it is.
    pub(super) name: Name,
    /// The chain and the key that belongs to it.
    pub(super) key: Arc<CertifiedKey>,
    /// Whom it trusts.
    pub(super) roots: Arc<RootCertStore>,
    /// Checks chains of clients.
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    /// From when on it is no longer valid.
    pub(super) expires: Timestamp,
    /// The certificate's number, in hexadecimal.
    pub(super) serial: String,
}

impl Material {
    /// Accepts the files only when peers with the same bundle would: the key belongs to the certificate, an authority of the
    /// bundle issued it, for both sides of a connection, and it is valid `now`.
    pub(super) fn check(files: &Files, now: Timestamp) -> Result<Self, Error> {
        let chain = certificates(CERTIFICATE_FILE, &files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|error| invalid(format!("{KEY_FILE} holds no private key")).because(error))?;
        let key = CertifiedKey::from_der(chain, key, provider()).map_err(|error| {
            invalid(format!("{KEY_FILE} does not belong to {CERTIFICATE_FILE}, or is of no known kind")).because(error)
        })?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(BUNDLE_FILE, &files.bundle)? {
            roots
                .add(authority)
                .map_err(|error| invalid(format!("{BUNDLE_FILE} holds what is no authority")).because(error))?;
        }
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider()))
            .build()
            .map_err(|error| invalid(format!("{BUNDLE_FILE} cannot be used")).because(error))?;
        let (leaf, between) = key.cert.split_first().ok_or_else(|| invalid("there is no certificate".to_owned()))?;
        let untrusted =
            |error| invalid(format!("{CERTIFICATE_FILE} is not valid for the bundle in {BUNDLE_FILE}")).because(error);
        let algorithms = provider().signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(leaf).map_err(untrusted)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, between, unix(now), algorithms)
            .map_err(untrusted)?;
        clients.verify_client_cert(leaf, between, unix(now)).map_err(untrusted)?;
        let certificate = name::parse(leaf)?;
        let name = Name::parse(&name::uri_of(&certificate)?)?;
        let serial = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
        let expires = expiry(leaf)?;
        Ok(Self { name, key: Arc::new(key), roots, clients, expires, serial })
    }
}

/// When a certificate ends.
pub(super) fn expiry(der: &[u8]) -> Result<Timestamp, Error> {
    let seconds = name::parse(der)?.validity().not_after.timestamp();
    Timestamp::from_parts(seconds, 0).ok_or_else(|| invalid("the certificate never ends".to_owned()))
}

/// The certificates of a PEM file; at least one.
pub(super) fn certificates(file: &str, content: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(content).collect();
    let found = found.map_err(|error| invalid(format!("{file} is no PEM file")).because(error))?;
    if found.is_empty() { Err(invalid(format!("{file} holds no certificate"))) } else { Ok(found) }
}
