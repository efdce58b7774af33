//! A platform as a cluster has it: replicas of every service in processes of their own, which prove their names to each
//! other by certificates, and the real Envoy before them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::SystemClock;
use kvartal_mesh::tls::{Identity, connector, endpoint};
use kvartal_testing::{Envoy, Process, eventually, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tonic::transport::Channel;

use crate::Front;
use crate::front::{ADMIN, PASSWORD, get};
use crate::platform::{KEY, READY, Servers, binary, path};

/// The services that run here; the others are not needed for what is tested.
const SERVICES: [&str; 4] = ["identity", "incident", "notification", "audit"];
/// What stands beside Envoy and answers its questions.
const GUARD: &str = "guard";
/// How long a process may take to end in peace.
const END: Duration = Duration::from_secs(30);

/// How a cluster is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Processes of each service, and of what stands beside Envoy.
    pub replicas: usize,
    /// Whether the public port is TLS.
    pub public_tls: bool,
    /// Where traces go: `host:port` of a collector.
    pub collector: Option<String>,
}

/// A process of the cluster.
struct Replica {
    role: &'static str,
    arguments: Vec<String>,
    /// Where Envoy and other services reach it.
    port: u16,
    probes: u16,
    /// The port of its edge, for what is no RPC.
    pages: Option<u16>,
    process: Option<Process>,
}

/// A running cluster. Dropping it ends every process and removes its data.
pub struct Cluster {
    front: Front,
    replicas: Vec<Replica>,
    envoy: Option<Arc<Envoy>>,
    public: Option<CertifiedIssuer<'static, KeyPair>>,
    folder: tempfile::TempDir,
    _servers: Servers,
}

impl Deref for Cluster {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Cluster {
    /// Starts one and waits until Envoy finds every process well.
    pub async fn start(layout: Layout) -> Self {
        let servers = Servers::take().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in [("admin-password", PASSWORD), ("master-key", KEY)] {
            std::fs::write(folder.path().join(name), content).expect("a file");
        }
        let public = layout.public_tls.then(authority);
        let port = free_port();
        let trusted = public.as_ref().map(|authority| authority.pem());
        let front = Front::new(port, trusted, kvartal_testing::smtp().await);
        let mut cluster = Self { front, replicas: Vec::new(), envoy: None, public, folder, _servers: servers };
        cluster.ca(&["init", "--dir", "ca"]);
        cluster.ca(&[&["issue"], &SERVICES[..], &["gateway", "--dir", "ca", "--out", "tls"]].concat());
        cluster.certify_public();
        cluster.place(&layout);
        for at in 0..cluster.replicas.len() {
            cluster.spawn(at);
        }
        for at in 0..cluster.replicas.len() {
            cluster.ready(at).await;
        }
        cluster.envoy = Some(Arc::new(cluster.start_envoy(port, &layout, None).await));
        cluster.all_well().await;
        cluster
    }

    /// Gives every process its ports and arguments.
    fn place(&mut self, layout: &Layout) {
        for role in SERVICES.into_iter().chain([GUARD]) {
            for _ in 0..layout.replicas {
                let pages = (role == "audit").then(free_port);
                let (port, probes) = (free_port(), free_port());
                self.replicas.push(Replica { role, arguments: Vec::new(), port, probes, pages, process: None });
            }
        }
        let all: Vec<Vec<String>> = self.replicas.iter().map(|replica| self.arguments(replica, layout)).collect();
        for (replica, arguments) in self.replicas.iter_mut().zip(all) {
            replica.arguments = arguments;
        }
    }

