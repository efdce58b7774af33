//! A small authority for one installation: it makes the identities of services where no operator does.
//!
//! Its folder holds `ca.key`, which never leaves it, and `ca.crt`: the certificate of that key, and of others that are to be
//! trusted as well, such as the authority before or after this one.

use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kvartal_kernel::{Error, Timestamp};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType,
};

use super::invalid;
use super::material::{BUNDLE_FILE, CERTIFICATE_FILE, KEY_FILE, certificates, expiry};
use super::name::{self, Name};

/// The private key of an authority.
pub const AUTHORITY_KEY_FILE: &str = "ca.key";

/// By how much the clocks of two machines may differ: certificates are valid this much earlier than they are made.
const EARLIER: Duration = Duration::from_secs(60);

/// Makes identities.
pub struct Authority {
    trust_domain: String,
    key_id: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    expires: Timestamp,
    bundle: String,
}

impl Authority {
    /// Makes a new one in `folder`. Fails where there is one already.
    pub fn create(folder: &Path, trust_domain: &str, life: Duration, now: Timestamp) -> Result<Self, Error> {
        let made = Self::generate(trust_domain, life, now)?;
        make_folder(folder)?;
        write_new(&folder.join(AUTHORITY_KEY_FILE), made.key.as_bytes())?;
        write_new(&folder.join(BUNDLE_FILE), made.bundle.as_bytes())?;
        Self::open(folder)
    }

    /// Makes the key and the certificate of a new one, for a place other than a folder.
    pub fn generate(trust_domain: &str, life: Duration, now: Timestamp) -> Result<Generated, Error> {
        name::check_trust_domain(trust_domain)?;
        let key = KeyPair::generate().map_err(not_made)?;
        let params = authority(trust_domain, &key, life, now)?;
        let certificate = params.self_signed(&key).map_err(not_made)?;
        Ok(Generated { key: key.serialize_pem(), bundle: certificate.pem() })
    }

    /// Opens the one in `folder`.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read_to_string(&path).map_err(|error| {
                invalid(format!("{} cannot be read: there is no authority", path.display())).because(error)
            })
        };
        Self::from_pem(&read(AUTHORITY_KEY_FILE)?, read(BUNDLE_FILE)?)
    }

    /// Opens the one with this key and these certificates.
    pub fn from_pem(key: &str, bundle: String) -> Result<Self, Error> {
        let unusable = |error: rcgen::Error| invalid(format!("{AUTHORITY_KEY_FILE} cannot be used")).because(error);
        let key = KeyPair::from_pem(key).map_err(unusable)?;
        for certificate in certificates(BUNDLE_FILE, bundle.as_bytes())? {
            let parsed = name::parse(&certificate)?;
            if parsed.public_key().raw != key.subject_public_key_info() {
                continue;
            }
            let uri = name::uri_of(&parsed)?;
            let trust_domain = uri
                .strip_prefix("spiffe://")
                .ok_or_else(|| invalid(format!("{BUNDLE_FILE} is not that of an authority made here")))?;
            let expires = expiry(&certificate)?;
            // Only the name and the key go into what it issues.
            let params = authority(trust_domain, &key, Duration::ZERO, expires)?;
            let (trust_domain, key_id) = (trust_domain.to_owned(), params.key_identifier(&key));
            return Ok(Self { trust_domain, key_id, issuer: Issuer::new(params, key), expires, bundle });
        }
        Err(invalid(format!("{BUNDLE_FILE} holds no certificate for {AUTHORITY_KEY_FILE}")))
    }

    /// The installation it issues for.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// When it ends; nothing it issues lasts longer.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Its certificate and whatever else is to be trusted, as PEM.
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// Makes the identity of a service: a new key, and a certificate that is good for both sides of a connection.
    pub fn issue(&self, service: &str, life: Duration, now: Timestamp) -> Result<Issued, Error> {
        let name = Name::new(&self.trust_domain, service)?;
        let expires = now.plus(life).min(self.expires);
        if expires <= now {
            return Err(invalid(format!("the authority ended at {}; make a new one", self.expires)));
        }
        let key = KeyPair::generate().map_err(not_made)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(service);
        params.subject_alt_names = vec![uri(&name.to_string())?];
        params.not_before = now.minus(EARLIER).calendar();
        params.not_after = expires.calendar();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(not_made)?;
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        Ok(Issued { name, expires, certificate, key, bundle: self.bundle.clone() })
    }

    /// Looks at the folder of an identity.
    pub fn look(&self, folder: &Path, now: Timestamp) -> Result<Found, Error> {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).map_err(|error| invalid(format!("{} cannot be read", path.display())).because(error))
        };
        self.examine(&read(CERTIFICATE_FILE)?, read(BUNDLE_FILE).ok().as_deref(), now)
    }

    /// Looks at the certificate of an identity and the bundle that lies beside it.
    pub fn examine(&self, certificate: &[u8], bundle: Option<&[u8]>, now: Timestamp) -> Result<Found, Error> {
        let chain = certificates(CERTIFICATE_FILE, certificate)?;
        let leaf = chain.first().ok_or_else(|| invalid("there is no certificate".to_owned()))?;
        let parsed = name::parse(leaf)?;
        let name = Name::parse(&name::uri_of(&parsed)?)?;
        let (begin, end) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        let fresh = now.seconds() < begin + (end - begin) / 2;
        let same_bundle = bundle.is_some_and(|found| found == self.bundle.as_bytes());
        let ours = name::authority_key(&parsed).is_some_and(|key| key == self.key_id);
        Ok(Found { name, expires: expiry(leaf)?, due: !(fresh && same_bundle && ours) })
    }
}

