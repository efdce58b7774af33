//! A block: the readings of one detector in one hour, as columns in a few bytes.
//!
//! Layout, little endian: version, which columns there are, count as u16, then the columns one after another: seconds
//! within the hour as u16; each value column as u32, [`ABSENT`] where a reading has none; revisions as u16. A column that
//! no reading uses is left out, so an hour of speeds every five minutes takes 76 bytes.

use super::reading::{Outcome, Reading, Values};

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
const VERSION: u8 = 1;
const ABSENT: u32 = u32::MAX;
const SPEED: u8 = 1;
const OCCUPANCY: u8 = 2;
const COUNT: u8 = 4;
const TRAVEL_TIME: u8 = 8;
const REVISION: u8 = 16;

/// The hour that a moment lies in: hours since 1970.
pub fn hour_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(HOUR)).unwrap_or(i32::MAX)
}

/// Readings of one hour, by time; at most one for each second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    readings: Vec<Reading>,
}

/// A column of a reading: its value, and the place for it.
type Get = fn(&Values) -> Option<u32>;
type Place = fn(&mut Values) -> &mut Option<u32>;

/// What is stored is no block of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

impl Block {
    /// By time.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Takes a reading in: new, known word for word, or in place of another for the same second.
    pub fn put(&mut self, time: i64, values: Values) -> Outcome {
        let fresh = Reading { time, values, revision: 0 };
        // Mostly the newest comes last.
        if self.readings.last().is_none_or(|last| last.time < time) {
            self.readings.push(fresh);
            return Outcome::Accepted;
        }
        match self.readings.binary_search_by_key(&time, |reading| reading.time) {
            Err(place) => {
                self.readings.insert(place, fresh);
                Outcome::Accepted
            }
            Ok(place) if self.readings[place].values == values => Outcome::Duplicate,
            Ok(place) => {
                let revision = self.readings[place].revision.saturating_add(1);
                self.readings[place] = Reading { revision, ..fresh };
                Outcome::Corrected
            }
        }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let count = self.readings.len();
        let has = |flag, used: bool| if used { flag } else { 0 };
        let any = |of: Get| self.readings.iter().any(|reading| of(&reading.values).is_some());
        let columns = has(SPEED, any(|v| v.speed))
            | has(OCCUPANCY, any(|v| v.occupancy))
            | has(COUNT, any(|v| v.count))
            | has(TRAVEL_TIME, any(|v| v.travel_time))
            | has(REVISION, self.readings.iter().any(|reading| reading.revision > 0));
        let mut bytes = Vec::with_capacity(4 + count * 20);
        bytes.extend([VERSION, columns]);
        bytes.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
        for reading in &self.readings {
            // Below 3600.
            bytes.extend(u16::try_from(reading.time.rem_euclid(HOUR)).unwrap_or(0).to_le_bytes());
        }
        let values: [(u8, Get); 4] = [
            (SPEED, |v| v.speed),
            (OCCUPANCY, |v| v.occupancy),
            (COUNT, |v| v.count),
            (TRAVEL_TIME, |v| v.travel_time),
        ];
        for (_, of) in values.into_iter().filter(|(flag, _)| columns & flag != 0) {
            for reading in &self.readings {
                bytes.extend(of(&reading.values).unwrap_or(ABSENT).to_le_bytes());
            }
        }
        if columns & REVISION != 0 {
            for reading in &self.readings {
                bytes.extend(reading.revision.to_le_bytes());
            }
        }
        bytes
    }

    /// From bytes, of this hour.
    pub fn decode(hour: i32, bytes: &[u8]) -> Result<Self, Unreadable> {
        let [VERSION, columns, low, high, rest @ ..] = bytes else { return Err(Unreadable) };
        let count = usize::from(u16::from_le_bytes([*low, *high]));
        let wide = (columns & (SPEED | OCCUPANCY | COUNT | TRAVEL_TIME)).count_ones() as usize;
        let narrow = 1 + usize::from(columns & REVISION != 0);
        if rest.len() != count * (4 * wide + 2 * narrow) {
            return Err(Unreadable);
        }
        let (times, mut rest) = rest.split_at(2 * count);
        let start = i64::from(hour) * HOUR;
        let mut readings: Vec<Reading> = times
            .chunks_exact(2)
            .map(|pair| Reading {
                time: start + i64::from(u16::from_le_bytes([pair[0], pair[1]])),
                values: Values::default(),
                revision: 0,
            })
            .collect();
        let into: [(u8, Place); 4] = [
            (SPEED, |v| &mut v.speed),
            (OCCUPANCY, |v| &mut v.occupancy),
            (COUNT, |v| &mut v.count),
            (TRAVEL_TIME, |v| &mut v.travel_time),
        ];
        for (_, of) in into.into_iter().filter(|(flag, _)| columns & flag != 0) {
            let (column, after) = rest.split_at(4 * count);
            rest = after;
            for (reading, four) in readings.iter_mut().zip(column.chunks_exact(4)) {
                let value = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
                *of(&mut reading.values) = (value != ABSENT).then_some(value);
            }
        }
        for (reading, two) in readings.iter_mut().zip(rest.chunks_exact(2)) {
            reading.revision = u16::from_le_bytes([two[0], two[1]]);
        }
        Ok(Self { readings })
    }
}
