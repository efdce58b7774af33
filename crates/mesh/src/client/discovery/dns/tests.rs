//! A name is asked for again and again, and sooner when an endpoint is lost.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::*;

/// What the name resolves to at the moment, when it was asked for, and the stream that follows it.
struct Name {
    answer: Arc<Mutex<io::Result<Vec<SocketAddr>>>>,
    asked: Arc<Mutex<Vec<Instant>>>,
    lost: Arc<Notify>,
    found: BoxStream<'static, BTreeSet<Address>>,
}

fn name(first: &[&str]) -> Name {
    let answer: Arc<Mutex<io::Result<_>>> = Arc::new(Mutex::new(Ok(addresses(first))));
    let (asked, lost) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(Notify::new()));
    let (says, times) = (Arc::clone(&answer), Arc::clone(&asked));
    let resolve = move |_| {
        times.lock().unwrap().push(Instant::now());
        let answer = match &*says.lock().unwrap() {
            Ok(found) => Ok(found.clone()),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        async move { answer }
    };
    let address = Address::parse("identity:9090", None).unwrap();
    let found = follow_with(address, Arc::clone(&lost), resolve).boxed();
    Name { answer, asked, lost, found }
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

impl Name {
    fn set(&self, answer: io::Result<Vec<SocketAddr>>) {
        *self.answer.lock().unwrap() = answer;
    }

    async fn next(&mut self) -> Vec<String> {
        self.found.next().await.unwrap().iter().map(ToString::to_string).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_name_is_a_change_of_the_endpoints() {
    let mut name = name(&["10.0.0.1:9090", "10.0.0.2:9090"]);
    assert_eq!(name.next().await, ["10.0.0.1:9090", "10.0.0.2:9090"]);
    let begun = Instant::now();
    name.set(Ok(addresses(&["10.0.0.3:9090", "10.0.0.2:9090"])));
    assert_eq!(name.next().await, ["10.0.0.2:9090", "10.0.0.3:9090"]);
    assert_eq!(begun.elapsed().as_secs(), INTERVAL.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_lost_endpoint_has_the_name_asked_for_within_a_second() {
    let mut name = name(&["10.0.0.1:9090"]);
    name.next().await;
    let begun = Instant::now();
    name.set(Ok(addresses(&["10.0.0.9:9090"])));
    name.lost.notify_one();
    assert_eq!(name.next().await, ["10.0.0.9:9090"]);
    assert!(begun.elapsed().as_millis() <= INTERVAL_LOST.as_millis() + 1, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_known_stays_while_the_name_cannot_be_resolved() {
    let mut name = name(&["10.0.0.1:9090"]);
    name.next().await;
    for answer in [Err(io::ErrorKind::TimedOut.into()), Ok(Vec::new()), Ok(addresses(&["10.0.0.1:9090"]))] {
        name.set(answer);
        let asked = name.asked.lock().unwrap().len();
        let silent = tokio::time::timeout(INTERVAL * 3, name.found.next()).await;
        assert!(silent.is_err(), "nothing has changed");
        assert!(name.asked.lock().unwrap().len() >= asked + 3, "and it goes on asking");
    }
    name.set(Ok(addresses(&["10.0.0.2:9090"])));
    assert_eq!(name.next().await, ["10.0.0.2:9090"]);
}
