//! What both sides of a handshake present and check. Every handshake reads the identity as it is at that moment, so a
//! rotation needs neither new configurations nor the end of a connection.

use std::fmt;
use std::sync::Arc;

use kvartal_kernel::{Clock, Error};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme};

use super::material::{provider, unix};
use super::name::Name;
use super::{Identities, Identity, invalid};

/// Presents the identity to servers.
pub(super) struct Presented(pub(super) Identity);

impl ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.material().key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Presents to clients the identity they ask for by the server name; a process of one identity presents that one.
pub(super) struct Served(pub(super) Identities);

impl ResolvesServerCert for Served {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().and_then(|name| self.0.named(name));
        let identity = asked.or_else(|| self.0.only())?;
        Some(Arc::clone(&identity.material().key))
    }
}

/// Lets only the called service be the server. It has no DNS name; webpki checks the chain, this checks the URI.
pub(super) struct Servers {
    pub(super) identity: Identity,
    pub(super) expected: Name,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = provider().signature_verification_algorithms.all;
        let material = self.identity.material();
        verify_server_cert_signed_by_trust_anchor(&parsed, &material.roots, intermediates, now, algorithms)?;
        let name = Name::of_certificate(end_entity).map_err(refused)?;
        if name == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        Err(refused(invalid(format!("{name} answers in place of {}", self.expected))))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("services speak TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Lets services of the installation be clients; what each may call is decided for every call, by the contract.
pub(super) struct Clients(pub(super) Identities);

impl ClientCertVerifier for Clients {
    /// No hints: the authorities change while this is borrowed, and a service has one identity to present anyway.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // Which of the process's identities was asked for is not known here. They are of one trust domain, so any of their
        // bundles will do: while a new authority is handed out, one may have it sooner than another.
        let verify =
            |identity: &Identity| identity.material().clients.verify_client_cert(end_entity, intermediates, now);
        let mut verified = Err(rustls::Error::NoCertificatesPresented);
        for identity in self.0.iter() {
            verified = verify(identity);
            if verified.is_ok() {
                break;
            }
        }
        let verified = verified?;
        let name = Name::of_certificate(end_entity).map_err(refused)?;
        if name.trust_domain() == self.0.trust_domain() {
            return Ok(verified);
        }
        Err(refused(invalid(format!("{name} is of another trust domain"))))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("services speak TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn refused(error: Error) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}

/// The platform's clock, for the times in certificates.
pub(super) struct Time(pub(super) Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(self.0.now()))
    }
}

macro_rules! hidden {
    ($($kind:ident)*) => {
        $(impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($kind), "(…)"))
            }
        })*
    };
}
hidden!(Presented Served Servers Clients Time);