    fn arguments(&self, replica: &Replica, layout: &Layout) -> Vec<String> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let servers = &self._servers;
        let mut words: Vec<String> = Vec::new();
        let mut say = |name: &str, value: String| words.extend([name.to_owned(), value]);
        say("--listen", local(replica.port));
        say("--probe-listen", local(replica.probes));
        say("--redis-url", servers.redis.url());
        say("--rate-factor", "1000".to_owned());
        say("--log", "warn".to_owned());
        say("--tls-dir", "tls/{service}".to_owned());
        if replica.role == GUARD {
            let identity = self.of("identity").map(|replica| format!("https://{}", local(replica.port)));
            say("--identity-url", identity.collect::<Vec<_>>().join(","));
            return ["gateway".to_owned(), "serve".to_owned()].into_iter().chain(words).collect();
        }
        for other in self.replicas.iter().filter(|other| other.role != replica.role && other.role != GUARD) {
            say("--peer", format!("{}=https://{}", other.role, local(other.port)));
        }
        say("--database-url", servers.postgres.url_for_schema("{service}"));
        say("--bus-url", servers.rabbitmq.url());
        say("--data-dir", "data".to_owned());
        say("--smtp-url", self.front.smtp.url());
        say("--identity-admin-email", ADMIN.to_owned());
        say("--identity-admin-password-file", "admin-password".to_owned());
        say("--identity-master-key-file", "master-key".to_owned());
        if let Some(collector) = &layout.collector {
            say("--otlp-endpoint", format!("http://{collector}"));
        }
        if let Some(port) = replica.pages {
            say("--port", port.to_string());
            say("--address", "127.0.0.1".to_owned());
            say("--trusted-proxies", "1".to_owned());
            words.push("--edge".to_owned());
        }
        ["serve".to_owned(), replica.role.to_owned()].into_iter().chain(words).collect()
    }

