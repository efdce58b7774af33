//! A platform of its own for a test: the binary `kvartal`, on SQLite or on real servers, with a real SMTP server.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kvartal_testing::{Postgres, Process, Rabbit, Redis, free_port};

use crate::Front;
use crate::front::{ADMIN, PASSWORD};

pub(crate) const READY: Duration = Duration::from_secs(60);
/// 32 bytes in base64.
pub(crate) const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// What the platform runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adapter {
    /// SQLite files and the bus inside the process.
    Embedded,
    /// PostgreSQL, RabbitMQ and Redis.
    Servers,
}

/// The servers of [`Adapter::Servers`].
pub struct Servers {
    /// One schema for each service.
    pub postgres: Postgres,
    /// The broker.
    pub rabbitmq: Rabbit,
    /// Revocations and limits.
    pub redis: Redis,
}

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// On real servers: every service in a process of its own, and the edge in one more.
    pub apart: bool,
    /// Further arguments of the binary.
    pub args: Vec<String>,
    /// Further variables of its environment.
    pub env: Vec<(String, String)>,
    /// On real servers: another broker than the one that tests share, for a test that ends it.
    pub bus_url: Option<String>,
}

/// A running platform. Dropping it ends the process and removes its data.
pub struct Platform {
    adapter: Adapter,
    options: Options,
    process: Option<Process>,
    /// The services that are not in the process of the edge.
    others: Vec<Process>,
    port: u16,
    folder: tempfile::TempDir,
    servers: Option<Servers>,
    front: Front,
}

impl Deref for Platform {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Servers {
    /// Room for a platform.
    pub(crate) async fn take() -> Self {
        Self {
            postgres: kvartal_testing::postgres().await,
            rabbitmq: kvartal_testing::rabbitmq().await,
            redis: kvartal_testing::redis().await,
        }
    }
}

impl Platform {
    /// Starts one and waits until it answers.
    pub async fn start(adapter: Adapter, options: Options) -> Self {
        let servers = match adapter {
            Adapter::Embedded => None,
            Adapter::Servers => Some(Servers::take().await),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("admin-password"), PASSWORD).expect("a file");
        std::fs::write(folder.path().join("mesh-key"), KEY).expect("a file");
        std::fs::write(folder.path().join("master-key"), KEY).expect("a file");
        let port = free_port();
        let front = Front::new(port, None, kvartal_testing::smtp().await);
        let mut platform = Self { adapter, options, process: None, others: Vec::new(), port, folder, servers, front };
        platform.spawn().await;
        platform
    }

    /// Starts the process again after [`Self::kill`] or [`Self::stop`].
    pub async fn spawn(&mut self) {
        let services = ["identity", "incident", "traffic", "notification", "audit"];
        // The last one has the edge with it.
        let groups: Vec<&[&str]> =
            if self.options.apart { services.chunks(1).collect() } else { vec![services.as_slice()] };
        let listening: Vec<u16> = groups.iter().map(|_| free_port()).collect();
        let peers = groups.iter().zip(&listening);
        let peers: Vec<String> = peers.map(|(group, port)| format!("{}=http://127.0.0.1:{port}", group[0])).collect();
        for (at, group) in groups.iter().enumerate() {
            let mut command = self.command(group, listening[at]);
            if groups.len() > 1 {
                let others = peers.iter().enumerate().filter(|(other, _)| *other != at);
                command.args(others.flat_map(|(_, peer)| ["--peer", peer]));
            }
            let process = ready(command, READY).await;
            if at + 1 == groups.len() {
                self.process = Some(process);
            } else {
                self.others.push(process);
            }
        }
    }

    /// What starts these services; those with `audit`, with the edge.
    fn command(&self, services: &[&str], listen: u16) -> Command {
        let mut command = Command::new(binary());
        let data = self.folder.path();
        let common = [
            ("--smtp-url".to_owned(), self.smtp.url()),
            ("--identity-admin-email".to_owned(), ADMIN.to_owned()),
            ("--identity-admin-password-file".to_owned(), path(&data.join("admin-password"))),
            ("--rate-factor".to_owned(), "1000".to_owned()),
            ("--data-dir".to_owned(), path(&data.join("data"))),
            ("--log".to_owned(), "warn".to_owned()),
        ];
        match &self.servers {
            None => _ = command.arg("up"),
            Some(servers) => {
                command.arg("serve").args(services).arg("--listen").arg(format!("127.0.0.1:{listen}"));
                command.args(["--database-url", &servers.postgres.url_for_schema("{service}")]);
                let bus = self.options.bus_url.clone().unwrap_or_else(|| servers.rabbitmq.url());
                command.args(["--bus-url", &bus, "--redis-url", &servers.redis.url()]);
                command.args(["--mesh-key-file", &path(&data.join("mesh-key"))]);
                command.args(["--identity-master-key-file", &path(&data.join("master-key"))]);
            }
        }
        for (name, value) in common {
            command.arg(name).arg(value);
        }
        if services.contains(&"audit") {
            command.arg("--port").arg(self.port.to_string());
            if self.servers.is_some() {
                command.arg("--edge");
            }
        }
        command.args(&self.options.args).envs(self.options.env.iter().cloned());
        command
    }

    /// Ends the process as a power cut would end it (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        self.others.clear();
    }

    /// Asks the process to end; gives its exit status and everything it wrote.
    pub async fn stop(&mut self) -> (std::process::ExitStatus, String) {
        let mut process = self.process.take().expect("the platform runs");
        let status = process.stop(Duration::from_secs(30)).await;
        for mut other in std::mem::take(&mut self.others) {
            other.stop(Duration::from_secs(30)).await;
        }
        (status, process.output())
    }

    /// Everything the process wrote so far.
    pub fn output(&self) -> String {
        self.others.iter().chain(&self.process).map(Process::output).collect()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the platform runs").id()
    }

    /// The program `kvartal`.
    pub fn binary(&self) -> PathBuf {
        binary()
    }

    /// Which adapter it runs on.
    pub fn adapter(&self) -> Adapter {
        self.adapter
    }

    /// The servers it runs on, if any.
    pub fn servers(&self) -> Option<&Servers> {
        self.servers.as_ref()
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// Starts it and waits until it says that it is ready.
async fn ready(command: Command, deadline: Duration) -> Process {
    let mut process = Process::spawn(command);
    process.wait_for_line("ready", deadline).await;
    process
}

/// The binary beside the test: `cargo test --workspace` builds it, `cargo build -p kvartal` as well.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let folder = test.ancestors().find(|folder| folder.join("kvartal").is_file());
    folder.expect("the binary kvartal; build it with: cargo build -p kvartal").join("kvartal")
}

pub(crate) fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
