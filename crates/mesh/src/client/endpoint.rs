//! One replica of a service: its connections, its gate and its load.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::{Authority, Scheme};
use kvartal_kernel::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::connect::Sender;
use super::gate::{Asks, Gate, Pass, State};
use super::load::Load;
use super::pace::Pace;

/// Calls at once on one connection: what our servers allow. Beyond it, HTTP/2 would queue without a bound.
const CALLS_PER_CONNECTION: usize = 256;
/// Longest remembered error, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// A replica. It lives until it is no longer listed and its last call has ended.
pub(crate) struct Endpoint {
    pub(super) address: Address,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// Told when discovery no longer lists it: no new calls, running ones finish.
    pub(super) removed: CancellationToken,
    slots: Vec<Slot>,
    calls: AtomicUsize,
    streams: AtomicUsize,
    health: Mutex<Health>,
}

/// A place for a connection.
#[derive(Default)]
struct Slot {
    sender: ArcSwapOption<Sender>,
    open: AtomicUsize,
}

/// What is known of a replica.
pub(super) struct Health {
    pub(super) gate: Gate,
    pub(super) load: Load,
    pub(super) pace: Pace,
    /// When it last gave an answer that was none of its failures.
    pub(super) answered: Option<Instant>,
    /// When the gate last moved.
    pub(super) since: Timestamp,
    pub(super) last_error: Option<String>,
}

impl Endpoint {
    pub(super) fn new(
        address: Address,
        authority: Authority,
        scheme: Scheme,
        removed: CancellationToken,
        connections: usize,
        guess: Duration,
        since: Timestamp,
    ) -> Self {
        let now = Instant::now();
        Self {
            address,
            scheme,
            authority,
            removed,
            slots: (0..connections.max(1)).map(|_| Slot::default()).collect(),
            calls: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            health: Mutex::new(Health {
                gate: Gate::new(now),
                load: Load::new(guess, now),
                pace: Pace::default(),
                answered: None,
                since,
                last_error: None,
            }),
        }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets or takes away the connection of a place.
    pub(super) fn connected(&self, slot: usize, sender: Option<Sender>) {
        if let Some(slot) = self.slots.get(slot) {
            slot.sender.store(sender.map(Arc::new));
        }
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.slots.iter().filter(|slot| slot.sender.load().as_ref().is_some_and(|sender| !sender.is_closed())).count()
    }

    pub(super) fn sender(&self, slot: usize) -> Option<Arc<Sender>> {
        self.slots.get(slot)?.sender.load_full()
    }

    /// The connection with the fewest calls, if any can take one more.
    fn free_slot(&self) -> Option<usize> {
        let usable = self.slots.iter().enumerate().filter_map(|(number, slot)| {
            let sender = slot.sender.load();
            let open = slot.open.load(Ordering::Relaxed);
            let usable = sender.as_ref().is_some_and(|sender| !sender.is_closed()) && open < CALLS_PER_CONNECTION;
            usable.then_some((open, number))
        });
        usable.min().map(|(_, number)| number)
    }

    /// Calls or streams at this moment.
    pub(super) fn pending(&self, stream: bool) -> usize {
        if stream { &self.streams } else { &self.calls }.load(Ordering::Relaxed)
    }

    /// What a call would cost here, if it may come.
    pub(super) fn cost(&self, asks: Asks, stream: bool, now: Instant) -> Option<(Pass, f64)> {
        self.free_slot()?;
        let pending = self.pending(stream);
        let mut health = self.health();
        let pass = health.gate.would_pass(asks, now)?;
        Some((pass, health.load.cost(pending, now)))
    }

    /// Lets a call in; it must be given back with [`Self::leave`].
    pub(super) fn enter(&self, asks: Asks, stream: bool, now: Instant) -> Option<(Pass, usize)> {
        let number = self.free_slot()?;
        let pass = self.health().gate.pass(asks, now)?;
        if stream { &self.streams } else { &self.calls }.fetch_add(1, Ordering::Relaxed);
        if let Some(slot) = self.slots.get(number) {
            slot.open.fetch_add(1, Ordering::Relaxed);
        }
        Some((pass, number))
    }

    /// Takes a call out; true when there was no room for others before.
    pub(super) fn leave(&self, slot: usize, stream: bool) -> bool {
        if stream { &self.streams } else { &self.calls }.fetch_sub(1, Ordering::Relaxed);
        self.slots.get(slot).is_some_and(|slot| slot.open.fetch_sub(1, Ordering::Relaxed) >= CALLS_PER_CONNECTION)
    }

    /// Whether calls pass and there is a connection.
    pub(super) fn works(&self) -> bool {
        self.connections() > 0 && self.health().gate.state() == State::Open
    }

    /// Keeps an error for the admin view.
    pub(super) fn note(&self, error: String) {
        let error =
            if error.chars().count() > ERROR_CHARS_MAX { error.chars().take(ERROR_CHARS_MAX).collect() } else { error };
        self.health().last_error = Some(error);
    }
}
