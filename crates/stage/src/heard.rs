//! Events as another service gets them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_host::Runtime;
use kvartal_kernel::{Error, Uuid};
use kvartal_testing::eventually;

/// The longest that an event may take.
const SOON: Duration = Duration::from_secs(30);

/// Events in the order in which they came, each once.
#[derive(Clone, Default, Debug)]
pub struct Heard(Arc<Mutex<Vec<Event>>>);

impl Heard {
    /// Collects events of these kinds, by their full names, from now on.
    pub async fn on(runtime: &Runtime, kinds: impl IntoIterator<Item = String>) -> Self {
        let (heard, bus, stop) = (Self::default(), runtime.bus(), runtime.stop());
        // Each listens for itself: events do not go to a replica's listener.
        let queue = format!("heard-{}", Uuid::now_v7());
        bus.declare(&queue, &kinds.into_iter().collect::<Vec<_>>()).await.unwrap();
        let handler = Arc::new(heard.clone());
        runtime.spawn("heard", async move { bus.consume(&queue, handler, stop).await.unwrap() });
        heard
    }

    /// Takes the first event that fits away, if it has come.
    pub fn take(&self, fits: impl FnMut(&Event) -> bool) -> Option<Event> {
        let mut heard = self.0.lock().unwrap();
        let place = heard.iter().position(fits)?;
        Some(heard.remove(place))
    }

    /// The events about a subject once there are so many.
    pub async fn about(&self, subject: &str, count: usize) -> Vec<Event> {
        eventually(SOON, || async {
            let heard = self.0.lock().unwrap();
            let about: Vec<Event> = heard.iter().filter(|event| event.subject == subject).cloned().collect();
            if about.len() >= count { Ok(about) } else { Err(about.len()) }
        })
        .await
    }
}

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let mut heard = self.0.lock().unwrap();
        if heard.iter().all(|known| known.id != event.id) {
            heard.push(event.clone());
        }
        Ok(())
    }
}
