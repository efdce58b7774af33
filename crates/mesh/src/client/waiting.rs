//! Calls that wait for an endpoint: how many, and whether waiting still makes sense.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The waiting room of one service. It is bounded.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    calls: AtomicUsize,
    came: Notify,
    /// A call has waited in vain: until an endpoint is ready, others need not try.
    vain: AtomicBool,
}

/// A place in the waiting room.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Waiting);

impl Waiting {
    /// A place, if there are fewer than `max` calls.
    pub(crate) fn enter(&self, max: usize) -> Option<Place<'_>> {
        let entered =
            self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| (calls < max).then_some(calls + 1));
        entered.ok()?;
        self.came.notify_waiters();
        Some(Place(self))
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// Returns as soon as somebody wants an endpoint and gets none.
    pub(crate) async fn any(&self) {
        let came = self.came.notified();
        if self.len() == 0 {
            came.await;
        }
    }

    /// Whether waiting is in vain; who asks wants an endpoint, though.
    pub(crate) fn is_vain(&self) -> bool {
        let vain = self.vain.load(Ordering::Relaxed);
        if vain {
            self.came.notify_waiters();
        }
        vain
    }

    pub(crate) fn set_vain(&self, vain: bool) {
        if self.vain.load(Ordering::Relaxed) != vain {
            self.vain.store(vain, Ordering::Relaxed);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
