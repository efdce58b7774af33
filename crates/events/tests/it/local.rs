//! What is particular to the bus inside one process: its file.

use std::sync::Arc;

use kvartal_events::{Bus, LocalBus};
use kvartal_kernel::Kind;
use kvartal_testing::eventually;

use crate::recorder::{Fault, Recorder};
use crate::{Running, SOON, declare, delivery, event};

#[tokio::test(flavor = "multi_thread")]
async fn queues_bindings_and_dead_letters_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus ?%#.sqlite");
    let recorder = Recorder::new();
    {
        let local = LocalBus::with(Some(&path), delivery()).await.unwrap();
        let bus: Arc<dyn Bus> = Arc::new(local.clone());
        declare(&*bus, "queue").await;
        recorder.fault(0, Fault::Fail(Kind::InvalidArgument), 1);
        let running = Running::start(&bus, "queue", recorder.clone());
        bus.publish(&[event("a", 0)]).await.unwrap();
        eventually(SOON, || async { bus.dead_letters("queue").await.unwrap().len() == 1 }).await;
        running.stop().await;
        bus.publish(&[event("a", 1)]).await.unwrap();
        local.close().await;
    }
    assert!(path.exists());
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::with(Some(&path), delivery()).await.unwrap());
    // Its consumer has not come back yet, and it is bound nevertheless.
    bus.publish(&[event("a", 2)]).await.unwrap();
    assert_eq!(bus.dead_letters("queue").await.unwrap().len(), 1);
    assert_eq!(bus.replay("queue").await.unwrap(), 1);
    declare(&*bus, "queue").await;
    let running = Running::start(&bus, "queue", recorder.clone());
    recorder.has_handled(3).await;
    assert_eq!(recorder.handled("a"), [1, 2, 0]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_ends_the_process_every_time_becomes_a_dead_letter() {
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::with(None, delivery()).await.unwrap());
    declare(&*bus, "deadly").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Block, 100);
    bus.publish(&[event("a", 0)]).await.unwrap();
    for round in 1..=3 {
        let running = Running::start(&bus, "deadly", recorder.clone());
        recorder.was_delivered(0, round).await;
        running.abort().await;
    }
    let running = Running::start(&bus, "deadly", recorder.clone());
    eventually(SOON, || async { bus.dead_letters("deadly").await.unwrap().len() == 1 }).await;
    assert_eq!(recorder.deliveries(0), 3);
    running.stop().await;
}
