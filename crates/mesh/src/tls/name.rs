//! The name in a certificate: `spiffe://<trust domain>/<service>`.

use std::fmt;

use kvartal_kernel::Error;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::invalid;

/// The longest URI that SPIFFE allows, in bytes.
const URI_BYTES_MAX: usize = 2_048;
/// The longest trust domain, in bytes.
const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// The longest name of a service: it is also the server name of the handshake, one label of DNS.
const SERVICE_BYTES_MAX: usize = 63;

/// Who a service is: an installation is a trust domain, a service is the one segment of the path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Name {
    trust_domain: String,
    service: String,
}

impl Name {
    /// Lower-case letters, digits, `.`, `-` and `_` for the trust domain; a DNS label for the service.
    pub fn new(trust_domain: &str, service: &str) -> Result<Self, Error> {
        check_trust_domain(trust_domain)?;
        let bytes = service.as_bytes();
        let good = !bytes.is_empty()
            && bytes.len() <= SERVICE_BYTES_MAX
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && bytes[0].is_ascii_lowercase()
            && bytes[bytes.len() - 1] != b'-';
        if !good {
            return Err(invalid(format!("{service:?} is no name of a service: lower-case letters, digits and dashes")));
        }
        Ok(Self { trust_domain: trust_domain.to_owned(), service: service.to_owned() })
    }

    /// Reads a SPIFFE id of exactly this shape: no port, no user, no query, no fragment, no escapes, no further segment.
    pub fn parse(uri: &str) -> Result<Self, Error> {
        let parts = (uri.len() <= URI_BYTES_MAX).then(|| uri.strip_prefix("spiffe://")?.split_once('/')).flatten();
        let (trust_domain, service) =
            parts.ok_or_else(|| invalid("the URI is not of the form spiffe://<trust domain>/<service>".to_owned()))?;
        Self::new(trust_domain, service)
    }

    /// The one URI of a certificate. A certificate with none, with several, or with one of another form has no name.
    pub fn of_certificate(der: &[u8]) -> Result<Self, Error> {
        Self::parse(&uri_of(&parse(der)?)?)
    }

    /// The installation.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The service, such as `incident`.
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}", self.trust_domain, self.service)
    }
}

/// What an installation may be called.
pub(super) fn check_trust_domain(text: &str) -> Result<(), Error> {
    let known = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if !text.is_empty() && text.len() <= TRUST_DOMAIN_BYTES_MAX && text.as_bytes().iter().all(known) {
        return Ok(());
    }
    Err(invalid(format!("{text:?} is no trust domain: lower-case letters, digits, dots, dashes and underscores")))
}

/// A certificate, and nothing behind it.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(invalid("there is something behind the certificate".to_owned())),
        Err(error) => Err(invalid("the certificate cannot be read".to_owned()).because(error.to_string())),
    }
}

/// The one URI among the alternative names.
pub(super) fn uri_of(certificate: &X509Certificate<'_>) -> Result<String, Error> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| invalid("the certificate names its subject twice".to_owned()).because(error))?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => Ok(uri.to_owned()),
        (None, _) => Err(invalid("the certificate has no URI among its names".to_owned())),
        (Some(_), Some(_)) => Err(invalid("the certificate has more than one URI among its names".to_owned())),
    }
}

/// Which authority's key signed it, as the certificate says.
pub(super) fn authority_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