/// The parts of an authority that was just made.
pub struct Generated {
    /// `ca.key`: a secret.
    pub key: String,
    /// `ca.crt`.
    pub bundle: String,
}

impl fmt::Debug for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generated").finish_non_exhaustive()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("trust_domain", &self.trust_domain).finish_non_exhaustive()
    }
}

/// An identity that was just made.
pub struct Issued {
    /// Whose it is.
    pub name: Name,
    /// When it ends.
    pub expires: Timestamp,
    /// `tls.crt`.
    pub certificate: String,
    /// `tls.key`: a secret.
    pub key: String,
    /// `ca.crt`.
    pub bundle: String,
}

impl Issued {
    /// Writes the folder, readable by its owner only. Fails where there is an identity already.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        make_folder(folder)?;
        write_new(&folder.join(KEY_FILE), self.key.as_bytes())?;
        self.put(folder, &[(CERTIFICATE_FILE, &self.certificate), (BUNDLE_FILE, &self.bundle)])
    }

    /// Takes the place of the identity in the folder. Each file is replaced as a whole; whoever reads between two of them
    /// finds a pair that does not fit, and reads again.
    pub fn replace(&self, folder: &Path) -> Result<(), Error> {
        // The bundle first: it may hold the authority that the new certificate needs.
        let files = [(BUNDLE_FILE, &self.bundle), (KEY_FILE, &self.key), (CERTIFICATE_FILE, &self.certificate)];
        self.put(folder, &files)
    }

    fn put(&self, folder: &Path, files: &[(&str, &String)]) -> Result<(), Error> {
        for (file, content) in files {
            let (new, path) = (folder.join(format!(".{file}.new")), folder.join(file));
            // Left over from a try that was cut short.
            let _ = std::fs::remove_file(&new);
            write_new(&new, content.as_bytes())?;
            std::fs::rename(&new, &path).map_err(|error| not_written(&path, error))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("name", &self.name.to_string()).finish_non_exhaustive()
    }
}

/// What is in the folder of an identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Whose it is.
    pub name: Name,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it is time for a new one: half of its life is over, it trusts another bundle, or another authority made it.
    pub due: bool,
}

fn authority(trust_domain: &str, key: &KeyPair, life: Duration, now: Timestamp) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    // Part of the key is in the name, so that an authority and its successor are not taken for each other.
    let number: String = params.key_identifier(key).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = common_name(&format!("Kvartal authority of {trust_domain} {number}"));
    params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))?];
    params.not_before = now.minus(EARLIER).calendar();
    params.not_after = now.plus(life).calendar();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn uri(text: &str) -> Result<SanType, Error> {
    let text = Ia5String::try_from(text).map_err(|error| Error::internal("a name is not ASCII").because(error))?;
    Ok(SanType::URI(text))
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| not_written(folder, error))
}

fn write_new(path: &PathBuf, content: &[u8]) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => invalid(format!("{} exists and is not overwritten", path.display())),
        _ => not_written(path, error),
    })
}

fn not_written(path: &Path, error: std::io::Error) -> Error {
    invalid(format!("{} cannot be written", path.display())).because(error)
}

fn not_made(error: rcgen::Error) -> Error {
    Error::internal("a certificate could not be made").because(error)
}

#[cfg(test)]
mod tests;
