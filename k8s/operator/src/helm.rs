//! Helm as a child process: the one thing that installs. It decides nothing; what it did stands in its storage.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::release::DIGEST;

/// How long Helm may take. It waits for no pods, so this is for the API server alone.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// After this much more it is told to end, and after as much again it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// When nothing of a process is left, at the latest.
pub const OVER: Duration = Duration::from_secs(20 + 3 + 3 + 1);
/// Revisions that stay.
const HISTORY: &str = "5";
/// What is kept of its messages.
const MESSAGES: u64 = 64 << 10;

/// Where Helm is, and what it installs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program.
    pub program: PathBuf,
    /// The chart: a folder, or an archive.
    pub chart: PathBuf,
    /// A folder it may write to.
    pub home: PathBuf,
    /// How it reaches the cluster; its pod's account when absent.
    pub kubeconfig: Option<PathBuf>,
    /// How many may run at once.
    pub parallel: usize,
}

/// Runs Helm.
#[derive(Clone)]
pub struct Helm {
    config: Arc<Config>,
    /// Changes with the chart.
    chart_digest: Arc<str>,
    slots: Arc<Semaphore>,
    running: TaskTracker,
    metrics: Metrics,
}

/// A place among the processes that may run at once.
pub struct Slot(Option<OwnedSemaphorePermit>);

/// What is done with a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Install or upgrade.
    Upgrade {
        /// The values, as YAML.
        values: String,
        /// The digest of all that it is made from.
        digest: String,
    },
    /// Back to a revision.
    Rollback {
        /// Its number.
        revision: u64,
    },
    /// Take everything away but what the chart says is to be kept.
    Uninstall,
}

impl Verb {
    /// Its name, for status and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Upgrade { .. } => "upgrade",
            Self::Rollback { .. } => "rollback",
            Self::Uninstall => "uninstall",
        }
    }
}

/// Helm did not do it.
#[derive(thiserror::Error, Debug)]
#[error("helm {verb}: {message}")]
pub struct Failed {
    verb: &'static str,
    message: String,
}

impl Helm {
    /// Reads the chart once; another chart is another operator.
    pub fn new(config: Config, metrics: Metrics) -> anyhow::Result<Self> {
        let chart_digest = digest_of(&config.chart)?.into();
        std::fs::create_dir_all(&config.home).with_context(|| format!("{} cannot be made", config.home.display()))?;
        let slots = Arc::new(Semaphore::new(config.parallel.max(1)));
        Ok(Self { config: Arc::new(config), chart_digest, slots, running: TaskTracker::new(), metrics })
    }

    /// The digest of all a release is made from: as a label it holds at most 63 letters.
    pub fn digest(&self, values: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.chart_digest.as_bytes());
        hash.update(values.as_bytes());
        hex(&hash.finalize())[..40].to_owned()
    }

    /// Waits for a place. Before anything is announced: the deadline of a process counts from its announcement.
    pub async fn slot(&self) -> Slot {
        // It is never closed.
        Slot(Arc::clone(&self.slots).acquire_owned().await.ok())
    }

    /// Does it. Whoever stops waiting does not stop Helm: it would leave a locked release.
    pub async fn run(
        &self,
        slot: Slot,
        namespace: &str,
        release: &str,
        operation: &str,
        verb: Verb,
    ) -> Result<(), Failed> {
        let (helm, name) = (self.clone(), verb.name());
        let (namespace, release, operation) = (namespace.to_owned(), release.to_owned(), operation.to_owned());
        let work = self.running.spawn(async move {
            let started = Instant::now();
            let result = helm.child(&namespace, &release, &operation, &verb).await;
            helm.metrics.helm(name, result.is_ok(), started.elapsed());
            drop(slot.0);
            result
        });
        let result = work.await.unwrap_or_else(|error| Err(error.to_string()));
        result.map_err(|message| Failed { verb: name, message })
    }

    /// Waits until nothing runs; nothing is begun after this.
    pub async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }

    async fn child(&self, namespace: &str, release: &str, operation: &str, verb: &Verb) -> Result<(), String> {
        let mut command = Command::new(&self.config.program);
        command.args(arguments(&self.config, namespace, release, operation, verb));
        command.env_clear().envs(environment(&self.config));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(false);
        let mut child =
            command.spawn().map_err(|error| format!("{} does not start: {error}", self.config.program.display()))?;
        let (input, messages) = (child.stdin.take(), child.stderr.take());
        let write = async {
            if let (Some(mut input), Verb::Upgrade { values, .. }) = (input, verb) {
                // It may end before it has read everything; then its messages say why.
                let _ = input.write_all(values.as_bytes()).await;
                let _ = input.shutdown().await;
            }
        };
        let read = async {
            let mut text = Vec::new();
            if let Some(messages) = messages {
                let mut first = messages.take(MESSAGES);
                let _ = first.read_to_end(&mut text).await;
                // The rest is thrown away, so that it never waits for a reader.
                let _ = tokio::io::copy(&mut first.into_inner(), &mut tokio::io::sink()).await;
            }
            String::from_utf8_lossy(&text).into_owned()
        };
        let all = async { tokio::join!(write, read, ended(&mut child)) };
        let ((), text, ended) = all.await;
        match ended {
            Ok(true) => Ok(()),
            Ok(false) => Err(short(&text)),
            Err(why) => Err(format!("{why} {}", short(&text))),
        }
    }
}

