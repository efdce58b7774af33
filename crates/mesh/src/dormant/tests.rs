//! It sleeps until it is woken, and then wakes whoever waits for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::Dormant;

#[tokio::test]
async fn it_is_polled_once_for_each_time_it_was_woken() {
    let polled = Arc::new(AtomicUsize::new(0));
    let (count, (send, mut receive)) = (Arc::clone(&polled), oneshot::channel());
    let mut dormant = Dormant::new(poll_fn(move |cx| {
        count.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut receive).poll(cx)
    }));
    for _ in 0..5 {
        assert!(futures::poll!(&mut dormant).is_pending());
    }
    assert_eq!(polled.load(Ordering::Relaxed), 1);
    send.send(7).unwrap();
    assert_eq!((&mut dormant).await, Ok(7));
    assert_eq!(polled.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_timer_inside_wakes_the_task_that_waits() {
    let begun = tokio::time::Instant::now();
    Dormant::new(tokio::time::sleep(Duration::from_secs(60))).await;
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn the_task_that_polled_last_is_the_one_that_is_woken() {
    let notify = Arc::new(Notify::new());
    let told = Arc::clone(&notify);
    let mut dormant = Box::pin(Dormant::new(async move { told.notified().await }));
    // Polled by this task first, then only by another.
    assert!(futures::poll!(&mut dormant).is_pending());
    let mut tasks = JoinSet::new();
    tasks.spawn(dormant);
    tokio::task::yield_now().await;
    notify.notify_one();
    tasks.join_next().await.unwrap().unwrap();
}
