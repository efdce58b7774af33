//! Jaeger: takes traces by OTLP, keeps them in memory, answers what it got.

use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::{eventually, free_port, http, tool};

const START: Duration = Duration::from_secs(30);
/// As `cargo xtask test` builds it; the version stands in `e2e/tools/jaeger/go.mod` too.
const PROGRAM: &str = "jaeger-1.76.0";

/// A Jaeger of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Jaeger {
    otlp: u16,
    query: u16,
    _process: Process,
}

impl Jaeger {
    /// An empty one.
    pub async fn start() -> Self {
        let [otlp, query, admin] = [free_port(), free_port(), free_port()];
        let mut command = Command::new(tool(PROGRAM));
        // It traces itself otherwise.
        command.env("OTEL_TRACES_SAMPLER", "always_off");
        command.env("SPAN_STORAGE_TYPE", "memory").args(["--log-level", "error", "--collector.otlp.enabled=true"]);
        for (port, number) in [
            ("collector.otlp.http", otlp),
            ("query.http-server", query),
            ("admin.http", admin),
            // Not used, but it listens on fixed ports otherwise.
            ("collector.otlp.grpc", free_port()),
            ("collector.http-server", free_port()),
            ("collector.grpc-server", free_port()),
            ("query.grpc-server", free_port()),
        ] {
            command.arg(format!("--{port}.host-port=127.0.0.1:{number}"));
        }
        let mut process = Process::spawn(command);
        process.wait_for_port(otlp, START).await;
        process.wait_for_port(query, START).await;
        let jaeger = Self { otlp, query, _process: process };
        eventually(START, || async { jaeger.get("/api/services").await.is_some() }).await;
        jaeger
    }

    /// Where traces are sent: OTLP over HTTP.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp)
    }

    /// The trace of this id as the query API tells it, in JSON; `None` when it is not there yet.
    pub async fn trace(&self, id: &str) -> Option<String> {
        self.get(&format!("/api/traces/{id}")).await
    }

    /// Traces of a service whose root or other spans match, in JSON: `service=identity&limit=10`.
    pub async fn traces(&self, query: &str) -> Option<String> {
        self.get(&format!("/api/traces?{query}")).await
    }

    async fn get(&self, path: &str) -> Option<String> {
        let answer = http::get(&format!("127.0.0.1:{}", self.query), path).await;
        answer.ok().filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }
}
