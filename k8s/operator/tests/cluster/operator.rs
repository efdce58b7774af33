//! The operator as it runs in the cluster: its own program, its own Helm.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kvartal_testing::{Process, eventually, free_port, tool};
use nix::sys::signal::Signal;

use crate::apiserver::{Cluster, chart, write_kubeconfig};
use crate::place::Place;

/// One operator for one namespace.
pub(crate) struct Operator {
    process: Process,
    /// Port of its metrics.
    port: u16,
}

/// How an operator differs from others.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Namespace it looks after, and in which it holds its lease.
    pub(crate) namespace: String,
    /// Its pod, as it were.
    pub(crate) identity: String,
    /// Where it finds the API server.
    pub(crate) url: String,
    /// How often it looks at everything.
    pub(crate) resync: u64,
    /// The chart it installs.
    pub(crate) chart: PathBuf,
}

impl Settings {
    pub(crate) fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            identity: "operator-0".to_owned(),
            url: cluster.url().to_owned(),
            resync: 600,
            chart: chart(),
        }
    }
}

impl Operator {
    /// Starts it.
    pub(crate) async fn start(cluster: &Cluster, settings: &Settings) -> Self {
        let port = free_port();
        let kubeconfig = cluster.folder().join(format!("kubeconfig-{port}"));
        write_kubeconfig(&kubeconfig, &settings.url);
        let mut command = Command::new(env!("CARGO_BIN_EXE_kvartal-operator"));
        command.arg("run").env_clear().env("KUBECONFIG", &kubeconfig).env("RUST_LOG", "info,kube=warn");
        command.args(["--namespace", &settings.namespace, "--identity", &settings.identity]);
        command.arg("--chart").arg(&settings.chart).arg("--helm").arg(tool("helm-4.3.1"));
        // Discovery is kept between runs, as it is in a pod.
        command.arg("--helm-home").arg(cluster.folder().join("helm"));
        command.args(["--database-address", &Place::address().await, "--resync", &settings.resync.to_string()]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        Self { process: Process::spawn(command), port }
    }

    /// Starts it again when it has ended by itself, as a node does with a container: one that cannot renew its lease in time ends.
    pub(crate) async fn keep(&mut self, cluster: &Cluster, settings: &Settings) {
        if !self.process.is_running() {
            println!("an operator ended by itself and is started again; it wrote:\n{}", self.output());
            *self = Self::start(cluster, settings).await;
        }
    }

    /// Ends it and its Helm at once, as the end of their container does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it alone; its Helm lives on.
    pub(crate) fn kill_alone(&mut self) {
        self.process.signal(Signal::SIGKILL);
    }

    /// Waits until it has the lease, and no longer.
    pub(crate) async fn works(&mut self) {
        self.process.wait_for_line("this operator works", Duration::from_secs(30)).await;
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) -> std::process::ExitStatus {
        self.process.stop(Duration::from_secs(60)).await
    }

    /// What it wrote.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Seconds of processor, its Helm apart, and the most memory it had, in MiB.
    pub(crate) fn usage(&self) -> (f64, u64) {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap();
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
        (ticks / 100.0, peak / 1024)
    }

    /// One of its metrics, all labels together.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let lines = text.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
    /// All it counts.
    pub(crate) async fn metrics(&self) -> String {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let address: http::Uri = format!("http://127.0.0.1:{}/metrics", self.port).parse().unwrap();
        // One that has just been started listens a moment later.
        let response = eventually(Duration::from_secs(30), || client.get(address.clone())).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}
