//! Who is believed, and who is not.

use std::path::Path;
use std::sync::Arc;

use kvartal_kernel::{Clock, SystemClock};
use kvartal_mesh::server::{Listen, Tls};
use kvartal_mesh::tls::Identities;
use tokio::io::AsyncReadExt as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{
    Credulous, DAY, HOUR, Installation, contact, identity_service, listen, now, refusal, serial, service, shake, with,
};

fn expect(refusal: &str, who: &str, why: &str) {
    assert!(refusal.starts_with(who) && refusal.contains(why), "{refusal}");
}

#[tokio::test]
async fn a_service_is_known_by_its_certificate() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    let answer = contact(serving.port, &installation.identity("notification"), "notification").await.unwrap();
    assert_eq!(answer.email, "notification");
}

#[tokio::test]
async fn the_certificate_counts_and_not_what_the_caller_calls_itself() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    let status = contact(serving.port, &installation.identity("incident"), "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CALL_NOT_DECLARED");
}

#[tokio::test]
async fn another_authority_is_not_believed_by_either_side() {
    let (installation, stranger) = (Installation::new(), Installation::new());
    let serving = identity_service(&installation).await;
    let client = stranger.identity("notification");
    let status = contact(serving.port, &client, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    expect(&refusal(serving.port, &client, "identity").await, "the client", "UnknownIssuer");

    // A client that trusts everybody but is trusted by nobody learns that from the server.
    let generous = Installation::new();
    let both = format!("{}{}", generous.authority.bundle(), installation.authority.bundle());
    let mut issued = generous.authority.issue("notification", DAY, now()).unwrap();
    issued.bundle = both;
    issued.write(&generous.path("notification")).unwrap();
    let generous = kvartal_mesh::tls::Identity::load(generous.path("notification"), Arc::new(SystemClock)).unwrap();
    let status = contact(serving.port, &generous, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    expect(&refusal(serving.port, &generous, "identity").await, "the server", "UnknownCA");

    contact(serving.port, &installation.identity("notification"), "notification").await.unwrap();
}

#[tokio::test]
async fn certificates_count_between_their_two_moments_only() {
    let installation = Installation::new();
    let started = now();
    // The server's own is good for all moments that clients here believe in.
    let server = installation.issue("identity", DAY, started.minus(HOUR * 6), Arc::new(SystemClock));
    let serving = listen(service(), with(&server)).await;
    let over =
        installation.identity_at("notification", HOUR, started.minus(HOUR * 3), started.minus(HOUR * 2 + HOUR / 2));
    let status = contact(serving.port, &over, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "expired");
    expect(&refusal(serving.port, &over, "identity").await, "the server", "CertificateExpired");
    std::fs::remove_dir_all(installation.path("notification")).unwrap();
    let early = installation.identity_at("notification", HOUR, started.plus(HOUR * 2), started.plus(HOUR * 2));
    let status = contact(serving.port, &early, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "not yet valid");
    // The protocol has no word of its own for it.
    expect(&refusal(serving.port, &early, "identity").await, "the server", "CertificateExpired");
}

#[tokio::test]
async fn a_server_whose_certificate_is_over_is_not_called() {
    let installation = Installation::new();
    let started = now();
    let server =
        installation.identity_at("identity", HOUR, started.minus(HOUR * 3), started.minus(HOUR * 2 + HOUR / 2));
    let serving = listen(service(), with(&server)).await;
    let client = installation.issue("notification", DAY, started.minus(HOUR * 6), Arc::new(SystemClock));
    let status = contact(serving.port, &client, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    expect(&refusal(serving.port, &client, "identity").await, "the client", "expired");
}

#[tokio::test]
async fn a_service_does_not_answer_in_place_of_another() {
    let installation = Installation::new();
    // It has a good certificate, and even the routes; but it is not who was called.
    let serving = listen(service(), with(&installation.identity("audit"))).await;
    let client = installation.identity("notification");
    let status = contact(serving.port, &client, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let refused = refusal(serving.port, &client, "identity").await;
    expect(&refused, "the client", "spiffe://kvartal/audit answers in place of spiffe://kvartal/identity");
}

#[tokio::test]
async fn another_installation_is_not_ours_even_under_a_common_authority() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().unwrap();
    let other = kvartal_mesh::tls::ca::Authority::create(folder.path(), "elsewhere", DAY, now()).unwrap();
    let serving = {
        let mut issued = installation.authority.issue("identity", DAY, now()).unwrap();
        issued.bundle.push_str(other.bundle());
        issued.write(&installation.path("identity")).unwrap();
        let clock = Arc::new(SystemClock);
        let server = kvartal_mesh::tls::Identity::load(installation.path("identity"), clock).unwrap();
        listen(service(), with(&server)).await
    };
    let mut issued = other.issue("notification", DAY, now()).unwrap();
    issued.bundle.push_str(installation.authority.bundle());
    issued.write(&installation.path("notification")).unwrap();
    let clock = Arc::new(SystemClock);
    let client = kvartal_mesh::tls::Identity::load(installation.path("notification"), clock).unwrap();
    let status = contact(serving.port, &client, "notification").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    expect(&refusal(serving.port, &client, "identity").await, "the client", "answers in place of");
    // The server does not wait for the client's opinion.
    let mut config = (*client.client_config("identity").unwrap()).clone();
    let provider = Arc::clone(config.crypto_provider());
    config.dangerous().set_certificate_verifier(Arc::new(Credulous(provider)));
    let mut stream = shake(serving.port, Arc::new(config), "identity").await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("CertificateUnknown"), "{error}");
}

#[tokio::test]
async fn a_process_of_several_services_presents_the_one_that_is_called() {
    let installation = Installation::new();
    for service in ["identity", "audit"] {
        installation.identity(service);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let names = ["identity".to_owned(), "audit".to_owned()];
    let identities = Identities::load(&installation.path("{service}"), &names, &clock).unwrap();
    let tls = Some(Tls::new(identities.clone()));
    let serving = listen(service(), Listen { tls, ..Listen::default() }).await;
    let client = installation.identity("notification");
    for name in ["identity", "audit"] {
        let stream = shake(serving.port, client.client_config(name).unwrap(), name).await.unwrap();
        let presented = serial(stream.get_ref().1.peer_certificates());
        assert_eq!(presented, identities.named(name).unwrap().status().serial);
    }
    let error = shake(serving.port, client.client_config("identity").unwrap(), "incident").await.unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
}

#[test]
fn the_identities_of_a_process_are_those_of_its_services() {
    let installation = Installation::new();
    installation.identity("identity");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let load = |folder: &Path, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Identities::load(folder, &names, &clock)
    };
    let one = load(&installation.path("identity"), &["identity"]).unwrap();
    assert_eq!(one.of("host").unwrap().name().to_string(), "spiffe://kvartal/identity");
    let error = load(&installation.path("identity"), &["identity", "audit"]).unwrap_err().chain();
    assert!(error.contains("{service}") && error.contains("audit"), "{error}");
    assert!(load(&installation.path("{service}"), &["identity", "audit"]).is_err(), "there is none of audit");
    assert!(load(&installation.path("identity"), &[]).is_err());
}
