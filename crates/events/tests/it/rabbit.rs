//! What is particular to RabbitMQ: connections that break, a broker that goes away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kvartal_events::{Bus, Event, RabbitBus};
use kvartal_kernel::Kind;
use kvartal_testing::{RabbitServer, eventually};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::outbox::{Relaying, append, waiting};
use crate::recorder::{Fault, Recorder};
use crate::{Database, Running, SOON, declare, delivery, event};

/// A way to the broker that can be cut.
struct Wire {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Wire {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let list = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                let connection = tokio::spawn(async move {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
                list.lock().unwrap().push(connection.abort_handle());
            }
        });
        Self { address, connections }
    }

    /// Cuts every connection; new ones are let through.
    fn cut(&self) -> usize {
        let cut = std::mem::take(&mut *self.connections.lock().unwrap());
        cut.iter().for_each(AbortHandle::abort);
        cut.len()
    }
}

/// The broker's URL through a wire.
async fn wired(url: &str) -> (Wire, String) {
    let (credentials, rest) = url.split_once('@').unwrap();
    let (host, vhost) = rest.split_once('/').unwrap();
    let wire = Wire::to(host.to_owned()).await;
    let url = format!("{credentials}@{}/{vhost}", wire.address);
    (wire, url)
}

/// As the relay does it: again until the bus has it.
async fn publish(bus: &dyn Bus, events: &[Event]) {
    eventually(SOON, || bus.publish(events)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_and_consuming_go_on_after_the_connection_is_cut() {
    let rabbit = kvartal_testing::rabbitmq().await;
    let (wire, url) = wired(&rabbit.url()).await;
    let bus: Arc<dyn Bus> = Arc::new(RabbitBus::connect(&url).await.unwrap());
    declare(&*bus, "cut").await;
    let recorder = Recorder::new();
    let running = Running::start(&bus, "cut", recorder.clone());
    for n in 0..60 {
        if n % 20 == 10 {
            assert!(wire.cut() > 0);
        }
        publish(&*bus, &[event("a", n)]).await;
    }
    let handled = || async {
        let mut handled = recorder.handled("a");
        // What was not acknowledged before the cut comes again; the inbox would know it.
        let mut seen = std::collections::HashSet::new();
        handled.retain(|n| seen.insert(*n));
        (handled.len() == 60).then_some(handled)
    };
    assert_eq!(eventually(SOON, handled).await, (0..60).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_ends_the_process_every_time_becomes_a_dead_letter() {
    let rabbit = kvartal_testing::rabbitmq().await;
    let (wire, url) = wired(&rabbit.url()).await;
    let bus: Arc<dyn Bus> = Arc::new(RabbitBus::with(&url, delivery()).await.unwrap());
    declare(&*bus, "deadly").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Block, 100);
    publish(&*bus, &[event("a", 0)]).await;
    for round in 1..=3 {
        let running = Running::start(&bus, "deadly", recorder.clone());
        recorder.was_delivered(0, round).await;
        running.abort().await;
        wire.cut();
    }
    let running = Running::start(&bus, "deadly", recorder.clone());
    let letters = eventually(SOON, || async {
        let letters = bus.dead_letters("deadly").await.ok()?;
        (letters.len() == 1).then_some(letters)
    });
    assert!(!letters.await[0].reason.is_empty());
    assert_eq!(recorder.deliveries(0), 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_survive_a_broker_that_is_killed() {
    let mut server = RabbitServer::start().await;
    let rabbit = server.vhost().await;
    let bus: Arc<dyn Bus> = Arc::new(RabbitBus::connect(&rabbit.url()).await.unwrap());
    declare(&*bus, "killed").await;
    // Confirmed, and so durable.
    bus.publish(&(0..10).map(|n| event("a", n)).collect::<Vec<_>>()).await.unwrap();
    let database = Database::sqlite().await;
    let relaying = Relaying::start(&database.store, &bus);
    // RabbitMQ 3.10 writes down the existence of a new quorum queue some seconds later, whatever it has confirmed; one
    // that is killed before never elects a leader again.
    tokio::time::sleep(Duration::from_secs(7)).await;
    server.kill();
    append(&database.store, (10..20).map(|n| event("a", n)).collect()).await;
    eventually(SOON, || async { bus.ping().await.is_err_and(|error| error.kind() == Kind::Unavailable) }).await;
    assert_eq!(waiting(&database.store).await, 10);
    server.restart().await;
    let recorder = Recorder::new();
    let running = Running::start(&bus, "killed", recorder.clone());
    recorder.has_handled(20).await;
    assert_eq!(recorder.handled("a"), (0..20).collect::<Vec<_>>());
    running.stop().await;
    relaying.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_unavailable() {
    let url = format!("amqp://guest:secret@127.0.0.1:{}/", kvartal_testing::free_port());
    let error = RabbitBus::connect(&url).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.chain().contains("secret"));
    assert!(!RabbitBus::connect("amqp://guest:secret@:x/").await.err().unwrap().chain().contains("secret"));
}
