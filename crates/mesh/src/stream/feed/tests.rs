//! Feeds: order, resuming, slowness, silence.

use futures::StreamExt as _;
use kvartal_kernel::Kind;
use tokio::time::Instant;

use super::{Feed, Subscription};
use crate::stream::{HEARTBEAT, Item};

async fn event(subscription: &mut Subscription<u32>) -> (u32, String) {
    match subscription.next().await.unwrap().unwrap() {
        Item::Event { value, token } => (value, token),
        Item::Heartbeat { .. } => panic!("a heartbeat instead of an event"),
    }
}

#[tokio::test]
async fn subscribers_see_what_they_want_in_order() {
    let feed = Feed::new(1_000);
    feed.publish(1);
    let mut even = feed.subscribe("", |n| n % 2 == 0).unwrap();
    for n in 2..=400 {
        feed.publish(n);
    }
    for n in (2..=400).step_by(2) {
        assert_eq!(event(&mut even).await.0, n);
    }
    let publish = async {
        feed.publish(401);
        feed.publish(402);
    };
    let ((next, _), ()) = futures::join!(event(&mut even), publish);
    assert_eq!(next, 402);
}

#[tokio::test]
async fn a_token_leads_back_without_loss_or_repetition() {
    let feed = Feed::new(10);
    let mut first = feed.subscribe("", |_| true).unwrap();
    feed.publish(1);
    feed.publish(2);
    let (_, token) = event(&mut first).await;
    drop(first);
    feed.publish(3);
    let mut second = feed.subscribe(&token, |_| true).unwrap();
    assert_eq!(event(&mut second).await.0, 2);
    assert_eq!(event(&mut second).await.0, 3);
}

#[tokio::test]
async fn whoever_is_too_slow_starts_again() {
    let feed = Feed::new(10);
    let mut slow = feed.subscribe("", |_| true).unwrap();
    let token = slow.token();
    for n in 0..11 {
        feed.publish(n);
    }
    let error = slow.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::FailedPrecondition, "RESUME_TOKEN_EXPIRED"));
    assert!(feed.subscribe(&token, |_| true).is_err());
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    let feed = Feed::<u32>::new(10);
    let other = Feed::<u32>::new(10).subscribe("", |_| true).unwrap().token();
    for token in [other.as_str(), "x", "0123456789abcdef", "0123456789abcdef0", "éééééééééééé", &"f".repeat(99)]
    {
        assert_eq!(feed.subscribe(token, |_| true).err().unwrap().reason(), "RESUME_TOKEN_EXPIRED", "{token}");
    }
    let mut ahead = feed.subscribe("", |_| true).unwrap().token();
    ahead.push('9');
    assert!(feed.subscribe(&ahead, |_| true).is_err());
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats_that_lead_on() {
    let feed = Feed::new(10);
    let mut subscription = feed.subscribe("", |n| *n > 100).unwrap();
    feed.publish(1);
    let started = Instant::now();
    let Some(Ok(Item::Heartbeat { token })) = subscription.next().await else { panic!("no heartbeat") };
    assert_eq!(started.elapsed(), HEARTBEAT);
    feed.publish(101);
    let mut again = feed.subscribe(&token, |_| true).unwrap();
    assert_eq!(event(&mut again).await.0, 101);
}
