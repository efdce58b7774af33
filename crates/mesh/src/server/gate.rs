//! Who is let in when not everybody can be: the adaptive limit, shared out by criticality.
//!
//! A class may come in while fewer calls are inside than its share of the limit, whoever they are, so the dispensable
//! classes are turned away first and the share above theirs stays free for the others. No method may hold more than three
//! quarters of what its class may hold, so that one which hangs does not take its neighbours with it.
//!
//! Under lasting overload, whoever finds no place is refused at once: a queue for everybody would only lengthen the one
//! that the limit has just cut. [`CriticalPlus`](Criticality::CriticalPlus) alone waits a moment, and gets the next place
//! that is given back. Its reserve is a few places, gone in a burst of its own; by waiting it loses nothing as long as it is
//! not alone too much.
//!
//! A burst on a quiet service is no overload: while nobody [`Critical`](Criticality::Critical) was refused of late, that
//! class waits too, in a bounded queue, and is served within a moment. Whoever waits in vain ends the quiet.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::limit::{AdaptiveLimit, Inside};
use crate::Criticality;

/// At which share of the limit each class finds the service full, in percent: half of it is kept free of batch work,
/// which comes in bursts; a quarter of what somebody waits for in the background; a twentieth of everything but what is
/// dropped last.
const SHARES: [usize; 4] = [50, 75, 95, 100];
/// Most of its class's share that one method may hold, in percent.
const METHOD_SHARE: usize = 75;
/// Longest wait for a place: nobody notices it, and calls shorter than this give back places meanwhile.
const WAIT: Duration = Duration::from_millis(100);
/// Longest wait in a burst: what is not served by then is overload.
const BURST_WAIT: Duration = Duration::from_secs(1);
/// Most calls that wait in a burst, as a multiple of the limit.
const BURST_QUEUE: usize = 4;
/// So long after the last refusal of a critical call the service counts as quiet.
const QUIET: Duration = Duration::from_secs(5);

/// The way into one service.
pub(super) struct Gate {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    limit: AdaptiveLimit,
    by_class: [usize; 4],
    by_method: Vec<usize>,
    /// First those who are dropped last, then the critical ones.
    waiting: [VecDeque<Waiter>; 2],
    /// When a critical call was last refused.
    refused: Option<Duration>,
}

struct Waiter {
    method: usize,
    class: Criticality,
    seat: oneshot::Sender<Permit>,
}

/// A place inside, given back when dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    class: Criticality,
    call: Inside,
    /// A call that is dropped after this has taken too long; one that is dropped before was cancelled.
    deadline: Instant,
    answered: bool,
}

/// How full a service is.
pub(super) struct Fullness {
    pub(super) limit: usize,
    pub(super) waiting: usize,
    /// By class, the most dispensable first.
    pub(super) inside: [usize; 4],
}

impl Gate {
    /// For so many methods; at most `most` calls at once.
    pub(super) fn new(methods: usize, most: usize) -> Self {
        let state = State {
            limit: AdaptiveLimit::new(methods, most),
            by_class: [0; 4],
            by_method: vec![0; methods],
            waiting: Default::default(),
            refused: None,
        };
        Self { began: Instant::now(), state: Mutex::new(state) }
    }

    /// Whether there is neither a place nor hope of one: asked before anything else is done for a call.
    pub(super) fn is_closed(&self, method: usize, class: Criticality) -> bool {
        let mut state = self.state();
        let closed = !state.has_place(method, class) && state.patience(class, self.now()).is_none();
        if closed {
            state.refuse(class, self.now());
        }
        closed
    }

    /// A call was turned away for another want of place.
    pub(super) fn refuse(&self, class: Criticality) {
        self.state().refuse(class, self.now());
    }

    /// Goes in, waiting if the class may. `None` when there is no place.
    pub(super) async fn enter(
        self: &Arc<Self>,
        method: usize,
        class: Criticality,
        deadline: Instant,
    ) -> Option<Permit> {
        let (seat, patience) = {
            let mut state = self.state();
            if state.has_place(method, class) {
                return Some(self.let_in(&mut state, method, class, deadline));
            }
            let Some(patience) = state.patience(class, self.now()) else {
                state.refuse(class, self.now());
                return None;
            };
            state.limit.refused();
            let (seat, place) = oneshot::channel();
            state.queue(class).push_back(Waiter { method, class, seat });
            (place, patience)
        };
        match timeout(patience, seat).await {
            Ok(permit) => {
                let mut permit = permit.ok()?;
                permit.deadline = deadline;
                Some(permit)
            }
            Err(_) => {
                self.refuse(class);
                None
            }
        }
    }

