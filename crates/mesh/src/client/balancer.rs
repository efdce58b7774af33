//! Picks the endpoint of each call: the cheaper of two drawn at random, a probe where one is due.
//!
//! Written directly and not with `tower::balance`, whose ready cache holds each service in one task behind a buffer: here a
//! pick is a few loads and two short locks, any number of tasks pick at once, and a call learns why it got no endpoint.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::uri::{Authority, Scheme};
use kvartal_kernel::Clock;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::address::Address;
use super::budget::Budget;
use super::chance::{Chance, Random};
use super::connect::{self, Security};
use super::counters::Counters;
use super::endpoint::Endpoint;
use super::gate::{Asks, Pass, State};
use super::lease::{Lease, Want};
use super::options::RemoteOptions;
use super::throttle::Throttle;
use super::waiting::Waiting;

/// What the first endpoints of a service are thought to take.
const FIRST_GUESS: Duration = Duration::from_millis(10);

/// Everything that calls to one service of other processes share.
pub(crate) struct Balancer {
    pub(super) service: String,
    /// Who calls; empty where all callers of this process share the connections.
    pub(super) caller: String,
    pub(super) options: RemoteOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
    pub(super) throttle: Throttle,
    pub(super) budget: Budget,
    pub(super) waiting: Waiting,
    pub(super) counters: Counters,
    /// Told when a connection is lost or not made: the endpoint may have moved.
    pub(super) lost: Arc<Notify>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// How many gates are not open.
    shut: AtomicUsize,
    /// Held while endpoints or the count of gates change.
    changing: Mutex<()>,
    change: Notify,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Why a call got no endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dropped {
    /// None was ready in time.
    FailFast,
    /// Too many calls wait already.
    QueueFull,
    /// Too many calls run already.
    Limit,
}

/// Sets of endpoints, the newest last.
pub(crate) type Endpoints = BoxStream<'static, BTreeSet<Address>>;

impl Balancer {
    /// Follows `discover(lost)`. Connections end when the guard is dropped. Must run within a tokio runtime.
    pub(crate) fn start(
        service: &str,
        caller: &str,
        options: RemoteOptions,
        clock: Arc<dyn Clock>,
        discover: impl FnOnce(Arc<Notify>) -> Endpoints,
    ) -> (Arc<Self>, DropGuard) {
        let (now, stop) = (Instant::now(), CancellationToken::new());
        let balancer = Arc::new(Self {
            service: service.to_owned(),
            caller: caller.to_owned(),
            options,
            clock,
            chance: Arc::new(Random),
            throttle: Throttle::new(now),
            budget: Budget::new(now),
            waiting: Waiting::default(),
            counters: Counters::default(),
            lost: Arc::new(Notify::new()),
            endpoints: ArcSwap::default(),
            shut: AtomicUsize::new(0),
            changing: Mutex::new(()),
            change: Notify::new(),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
        });
        let mut endpoints = discover(Arc::clone(&balancer.lost));
        let follower = Arc::clone(&balancer);
        balancer.tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Some(addresses) = endpoints.next().await {
                follower.update(addresses);
            }
        }));
        (balancer, stop.drop_guard())
    }

    /// The endpoints as they are now.
    pub(super) fn endpoints(&self) -> Arc<Vec<Arc<Endpoint>>> {
        self.endpoints.load_full()
    }

    /// Keeps the endpoints that are still listed, begins to connect to new ones and lets the others finish their calls.
    fn update(self: &Arc<Self>, mut addresses: BTreeSet<Address>) {
        let changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut kept, removed): (Vec<_>, Vec<_>) =
            self.endpoints().iter().cloned().partition(|endpoint| addresses.remove(&endpoint.address));
        let guess = self.guess(&kept);
        for address in addresses {
            let Some(endpoint) = self.endpoint(address, guess) else { continue };
            for slot in 0..self.options.connections.max(1) {
                self.tasks.spawn(connect::keep(Arc::clone(self), Arc::clone(&endpoint), slot));
            }
            kept.push(endpoint);
        }
        self.endpoints.store(Arc::new(kept));
        drop(changing);
        for endpoint in removed {
            tracing::debug!(service = self.service, endpoint = %endpoint.address, "an endpoint is gone");
            endpoint.removed.cancel();
        }
        self.moved();
    }

    fn endpoint(&self, address: Address, guess: Duration) -> Option<Arc<Endpoint>> {
        let authority: Authority = address.to_string().parse().ok()?;
        let scheme = if matches!(self.options.security, Security::Plain) { Scheme::HTTP } else { Scheme::HTTPS };
        tracing::debug!(service = self.service, endpoint = %address, "a new endpoint");
        let (removed, since) = (self.stop.child_token(), self.clock.now());
        Some(Arc::new(Endpoint::new(address, authority, scheme, removed, self.options.connections, guess, since)))
    }

    /// What a new endpoint is thought to take: as long as the others, so that it gets its share from the beginning.
    fn guess(&self, others: &[Arc<Endpoint>]) -> Duration {
        let sum: f64 = others.iter().map(|endpoint| endpoint.health().load.estimate()).sum();
        match u32::try_from(others.len()) {
            Ok(count) if count > 0 => Duration::try_from_secs_f64(sum / f64::from(count)).unwrap_or(FIRST_GUESS),
            _ => FIRST_GUESS,
        }
    }

    /// A gate has moved, or the endpoints have.
    pub(super) fn moved(&self) {
        let changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shut = self.endpoints().iter().filter(|endpoint| endpoint.health().gate.state() != State::Open).count();
        self.shut.store(shut, Ordering::Release);
        drop(changing);
        self.changed();
    }

    /// Something that waiting calls are waiting for may have come.
    pub(super) fn changed(&self) {
        self.change.notify_waiters();
    }

    /// Whether one more endpoint may be taken out for what it answered: never more than half of them.
    pub(super) fn can_spare(&self) -> bool {
        (self.shut.load(Ordering::Acquire) + 1) * 2 <= self.endpoints.load().len()
    }

    /// The endpoint of a call, waited for if need be: for as long as [`RemoteOptions::failfast`], in a bounded queue. Wakes
    /// only when something has changed or a probe is due.
    pub(crate) async fn acquire(self: &Arc<Self>, want: &Want) -> Result<Lease, Dropped> {
        let mut now = Instant::now();
        let patient = now + self.options.failfast;
        let until = patient.min(want.deadline);
        let mut place = None;
        loop {
            let change = self.change.notified();
            if let Some(lease) = self.pick(want, &[], now) {
                self.waiting.set_vain(false);
                return lease.within_limit();
            }
            if now >= until || self.waiting.is_vain() {
                if now >= patient {
                    self.waiting.set_vain(true);
                }
                return Err(Dropped::FailFast);
            }
            if place.is_none() {
                place = Some(self.waiting.enter(self.options.waiting_max).ok_or(Dropped::QueueFull)?);
            }
            tokio::select! {
                () = change => {}
                () = sleep_until(self.next_probe(want, now).unwrap_or(until).min(until)) => {}
            }
            now = Instant::now();
        }
    }

    /// An endpoint that is ready at this moment, rather none of `tried`.
    pub(crate) fn pick(self: &Arc<Self>, want: &Want, tried: &[Arc<Endpoint>], now: Instant) -> Option<Lease> {
        let endpoints = self.endpoints.load();
        // A retry is no probe: its call has failed once already.
        if tried.is_empty()
            && self.shut.load(Ordering::Acquire) > 0
            && let Some(lease) = self.probe(&endpoints, want, now)
        {
            return Some(lease);
        }
        let asks = Asks { repeatable: want.repeatable, desperate: false };
        let cheapest = |among: &mut dyn Iterator<Item = &Arc<Endpoint>>, fresh: bool| {
            let fits = among.filter(|one| tried.iter().any(|other| Arc::ptr_eq(one, other)) != fresh);
            let open = fits.filter_map(|endpoint| match endpoint.cost(asks, want.stream, now)? {
                (Pass::Open, cost) => Some((cost, endpoint)),
                (Pass::Probe, _) => None,
            });
            open.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, endpoint)| Arc::clone(endpoint))
        };
        let first = self.chance.below(endpoints.len());
        let second = (first + 1 + self.chance.below(endpoints.len().saturating_sub(1))) % endpoints.len().max(1);
        let drawn = if first == second { &[first][..] } else { &[first, second] };
        let mut drawn = drawn.iter().filter_map(|number| endpoints.get(*number));
        // Both may be out of order; then any other is right, and for a retry at last the same again.
        let endpoint = cheapest(&mut drawn, true)
            .or_else(|| cheapest(&mut endpoints.iter(), true))
            .or_else(|| cheapest(&mut endpoints.iter(), false))?;
        Lease::enter(self, endpoint, asks, want, now)
    }

    /// The endpoint that a call shall find out about.
    fn probe(self: &Arc<Self>, endpoints: &[Arc<Endpoint>], want: &Want, now: Instant) -> Option<Lease> {
        let asks = Self::asks(endpoints, want);
        let start = self.chance.below(endpoints.len());
        let (before, after) = endpoints.split_at_checked(start)?;
        let due = |endpoint: &&Arc<Endpoint>| endpoint.health().gate.due(asks).is_some_and(|due| due <= now);
        after.iter().chain(before).filter(due).find_map(|one| Lease::enter(self, Arc::clone(one), asks, want, now))
    }

    /// When the next probe is due that a call could be; `None` when only a change can help.
    fn next_probe(&self, want: &Want, now: Instant) -> Option<Instant> {
        let endpoints = self.endpoints.load();
        let asks = Self::asks(&endpoints, want);
        let connected = endpoints.iter().filter(|endpoint| endpoint.connections() > 0);
        connected.filter_map(|endpoint| endpoint.health().gate.due(asks)).filter(|due| *due > now).min()
    }

    fn asks(endpoints: &[Arc<Endpoint>], want: &Want) -> Asks {
        Asks { repeatable: want.repeatable, desperate: !endpoints.iter().any(|endpoint| endpoint.works()) }
    }
}
