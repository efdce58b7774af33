//! Questions about congestion: now, then and usually.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kvartal_kernel::{Clock, Error, Page, PageRequest, Timestamp};

use super::ports::{
    CongestionBook, CongestionLog, JamFilter, Measurements, Roads, StoredJam, StoredMoment, StoredScore, StoredWarning,
    WarningFilter,
};
use crate::domain::calendar::Calendar;
use crate::domain::city::{City, Measured, Seen, SegmentName};
use crate::domain::congestion::Level;
use crate::domain::jam::JamId;
use crate::domain::step::{STEPS_PER_WEEK, Slot, Step};
use crate::domain::typical::{Quantiles, quantiles};

/// Moments of a jam that are told.
pub const MOMENTS_MAX: u64 = 500;
/// Weeks that what is usual is made of.
pub const WEEKS: i64 = 8;
/// How far back a score may lie and still be the present one, steps.
const SCORE_AGE: i64 = 2;

/// Answers questions.
pub struct CongestionDesk {
    /// The roads.
    pub roads: Arc<dyn Roads>,
    /// What was measured.
    pub measurements: Arc<dyn Measurements>,
    /// What followed from it.
    pub book: Arc<dyn CongestionBook>,
    /// How far that is.
    pub log: Arc<dyn CongestionLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The clocks of the city.
    pub calendar: Calendar,
}

/// How a segment is.
#[derive(Clone, PartialEq, Debug)]
pub struct SegmentView {
    /// Which.
    pub segment: SegmentName,
    /// How the traffic moves; `None` when nothing is known.
    pub level: Option<Level>,
    /// The first step with the level.
    pub since: Step,
    /// What was measured.
    pub seen: Seen,
    /// When, if something was.
    pub observed: Option<Step>,
    /// km/h.
    pub free_flow_kmh: f64,
}

/// Which states.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StateFilter {
    /// That touch the box between these corners.
    pub bounds: Option<((f64, f64), (f64, f64))>,
    /// In this district.
    pub district: Option<String>,
    /// Of these segments, if there are any.
    pub segments: BTreeSet<SegmentName>,
    /// This level or worse.
    pub level: Option<Level>,
}

impl CongestionDesk {
    /// The present moment, for requests that name none.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The step that answers for a time: the one that it lies in, or the last that was computed.
    async fn step_at(&self, time: Timestamp) -> Result<Step, Error> {
        let done = self.log.head().await?.done;
        Ok(done.map_or(Step::of(time), |done| done.min(Step::of(time))))
    }

    /// States of segments at a time, by name.
    pub async fn states(&self, filter: &StateFilter, time: Timestamp) -> Result<Vec<SegmentView>, Error> {
        let city = self.roads.city().await?;
        let levels = self.book.levels_at(Step::of(time)).await?;
        let step = self.step_at(time).await?;
        let seen = self.seen(&city, step).await?;
        let wanted = |name: &SegmentName, level: Level| {
            let Some(segment) = city.segment(name) else { return false };
            (filter.segments.is_empty() || filter.segments.contains(name))
                && filter.district.as_ref().is_none_or(|district| *district == segment.district)
                && filter.level.is_none_or(|least| level >= least)
                && filter.bounds.is_none_or(|(low, high)| segment.place.is_some_and(|place| place.touches(low, high)))
        };
        let chosen = levels.into_iter().filter(|(name, (level, _))| wanted(name, *level));
        Ok(chosen.map(|(name, (level, since))| view(&city, name, Some(level), since, &seen, step)).collect())
    }

    /// How a segment's level changed from one time to another: the state at the start, then the changes, at most `limit`
    /// and one more, which tells that there are others.
    pub async fn history(
        &self,
        segment: &SegmentName,
        from: Step,
        before: Step,
        limit: u64,
        first: bool,
    ) -> Result<Vec<SegmentView>, Error> {
        let city = self.roads.city().await?;
        if city.segment(segment).is_none() {
            return Err(Error::not_found("SEGMENT_NOT_FOUND", "segment"));
        }
        let at_start = if first { self.book.level_at(segment, from).await? } else { None };
        let changes = self.book.changes(segment, from, before, limit + 1).await?;
        let mut views = Vec::new();
        for change in at_start.into_iter().chain(changes) {
            let at = change.step.max(from);
            let seen = self.seen(&city, at).await?;
            views.push(view(&city, change.segment, change.level, change.step, &seen, at));
        }
        Ok(views)
    }

    /// What was seen in a step.
    async fn seen(&self, city: &City, step: Step) -> Result<BTreeMap<SegmentName, Seen>, Error> {
        let measured = self.measurements.between(step, step).await?;
        Ok(measured.get(&step).map(|measured| city.see(measured)).unwrap_or_default())
    }

    /// Jams by start, newest first.
    pub async fn jams(&self, filter: &JamFilter, page: PageRequest) -> Result<Page<StoredJam>, Error> {
        self.book.jams(filter, page).await
    }