/// Waits for the end of a process; ends it itself when its time is over.
async fn ended(child: &mut Child) -> Result<bool, String> {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let time = if signal == Signal::SIGTERM { TIMEOUT + GRACE } else { GRACE };
        if let Ok(ended) = tokio::time::timeout(time, child.wait()).await {
            return ended.map(|status| status.success()).map_err(|error| error.to_string());
        }
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = kill(Pid::from_raw(id), signal);
        }
    }
    let _ = child.wait().await;
    Err(format!("killed: it was not through after {} s.", (TIMEOUT + GRACE + GRACE).as_secs()))
}

fn arguments(config: &Config, namespace: &str, release: &str, operation: &str, verb: &Verb) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    let timeout = format!("{}s", TIMEOUT.as_secs());
    let description = format!("operation {operation}");
    match verb {
        Verb::Upgrade { digest, .. } => {
            add(&["upgrade", release]);
            add(&[&config.chart.to_string_lossy()]);
            // Never --rollback-on-failure: of a failed install it deletes everything.
            add(&["--install", "--values", "-", "--reset-values", "--history-max", HISTORY]);
            add(&["--wait=hookOnly", "--force-conflicts", "--labels", &format!("{DIGEST}={digest}")]);
            add(&["--description", &description]);
        }
        Verb::Rollback { revision } => {
            add(&["rollback", release, &revision.to_string(), "--wait=hookOnly", "--force-conflicts"]);
            add(&["--history-max", HISTORY, "--description", &description]);
        }
        Verb::Uninstall => add(&["uninstall", release, "--ignore-not-found", "--cascade", "foreground", "--wait"]),
    }
    add(&["--namespace", namespace, "--timeout", &timeout]);
    all
}

fn environment(config: &Config) -> Vec<(&'static str, OsString)> {
    let home = |name: &str| config.home.join(name).into_os_string();
    let mut all = vec![
        ("HELM_NO_PLUGINS", "1".into()),
        ("HELM_DRIVER", "secret".into()),
        ("HELM_CACHE_HOME", home("cache")),
        ("HELM_CONFIG_HOME", home("config")),
        ("HELM_DATA_HOME", home("data")),
        // What the API server offers is asked once and kept.
        ("HOME", config.home.clone().into_os_string()),
        // As much as the rest of the operator: a release is a handful of objects.
        ("GOMAXPROCS", "2".into()),
    ];
    for name in ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
        #[expect(clippy::disallowed_methods, reason = "Kubernetes says so where its API server is, to us and to Helm")]
        if let Some(value) = std::env::var_os(name) {
            all.push((name, value));
        }
    }
    if let Some(kubeconfig) = &config.kubeconfig {
        all.push(("KUBECONFIG", kubeconfig.clone().into_os_string()));
    }
    all
}

/// The last messages, as far as an event can hold them.
fn short(text: &str) -> String {
    let text = text.trim();
    let start = text.char_indices().rev().nth(799).map_or(0, |(at, _)| at);
    if text.is_empty() { "it said nothing".to_owned() } else { text[start..].to_owned() }
}

fn digest_of(chart: &Path) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    let mut files = Vec::new();
    files_in(chart, &mut files).with_context(|| format!("{} is no chart", chart.display()))?;
    files.sort();
    for file in &files {
        let content = std::fs::read(file)?;
        hash.update(file.strip_prefix(chart)?.to_string_lossy().as_bytes());
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    Ok(hex(&hash.finalize()))
}

fn files_in(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        files_in(&entry?.path(), files)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
