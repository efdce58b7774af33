//! What both buses promise to consumers.

use kvartal_kernel::Kind;
use kvartal_testing::eventually;
use tokio_util::sync::CancellationToken;

use crate::recorder::{Fault, Recorder, number};
use crate::{KIND, Room, Running, SOON, declare, event, event_of, on_both_buses};

on_both_buses!(
    events_of_one_subject_keep_their_order,
    different_subjects_do_not_wait_for_each_other,
    a_failed_event_comes_again_before_the_next_of_its_subject,
    an_event_becomes_a_dead_letter_at_the_limit_and_can_be_replayed,
    a_dead_letter_that_dies_again_stays_a_dead_letter,
    a_hopeless_event_becomes_a_dead_letter_at_once,
    a_handler_that_panics_has_failed,
    events_are_kept_while_the_consumer_is_away,
    every_queue_gets_its_own_copy_of_its_kinds,
    a_kind_that_is_no_longer_declared_is_not_handed_over,
    an_unhandled_event_comes_again_after_a_stop,
    the_next_consumer_takes_over,
    a_queue_must_be_declared,
    a_bus_answers_a_ping,
    publishing_nothing_or_for_nobody_is_fine,
);

async fn events_of_one_subject_keep_their_order(room: Room) {
    declare(&*room.bus, "orders").await;
    let recorder = Recorder::new();
    let running = Running::start(&room.bus, "orders", recorder.clone());
    let events: Vec<_> = (0..600).map(|n| event(&format!("s{}", n % 10), n)).collect();
    for chunk in events.chunks(100) {
        room.bus.publish(chunk).await.unwrap();
    }
    recorder.has_handled(600).await;
    running.stop().await;
    for subject in 0..10 {
        let expected: Vec<_> = (0..600).filter(|n| n % 10 == subject).collect();
        assert_eq!(recorder.handled(&format!("s{subject}")), expected);
    }
}

async fn different_subjects_do_not_wait_for_each_other(room: Room) {
    declare(&*room.bus, "lanes").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Block, 1);
    let running = Running::start(&room.bus, "lanes", recorder.clone());
    room.bus.publish(&[event("slow", 0), event("slow", 1)]).await.unwrap();
    // Some of these share the lane of the slow subject, most do not.
    let others: Vec<_> = (2..34).map(|n| event(&format!("s{n}"), n)).collect();
    room.bus.publish(&others).await.unwrap();
    recorder.has_handled(16).await;
    assert!(recorder.handled("slow").is_empty());
    recorder.release();
    recorder.has_handled(34).await;
    assert_eq!(recorder.handled("slow"), [0, 1]);
    running.stop().await;
}

async fn a_failed_event_comes_again_before_the_next_of_its_subject(room: Room) {
    declare(&*room.bus, "retries").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Fail(Kind::Unavailable), 2);
    let running = Running::start(&room.bus, "retries", recorder.clone());
    room.bus.publish(&[event("a", 0), event("a", 1), event("a", 2)]).await.unwrap();
    recorder.has_handled(3).await;
    assert_eq!(recorder.handled("a"), [0, 1, 2]);
    assert_eq!(recorder.deliveries(0), 3);
    running.stop().await;
    assert!(room.bus.dead_letters("retries").await.unwrap().is_empty());
}