    /// One jam with its life.
    pub async fn jam(&self, id: JamId) -> Result<(StoredJam, Vec<StoredMoment>), Error> {
        let jam = self.book.jam(id).await?.ok_or_else(|| Error::not_found("JAM_NOT_FOUND", "jam"))?;
        let moments = self.book.moments(id, MOMENTS_MAX).await?;
        Ok((jam, moments))
    }

    /// Warnings by start, newest first.
    pub async fn warnings(&self, filter: &WarningFilter, page: PageRequest) -> Result<Page<StoredWarning>, Error> {
        self.book.warnings(filter, page).await
    }

    /// Scores at a time, each with what is usual then.
    pub async fn scores(&self, time: Timestamp) -> Result<Vec<(StoredScore, Option<f64>)>, Error> {
        let step = self.step_at(time).await?;
        // A score of long ago is not the present one.
        if Step::of(time).0 - step.0 > SCORE_AGE + 2 {
            return Ok(Vec::new());
        }
        let scores = self.book.scores_at(step.plus(-SCORE_AGE), step).await?;
        let usual = self.usual_scores(step).await?;
        let with = |score: StoredScore| {
            let usual = usual.get(&score.district).copied();
            (score, usual)
        };
        Ok(scores.into_iter().map(with).collect())
    }

    /// The mean of the scores at this time of the week in the weeks before.
    async fn usual_scores(&self, step: Step) -> Result<BTreeMap<String, f64>, Error> {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for week in 1..=WEEKS {
            let then = self.calendar.weeks_before(step, week);
            for score in self.book.scores_at(then, then).await? {
                let (sum, count) = sums.entry(score.district).or_default();
                *sum += score.value;
                *count += 1.0;
            }
        }
        Ok(sums.into_iter().map(|(district, (sum, count))| (district, sum / count)).collect())
    }

    /// Scores of a district from one step on and before another, oldest first: at most `limit` and one more.
    pub async fn score_history(
        &self,
        district: &str,
        from: Step,
        before: Step,
        limit: u64,
    ) -> Result<Vec<StoredScore>, Error> {
        self.book.scores(district, from, before, limit + 1).await
    }

    /// What is usual on a segment on a weekday (0 for Monday): by five minutes of the day; and how many days that rests on.
    pub async fn profile(&self, segment: &SegmentName, weekday: usize) -> Result<(Vec<ProfileSlot>, usize), Error> {
        let city = self.roads.city().await?;
        if city.segment(segment).is_none() {
            return Err(Error::not_found("SEGMENT_NOT_FOUND", "segment"));
        }
        let now = Step::of(self.clock.now());
        // The last eight weeks in which something was measured: history that was imported counts as well.
        let last = self.log.head().await?.done.map_or(now, |done| done.min(now));
        let mut sums: BTreeMap<Step, (f64, f64)> = BTreeMap::new();
        for detector in city.detectors(segment) {
            for (step, speed) in self.measurements.speeds(detector, last.plus(-WEEKS * STEPS_PER_WEEK), last).await? {
                if self.calendar.slot(step).weekday() == weekday {
                    let (sum, count) = sums.entry(step).or_default();
                    *sum += speed;
                    *count += 1.0;
                }
            }
        }
        let days: BTreeSet<i64> = sums.keys().map(|step| self.calendar.day(*step)).collect();
        let mut slots: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (step, (sum, count)) in sums {
            slots.entry(self.calendar.slot(step).of_day()).or_default().push(sum / count);
        }
        let slot = |(of_day, values): (usize, Vec<f64>)| {
            let count = values.len();
            quantiles(values).map(|speeds| ProfileSlot { of_day, speeds, count })
        };
        Ok((slots.into_iter().filter_map(slot).collect(), days.len()))
    }

    /// The city, for questions about ways.
    pub async fn city(&self) -> Result<Arc<City>, Error> {
        self.roads.city().await
    }

    /// What was measured in these steps.
    pub(super) async fn measured(
        &self,
        from: Step,
        to: Step,
    ) -> Result<BTreeMap<Step, BTreeMap<String, Measured>>, Error> {
        self.measurements.between(from, to).await
    }
}

/// What is usual in five minutes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ProfileSlot {
    /// Five minutes of the day, 0 to 287 ([`Slot::of_day`]).
    pub of_day: usize,
    /// km/h.
    pub speeds: Quantiles,
    /// How many days it rests on.
    pub count: usize,
}

impl ProfileSlot {
    /// Minutes since midnight.
    pub fn minute(self) -> usize {
        self.of_day.min(Slot::PER_DAY) * 5
    }
}

fn view(
    city: &City,
    segment: SegmentName,
    level: Option<Level>,
    since: Step,
    seen: &BTreeMap<SegmentName, Seen>,
    step: Step,
) -> SegmentView {
    let free_flow_kmh = city.segment(&segment).map_or(0.0, |segment| segment.free_flow_kmh);
    let observed = seen.get(&segment).copied();
    SegmentView {
        level,
        since,
        seen: observed.unwrap_or_default(),
        observed: observed.map(|_| step),
        free_flow_kmh,
        segment,
    }
}
