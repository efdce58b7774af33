//! Servers that are not there yet.

use std::time::Duration;

use kvartal_testing::{Process, free_port};
use nix::sys::signal::Signal;

use crate::platform::{PATIENCE, get, kvartal};

/// Far from the minutes that the process would wait.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_for_a_server_is_alive_and_not_ready_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let [nobody, listen, probes] = std::array::from_fn(|_| free_port());
    let (redis, listen) = (format!("redis://127.0.0.1:{nobody}"), format!("127.0.0.1:{listen}"));
    let at = format!("127.0.0.1:{probes}");
    let wait = ["--redis-url", &redis, "--wait-for-servers", "600s"];
    let services = ["serve", "audit", "--listen", &listen, "--probe-listen", &at];
    let gateway = ["gateway", "serve", "--mesh-key-file", "key", "--listen", &listen, "--probe-listen", &at];
    std::fs::write(folder.path().join("key"), "A".repeat(43) + "=").unwrap();
    for command in [&services[..], &gateway[..]] {
        let mut command = kvartal(command);
        command.args(wait).args(["--data-dir", "data"]).current_dir(folder.path());
        let mut process = Process::spawn(command);
        process.wait_for_line("waiting for a server", PATIENCE).await;
        assert_eq!(get(probes, "/livez").await.0, 200);
        let (status, report) = get(probes, "/healthz").await;
        assert!(status == 503 && report.contains("\"not_ready\""), "{status} {report}");
        assert_eq!(get(probes, "/metrics").await.0, 200);
        let ended = process.stop(SOON).await;
        assert!(ended.success(), "{ended}: {}", process.output());
        assert!(process.output().contains("before everything has started"), "{}", process.output());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_platform_that_waits_for_its_database_and_deletes_what_was_temporary() {
    let database = format!("postgres://kvartal@127.0.0.1:{}/{{service}}", free_port());
    let port = free_port().to_string();
    let mut process = Process::spawn(kvartal(&["up", "--port", &port, "--database-url", &database]));
    process.wait_for_line("waiting for a server", PATIENCE).await;
    process.signal(Signal::SIGINT);
    let ended = process.wait(SOON).await;
    let output = process.output();
    assert!(ended.success() && output.contains("temporary data deleted"), "{ended}: {output}");
}
