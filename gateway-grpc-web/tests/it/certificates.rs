//! TLS at Envoy's public port, whose certificate changes while it runs.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use kvartal_gateway_grpc_web::envoy::{self, Settings};
use kvartal_testing::{Envoy, eventually, free_port};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::platform::{Front, Platform};

const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate that signs itself, written as Kubernetes mounts secrets: the files are links into a folder that is
/// exchanged as a whole. Returns the certificate.
fn mount(folder: &Path, version: &str) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let content = folder.join(version);
    std::fs::create_dir(&content).unwrap();
    std::fs::write(content.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(content.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    symlink(version, folder.join("..next")).unwrap();
    std::fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        // There already the second time.
        let _ = symlink(Path::new("..data").join(file), folder.join(file));
    }
    made.cert.pem()
}

/// A new connection that trusts this certificate only.
async fn connect(port: u16, trusted: &str) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted)).domain_name("localhost");
    Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap().tls_config(tls).unwrap().connect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_without_a_restart_and_without_a_failed_call() {
    let platform = Platform::start(Front::InProcess).await;
    let secrets = tempfile::tempdir().unwrap();
    let first = mount(secrets.path(), "1");
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        admin: SocketAddr::from(([127, 0, 0, 1], free_port())),
        tls: Some(secrets.path().to_path_buf()),
        folder: ".".into(),
        upstream: "127.0.0.1:1".parse().unwrap(),
        pages: vec![platform.address.into()],
        ..Settings::default()
    };
    let config = envoy::yaml(&envoy::config(kvartal_proto::contract(), &settings)).unwrap();
    let files = envoy::files(&settings);
    let files: Vec<(&str, String)> = files.iter().map(|(name, value)| (*name, envoy::yaml(value).unwrap())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let envoy = Envoy::start_with(&config, &files, settings.admin.port()).await;
    let port = settings.listen.port();

    let mut before = HealthClient::new(connect(port, &first).await.unwrap());
    before.check(HealthCheckRequest::default()).await.unwrap();
    let second = mount(secrets.path(), "2");
    eventually(PATIENCE, || async { connect(port, &second).await.is_ok() }).await;
    assert!(connect(port, &first).await.is_err(), "the old one is not shown any more");
    before.check(HealthCheckRequest::default()).await.expect("open connections live on");
    drop(before);
    envoy.stop().await;
    platform.stop().await;
}
