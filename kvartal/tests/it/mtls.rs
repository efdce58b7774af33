//! Services in processes of their own, which prove their names to each other by certificates.

use std::path::Path;
use std::process::{Command, Output};

use kvartal_proto::identity::v1::SignInRequest;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::notification::v1::ListNotificationsRequest;
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_testing::{Process, eventually, free_port};
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::platform::{ADMIN, PASSWORD, PATIENCE, by, get, kvartal};

fn ca(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = kvartal(&["ca"]);
    command.args(arguments).args(["--dir", "ca"]).current_dir(folder);
    command.output().unwrap()
}

/// `serve` with these arguments in `folder`.
async fn serve(folder: &Path, arguments: &[&str]) -> Process {
    let mut command: Command = kvartal(&["serve"]);
    command.args(arguments).current_dir(folder);
    let mut process = Process::spawn(command);
    process.wait_for_line("ready in", PATIENCE).await;
    process
}

/// What `/healthz` says on a port for probes.
async fn health(port: u16) -> Value {
    serde_json::from_str(&get(port, "/healthz").await.1).unwrap()
}

fn certificate(report: &Value) -> (String, u64) {
    let certificate = &report["certificates"][0];
    (certificate["serial"].as_str().unwrap().to_owned(), certificate["left_seconds"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_prove_their_names_with_certificates_of_their_own_authority() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(ca(folder, &["init"]).status.success());
    assert!(!ca(folder, &["init"]).status.success(), "an authority is not overwritten");
    let issue = ["issue", "identity", "notification", "gateway", "--out", "tls"];
    let issued = ca(folder, &issue);
    assert!(issued.status.success(), "{issued:?}");
    assert!(!ca(folder, &issue).status.success(), "keys are not overwritten");
    std::fs::write(folder.join("password"), PASSWORD).unwrap();

    let [inner, inner_probes, outer, outer_probes, public] = std::array::from_fn(|_| free_port());
    let (listen, probes) = (format!("127.0.0.1:{inner}"), format!("127.0.0.1:{inner_probes}"));
    let mut identity = serve(
        folder,
        &[
            "identity",
            "--data-dir",
            "identity",
            "--tls-dir",
            "tls/identity",
            "--listen",
            &listen,
            "--probe-listen",
            &probes,
            "--identity-admin-email",
            ADMIN,
            "--identity-admin-password-file",
            "password",
        ],
    )
    .await;
    let (listen, probes) = (format!("127.0.0.1:{outer}"), format!("127.0.0.1:{outer_probes}"));
    let (peer, port) = (format!("identity=https://127.0.0.1:{inner}"), public.to_string());
    let mut notification = serve(
        folder,
        &[
            "notification",
            "--data-dir",
            "notification",
            "--tls-dir",
            "tls/{service}",
            "--listen",
            &listen,
            "--probe-listen",
            &probes,
            "--peer",
            &peer,
            "--edge",
            "--address",
            "127.0.0.1",
            "--port",
            &port,
        ],
    )
    .await;

    // The edge passes the call on under its own certificate; notification asks identity for its keys under its own.
    let edge: Channel = Endpoint::from_shared(format!("http://127.0.0.1:{public}")).unwrap().connect().await.unwrap();
    let sign_in = SignInRequest { email: ADMIN.to_owned(), password: PASSWORD.to_owned() };
    let answer = IdentityServiceClient::new(edge.clone()).sign_in(sign_in).await.unwrap().into_inner();
    let admin = format!("Bearer {}", answer.tokens.unwrap().access_token);
    let list = || by(&admin, ListNotificationsRequest::default());
    NotificationServiceClient::new(edge.clone()).list_notifications(list()).await.unwrap();

    // Without a certificate there is no way past the edge, whatever token one holds.
    let around = Endpoint::from_shared(format!("http://127.0.0.1:{outer}")).unwrap().connect_lazy();
    assert!(NotificationServiceClient::new(around).list_notifications(list()).await.is_err());

    let before = certificate(&health(inner_probes).await);
    assert!(before.1 > 23 * 3_600, "{before:?}");
    let renewed = ca(folder, &["renew", "--out", "tls"]);
    assert!(String::from_utf8_lossy(&renewed.stdout).contains("still good"), "{renewed:?}");
    // Another bundle makes all of them due.
    let bundle = std::fs::read_to_string(folder.join("ca/ca.crt")).unwrap();
    std::fs::write(folder.join("ca/ca.crt"), format!("{bundle}{bundle}")).unwrap();
    let renewed = ca(folder, &["renew", "--out", "tls"]);
    assert_eq!(String::from_utf8_lossy(&renewed.stdout).matches("renewed").count(), 3, "{renewed:?}");
    eventually(PATIENCE, || async { certificate(&health(inner_probes).await).0 != before.0 }).await;
    NotificationServiceClient::new(edge).list_notifications(list()).await.unwrap();

    for process in [&mut notification, &mut identity] {
        let status = process.stop(PATIENCE).await;
        assert!(status.success(), "{status}: {}", process.output());
    }
    assert!(!identity.output().contains("PRIVATE"));
}

#[test]
fn certificates_that_do_not_fit_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let none = ca(folder, &["issue", "audit", "--out", "tls"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("kvartal ca init"), "{none:?}");
    ca(folder, &["init"]);
    ca(folder, &["issue", "audit", "--out", "tls"]);
    for (arguments, expected) in [
        (&["serve", "incident", "--tls-dir", "tls/audit"][..], "is the identity of spiffe://kvartal/audit"),
        (&["serve", "audit", "--tls-dir", "nowhere"], "--tls-dir nowhere cannot be used"),
        (&["serve", "audit", "--edge", "--tls-dir", "tls/{service}"], "tls/gateway/tls.crt cannot be read"),
        (&["serve", "audit", "--peer", "identity=https://127.0.0.1:1"], "needs --tls-dir"),
        (&["serve", "audit", "--tls-dir", "tls/audit", "--peer", "identity=http://127.0.0.1:1"], "https://"),
        (&["serve", "audit", "--tls-dir", "tls/audit", "--service-url", "http://x"], "with --tls-dir"),
        (&["serve", "audit", "--service-url", "https://x"], "without --tls-dir"),
        (&["up", "--tls-dir", "tls/audit"], "is for `kvartal serve`"),
    ] {
        let mut command = kvartal(arguments);
        let output = command.args(["--data-dir", "data"]).current_dir(folder).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{arguments:?}: {error}");
    }
}