    fn of(&self, role: &str) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(move |replica| replica.role == role)
    }

    fn spawn(&mut self, at: usize) {
        let mut command = Command::new(binary());
        command.args(&self.replicas[at].arguments).current_dir(self.folder.path());
        self.replicas[at].process = Some(Process::spawn(command));
    }

    async fn ready(&mut self, at: usize) {
        self.replicas[at].process.as_mut().expect("it runs").wait_for_line("ready", READY).await;
    }

    /// The configuration as `kvartal gateway config` writes it, and an Envoy with it; told on request that the first service
    /// is where the second one is.
    async fn start_envoy(&self, port: u16, layout: &Layout, misled: Option<(&str, &str)>) -> Envoy {
        let admin = free_port();
        let output = format!("envoy-{port}");
        let mut command = Command::new(binary());
        command.args(["gateway", "config", "--output", &path(&self.folder.path().join(&output))]);
        command.args(["--listen", &SocketAddr::from(([127, 0, 0, 1], port)).to_string()]);
        command.args(["--admin", &SocketAddr::from(([127, 0, 0, 1], admin)).to_string()]);
        // Where nobody is: of the services that do not run here.
        command.args(["--upstream", &SocketAddr::from(([127, 0, 0, 1], free_port())).to_string()]);
        for replica in &self.replicas {
            let address = SocketAddr::from(([127, 0, 0, 1], replica.port));
            if replica.role == GUARD {
                command.args(["--guard", &address.to_string()]);
            } else {
                let told = misled.filter(|(_, role)| *role == replica.role).map(|(name, _)| name);
                let named = misled.is_none_or(|(name, _)| name != replica.role).then_some(replica.role);
                for name in named.into_iter().chain(told) {
                    command.args(["--upstream", &format!("{name}={address}")]);
                }
            }
            if let Some(pages) = replica.pages {
                command.args(["--pages", &SocketAddr::from(([127, 0, 0, 1], pages)).to_string()]);
            }
        }
        command.args(["--upstream-tls", &path(&self.folder.path().join("tls/gateway"))]);
        if layout.public_tls {
            command.args(["--tls", &path(&self.folder.path().join("public"))]);
        }
        if let Some(collector) = &layout.collector {
            command.args(["--otlp", collector]);
        }
        run(&mut command);
        let config = self.folder.path().join(output).join("envoy.yaml");
        Envoy::start(&std::fs::read_to_string(config).expect("a configuration"), admin).await
    }

    /// Another Envoy with a plain port, which takes the service `name` to be where `other` is.
    pub async fn misled_envoy(&self, name: &str, other: &str) -> (Envoy, Front) {
        let port = free_port();
        let layout = Layout { replicas: 1, public_tls: false, collector: None };
        let envoy = self.start_envoy(port, &layout, Some((name, other))).await;
        (envoy, Front::new(port, None, kvartal_testing::smtp().await))
    }

    /// Runs `kvartal ca` in the folder of the cluster; `ca` and `tls` are its authority and the certificates.
    pub fn ca(&self, arguments: &[&str]) {
        run(Command::new(binary()).arg("ca").args(arguments).current_dir(self.folder.path()));
    }

    /// A folder or file of the cluster.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new certificate for the public port, which Envoy finds by itself.
    pub fn certify_public(&self) {
        let Some(authority) = &self.public else { return };
        let folder = self.path("public");
        std::fs::create_dir_all(&folder).expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, authority).expect("a certificate");
        for (name, content) in [("tls.key", key.serialize_pem()), ("tls.crt", certificate.pem())] {
            let new = folder.join(format!(".{name}"));
            std::fs::write(&new, content).expect("a file");
            std::fs::rename(new, folder.join(name)).expect("renamed");
        }
    }

    /// Stops the processes of a service, or of `guard`, one after the other as an orchestrator does, and starts each again;
    /// goes on when Envoy finds it well.
    pub async fn restart(&mut self, role: &str) {
        let of_role: Vec<usize> = (0..self.replicas.len()).filter(|at| self.replicas[*at].role == role).collect();
        assert!(!of_role.is_empty(), "there is no {role}");
        for at in of_role {
            let mut process = self.replicas[at].process.take().expect("it runs");
            let status = process.stop(END).await;
            assert!(status.success(), "{role} did not end in peace ({status}):\n{}", process.output());
            self.spawn(at);
            self.ready(at).await;
            self.all_well().await;
        }
    }

    /// Every role that can be restarted.
    pub fn roles(&self) -> Vec<&'static str> {
        SERVICES.into_iter().chain([GUARD]).collect()
    }

    /// Waits until Envoy finds every process well.
    pub async fn all_well(&self) {
        // Who serves pages is known to Envoy twice, and so are those that it asks about calls and about their number.
        let twice = self.replicas.iter().filter(|replica| replica.pages.is_some() || replica.role == GUARD).count();
        let expected = self.replicas.len() + twice;
        eventually(READY, || async {
            let clusters = self.envoy().admin("/clusters").await;
            let well = clusters.lines().filter(|line| line.ends_with("health_flags::healthy")).count();
            let flags: Vec<_> = clusters.lines().filter(|line| line.contains("health_flags")).collect();
            if well >= expected { Ok(()) } else { Err(format!("{flags:#?}")) }
        })
        .await;
    }

    /// The Envoy at the public port.
    pub fn envoy(&self) -> &Arc<Envoy> {
        self.envoy.as_ref().expect("it runs")
    }

    /// The number of the certificate that each process uses now.
    pub async fn serials(&self) -> Vec<String> {
        let mut serials = Vec::new();
        for replica in &self.replicas {
            let health = self.healthz(replica.probes).await;
            serials.push(health["certificates"][0]["serial"].as_str().unwrap_or_default().to_owned());
        }
        serials
    }

    async fn healthz(&self, port: u16) -> Value {
        let (_, body) = get(&format!("http://127.0.0.1:{port}/healthz")).await;
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// A connection past Envoy to the first process of a service, under the identity of `caller`.
    pub fn past_envoy(&self, service: &str, caller: &str) -> Channel {
        let identity = Identity::load(self.path("tls").join(caller), Arc::new(SystemClock)).expect("an identity");
        let connector = connector(&identity, service, Duration::from_secs(5)).expect("a name");
        self.raw_endpoint(service, "https").connect_with_connector_lazy(connector)
    }

    /// The same without any certificate and without TLS.
    pub fn past_envoy_in_the_clear(&self, service: &str) -> Channel {
        self.raw_endpoint(service, "http").connect_lazy()
    }

    fn raw_endpoint(&self, service: &str, scheme: &str) -> tonic::transport::Endpoint {
        let replica = self.of(service).next().expect("a process");
        endpoint(&format!("{scheme}://127.0.0.1:{}", replica.port)).expect("an address")
    }

    /// Everything that all processes wrote so far.
    pub fn output(&self) -> String {
        let wrote = |replica: &Replica| {
            let output = replica.process.as_ref().map(Process::output).unwrap_or_default();
            format!("--- {} {}\n{output}", replica.role, replica.port)
        };
        // Of the calls, those that failed.
        let envoy = self.envoy.as_ref().map(|envoy| envoy.output()).unwrap_or_default();
        let failed: Vec<&str> = envoy.lines().filter(|line| !line.contains(r#""grpc_status":"OK""#)).collect();
        let envoy = format!("--- Envoy\n{}\n", failed.join("\n"));
        self.replicas.iter().map(wrote).chain([envoy]).collect()
    }
}

/// An authority that certifies the public port.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Runs a command to its end.
fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
