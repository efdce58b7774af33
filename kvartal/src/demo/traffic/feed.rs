//! Readings of the demo's detectors: first those of the past days, then those of every minute.

use kvartal_kernel::Error;
use kvartal_proto::traffic::v1 as pb;

use super::seeding::administrator;
use super::sensors::{PERIOD_S, Said, Sensor};
use super::world::{PACE, WARM_UP_S, World, moment_of};
use crate::demo::Demo;

/// How far back the city's past goes when it starts, seconds: at four days of the city for one of ours, more than a week of
/// it. What lies before is told later, see [`super::history`].
pub(crate) const PAST_S: i64 = 2 * 86_400;
/// From reading to reading in the past, seconds.
pub(crate) const PAST_PERIOD_S: i64 = 300;
/// Periods of the past that are sent together.
const TOGETHER: i64 = 48;

/// Detectors that stand for all when it is asked who speaks for them.
const ASKED: usize = 5;
/// Who spoke for detectors so lately still does, seconds: two periods of files with readings every five minutes.
const OTHERS_S: i64 = 600;

/// Readings as columns.
#[derive(Default)]
pub(crate) struct Batch {
    detectors: Vec<u32>,
    times: Vec<i64>,
    said: Vec<Said>,
}

impl Batch {
    /// With one more reading.
    pub(crate) fn push(&mut self, detector: usize, time: i64, said: Said) {
        self.detectors.push(u32::try_from(detector).unwrap_or(u32::MAX));
        self.times.push(time);
        self.said.push(said);
    }

    /// Notes who says something, and when.
    pub(crate) fn note(&self, spoke: &mut [i64]) {
        for (detector, time) in self.detectors.iter().zip(&self.times) {
            if let Some(last) = spoke.get_mut(*detector as usize) {
                *last = *time;
            }
        }
    }

    /// Sends them; nothing when there are none.
    pub(crate) async fn send(self, demo: &Demo, sensors: &[Sensor]) -> Result<(), Error> {
        if self.said.is_empty() {
            return Ok(());
        }
        let request = pb::IngestReadingColumnsRequest {
            detector_ids: sensors.iter().map(|sensor| sensor.id.clone()).collect(),
            detector_indexes: self.detectors,
            unix_seconds: self.times,
            speeds_kmh: self.said.iter().map(|said| said.speed_kmh.unwrap_or(-1.0)).collect(),
            occupancies_percent: self.said.iter().map(|said| said.occupancy_percent).collect(),
            vehicle_counts: self.said.iter().map(|said| said.count).collect(),
            travel_times_seconds: Vec::new(),
            validate_only: false,
        };
        let client = &demo.town.traffic.readings;
        let answer = demo.town.call(administrator(demo)?, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.ingest_reading_columns(request).await })
        });
        let answer = answer.await?;
        if let Some(first) = answer.rejected.first() {
            let (count, message) = (answer.rejected_count, first.message.as_str());
            tracing::warn!(count, message, "readings of the demo were not taken; this is the reason of the first");
        }
        Ok(())
    }
}

/// Sends what the detectors said up to now and was not sent in an earlier run; the world as it is then.
pub(crate) async fn past(demo: &Demo, sensors: &[Sensor]) -> Result<World, Error> {
    let now = demo.town.now().seconds();
    let begin = match newest(demo, sensors).await? {
        Some(time) => time.max(now - PAST_S),
        None => now - PAST_S,
    };
    let first = (begin / PAST_PERIOD_S + 1) * PAST_PERIOD_S;
    let warm = moment_of(begin as f64) - WARM_UP_S;
    let mut world = World::at(&demo.city, warm);
    let progress = demo.console.progress(u64::try_from((now - begin).max(0)).unwrap_or(0), "remembering the traffic");
    let mut end = first;
    while end <= now {
        let ends: Vec<i64> = (0..TOGETHER).map(|n| end + n * PAST_PERIOD_S).filter(|end| *end <= now).collect();
        let (owned, last) = (sensors.to_vec(), ends.last().copied().unwrap_or(end));
        // Away from the threads that answer calls: it is all computation.
        let work = tokio::task::spawn_blocking(move || {
            let batch = remember(&mut world, &owned, &ends);
            (world, batch)
        });
        let (grown, batch) = work.await.map_err(|error| Error::internal("the demo's past failed").because(error))?;
        world = grown;
        batch.send(demo, sensors).await?;
        progress.inc(u64::try_from(last + PAST_PERIOD_S - end).unwrap_or(0));
        end = last + PAST_PERIOD_S;
    }
    Ok(world)
}

/// What the detectors said about the periods with these ends.
pub(crate) fn remember(world: &mut World, sensors: &[Sensor], ends: &[i64]) -> Batch {
    let mut batch = Batch::default();
    for end in ends {
        world.advance(moment_of(*end as f64));
        for (index, sensor) in sensors.iter().enumerate() {
            let seen = world.seen(sensor.road);
            if let Some(said) = sensor.say(&world.roads, &seen, PAST_PERIOD_S as f64, *end) {
                batch.push(index, *end, said);
            }
        }
    }
    batch
}

/// When the first detectors were heard last, in an earlier run.
async fn newest(demo: &Demo, sensors: &[Sensor]) -> Result<Option<i64>, Error> {
    let mut newest = None;
    // One may be out of order; not all of these.
    for sensor in sensors.iter().take(ASKED) {
        newest = newest.max(heard(demo, sensor).await?);
    }
    Ok(newest)
}

/// Whether somebody else speaks for the detectors, such as `kvartal import readings --replay`: one was heard lately that the
/// demo did not speak for since.
pub(crate) async fn others_speak(demo: &Demo, sensors: &[Sensor], spoke: &[i64]) -> Result<bool, Error> {
    let lately = demo.town.now().seconds() - OTHERS_S;
    for (sensor, own) in sensors.iter().zip(spoke).take(ASKED) {
        if heard(demo, sensor).await?.is_some_and(|heard| heard > *own && heard > lately) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// When a detector was heard last.
async fn heard(demo: &Demo, sensor: &Sensor) -> Result<Option<i64>, Error> {
    let request = pb::GetDetectorRequest { detector_id: sensor.id.clone() };
    let client = &demo.town.traffic.detectors;
    let answer = demo.town.call(administrator(demo)?, request, |request| {
        let mut client = client.clone();
        Box::pin(async move { client.get_detector(request).await })
    });
    let detector = answer.await?.detector.unwrap_or_default();
    Ok(detector.last_measurement.and_then(|last| last.time).map(|time| time.seconds))
}

/// What the detectors of this turn say about the minute that ends now; each has its turn once a minute.
pub(crate) fn minute(world: &mut World, sensors: &[Sensor], time: i64, turn: usize, turns: usize) -> Batch {
    let mut batch = Batch::default();
    for (index, sensor) in sensors.iter().enumerate().filter(|(index, _)| index % turns == turn) {
        let seen = world.seen(sensor.road);
        if seen.seconds < f64::from(PERIOD_S) * PACE / 4.0 {
            // The first turn comes too early to say much.
            continue;
        }
        if let Some(said) = sensor.say(&world.roads, &seen, f64::from(PERIOD_S), time) {
            batch.push(index, time, said);
        }
    }
    batch
}
