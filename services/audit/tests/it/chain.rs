//! The chain stays one chain, whoever appends, and can be checked from any record on.

use kvartal_mesh::from_status;
use kvartal_proto::audit::v1::VerifyChainRequest;

use crate::stage::{Database, Stage, call};

crate::on_both_databases![many_at_once_make_one_chain, a_check_may_begin_anywhere, an_empty_chain_is_intact,];

async fn many_at_once_make_one_chain(database: Database) {
    let stage = Stage::start(database).await;
    // Different subjects travel side by side.
    let events: Vec<_> = (0..150).map(|number| call(&format!("u{number}"), "OK")).collect();
    stage.publish(&events).await;
    stage.records(150).await;
    let found = kvartal_audit::verify(&stage.store).await.unwrap();
    assert_eq!((found.flaw, found.checked, found.head.sequence), (None, 150, 150));
    // More than one batch of the check.
    for _ in 0..3 {
        let events: Vec<_> = (0..300).map(|number| call(&format!("u{number}"), "OK")).collect();
        stage.publish(&events).await;
    }
    kvartal_testing::eventually(crate::stage::SOON, || async { stage.verify(1).await.head_sequence >= 1_050 }).await;
    assert!(stage.verify(0).await.intact);
}

async fn a_check_may_begin_anywhere(database: Database) {
    let stage = Stage::start(database).await;
    let events: Vec<_> = (0..5).map(|number| call(&format!("u{number}"), "OK")).collect();
    stage.publish(&events).await;
    let records = stage.records(5).await;
    let found = stage.verify(3).await;
    assert!(found.intact, "{found:?}");
    assert_eq!((found.checked_count, found.head_sequence), (3, 5));
    assert_eq!(found.head_hash, records[0].hash);
    // That check is a record itself.
    stage.records(6).await;
    assert_eq!(stage.verify(7).await.checked_count, 0);
    stage.records(7).await;
    let request = stage.request("admin", VerifyChainRequest { from_sequence: 100 });
    let refused = stage.client().verify_chain(request).await.unwrap_err();
    assert_eq!(from_status(&refused).field_violations()[0].field, "from_sequence");
}

async fn an_empty_chain_is_intact(database: Database) {
    let stage = Stage::start(database).await;
    let found = stage.verify(0).await;
    assert!(found.intact);
    assert_eq!((found.checked_count, found.head_sequence), (0, 0));
    assert_eq!(found.head_hash, "0".repeat(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_append_to_one_chain() {
    let stage = Stage::start(Database::Postgres).await;
    let (replica, _folder) = stage.replica().await;
    let events: Vec<_> = (0..200).map(|number| call(&format!("u{number}"), "OK")).collect();
    let (here, there) = events.split_at(100);
    // Both hear of some events: each is recorded by whoever comes first.
    let (bus, other) = (stage.runtime.bus(), replica.bus());
    let (one, two) = tokio::join!(bus.publish(&events[..120]), other.publish(&events[80..]));
    one.unwrap();
    two.unwrap();
    stage.records(here.len() + there.len()).await;
    let found = kvartal_audit::verify(&stage.store).await.unwrap();
    assert_eq!((found.flaw, found.checked), (None, 200));
    assert!(replica.shutdown().await.clean());
}