async fn an_event_becomes_a_dead_letter_at_the_limit_and_can_be_replayed(room: Room) {
    declare(&*room.bus, "dead").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Fail(Kind::Internal), 100);
    recorder.fault(2, Fault::Fail(Kind::Internal), 100);
    let running = Running::start(&room.bus, "dead", recorder.clone());
    let first = event("a", 0);
    room.bus.publish(&[first.clone(), event("a", 1), event("a", 2)]).await.unwrap();
    let letters = eventually(SOON, || async {
        let letters = room.bus.dead_letters("dead").await.unwrap();
        (letters.len() == 2).then_some(letters)
    })
    .await;
    assert_eq!(recorder.handled("a"), [1]);
    assert_eq!(recorder.deliveries(0), 3);
    assert_eq!(letters[0].event, first);
    assert_eq!(letters[0].deliveries, 3);
    assert!(letters[0].reason.contains("AS_PLANNED"), "{}", letters[0].reason);
    // Looking does not take them away, and keeps their order.
    let again = room.bus.dead_letters("dead").await.unwrap();
    assert_eq!(again.iter().map(|letter| number(&letter.event)).collect::<Vec<_>>(), [0, 2]);

    recorder.heal();
    assert_eq!(room.bus.replay("dead").await.unwrap(), 2);
    recorder.has_handled(3).await;
    assert_eq!(recorder.handled("a"), [1, 0, 2]);
    assert!(room.bus.dead_letters("dead").await.unwrap().is_empty());
    assert_eq!(room.bus.replay("dead").await.unwrap(), 0);
    running.stop().await;
}

async fn a_dead_letter_that_dies_again_stays_a_dead_letter(room: Room) {
    declare(&*room.bus, "again").await;
    let recorder = Recorder::new();
    for n in 0..20 {
        recorder.fault(n, Fault::Fail(Kind::InvalidArgument), 1000);
    }
    let running = Running::start(&room.bus, "again", recorder.clone());
    room.bus.publish(&(0..20).map(|n| event(&format!("s{n}"), n)).collect::<Vec<_>>()).await.unwrap();
    let all_are_dead = || async {
        let mut dead: Vec<_> = room.bus.dead_letters("again").await.unwrap().iter().map(|l| number(&l.event)).collect();
        dead.sort_unstable();
        if dead == (0..20).collect::<Vec<_>>() { Ok(()) } else { Err(dead) }
    };
    eventually(SOON, all_are_dead).await;
    for round in 2..=4 {
        // Ends, although they die while it goes on.
        assert_eq!(room.bus.replay("again").await.unwrap(), 20);
        for n in 0..20 {
            recorder.was_delivered(n, round).await;
        }
        eventually(SOON, all_are_dead).await;
    }
    recorder.heal();
    assert_eq!(room.bus.replay("again").await.unwrap(), 20);
    recorder.has_handled(20).await;
    running.stop().await;
}

async fn a_hopeless_event_becomes_a_dead_letter_at_once(room: Room) {
    declare(&*room.bus, "hopeless").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Fail(Kind::InvalidArgument), 100);
    let running = Running::start(&room.bus, "hopeless", recorder.clone());
    room.bus.publish(&[event("a", 0), event("a", 1)]).await.unwrap();
    recorder.has_handled(1).await;
    let letters = eventually(SOON, || async {
        let letters = room.bus.dead_letters("hopeless").await.unwrap();
        (letters.len() == 1).then_some(letters)
    });
    assert_eq!(letters.await[0].deliveries, 1);
    assert_eq!(recorder.deliveries(0), 1);
    running.stop().await;
}

async fn a_handler_that_panics_has_failed(room: Room) {
    declare(&*room.bus, "panics").await;
    let recorder = Recorder::new();
    recorder.fault(0, Fault::Panic, 1);
    let running = Running::start(&room.bus, "panics", recorder.clone());
    room.bus.publish(&[event("a", 0), event("a", 1)]).await.unwrap();
    recorder.has_handled(2).await;
    assert_eq!(recorder.handled("a"), [0, 1]);
    running.stop().await;
}

async fn events_are_kept_while_the_consumer_is_away(room: Room) {
    declare(&*room.bus, "away").await;
    let recorder = Recorder::new();
    room.bus.publish(&[event("a", 0)]).await.unwrap();
    let running = Running::start(&room.bus, "away", recorder.clone());
    recorder.has_handled(1).await;
    running.stop().await;
    room.bus.publish(&[event("a", 1), event("a", 2)]).await.unwrap();
    let running = Running::start(&room.bus, "away", recorder.clone());
    recorder.has_handled(3).await;
    assert_eq!(recorder.handled("a"), [0, 1, 2]);
    running.stop().await;
}

