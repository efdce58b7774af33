//! RabbitMQ: one broker per test process or run, one virtual host per test.
//!
//! Virtual hosts are made through the management plugin, in a tenth of a second; `rabbitmqctl` needs a second for each.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::process::Process;
use crate::watchdog::Folder;
use crate::{eventually, free_port, http, program, shared, unique};

const START: Duration = Duration::from_secs(120);

/// A virtual host of its own for this test, removed with the value.
pub async fn rabbitmq() -> Rabbit {
    static SERVER: OnceCell<RabbitServer> = OnceCell::const_new();
    match shared("KVARTAL_TEST_RABBITMQ_URL") {
        Some(url) => {
            let host = url.rsplit('@').next().and_then(|rest| rest.split([':', '/']).next()).unwrap_or("127.0.0.1");
            let api = shared("KVARTAL_TEST_RABBITMQ_API").unwrap_or_else(|| format!("{host}:15672"));
            Rabbit::create(url.trim_end_matches('/').to_owned(), api).await
        }
        None => SERVER.get_or_init(RabbitServer::start).await.vhost().await,
    }
}

/// An empty virtual host.
#[derive(Debug)]
pub struct Rabbit {
    server: String,
    api: String,
    name: String,
}

impl Rabbit {
    async fn create(server: String, api: String) -> Self {
        let rabbit = Self { server, api, name: unique("t") };
        rabbit.put(&format!("/api/vhosts/{}", rabbit.name), "{}").await;
        let all = r#"{"configure":".*","write":".*","read":".*"}"#;
        rabbit.put(&format!("/api/permissions/{}/guest", rabbit.name), all).await;
        rabbit
    }

    async fn put(&self, path: &str, body: &str) {
        match http::send(&self.api, "PUT", path, body).await {
            Ok((200..=299, _)) => {}
            other => panic!("RabbitMQ's management interface at {}: PUT {path}: {other:?}", self.api),
        }
    }

    /// `amqp://guest:guest@127.0.0.1:port/vhost`.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // Fails when the test killed its broker.
        if let Ok(mut stream) = std::net::TcpStream::connect(&self.api) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let request = http::request(&self.api, "DELETE", &format!("/api/vhosts/{}", self.name), "");
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

/// A broker with its own node name, folders and ports, among them that of its own port mapper (epmd): it neither finds
/// nor disturbs another broker on this computer.
pub struct RabbitServer {
    folder: Folder,
    port: u16,
    api: u16,
    distribution: u16,
    mapper_port: u16,
    _mapper: Process,
    process: Option<Process>,
}

impl RabbitServer {
    /// A new, empty one; takes five to ten seconds.
    pub async fn start() -> Self {
        let folder = Folder::new("kvartal-rabbitmq-");
        let [port, api, distribution, mapper_port] = std::array::from_fn(|_| free_port());
        let settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {api}\n\
             log.file = false\n\
             log.console = true\n\
             log.console.level = warning\n\
             disk_free_limit.absolute = 50MB\n\
             vm_memory_high_watermark.absolute = 1GB\n\
             raft.wal_max_size_bytes = 16777216\n"
        );
        let written = std::fs::write(folder.path().join("rabbitmq.conf"), settings)
            .and_then(|()| std::fs::write(folder.path().join("plugins"), "[rabbitmq_management].\n"));
        if let Err(error) = written {
            panic!("cannot write the settings of RabbitMQ: {error}");
        }
        let mut mapper = Command::new(program("epmd", "erlang-base", &[]));
        mapper.args(["-port", &mapper_port.to_string(), "-address", "127.0.0.1"]).env("HOME", folder.path());
        let mut mapper = Process::spawn(mapper);
        mapper.wait_for_port(mapper_port, START).await;
        let mut server = Self { folder, port, api, distribution, mapper_port, _mapper: mapper, process: None };
        server.restart().await;
        server
    }

    /// Starts it again on the same ports with the same data, killing it first when it runs.
    pub async fn restart(&mut self) {
        self.kill();
        let mut process = Process::spawn(self.command());
        process.wait_for_port(self.port, START).await;
        let api = self.api();
        eventually(START, || async { matches!(http::send(&api, "GET", "/api/vhosts", "").await, Ok((200, _))) }).await;
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

    /// Ends it as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// An empty virtual host.
    pub async fn vhost(&self) -> Rabbit {
        Rabbit::create(self.url(), self.api()).await
    }

    /// `amqp://guest:guest@127.0.0.1:port`; what `KVARTAL_TEST_RABBITMQ_URL` names.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port)
    }

    /// Host and port of the management interface; what `KVARTAL_TEST_RABBITMQ_API` names.
    pub fn api(&self) -> String {
        format!("127.0.0.1:{}", self.api)
    }

    fn command(&self) -> Command {
        // Not the wrapper on PATH: that one changes the user and the log files.
        let path = program("rabbitmq-server", "rabbitmq-server", &["/usr/lib/rabbitmq/bin/rabbitmq-server"]);
        let mut command = Command::new(path);
        let folder = self.folder.path();
        command.current_dir(folder).env("HOME", folder).env("LANG", "C.UTF-8").env("ERL_CRASH_DUMP_SECONDS", "0");
        command.env("ERL_EPMD_PORT", self.mapper_port.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        // Makes the script become the Erlang machine instead of waiting for it.
        command.env("RUNNING_UNDER_SYSTEMD", "1");
        command.env("RABBITMQ_NODENAME", format!("kvartal{}@localhost", self.port));
        command.env("RABBITMQ_NODE_PORT", self.port.to_string()).env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_DIST_PORT", self.distribution.to_string());
        command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        command.env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"));
        command.env("RABBITMQ_MNESIA_BASE", folder.join("mnesia")).env("RABBITMQ_LOG_BASE", folder.join("log"));
        command.env("RABBITMQ_PID_FILE", folder.join("pid"));
        let small = "+S 2:2 +A 16 -kernel inet_dist_use_interface {127,0,0,1}";
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", small);
        command
    }
}

impl std::fmt::Debug for RabbitServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RabbitServer({})", self.url())
    }
}
