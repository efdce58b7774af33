//! Certificates and authorities change while calls are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kvartal_kernel::{ManualClock, SystemClock};
use kvartal_mesh::tls::Identity;
use kvartal_mesh::tls::ca::Authority;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::{DAY, HOUR, Installation, SOON, channel, contact, get_contact, listen, now, serial, service, shake, with};

/// One installation, whose authority is exchanged for a new one again and again.
struct Rotation {
    installation: Installation,
    authorities: Vec<Authority>,
    identities: [Identity; 2],
}

impl Rotation {
    fn new() -> Self {
        let installation = Installation::new();
        let identities = ["identity", "notification"].map(|service| installation.identity(service));
        let authority = Authority::open(&installation.path("ca")).unwrap();
        Self { installation, authorities: vec![authority], identities }
    }

    fn current(&self) -> &Authority {
        self.authorities.last().unwrap()
    }

    /// New certificates by `authority`, trusted along with what else `bundle` holds.
    fn issue(&self, authority: &Authority, bundle: &str) {
        for identity in &self.identities {
            let service = identity.name().service();
            let mut issued = authority.issue(service, DAY, now()).unwrap();
            issued.bundle = bundle.to_owned();
            issued.replace(&self.installation.path(service)).unwrap();
            let before = identity.status().serial;
            assert!(identity.look(), "{:?}", identity.status());
            assert_ne!(identity.status().serial, before);
        }
    }

    /// A new authority takes over in three steps, after each of which everybody can still talk to everybody: trust both,
    /// use the new one, forget the old one. Any other round is new certificates by the same authority.
    fn step(&mut self, round: usize) {
        match round % 6 {
            3 => {
                let folder = self.installation.path(&format!("ca-{}", self.authorities.len()));
                let next = Authority::create(&folder, "kvartal", DAY * 30, now()).unwrap();
                self.issue(self.current(), &format!("{}{}", self.current().bundle(), next.bundle()));
                self.authorities.push(next);
            }
            4 => {
                let old = &self.authorities[self.authorities.len() - 2];
                self.issue(self.current(), &format!("{}{}", old.bundle(), self.current().bundle()));
            }
            _ => self.issue(self.current(), self.current().bundle()),
        }
    }
}

/// Calls until told to stop, on one channel or on a new connection each time.
async fn call(
    port: u16,
    identity: Identity,
    me: usize,
    stop: Arc<AtomicBool>,
    calls: Arc<[AtomicU64; 8]>,
) -> Vec<String> {
    let anew = me.is_multiple_of(2);
    let mut client = IdentityServiceClient::new(channel(port, &identity, "notification"));
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        if anew {
            client = IdentityServiceClient::new(channel(port, &identity, "notification"));
        }
        match get_contact(&mut client).await {
            Ok(answer) if answer.email == "notification" => {}
            Ok(answer) => failures.push(answer.email),
            Err(status) => failures.push(status.to_string()),
        }
        calls[me].fetch_add(1, Ordering::Relaxed);
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_certificates_and_authorities_change() {
    let mut rotation = Rotation::new();
    let serving = listen(service(), with(&rotation.identities[0])).await;
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(<[AtomicU64; 8]>::default()));
    let callers: Vec<_> = (0..8)
        .map(|me| {
            let identity = rotation.identities[1].clone();
            tokio::spawn(call(serving.port, identity, me, stop.clone(), calls.clone()))
        })
        .collect();
    let counts = || calls.each_ref().map(|count| count.load(Ordering::Relaxed));
    for round in 0..30 {
        let before = counts();
        // Files are written and keys are made while the callers go on.
        rotation = tokio::task::spawn_blocking(move || {
            rotation.step(round);
            rotation
        })
        .await
        .unwrap();
        let presented = {
            let config = rotation.identities[1].client_config("identity").unwrap();
            let stream = shake(serving.port, config, "identity").await.unwrap();
            serial(stream.get_ref().1.peer_certificates())
        };
        assert_eq!(presented, rotation.identities[0].status().serial, "a new connection sees the new certificate");
        // Whoever was in the middle of a handshake is through: an authority is forgotten hours later, not microseconds.
        let called = async {
            while counts().iter().zip(&before).any(|(now, before)| *now < before + 3) {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON * 6, called).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Vec::<String>::new());
    }
    let status = rotation.identities[1].status();
    assert_eq!((status.loads, status.failures), (1 + 30, 0));
    println!("{} calls over 30 rotations", counts().iter().sum::<u64>());
    // What was trusted at first is not any more.
    let old = rotation.installation.issue("old", DAY, now(), Arc::new(SystemClock));
    assert!(contact(serving.port, &old, "notification").await.is_err());
}

#[tokio::test]
async fn a_server_sees_the_new_certificate_on_the_next_connection() {
    let rotation = Rotation::new();
    let [server, client] = &rotation.identities;
    let acceptor = TlsAcceptor::from(server.server_config().unwrap());
    let config = client.client_config("identity").unwrap();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
        let (accepted, _client) = tokio::join!(accepting, shake(port, config.clone(), "identity"));
        assert_eq!(serial(accepted.get_ref().1.peer_certificates()), client.status().serial);
        let bundle = rotation.current().bundle().to_owned();
        rotation.issue(rotation.current(), &bundle);
    }
}

#[tokio::test]
async fn a_connection_gets_no_older_than_half_of_what_is_left_of_its_certificates() {
    let installation = Installation::new();
    let started = now();
    let server = installation.identity("identity");
    let last = Arc::new(ManualClock::at(started.plus(HOUR).minus(Duration::from_secs(3))));
    // One that lives for an hour, of which three seconds are left to the mind of its peer.
    let server_at_the_end = {
        let folder = installation.path("identity");
        Identity::load(folder, last.clone()).unwrap()
    };
    let serving = listen(service(), with(&server_at_the_end)).await;
    let client = installation.issue("notification", HOUR, started, last);
    assert!(server.status().left > HOUR * 20);
    let began = Instant::now();
    let tls = shake(serving.port, client.client_config("identity").unwrap(), "identity").await.unwrap();
    let io = hyper_util::rt::TokioIo::new(tls);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (_sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, tonic::body::Body>(executor, io).await.unwrap();
    timeout(SOON, connection).await.unwrap().unwrap();
    // Half of three seconds, and certificates count in whole ones.
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(TcpStream::connect(("127.0.0.1", serving.port)).await.is_ok(), "new connections come in");
}
