//! Readings: taking them in, many callers in one commit, and giving them out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Kind, Timestamp};
use tokio::sync::{oneshot, watch};

use super::registry::{Directory, Registry};
use crate::domain::block::{Block, hour_of};
use crate::domain::detector::not_found;
use crate::domain::reading::{Counts, DetectorNo, Outcome, Reading, Refusal, Values, Window};
use crate::domain::rollup::{Aggregate, Interval, widen};

/// A reading that was judged and may be kept.
pub type Judged = (DetectorNo, i64, Values);

/// Readings of one caller: kept together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the caller's order.
    pub readings: Vec<Judged>,
    /// Told how many are stored so far, where somebody wants to know.
    pub progress: Option<watch::Sender<u32>>,
}

/// What became of the readings of a batch, in their order.
pub type Outcomes = Vec<Outcome>;

/// What is removed by age: everything before these hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Readings.
    pub readings_before: Option<i32>,
    /// Roll-ups of 5 and 15 minutes; those of the hour stay.
    pub fives_before: Option<i32>,
}

/// Where readings live.
#[async_trait]
pub trait Readings: Send + Sync {
    /// Keeps batches in one transaction, one after another; durable when it returns.
    async fn store(&self, batches: Vec<Arc<Batch>>) -> Result<Vec<Outcomes>, Error>;

    /// Blocks of a detector in these hours, both included, oldest first.
    async fn blocks(&self, detector: DetectorNo, from: i32, to: i32) -> Result<Vec<Block>, Error>;

    /// Blocks of many detectors in these hours, by detector and time.
    async fn blocks_of(
        &self,
        detectors: (DetectorNo, DetectorNo),
        from: i32,
        to: i32,
    ) -> Result<HashMap<DetectorNo, Vec<Reading>>, Error>;

    /// Five minutes of a detector in these hours, both included, oldest first.
    async fn fives(&self, detector: DetectorNo, from: i32, to: i32) -> Result<Vec<Aggregate>, Error>;

    /// Five minutes of detectors after a number in an hour, in the order of numbers.
    async fn grid(&self, hour: i32, after: DetectorNo, limit: u64) -> Result<Vec<(DetectorNo, Vec<Aggregate>)>, Error>;

    /// The newest reading of each of these detectors.
    async fn newest(&self, detectors: &[DetectorNo]) -> Result<HashMap<DetectorNo, Reading>, Error>;

    /// Removes what is too old, a bounded part of it; true when there may be more.
    async fn prune(&self, retention: Retention) -> Result<bool, Error>;
}

/// Hours of readings in one query: a week.
const READING_HOURS: i32 = 168;
/// Hours of roll-ups in one query: a month.
const ROLLUP_HOURS: i32 = 744;
/// A reader is not kept longer than this many hours of nothing.
const HOURS_SKIPPED_MAX: i32 = 24 * 401;

/// What waits for the next commit.
struct Waiting {
    batch: Arc<Batch>,
    done: oneshot::Sender<Result<Outcomes, Error>>,
}

/// Most readings in one commit, as long as one caller alone does not bring more.
const GROUP_MAX: usize = 400_000;

/// What can be done with readings.
pub struct ReadingDesk {
    readings: Arc<dyn Readings>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    kept_days: u32,
    waiting: Mutex<Vec<Waiting>>,
    committing: tokio::sync::Mutex<()>,
}

/// What became of one reading.
pub type Verdict = Result<Outcome, Refusal>;

