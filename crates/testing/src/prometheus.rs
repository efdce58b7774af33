//! Prometheus: reads metrics off a running platform and evaluates rules; and promtool, which tests rules.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::watchdog::Folder;
use crate::{eventually, free_port, http, program};

const START: Duration = Duration::from_secs(30);

/// The program that checks and tests rules.
pub fn promtool() -> PathBuf {
    program("promtool", "prometheus", &[])
}

/// A Prometheus of its own. Dropping it ends it.
pub struct Prometheus {
    address: String,
    process: Process,
    _folder: Folder,
}

impl Prometheus {
    /// Reads `/metrics` of `target` (`host:port`) every second and evaluates these rules as often.
    pub async fn start(target: &str, rules: &str) -> Self {
        let folder = Folder::new("kvartal-prometheus-");
        // What groups ask for themselves would make a test wait.
        let rules: String = rules
            .lines()
            .filter(|line| !line.trim_start().starts_with("interval:"))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\nrule_files: [rules.yaml]\n\
             scrape_configs:\n  - job_name: kvartal\n    static_configs:\n      - targets: ['{target}']\n"
        );
        let files = [("rules.yaml", rules), ("prometheus.yaml", config)];
        for (name, text) in files {
            if let Err(error) = std::fs::write(folder.path().join(name), text) {
                panic!("cannot write {name}: {error}");
            }
        }
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program("prometheus", "prometheus", &[]));
        command.current_dir(folder.path()).args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=warn");
        let mut process = Process::spawn(command);
        process.wait_for_port(port, START).await;
        eventually(START, || async { matches!(http::get(&address, "/-/ready").await, Ok((200, _))) }).await;
        Self { address, process, _folder: folder }
    }

    /// The answer to an instant query, in JSON.
    pub async fn query(&self, expression: &str) -> Option<String> {
        self.get(&format!("/api/v1/query?query={}", encoded(expression))).await
    }

    /// The state of all rules, in JSON.
    pub async fn rules(&self) -> Option<String> {
        self.get("/api/v1/rules").await
    }

    /// Everything it said.
    pub fn output(&self) -> String {
        self.process.output()
    }

    async fn get(&self, path: &str) -> Option<String> {
        let answer = http::get(&self.address, path).await;
        answer.ok().filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prometheus({})", self.address)
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
