//! PostgreSQL: one server per test process or run, one database per test.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::OnceCell;

use crate::process::{Process, run};
use crate::watchdog::{self, Folder};
use crate::{eventually, free_port, shared, unique};

const START: Duration = Duration::from_secs(60);

/// A database of its own for this test: advisory locks, `LISTEN` channels and schemas are private too. Dropped with the value.
pub async fn postgres() -> Postgres {
    static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
    match shared("KVARTAL_TEST_POSTGRES_URL") {
        Some(server) => Postgres::create(server).await,
        None => SERVER.get_or_init(PostgresServer::start).await.database().await,
    }
}

/// An empty database.
#[derive(Debug)]
pub struct Postgres {
    server: String,
    name: String,
}

impl Postgres {
    async fn create(server: String) -> Self {
        let name = unique("t");
        run(psql(&server, &format!("CREATE DATABASE {name}"))).await;
        Self { server, name }
    }

    /// `postgres://user@127.0.0.1:port/database`, its search path the default one.
    pub fn url(&self) -> String {
        let end = self.server.rfind('/').unwrap_or(self.server.len());
        format!("{}/{}", &self.server[..end], self.name)
    }

    /// The same database with this schema as the search path; the schema is not created. `{service}` may stand for it.
    pub fn url_for_schema(&self, schema: &str) -> String {
        format!("{}?options[search_path]={schema}", self.url())
    }

    /// Runs SQL through `psql` and returns its rows, columns separated by `|`.
    pub async fn sql(&self, statement: &str) -> String {
        run(psql(&self.url(), statement)).await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Fails when the test killed its server, which is the end of the database as well.
        let mut command = psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// A PostgreSQL cluster in a temporary folder, on its own port.
pub struct PostgresServer {
    folder: Folder,
    port: u16,
    durable: bool,
    tls: bool,
    process: Option<Process>,
}

impl PostgresServer {
    /// A new cluster that does not wait for the disk: quick, and safe against the end of any process.
    pub async fn start() -> Self {
        Self::create(false, None).await
    }

    /// A new cluster with `fsync` on, as in production.
    pub async fn start_durable() -> Self {
        Self::create(true, None).await
    }

    /// A new cluster that offers TLS with this certificate and key, both PEM.
    pub async fn start_with_tls(certificate: &str, key: &str) -> Self {
        Self::create(false, Some((certificate, key))).await
    }

    async fn create(durable: bool, tls: Option<(&str, &str)>) -> Self {
        let folder = Folder::new("kvartal-postgres-");
        let mut initdb = Command::new(bin().join("initdb"));
        // PostgreSQL refuses to run as root.
        if let Some((uid, gid)) = unprivileged() {
            if let Err(error) = std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)) {
                panic!("cannot give {} to the user postgres: {error}", folder.path().display());
            }
            initdb.uid(uid).gid(gid);
        }
        initdb.args(["--username=kvartal", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--no-instructions").arg("-D").arg(data(&folder)).current_dir(folder.path());
        run(initdb).await;
        if let Some((certificate, key)) = tls {
            keep(&data(&folder).join("server.crt"), certificate);
            keep(&data(&folder).join("server.key"), key);
        }
        let mut server = Self { folder, port: free_port(), durable, tls: tls.is_some(), process: None };
        server.restart().await;
        server
    }

    /// Starts it again on the same port with the same data, killing it first when it runs.
    pub async fn restart(&mut self) {
        self.kill();
        // After a kill the last backend may hold the shared memory for a moment, and the start is refused.
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut process = Process::spawn(self.command());
            watchdog::watch_politely(process.id());
            while process.is_running() && !self.answers().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if process.is_running() {
                self.process = Some(process);
                return;
            }
            if attempts == 20 {
                panic!("PostgreSQL does not start:\n{}", process.output());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
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

    /// A new database.
    pub async fn database(&self) -> Postgres {
        Postgres::create(self.url()).await
    }

    /// The database `postgres` of this server; what `KVARTAL_TEST_POSTGRES_URL` names.
    pub fn url(&self) -> String {
        format!("postgres://kvartal@127.0.0.1:{}/postgres", self.port)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(bin().join("postgres"));
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command.arg("-D").arg(data(&self.folder)).arg("-p").arg(self.port.to_string()).current_dir(self.folder.path());
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400", "shared_buffers=64MB"]
        {
            command.args(["-c", setting]);
        }
        if !self.durable {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        if self.tls {
            command.args(["-c", "ssl=on"]);
        }
        command
    }

    async fn answers(&self) -> bool {
        let mut ready = tokio::process::Command::new(bin().join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).stdin(Stdio::null());
        ready.status().await.is_ok_and(|status| status.success())
    }

    /// Waits until it answers again, for instance after a test stopped it from outside.
    pub async fn ready(&self) {
        eventually(START, || self.answers()).await;
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Killed outright it would leave its shared memory behind on the computer.
        if let Some(process) = &mut self.process {
            process.resume();
            process.signal(Signal::SIGQUIT);
            let turns = (0..200).take_while(|_| process.is_running());
            turns.for_each(|_| std::thread::park_timeout(Duration::from_millis(10)));
        }
    }
}

impl std::fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresServer({})", self.url())
    }
}

/// A file that only the server reads: it refuses a key that others could.
fn keep(path: &Path, content: &str) {
    let written = std::fs::write(path, content)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)))
        .and_then(|()| {
            unprivileged().map_or(Ok(()), |(uid, gid)| std::os::unix::fs::chown(path, Some(uid), Some(gid)))
        });
    if let Err(error) = written {
        panic!("cannot write {}: {error}", path.display());
    }
}

fn data(folder: &Folder) -> PathBuf {
    folder.path().join("data")
}

/// The newest installed version; Debian keeps the programs outside PATH.
fn bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let complete = |folder: &Path| folder.join("initdb").exists() && folder.join("postgres").exists();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| complete(folder))
        .max();
    let elsewhere =
        || ["/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin"].map(PathBuf::from).into_iter().find(|f| complete(f));
    match newest.map(|(_, folder)| folder).or_else(elsewhere) {
        Some(folder) => folder,
        None => panic!("PostgreSQL is not installed; install it with: apt-get install -y postgresql"),
    }
}

/// Whom to run as when we are root.
fn unprivileged() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    match nix::unistd::User::from_name("postgres") {
        Ok(Some(user)) => Some((user.uid.as_raw(), user.gid.as_raw())),
        _ => panic!("PostgreSQL does not run as root and there is no user `postgres`: apt-get install -y postgresql"),
    }
}

fn psql(url: &str, statement: &str) -> Command {
    let mut command = Command::new(bin().join("psql"));
    command.args(["-X", "-q", "-t", "-A", "-w", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]);
    command
}