impl ReadingDesk {
    /// Over these; readings are kept for so many days, 0 for ever.
    pub fn new(readings: Arc<dyn Readings>, registry: Arc<Registry>, clock: Arc<dyn Clock>, kept_days: u32) -> Self {
        let (waiting, committing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { readings, registry, clock, kept_days, waiting, committing }
    }

    /// Detectors by id; knows all of these if they exist.
    pub async fn directory<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<Arc<Directory>, Error> {
        self.registry.knowing(ids).await
    }

    /// Which times are taken now.
    pub fn window(&self) -> Window {
        Window::at(self.clock.now(), self.kept_days)
    }

    /// Keeps what was judged well; the verdicts are in the order in which they came.
    pub async fn ingest(
        &self,
        judged: Vec<Result<Judged, Refusal>>,
        validate_only: bool,
    ) -> Result<(Counts, Vec<Verdict>), Error> {
        let good: Vec<Judged> = judged.iter().filter_map(|reading| reading.ok()).collect();
        let outcomes = if validate_only || good.is_empty() {
            vec![Outcome::Accepted; good.len()]
        } else {
            self.commit(Arc::new(Batch { readings: good, progress: None })).await?
        };
        let mut counts = Counts::default();
        let mut outcomes = outcomes.into_iter();
        let verdicts = judged
            .into_iter()
            .map(|reading| match reading {
                Ok(_) => {
                    let outcome = outcomes.next().unwrap_or(Outcome::Accepted);
                    counts.add(outcome);
                    Ok(outcome)
                }
                Err(refusal) => {
                    counts.rejected += 1;
                    Err(refusal)
                }
            })
            .collect();
        Ok((counts, verdicts))
    }

    /// Group commit: whoever comes while a commit runs waits for the next one, which takes everybody along. A detector's
    /// hour is then read and written once for all of them.
    pub async fn commit(&self, batch: Arc<Batch>) -> Result<Outcomes, Error> {
        loop {
            let (done, mut answer) = oneshot::channel();
            self.lock().push(Waiting { batch: batch.clone(), done });
            let _turn = self.committing.lock().await;
            match answer.try_recv() {
                Ok(outcome) => return outcome,
                // Whoever took it along went away before it was told; it may have been kept, and keeping it again
                // changes nothing.
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            self.commit_group().await;
            if let Ok(outcome) = answer.try_recv() {
                return outcome;
            }
        }
    }

    async fn commit_group(&self) {
        let group = {
            let mut waiting = self.lock();
            let mut size = 0;
            let taken = waiting.iter().take_while(|next| {
                let first = size == 0;
                size += next.batch.readings.len();
                first || size <= GROUP_MAX
            });
            let count = taken.count();
            waiting.drain(..count).collect::<Vec<_>>()
        };
        let batches = group.iter().map(|waiting| waiting.batch.clone()).collect();
        match self.readings.store(batches).await {
            Ok(outcomes) => {
                for (waiting, outcomes) in group.into_iter().zip(outcomes) {
                    // Nobody waits any more: that is the caller's affair.
                    let _ = waiting.done.send(Ok(outcomes));
                }
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), callers = group.len(), "readings could not be stored");
                for waiting in group {
                    let told = Error::new(error.kind(), error.reason(), error.message());
                    let told = error.retry_delay().into_iter().fold(told, Error::retry_after);
                    let _ = waiting.done.send(Err(told));
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn number(&self, id: &str) -> Result<DetectorNo, Error> {
        self.registry.knowing(std::iter::once(id)).await?.any(id).ok_or_else(not_found)
    }

    /// Readings from one time on and before another, oldest first: at most `limit` and one more, which tells that there
    /// are others.
    pub async fn list(&self, id: &str, from: i64, before: i64, limit: usize) -> Result<Vec<Reading>, Error> {
        let number = self.number(id).await?;
        let mut found = Vec::new();
        let (mut hour, last) = (hour_of(from), hour_of(before - 1));
        while hour <= last && found.len() <= limit {
            let to = last.min(hour.saturating_add(READING_HOURS - 1));
            let blocks = self.readings.blocks(number, hour, to).await?;
            let inside = |reading: &&Reading| (from..before).contains(&reading.time);
            found.extend(blocks.iter().flat_map(|block| block.readings().iter().filter(inside).copied()));
            hour = to + 1;
        }
        found.truncate(limit + 1);
        Ok(found)
    }

    /// Aggregates that begin at one time or later and before another, oldest first: at most `limit` and one more.
    pub async fn aggregates(
        &self,
        id: &str,
        interval: Interval,
        from: i64,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Aggregate>, Error> {
        let number = self.number(id).await?;
        let mut found = Vec::new();
        let (mut hour, last) = (hour_of(from), hour_of(before - 1));
        if last.saturating_sub(hour) > HOURS_SKIPPED_MAX {
            return Err(Error::new(
                Kind::InvalidArgument,
                "INVALID_ARGUMENT",
                "end_time: at most 400 days after the start",
            ));
        }
        while hour <= last && found.len() <= limit {
            let to = last.min(hour.saturating_add(ROLLUP_HOURS - 1));
            let fives = self.readings.fives(number, hour, to).await?;
            let wide = widen(&fives, interval);
            found.extend(wide.into_iter().filter(|aggregate| (from..before).contains(&aggregate.start)));
            hour = to + 1;
        }
        found.truncate(limit + 1);
        Ok(found)
    }

    /// What detectors after a number measured in the interval around a time, in the order of numbers, with the number to
    /// go on from.
    pub async fn grid(
        &self,
        interval: Interval,
        time: i64,
        after: DetectorNo,
        limit: u64,
    ) -> Result<(Vec<(String, Aggregate)>, Option<DetectorNo>), Error> {
        let start = time - time.rem_euclid(interval.seconds());
        let rows = self.readings.grid(hour_of(start), after, limit).await?;
        let full = u64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let next = rows.last().filter(|_| full).map(|(number, _)| *number);
        let mut directory = self.registry.knowing(std::iter::empty()).await?;
        if rows.iter().any(|(number, _)| directory.id(*number).is_none()) {
            directory = self.registry.refresh().await?;
        }
        let cells = rows.into_iter().filter_map(|(number, fives)| {
            let cell = widen(&fives, interval).into_iter().find(|aggregate| aggregate.start == start)?;
            Some((directory.id(number)?.to_owned(), cell))
        });
        Ok((cells.collect(), next))
    }

    /// The newest reading of each of these.
    pub async fn newest(&self, detectors: &[DetectorNo]) -> Result<HashMap<DetectorNo, Reading>, Error> {
        self.readings.newest(detectors).await
    }

    /// Removes what is too old.
    pub async fn prune(&self, fives_days: u32) -> Result<(), Error> {
        let now: Timestamp = self.clock.now();
        let before = |days: u32| (days > 0).then(|| hour_of(now.seconds() - i64::from(days) * 86_400));
        let retention = Retention { readings_before: before(self.kept_days), fives_before: before(fives_days) };
        while self.readings.prune(retention).await? {}
        Ok(())
    }
}
