//! A handler that remembers what it got and fails when told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::{Error, Kind};
use kvartal_proto::event::v1::Envelope;
use kvartal_testing::eventually;
use tokio::sync::Semaphore;

use crate::SOON;

/// What to do with a delivery instead of handling it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Fail(Kind),
    Panic,
    /// Until `release`.
    Block,
}

#[derive(Default)]
pub(crate) struct Recorder {
    /// Every delivery: subject and number.
    deliveries: Mutex<Vec<(String, usize)>>,
    handled: Mutex<Vec<(String, usize)>>,
    /// By number of the event: the fault and how often it still happens.
    faults: Mutex<HashMap<usize, (Fault, usize)>>,
    gate: Gate,
}

struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

pub(crate) fn number(event: &Event) -> usize {
    Envelope { ..prost::Message::decode(event.payload.clone()).unwrap() }.id.parse().unwrap()
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The event of this number has this fault, so many times.
    pub(crate) fn fault(&self, n: usize, fault: Fault, times: usize) {
        self.faults.lock().unwrap().insert(n, (fault, times));
    }

    /// Lets every blocked delivery go on, now and later.
    pub(crate) fn release(&self) {
        self.gate.0.close();
    }

    pub(crate) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// Numbers handled for a subject.
    pub(crate) fn handled(&self, subject: &str) -> Vec<usize> {
        let handled = self.handled.lock().unwrap();
        handled.iter().filter(|(of, _)| of == subject).map(|(_, n)| *n).collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.handled.lock().unwrap().len()
    }

    /// How often the event of this number was delivered.
    pub(crate) fn deliveries(&self, n: usize) -> usize {
        self.deliveries.lock().unwrap().iter().filter(|(_, number)| *number == n).count()
    }

    pub(crate) async fn has_handled(&self, total: usize) {
        eventually(SOON, || async { (self.total() >= total).then_some(()).ok_or(self.total()) }).await;
    }

    pub(crate) async fn was_delivered(&self, n: usize, times: usize) {
        let enough = || async { (self.deliveries(n) >= times).then_some(()).ok_or(self.deliveries(n)) };
        eventually(SOON, enough).await;
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let n = number(event);
        self.deliveries.lock().unwrap().push((event.subject.clone(), n));
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            match faults.get_mut(&n) {
                Some((fault, times)) if *times > 0 => {
                    *times -= 1;
                    Some(*fault)
                }
                _ => None,
            }
        };
        match fault {
            Some(Fault::Fail(kind)) => return Err(Error::new(kind, "AS_PLANNED", "as planned")),
            Some(Fault::Panic) => panic!("as planned"),
            Some(Fault::Block) => {
                let _ = self.gate.0.acquire().await;
            }
            None => {}
        }
        self.handled.lock().unwrap().push((event.subject.clone(), n));
        Ok(())
    }
}
