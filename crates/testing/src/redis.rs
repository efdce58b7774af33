//! Redis: one server per test process or run, one database number per test.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::process::Process;
use crate::watchdog::Folder;
use crate::{eventually, free_port, program, shared};

const START: Duration = Duration::from_secs(30);
/// More than a run of tests uses; each costs a few hundred bytes.
const DATABASES: u32 = 4096;

/// An empty database of its own for this test. Pub/sub channels and scripts are shared by all numbers: name channels by test.
pub async fn redis() -> Redis {
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();
    match shared("KVARTAL_TEST_REDIS_URL") {
        Some(url) => Redis::take(address(&url)).await,
        None => SERVER.get_or_init(RedisServer::start).await.database().await,
    }
}

/// One database number, emptied when the value is dropped.
#[derive(Debug)]
pub struct Redis {
    address: String,
    number: u32,
}

impl Redis {
    /// Numbers are dealt by the server itself, from a counter in database 0, because several processes share it.
    async fn take(address: String) -> Self {
        let ticket = say(&address, "INCR kvartal:tests").await;
        let limit = say(&address, "CONFIG GET databases").await;
        let ticket: u32 = ticket.trim().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("INCR: {ticket}"));
        let limit: u32 = limit.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(16);
        let number = 1 + (ticket - 1) % (limit - 1);
        say(&address, &format!("SELECT {number}\r\nFLUSHDB")).await;
        Self { address, number }
    }

    /// `redis://127.0.0.1:port/number`.
    pub fn url(&self) -> String {
        format!("redis://{}/{}", self.address, self.number)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails when the test killed its server, which had nothing on disk.
        if let Ok(mut stream) = std::net::TcpStream::connect(&self.address) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.write_all(format!("SELECT {}\r\nFLUSHDB\r\nQUIT\r\n", self.number).as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

/// A Redis server in memory, on its own port.
pub struct RedisServer {
    folder: Folder,
    port: u16,
    process: Option<Process>,
}

impl RedisServer {
    /// A new, empty one.
    pub async fn start() -> Self {
        let mut server = Self { folder: Folder::new("kvartal-redis-"), port: free_port(), process: None };
        server.restart().await;
        server
    }

    /// Starts it again, empty, on the same port, killing it first when it runs.
    pub async fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(program("redis-server", "redis-server", &[]));
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--databases", &DATABASES.to_string()]).current_dir(self.folder.path());
        let mut process = Process::spawn(command);
        process.wait_for_port(self.port, START).await;
        let address = self.address();
        eventually(START, || async { say(&address, "PING").await.starts_with("+PONG") }).await;
        self.process = Some(process);
    }

    /// Halts it, as a machine that hangs: connections stay open and nobody answers.
    pub fn pause(&self) {
        if let Some(process) = &self.process {
            process.pause();
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.resume();
        }
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// An empty database.
    pub async fn database(&self) -> Redis {
        Redis::take(self.address()).await
    }

    /// `redis://127.0.0.1:port`; what `KVARTAL_TEST_REDIS_URL` names.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl std::fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedisServer({})", self.url())
    }
}

fn address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

/// Sends inline commands and returns all replies as they came; empty when the server is not there.
async fn say(address: &str, commands: &str) -> String {
    let mut replies = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address).await {
        let _ = stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).await;
        let _ = stream.read_to_end(&mut replies).await;
    }
    String::from_utf8_lossy(&replies).trim_end_matches("+OK\r\n").to_owned()
}
