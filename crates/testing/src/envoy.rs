//! Envoy: one process per test, with the configuration that the test gives it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::watchdog::Folder;
use crate::{eventually, http, shared};

const START: Duration = Duration::from_secs(60);

/// Where `cargo xtask test` puts it; see `xtask/src/envoy.rs`.
const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/envoy/bin/envoy");

/// The program: named by `KVARTAL_TEST_ENVOY`, or else where the command runner has put it.
pub fn envoy_program() -> PathBuf {
    let path = shared("KVARTAL_TEST_ENVOY").map_or_else(|| PathBuf::from(TOOL), PathBuf::from);
    path.canonicalize().unwrap_or_else(|error| {
        panic!("Envoy is not at {} ({error}); `cargo xtask tools` puts it there", path.display())
    })
}

/// A running Envoy. Ports are in its configuration; take them from [`crate::free_port`].
pub struct Envoy {
    folder: Folder,
    admin: u16,
    process: Process,
}

impl Envoy {
    /// Starts it with this configuration and waits until it is ready: listeners open, keys read, endpoints known.
    /// `admin` is the port on which the configuration opens the administration page.
    pub async fn start(config: &str, admin: u16) -> Self {
        Self::start_with(config, &[], admin).await
    }

    /// The same, with files that the configuration refers to by names relative to its own folder.
    pub async fn start_with(config: &str, files: &[(&str, &str)], admin: u16) -> Self {
        let folder = Folder::new("kvartal-envoy-");
        let path = write(folder.path(), config, files);
        let mut command = Command::new(envoy_program());
        command.arg("-c").arg(path).args(["--concurrency", "1", "--log-level", "warning"]);
        // Several run at once on one machine, and none of them is ever replaced while it runs.
        command.args(["--use-dynamic-base-id", "--disable-hot-restart"]).current_dir(folder.path());
        let mut process = Process::spawn(command);
        process.wait_for_port(admin, START).await;
        let mut envoy = Self { folder, admin, process };
        let end = tokio::time::Instant::now() + START;
        while envoy.ask("GET", "/ready").await.is_none_or(|answer| !answer.starts_with("LIVE")) {
            let late = tokio::time::Instant::now() >= end || !envoy.process.is_running();
            assert!(!late, "Envoy is not ready; its output:\n{}", envoy.process.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        envoy
    }

    /// Whether the real Envoy accepts a configuration, with its warnings in its own words.
    ///
    /// # Errors
    /// When it does not; in its own words, too.
    pub async fn validate(config: &str, files: &[(&str, &str)]) -> Result<String, String> {
        let folder = Folder::new("kvartal-envoy-");
        let path = write(folder.path(), config, files);
        let mut command = tokio::process::Command::new(envoy_program());
        command.args(["--mode", "validate", "--log-level", "warning", "-c"]).arg(path).current_dir(folder.path());
        let output = command.output().await.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }

    /// Everything it has written so far: warnings, and the access log where that goes to standard output.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// What its administration page answers to a GET.
    pub async fn admin(&self, path: &str) -> String {
        eventually(START, || self.ask("GET", path)).await
    }

    /// The folder of its configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks it to stop and waits for the end.
    pub async fn stop(mut self) {
        self.process.stop(START).await;
    }

    async fn ask(&self, method: &str, path: &str) -> Option<String> {
        let address = format!("127.0.0.1:{}", self.admin);
        let (status, body) = http::send(&address, method, path, "").await.ok()?;
        (status == 200).then(|| unchunked(&body))
    }
}

impl std::fmt::Debug for Envoy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Envoy(admin 127.0.0.1:{})", self.admin)
    }
}

/// Envoy answers in chunks: their sizes stand on lines of their own.
fn unchunked(body: &str) -> String {
    let is_size = |line: &str| !line.is_empty() && line.len() < 8 && u32::from_str_radix(line, 16).is_ok();
    body.split("\r\n").filter(|line| !is_size(line)).collect()
}

fn write(folder: &Path, config: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = folder.join("envoy.yaml");
    let all = files.iter().map(|(name, content)| (folder.join(name), *content)).chain([(path.clone(), config)]);
    for (path, content) in all {
        if let Err(error) = std::fs::write(&path, content) {
            panic!("cannot write {}: {error}", path.display());
        }
    }
    path
}