    /// How full it is now.
    pub(super) fn fullness(&self) -> Fullness {
        let state = self.state();
        let waiting = state.waiting.iter().flatten().filter(|waiter| !waiter.seat.is_closed()).count();
        Fullness { limit: state.limit.limit(), waiting, inside: state.by_class }
    }

    fn let_in(self: &Arc<Self>, state: &mut State, method: usize, class: Criticality, deadline: Instant) -> Permit {
        state.count(method, class, 1);
        let crowd = state.inside();
        let call = state.limit.admitted(method, crowd, self.now());
        Permit { gate: Arc::clone(self), class, call, deadline, answered: false }
    }

    /// Hands places to those who wait for them.
    fn call_in(self: &Arc<Self>) {
        loop {
            let (seat, permit) = {
                let mut state = self.state();
                let Some(waiter) = state.next() else { return };
                if waiter.seat.is_closed() {
                    continue;
                }
                (waiter.seat, self.let_in(&mut state, waiter.method, waiter.class, Instant::now() + BURST_WAIT))
            };
            // Whoever has gone in this very instant gives it back by dropping it, and the next one is called in.
            drop(seat.send(permit));
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn inside(&self) -> usize {
        self.by_class.iter().sum()
    }

    fn has_place(&self, method: usize, class: Criticality) -> bool {
        // What is dropped last is not held up while baselines are measured.
        let last = class == Criticality::CriticalPlus;
        let limit = if last { self.limit.limit() } else { self.limit.limit_now() };
        let share = part(limit, SHARES[class as usize]);
        let held = self.by_method.get(method).copied().unwrap_or_default();
        self.inside() < share && held < part(share, METHOD_SHARE)
    }

    /// How long a call of this class may wait for a place; `None` when it may not.
    fn patience(&mut self, class: Criticality, now: Duration) -> Option<Duration> {
        let quiet = self.refused.is_none_or(|refused| now.saturating_sub(refused) > QUIET);
        let limit = self.limit.limit();
        let (most, patience) = match class {
            Criticality::CriticalPlus => (limit, if quiet { BURST_WAIT } else { WAIT }),
            Criticality::Critical if quiet => (limit * BURST_QUEUE, BURST_WAIT),
            _ => return None,
        };
        let queue = self.queue(class);
        if queue.len() >= most {
            queue.retain(|waiter| !waiter.seat.is_closed());
        }
        (queue.len() < most).then_some(patience)
    }

    fn refuse(&mut self, class: Criticality, now: Duration) {
        self.limit.refused();
        if class >= Criticality::Critical {
            self.refused = Some(now);
        }
    }

    fn queue(&mut self, class: Criticality) -> &mut VecDeque<Waiter> {
        let [last, critical] = &mut self.waiting;
        if class == Criticality::CriticalPlus { last } else { critical }
    }

    /// Whoever waits and may go in now, the most critical first.
    fn next(&mut self) -> Option<Waiter> {
        for number in 0..self.waiting.len() {
            let mut queue = self.waiting.get(number)?.iter();
            if let Some(next) = queue.position(|waiter| self.has_place(waiter.method, waiter.class)) {
                return self.waiting.get_mut(number)?.remove(next);
            }
        }
        None
    }

    fn count(&mut self, method: usize, class: Criticality, by: isize) {
        let add = |count: &mut usize| *count = count.saturating_add_signed(by);
        add(&mut self.by_class[class as usize]);
        self.by_method.get_mut(method).map(add);
    }
}

fn part(whole: usize, percent: usize) -> usize {
    (whole * percent / 100).max(1)
}

impl Permit {
    /// The call was answered: how long it took tells how busy the service is.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.gate.now();
        {
            let mut state = self.gate.state();
            state.count(self.call.method, self.class, -1);
            if self.answered || Instant::now() >= self.deadline {
                state.limit.answered(self.call, now);
            } else {
                state.limit.left(self.call, now);
            }
            if state.waiting.iter().all(VecDeque::is_empty) {
                return;
            }
        }
        self.gate.call_in();
    }
}

#[cfg(test)]
mod tests;
