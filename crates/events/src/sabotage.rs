//! A deliberately broken outbox, for the test that must catch it. Not in release builds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kvartal_store::Store;

use crate::{Event, outbox};

static BROKEN: AtomicBool = AtomicBool::new(false);
static STORES: Mutex<Option<HashMap<String, Store>>> = Mutex::new(None);

/// How long after the change the events are written: the window in which a kill loses them.
const LATE: Duration = Duration::from_millis(20);

/// From now on events are written after the change, outside its transaction.
pub fn write_outside_the_transaction() {
    BROKEN.store(true, Ordering::Relaxed);
}

/// Where the events of a source belong.
pub(crate) fn know(source: &str, store: &Store) {
    // Remembering a store keeps it open: nobody else is to pay for this.
    if !BROKEN.load(Ordering::Relaxed) {
        return;
    }
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    stores.get_or_insert_default().insert(source.to_owned(), store.clone());
}

/// Takes the events over, if the outbox is to be broken; gives them back otherwise.
pub(crate) fn divert(events: Vec<Event>) -> Option<Vec<Event>> {
    if !BROKEN.load(Ordering::Relaxed) {
        return Some(events);
    }
    let source = events.first().map(|event| event.source.clone())?;
    let store = STORES.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&source).cloned()?;
    #[expect(clippy::disallowed_methods, reason = "that nobody waits for it is what is broken")]
    tokio::spawn(async move {
        tokio::time::sleep(LATE).await;
        let written = store.transaction(move |tx| Box::pin(outbox::write(tx, events))).await;
        if let Err(error) = written {
            tracing::error!(error = error.chain(), "the broken outbox lost events");
        }
    });
    None
}