async fn every_queue_gets_its_own_copy_of_its_kinds(room: Room) {
    room.bus.declare("first", &["a.Opened".to_owned(), "a.Closed".to_owned()]).await.unwrap();
    room.bus.declare("second", &["a.Closed".to_owned()]).await.unwrap();
    let (first, second) = (Recorder::new(), Recorder::new());
    let one = Running::start(&room.bus, "first", first.clone());
    let two = Running::start(&room.bus, "second", second.clone());
    let events = [event_of("a.Opened", "x", 0), event_of("a.Closed", "x", 1), event_of("a.Other", "x", 2)];
    room.bus.publish(&events).await.unwrap();
    first.has_handled(2).await;
    second.has_handled(1).await;
    one.stop().await;
    two.stop().await;
    assert_eq!(first.handled("x"), [0, 1]);
    assert_eq!(second.handled("x"), [1]);
}

async fn a_kind_that_is_no_longer_declared_is_not_handed_over(room: Room) {
    room.bus.declare("changing", &["a.Old".to_owned(), KIND.to_owned()]).await.unwrap();
    room.bus.publish(&[event_of("a.Old", "x", 0)]).await.unwrap();
    declare(&*room.bus, "changing").await;
    let recorder = Recorder::new();
    let running = Running::start(&room.bus, "changing", recorder.clone());
    room.bus.publish(&[event_of("a.Old", "x", 1), event("x", 2)]).await.unwrap();
    recorder.has_handled(1).await;
    running.stop().await;
    assert_eq!(recorder.handled("x"), [2]);
}

async fn an_unhandled_event_comes_again_after_a_stop(room: Room) {
    declare(&*room.bus, "stops").await;
    let recorder = Recorder::new();
    // Blocked in the handler when the stop comes: it is waited for. The next one has not begun.
    recorder.fault(0, Fault::Block, 1);
    let running = Running::start(&room.bus, "stops", recorder.clone());
    room.bus.publish(&[event("a", 0), event("a", 1)]).await.unwrap();
    recorder.was_delivered(0, 1).await;
    running.stop.cancel();
    recorder.release();
    running.stop().await;
    assert_eq!(recorder.handled("a"), [0]);
    let running = Running::start(&room.bus, "stops", recorder.clone());
    recorder.has_handled(2).await;
    running.stop().await;
    assert_eq!(recorder.handled("a"), [0, 1]);
}

async fn the_next_consumer_takes_over(room: Room) {
    declare(&*room.bus, "replicas").await;
    let (first, second) = (Recorder::new(), Recorder::new());
    let one = Running::start(&room.bus, "replicas", first.clone());
    room.bus.publish(&[event("a", 0)]).await.unwrap();
    first.has_handled(1).await;
    let two = Running::start(&room.bus, "replicas", second.clone());
    room.bus.publish(&(1..50).map(|n| event(&format!("s{n}"), n)).collect::<Vec<_>>()).await.unwrap();
    first.has_handled(50).await;
    // One at a time: two at once would break the order of a subject.
    assert_eq!(second.total(), 0);
    one.stop().await;
    room.bus.publish(&[event("a", 50)]).await.unwrap();
    second.has_handled(1).await;
    assert_eq!(first.total(), 50);
    two.stop().await;
}

async fn a_queue_must_be_declared(room: Room) {
    let nobody = room.bus.consume("unknown", Recorder::new(), CancellationToken::new()).await;
    assert_eq!(nobody.unwrap_err().kind(), Kind::Internal);
}

async fn a_bus_answers_a_ping(room: Room) {
    room.bus.ping().await.unwrap();
}

async fn publishing_nothing_or_for_nobody_is_fine(room: Room) {
    room.bus.publish(&[]).await.unwrap();
    room.bus.publish(&[event("a", 0)]).await.unwrap();
}
