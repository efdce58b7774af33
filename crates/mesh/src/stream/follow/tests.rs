//! Following a durable source.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use kvartal_kernel::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Batch, follow};
use crate::stream::{HEARTBEAT, Item};

type Table = Arc<Mutex<Vec<u32>>>;

/// Reads at most two rows after the token; odd ones are not wanted.
fn read(table: &Table, token: &str) -> Batch<u32> {
    let from: usize = token.parse().unwrap_or(0);
    let rows = table.lock().unwrap();
    let rows: Vec<_> = rows.iter().copied().enumerate().skip(from).take(2).collect();
    let token = rows.last().map_or(from, |(index, _)| index + 1).to_string();
    let items = rows.into_iter().filter(|(_, n)| n % 2 == 0).map(|(index, n)| (n, (index + 1).to_string())).collect();
    Batch { items, token }
}

fn value(item: Option<Result<Item<u32>, Error>>) -> (u32, String) {
    match item {
        Some(Ok(Item::Event { value, token })) => (value, token),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn it_catches_up_then_wakes_then_polls() {
    let table: Table = Arc::new(Mutex::new(vec![1, 2, 3, 5, 7, 4]));
    let (wake, woken) = watch::channel(0);
    let source = Arc::clone(&table);
    let mut stream = pin!(follow("0".into(), woken, move |token| {
        let batch = read(&source, &token);
        async move { Ok(batch) }
    }));
    assert_eq!(value(stream.next().await), (2, "2".into()));
    assert_eq!(value(stream.next().await), (4, "6".into()));

    let started = Instant::now();
    table.lock().unwrap().push(6);
    wake.send(1).unwrap();
    assert_eq!(value(stream.next().await), (6, "7".into()));
    assert_eq!(started.elapsed(), Duration::ZERO);

    table.lock().unwrap().push(8);
    assert_eq!(value(stream.next().await), (8, "8".into()));
    assert!(started.elapsed() <= Duration::from_secs(1));

    drop(wake);
    let started = Instant::now();
    let Some(Ok(Item::Heartbeat { token })) = stream.next().await else { panic!("no heartbeat") };
    assert_eq!((started.elapsed(), token.as_str()), (HEARTBEAT, "8"));
}

#[tokio::test]
async fn an_error_of_the_source_ends_it() {
    let (_wake, woken) = watch::channel(0);
    let mut stream = pin!(follow::<u32, _, _>(String::new(), woken, |_| async { Err(Error::internal("gone")) }));
    assert!(stream.next().await.unwrap().is_err());
    assert!(stream.next().await.is_none());
}
