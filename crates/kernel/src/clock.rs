//! Time as the platform keeps it: microseconds since 1970, UTC, read through a port.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// A moment: microseconds since 1970-01-01T00:00:00Z. Stored as a BIGINT, so that SQLite and PostgreSQL order it alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest moment RFC 3339 can write, 0001-01-01.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// The latest moment RFC 3339 can write, the end of 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// From seconds and nanoseconds; `None` outside [`Self::MIN`]..=[`Self::MAX`] or with nanoseconds out of range.
    pub fn from_parts(seconds: i64, nanos: i32) -> Option<Self> {
        if !(0..1_000_000_000).contains(&nanos) {
            return None;
        }
        let micros = seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1_000))?;
        let moment = Self(micros);
        (Self::MIN..=Self::MAX).contains(&moment).then_some(moment)
    }

    /// Seconds and the nanoseconds within the second.
    pub fn to_parts(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000_000) * 1_000;
        (self.0.div_euclid(1_000_000), i32::try_from(nanos).unwrap_or(0))
    }

    /// Whole seconds.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This much earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to this; zero when it lies later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As a calendar date and time, UTC.
    pub fn calendar(self) -> OffsetDateTime {
        let nanos = i128::from(self.0.clamp(Self::MIN.0, Self::MAX.0)) * 1_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// From a calendar date and time.
    pub fn from_calendar(moment: OffsetDateTime) -> Self {
        Self(i64::try_from(moment.unix_timestamp_nanos() / 1_000).unwrap_or(0))
    }

    /// Reads RFC 3339, such as `2026-11-20T09:30:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::from_calendar)
    }

    /// A UUIDv7 of this moment.
    pub fn uuid(self) -> Uuid {
        let (seconds, nanos) = self.to_parts();
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos.unsigned_abs()))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.calendar().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

/// The port through which everything reads the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_calendar(OffsetDateTime::now_utc())
    }
}

/// A clock that moves when told to, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
