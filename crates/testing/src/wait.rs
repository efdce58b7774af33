//! Waiting without sleeping blindly, and finding a free port.

use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What a probe of [`eventually`] may return: `bool`, `Option`, or `Result` whose last error is shown on failure.
pub trait Outcome {
    /// What is handed back on success.
    type Value;
    /// The value, or why not yet.
    ///
    /// # Errors
    /// What to show when time is up.
    fn value(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();
    fn value(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;
    fn value(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    type Value = T;
    fn value(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Asks again every 20 ms until the probe succeeds; panics at the caller's line when `deadline` has passed.
#[track_caller]
pub fn eventually<O, F, Fut>(deadline: Duration, mut probe: F) -> impl Future<Output = O::Value>
where
    O: Outcome,
    F: FnMut() -> Fut,
    Fut: Future<Output = O>,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            match probe().await.value() {
                Ok(value) => return value,
                Err(last) if Instant::now() >= end => panic!("{}", Late { caller, deadline, last: &last }),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

struct Late<'a> {
    caller: &'a Location<'a>,
    deadline: Duration,
    last: &'a str,
}

impl Display for Late<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: did not come true within {:?}; the last answer was {}", self.caller, self.deadline, self.last)
    }
}

/// A TCP port on 127.0.0.1 that was free a moment ago. Below the range the kernel gives to outgoing connections, so that
/// nothing but another caller of this takes it before you do.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let start = || AtomicU16::new(u16::try_from(random() % u64::from(COUNT)).unwrap_or(0));
    let next = NEXT.get_or_init(start);
    for _ in 0..COUNT {
        let port = FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free TCP port between {FIRST} and {}", FIRST + COUNT);
}

/// Randomness of the standard library's hash keys: enough to keep test processes apart.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
