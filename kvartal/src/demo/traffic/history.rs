//! What the detectors of the demo said more than two days ago: told bit by bit while the city moves, so that starting stays
//! quick. With it there is a "same time last week".

use kvartal_kernel::{Error, Timestamp};
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;

use super::feed::{PAST_PERIOD_S, PAST_S, remember};
use super::seeding::administrator;
use super::sensors::Sensor;
use super::world::{WARM_UP_S, World, moment_of};
use crate::demo::Demo;

/// How far back it goes, seconds: a week, and a day to learn from.
const HISTORY_S: i64 = 8 * 86_400;
/// Periods that are told together: two hours, in a look.
const TOGETHER: i64 = 24;

/// History that is still to be told.
pub(crate) struct History {
    /// `None` while it is being computed.
    world: Option<World>,
    /// The end of the next period.
    next: i64,
    /// The end of the last one.
    last: i64,
}

impl History {
    /// What is to be told; nothing when an earlier run told it.
    pub(crate) async fn to_tell(demo: &Demo, sensors: &[Sensor]) -> Result<Option<Self>, Error> {
        let now = demo.town.now().seconds();
        let next = ((now - HISTORY_S) / PAST_PERIOD_S + 1) * PAST_PERIOD_S;
        let Some(first) = sensors.first() else { return Ok(None) };
        let at = |seconds: i64| Some(to_proto(Timestamp(seconds * 1_000_000)));
        let request = pb::ListReadingsRequest {
            detector_id: first.id.clone(),
            start_time: at(next),
            // One may have been out of order for a day.
            end_time: at(next + 2 * 86_400),
            page_size: 1,
            ..Default::default()
        };
        let client = &demo.town.traffic.readings;
        let known = demo.town.call(administrator(demo)?, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.list_readings(request).await })
        });
        if !known.await?.measurements.is_empty() {
            return Ok(None);
        }
        let world = Some(World::at(&demo.city, moment_of(next as f64) - WARM_UP_S));
        Ok(Some(Self { world, next, last: now - PAST_S }))
    }

    /// Tells some more; whether there is more to tell.
    pub(crate) async fn go_on(&mut self, demo: &Demo, sensors: &[Sensor]) -> Result<bool, Error> {
        let ends: Vec<i64> =
            (0..TOGETHER).map(|n| self.next + n * PAST_PERIOD_S).filter(|end| *end <= self.last).collect();
        let Some(mut world) = self.world.take().filter(|_| !ends.is_empty()) else { return Ok(false) };
        let owned = sensors.to_vec();
        self.next += TOGETHER * PAST_PERIOD_S;
        // Away from the threads that answer calls: it is all computation.
        let work = tokio::task::spawn_blocking(move || {
            let batch = remember(&mut world, &owned, &ends);
            (world, batch)
        });
        let (world, batch) = work.await.map_err(|error| Error::internal("the demo's history failed").because(error))?;
        self.world = Some(world);
        batch.send(demo, sensors).await?;
        Ok(true)
    }
}
