//! Readings: what a detector said about one period, in whole units, and what can be wrong with it.
//!
//! Values are whole numbers of small units (metres per hour, thousandths of a percent, milliseconds): sums of them are
//! exact, and so roll-ups do not depend on the order in which readings come.

use kvartal_kernel::Timestamp;

/// The number under which a detector's readings are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DetectorNo(pub i32);

/// What a detector measured; at least one value is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Values {
    /// Mean speed, metres per hour.
    pub speed: Option<u32>,
    /// Share of time that a vehicle stood on the detector, thousandths of a percent.
    pub occupancy: Option<u32>,
    /// Vehicles.
    pub count: Option<u32>,
    /// Time for the stretch behind the detector, milliseconds.
    pub travel_time: Option<u32>,
}

/// A reading.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reading {
    /// When the period ended, seconds since 1970.
    pub time: i64,
    /// What was measured.
    pub values: Values,
    /// How often it was corrected.
    pub revision: u16,
}

/// Values as somebody sent them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Raw {
    /// km/h.
    pub speed_kmh: Option<f64>,
    /// Percent.
    pub occupancy_percent: Option<f64>,
    /// Vehicles.
    pub count: Option<i64>,
    /// Seconds.
    pub travel_time_s: Option<f64>,
}

/// Why a reading is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// Nobody knows the detector.
    UnknownDetector,
    /// The detector is out of service.
    RetiredDetector,
    /// There is no time.
    NoTime,
    /// The time lies before detectors existed.
    TimeTooOld,
    /// Readings of that time are not kept any more.
    TimeBeyondRetention,
    /// The time lies in the future.
    TimeInFuture,
    /// There is no value.
    NoValue,
    /// Not 0 to 300 km/h.
    Speed,
    /// Not 0 to 100 %.
    Occupancy,
    /// Not 0 to 100,000.
    Count,
    /// Not 0 to 86,400 s.
    TravelTime,
}

/// Fastest that is believed, km/h.
pub const SPEED_MAX_KMH: f64 = 300.0;
/// Most vehicles of one reading.
pub const COUNT_MAX: i64 = 100_000;
/// Longest travel time, seconds.
pub const TRAVEL_TIME_MAX_S: f64 = 86_400.0;
/// 2000-01-01T00:00:00Z: readings are not older.
pub const OLDEST: i64 = 946_684_800;
/// How far a detector's clock may be ahead, seconds.
pub const AHEAD_MAX: i64 = 300;
/// Kilometres of a mile.
pub const MILE_KM: f64 = 1.609_344;

impl Refusal {
    /// Stable, for programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownDetector => "UNKNOWN_DETECTOR",
            Self::RetiredDetector => "RETIRED_DETECTOR",
            Self::NoTime => "TIME_MISSING",
            Self::TimeTooOld => "TIME_TOO_OLD",
            Self::TimeBeyondRetention => "TIME_BEYOND_RETENTION",
            Self::TimeInFuture => "TIME_IN_FUTURE",
            Self::NoValue => "NO_VALUE",
            Self::Speed => "SPEED_OUT_OF_RANGE",
            Self::Occupancy => "OCCUPANCY_OUT_OF_RANGE",
            Self::Count => "VEHICLE_COUNT_OUT_OF_RANGE",
            Self::TravelTime => "TRAVEL_TIME_OUT_OF_RANGE",
        }
    }

    /// Which field and how to mend it.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownDetector => "detector_id: nobody added this detector; add it with CreateDetector",
            Self::RetiredDetector => "detector_id: this detector is out of service",
            Self::NoTime => "time: say when the period ended",
            Self::TimeTooOld => "time: must not be before 2000",
            Self::TimeBeyondRetention => "time: readings of that time are not kept any more",
            Self::TimeInFuture => "time: must not be more than 5 minutes ahead; is the detector's clock right?",
            Self::NoValue => "give at least one of speed, occupancy, vehicle count and travel time",
            Self::Speed => "speed_kmh: must be between 0 and 300",
            Self::Occupancy => "occupancy_percent: must be between 0 and 100",
            Self::Count => "vehicle_count: must be between 0 and 100000",
            Self::TravelTime => "travel_time_seconds: must be between 0 and 86400",
        }
    }
}

/// Which times are taken: from `oldest` to `newest`, seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first that is kept.
    pub oldest: i64,
    /// The last that is believed.
    pub newest: i64,
}

impl Window {
    /// At this moment; readings are kept for so many days, 0 for ever.
    pub fn at(now: Timestamp, kept_days: u32) -> Self {
        let now = now.seconds();
        let oldest = if kept_days == 0 { OLDEST } else { OLDEST.max(now - i64::from(kept_days) * 86_400) };
        Self { oldest, newest: now + AHEAD_MAX }
    }

    /// Whether the time is taken.
    pub fn check(&self, time: i64) -> Result<(), Refusal> {
        if time > self.newest {
            Err(Refusal::TimeInFuture)
        } else if time < OLDEST {
            Err(Refusal::TimeTooOld)
        } else if time < self.oldest {
            Err(Refusal::TimeBeyondRetention)
        } else {
            Ok(())
        }
    }
}

/// A number of small units; `None` outside 0 to `max` and for what is no number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn units(value: f64, max: f64) -> Option<u32> {
    (0.0..=max).contains(&value).then(|| (value * 1_000.0).round() as u32)
}

impl Raw {
    /// The values in whole units.
    pub fn values(self) -> Result<Values, Refusal> {
        let in_range =
            |value: Option<f64>, max, refusal| value.map(|value| units(value, max).ok_or(refusal)).transpose();
        let count = self.count.map(|count| {
            let inside = (0..=COUNT_MAX).contains(&count);
            u32::try_from(count).ok().filter(|_| inside).ok_or(Refusal::Count)
        });
        let values = Values {
            speed: in_range(self.speed_kmh, SPEED_MAX_KMH, Refusal::Speed)?,
            occupancy: in_range(self.occupancy_percent, 100.0, Refusal::Occupancy)?,
            count: count.transpose()?,
            travel_time: in_range(self.travel_time_s, TRAVEL_TIME_MAX_S, Refusal::TravelTime)?,
        };
        if values == Values::default() { Err(Refusal::NoValue) } else { Ok(values) }
    }
}

/// What became of a reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// New.
    Accepted,
    /// Known word for word.
    Duplicate,
    /// Another one for the same time was replaced.
    Corrected,
}

/// How many came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// New.
    pub accepted: u32,
    /// Known.
    pub duplicate: u32,
    /// Replaced another.
    pub corrected: u32,
    /// Not taken.
    pub rejected: u32,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::Corrected => self.corrected += 1,
        }
    }
}
