//! Roll-ups: what readings come to in 5 minutes, and from these in 15 minutes and in an hour.
//!
//! A roll-up is made of the whole block of its hour each time the block changes, and sums are whole numbers: so it is what
//! a computation from all readings gives, whatever came late, twice, corrected or in another order.

use super::block::{Block, HOUR, Unreadable};
use super::reading::{Reading, Values};

/// Seconds of the shortest interval.
pub const FIVE: i64 = 300;

/// How long an interval is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interval {
    /// 5 minutes.
    Five,
    /// 15 minutes.
    Fifteen,
    /// An hour.
    Hour,
}

impl Interval {
    /// Seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Five => FIVE,
            Self::Fifteen => 3 * FIVE,
            Self::Hour => HOUR,
        }
    }
}

/// What values come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
    /// How many there were.
    pub samples: u32,
    /// Their sum.
    pub sum: u64,
    /// The least; 0 when there were none.
    pub min: u32,
    /// The most; 0 when there were none.
    pub max: u32,
}

impl Stat {
    fn add(&mut self, value: Option<u32>) {
        let Some(value) = value else { return };
        self.min = if self.samples == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum += u64::from(value);
        self.samples += 1;
    }

    fn merge(&mut self, other: &Self) {
        if other.samples == 0 {
            return;
        }
        self.min = if self.samples == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.samples += other.samples;
    }

    /// Arithmetic mean in small units; `None` when there were no values.
    #[expect(clippy::cast_precision_loss, reason = "sums of an hour are far below 2^53")]
    pub fn mean(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.sum as f64 / f64::from(self.samples))
    }
}

/// What the readings of an interval come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Aggregate {
    /// When the interval begins, seconds since 1970.
    pub start: i64,
    /// How long it is, seconds.
    pub span: i64,
    /// Readings.
    pub readings: u32,
    /// Metres per hour.
    pub speed: Stat,
    /// Thousandths of a percent.
    pub occupancy: Stat,
    /// Vehicles.
    pub count: Stat,
    /// Milliseconds.
    pub travel_time: Stat,
}

impl Aggregate {
    fn add(&mut self, values: &Values) {
        self.readings += 1;
        self.speed.add(values.speed);
        self.occupancy.add(values.occupancy);
        self.count.add(values.count);
        self.travel_time.add(values.travel_time);
    }

    fn merge(&mut self, other: &Self) {
        self.readings += other.readings;
        self.speed.merge(&other.speed);
        self.occupancy.merge(&other.occupancy);
        self.count.merge(&other.count);
        self.travel_time.merge(&other.travel_time);
    }

    fn stats(&self) -> [&Stat; 4] {
        [&self.speed, &self.occupancy, &self.count, &self.travel_time]
    }
}

/// Aggregates of readings by time, oldest first.
pub fn aggregate(readings: &[Reading], interval: Interval) -> Vec<Aggregate> {
    let mut all: Vec<Aggregate> = Vec::new();
    for reading in readings {
        let start = reading.time - reading.time.rem_euclid(interval.seconds());
        match all.last_mut().filter(|last| last.start == start) {
            Some(last) => last.add(&reading.values),
            None => {
                let mut first = Aggregate { start, span: interval.seconds(), ..Aggregate::default() };
                first.add(&reading.values);
                all.push(first);
            }
        }
    }
    all
}

/// Aggregates of longer intervals from those of shorter ones, oldest first; what is longer already is left out.
pub fn widen(aggregates: &[Aggregate], interval: Interval) -> Vec<Aggregate> {
    let mut all: Vec<Aggregate> = Vec::new();
    for aggregate in aggregates.iter().filter(|aggregate| aggregate.span <= interval.seconds()) {
        let start = aggregate.start - aggregate.start.rem_euclid(interval.seconds());
        match all.last_mut().filter(|last| last.start == start) {
            Some(last) => last.merge(aggregate),
            None => all.push(Aggregate { start, span: interval.seconds(), ..*aggregate }),
        }
    }
    all
}

const VERSION: u8 = 1;
const STAT_BYTES: usize = 18;
/// Stands for the place of an aggregate of a whole hour.
const WHOLE_HOUR: u8 = u8::MAX;

/// Bytes of a roll-up of one aggregate with all statistics. One of two or more with fewer is left as it is.
pub const HOUR_BYTES_MAX: usize = 1 + 4 + 4 * STAT_BYTES;

/// The roll-up of a block as bytes: version, then for each five minutes their place in the hour, readings as u16, which
/// statistics there are, and each of these as samples u16, sum u64, min u32, max u32.
pub fn encode(block: &Block) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for five in aggregate(block.readings(), Interval::Five) {
        write(&mut bytes, &five);
    }
    bytes
}

/// The same for an hour whose five minutes are not kept any more: one aggregate.
pub fn encode_hour(fives: &[Aggregate]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for hour in widen(fives, Interval::Hour) {
        write(&mut bytes, &hour);
    }
    bytes
}

fn write(bytes: &mut Vec<u8>, aggregate: &Aggregate) {
    let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let place = u8::try_from(aggregate.start.rem_euclid(HOUR) / FIVE).unwrap_or(0);
    bytes.push(if aggregate.span == HOUR { WHOLE_HOUR } else { place });
    bytes.extend(short(aggregate.readings));
    let stats = aggregate.stats();
    bytes.push((0..4).filter(|place| stats[*place].samples > 0).fold(0, |flags, place| flags | 1 << place));
    for stat in stats.into_iter().filter(|stat| stat.samples > 0) {
        bytes.extend(short(stat.samples));
        bytes.extend(stat.sum.to_le_bytes());
        bytes.extend(stat.min.to_le_bytes());
        bytes.extend(stat.max.to_le_bytes());
    }
}

/// The five minutes of an hour, or the whole of it where they are not kept any more.
pub fn decode(hour: i32, bytes: &[u8]) -> Result<Vec<Aggregate>, Unreadable> {
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(Unreadable) };
    let mut all = Vec::with_capacity(12);
    while !rest.is_empty() {
        let [place, low, high, flags, after @ ..] = rest else { return Err(Unreadable) };
        rest = after;
        let mut stats = [Stat::default(); 4];
        for (_, stat) in stats.iter_mut().enumerate().filter(|(place, _)| flags & 1 << place != 0) {
            let Some((bytes, after)) = rest.split_first_chunk::<STAT_BYTES>() else { return Err(Unreadable) };
            rest = after;
            *stat = read_stat(bytes);
        }
        let [speed, occupancy, count, travel_time] = stats;
        let (offset, span) = if *place == WHOLE_HOUR { (0, HOUR) } else { (i64::from(*place) * FIVE, FIVE) };
        all.push(Aggregate {
            start: i64::from(hour) * HOUR + offset,
            span,
            readings: u32::from(u16::from_le_bytes([*low, *high])),
            speed,
            occupancy,
            count,
            travel_time,
        });
    }
    Ok(all)
}

fn read_stat(bytes: &[u8; STAT_BYTES]) -> Stat {
    let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    Stat {
        samples: u32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
        sum: u64::from(four(2)) | u64::from(four(6)) << 32,
        min: four(10),
        max: four(14),
    }
}
