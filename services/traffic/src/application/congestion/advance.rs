//! Turning new and late readings into states, jams, warnings and scores.
//!
//! Time is computed step by step, always from a [`Tracker`] that was kept. When readings of a step come late, everything
//! from that step on is computed once more, until what the rules remember is what they remembered before: from there on
//! nothing can differ. How late readings may come is therefore a matter of how long five-minute aggregates are kept.
//! Events tell of what is new; what is found to lie [`NEWS`] back is history and told to nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Kind};
use tokio::sync::watch;

use super::ports::{Chunk, CongestionLog, Dirty, Head, Measurements, Retention, Roads};
use crate::domain::city::{City, Measured};
use crate::domain::step::{STEPS_PER_DAY, Step};
use crate::domain::tracker::{Outcome, Tracker};

/// A step is computed when it has been over for this long; what comes later is late.
pub const GRACE: Duration = Duration::from_secs(30);
/// What happened longer ago is no news.
pub const NEWS: Duration = Duration::from_hours(2);
/// Steps computed in one transaction at most.
const CHUNK: i64 = 96;
/// After every so many steps, what the rules remember is kept.
pub const KEPT: i64 = 12;
/// Trackers older than this are thinned to one a day, steps.
const THIN: i64 = 2 * 288;
/// Commits within this time are looked at together.
const PACE: Duration = Duration::from_millis(200);
/// Marks looked at in one reading.
const MARKS: u64 = 5_000;

/// How long what was found is kept, in days; 0 for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    /// States of segments.
    pub states_days: u32,
    /// Jams and warnings, after their end.
    pub jams_days: u32,
    /// Scores.
    pub scores_days: u32,
}

/// Where what was computed is shown.
#[async_trait]
pub trait Display: Send + Sync {
    /// Shows everything as it is now.
    async fn refresh(&self) -> Result<(), Error>;
}

/// Computes congestion.
pub struct Advance {
    /// The roads.
    pub roads: Arc<dyn Roads>,
    /// What was measured.
    pub measurements: Arc<dyn Measurements>,
    /// Where it is kept.
    pub log: Arc<dyn CongestionLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Advance {
    /// Computes until nothing is left to do.
    pub async fn catch_up(&self) -> Result<(), Error> {
        loop {
            match self.chunk().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // Another replica was faster: look again at what is left.
                Err(error) if error.kind() == Kind::Aborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Computes whenever something was committed, and looks every `poll` for what other replicas stored and for steps that
    /// time has ended, until it is dropped.
    pub async fn follow(&self, mut committed: watch::Receiver<u64>, poll: Duration, display: &dyn Display) {
        let (mut away, mut shown) = (false, None);
        loop {
            committed.mark_unchanged();
            match self.show(display, &mut shown).await {
                Ok(()) => away = false,
                Err(error) => {
                    if !away {
                        tracing::warn!(error = error.chain(), "congestion cannot be computed; it is caught up later");
                    }
                    away = true;
                }
            }
            // Readings come in many commits: one look for all of a moment.
            tokio::time::sleep(PACE).await;
            // No sender is left at shutdown only; a look every `poll` is right then as well.
            let _ = tokio::time::timeout(poll, committed.changed()).await;
        }
    }

    /// Computes, and shows what somebody computed since it was shown last.
    async fn show(&self, display: &dyn Display, shown: &mut Option<i64>) -> Result<(), Error> {
        self.catch_up().await?;
        let version = self.log.head().await?.version;
        if *shown != Some(version) {
            display.refresh().await?;
            *shown = Some(version);
        }
        Ok(())
    }

    /// Keeps no more of what the rules remembered than going back needs.
    pub async fn thin(&self) -> Result<(), Error> {
        let Some(done) = self.log.head().await?.done else { return Ok(()) };
        self.log.thin(done.plus(-THIN)).await
    }

    /// Forgets what was found so long ago that nobody wants it any more.
    pub async fn prune(&self, kept: Kept) -> Result<(), Error> {
        let now = Step::of(self.clock.now());
        let before = |days: u32| (days > 0).then(|| now.plus(-i64::from(days) * STEPS_PER_DAY));
        let retention = Retention {
            states_before: before(kept.states_days),
            jams_before: before(kept.jams_days),
            scores_before: before(kept.scores_days),
        };
        while self.log.prune(retention).await? {}
        Ok(())
    }

    /// Computes some steps; whether there may be more.
    async fn chunk(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        let complete = Step::of(now.minus(GRACE)).plus(-1);
        let head = self.log.head().await?;
        let dirty = self.measurements.dirty(complete, MARKS).await?;
        let Some(from) = self.begin(head, &dirty, complete).await? else { return Ok(false) };
        let city = self.roads.city().await?;
        let mut run = Run {
            city: &city,
            tracker: self.tracker_before(from, &city).await?,
            outcomes: Vec::new(),
            kept: Vec::new(),
        };
        let to = from.plus(CHUNK - 1).min(complete);
        let measured = self.measurements.between(from, to).await?;
        let last_mark = dirty.iter().map(|dirty| dirty.step).max();
        let mut last = from;
        let mut agrees = false;
        for step in (from.0..=to.0).map(Step) {
            last = step;
            run.step(step, measured.get(&step));
            if run.keeps(step) && last_mark.is_none_or(|mark| mark <= step) {
                // Nobody has news beyond: going on is needed only until what is remembered agrees with what was.
                agrees = self.log.tracker_at(step).await?.as_ref() == Some(&run.tracker);
            }
            if agrees || (run.tracker.is_idle() && measured.range(step.plus(1)..).next().is_none()) {
                break;
            }
        }
        run.keep(last);
        let after = self.after(head, last, agrees, run.tracker.is_idle()).await?;
        let clean = dirty.into_iter().filter(|dirty| (from..=last).contains(&dirty.step)).collect();
        let chunk = Chunk {
            from,
            last,
            to: after.to,
            outcomes: run.outcomes,
            trackers: run.kept,
            clean,
            redo: after.redo,
            news_from: Step::of(now.minus(NEWS)),
        };
        self.log.store(head, chunk, city.clone()).await?;
        Ok(true)
    }

    /// What is left of what was computed before, after a run up to `last`.
    async fn after(&self, head: Head, last: Step, agrees: bool, idle: bool) -> Result<After, Error> {
        let waiting = head.redo.filter(|redo| *redo > last);
        let Some(done) = head.done.filter(|done| *done > last && !agrees) else {
            return Ok(After { to: last, redo: waiting });
        };
        if !idle {
            return Ok(After { to: last, redo: Some(last.plus(1)) });
        }
        // Nothing is remembered and nothing measured up to the next step with readings: there is nothing in between.
        match self.measurements.next(last.plus(1), done).await? {
            Some(next) => Ok(After { to: next.plus(-1), redo: Some(next) }),
            None => Ok(After { to: done, redo: waiting.filter(|redo| *redo > done) }),
        }
    }

    /// The first step to compute.
    async fn begin(&self, head: Head, dirty: &[Dirty], complete: Step) -> Result<Option<Step>, Error> {
        let first = dirty.first().map(|dirty| dirty.step).into_iter().chain(head.redo).min();
        if first.is_some() {
            return Ok(first);
        }
        // Nothing new: time alone ends what nobody measures any more.
        let Some(next) = head.done.map(|done| done.plus(1)).filter(|next| *next <= complete) else { return Ok(None) };
        let remembered = self.log.tracker_before(next).await?;
        Ok(remembered.filter(|(_, tracker)| !tracker.is_idle()).map(|_| next))
    }

    /// What the rules remember before a step: from the last kept tracker on, over what was measured since.
    async fn tracker_before(&self, step: Step, city: &City) -> Result<Tracker, Error> {
        let (mut at, mut tracker) = match self.log.tracker_before(step).await? {
            Some((at, tracker)) => (at.plus(1), tracker),
            None => match self.measurements.next(Step(i64::MIN / 2), step.plus(-1)).await? {
                Some(first) => (first, Tracker::default()),
                None => return Ok(Tracker::default()),
            },
        };
        while at < step {
            if tracker.is_idle() {
                match self.measurements.next(at, step.plus(-1)).await? {
                    Some(next) => at = next,
                    None => return Ok(tracker),
                }
            }
            let to = at.plus(CHUNK - 1).min(step.plus(-1));
            let measured = self.measurements.between(at, to).await?;
            while at <= to {
                take(&mut tracker, city, at, measured.get(&at));
                at = at.plus(1);
                if tracker.is_idle() && measured.range(at..).next().is_none() {
                    at = to.plus(1);
                }
            }
        }
        Ok(tracker)
    }
}

/// How far what was stored before is replaced, and from where on it has to be computed once more.
struct After {
    to: Step,
    redo: Option<Step>,
}

/// Steps being computed.
struct Run<'a> {
    city: &'a City,
    tracker: Tracker,
    outcomes: Vec<(Step, Outcome)>,
    kept: Vec<(Step, Tracker)>,
}

impl Run<'_> {
    fn step(&mut self, step: Step, measured: Option<&BTreeMap<String, Measured>>) {
        if measured.is_none() && self.tracker.is_idle() {
            return;
        }
        let outcome = take(&mut self.tracker, self.city, step, measured);
        self.outcomes.push((step, outcome));
    }

    /// Keeps the tracker after steps of its time; whether it did.
    fn keeps(&mut self, step: Step) -> bool {
        let due = step.0.rem_euclid(KEPT) == 0;
        if due {
            self.keep(step);
        }
        due
    }

    fn keep(&mut self, step: Step) {
        if self.kept.last().is_none_or(|(last, _)| *last != step) {
            self.kept.push((step, self.tracker.clone()));
        }
    }
}

fn take(tracker: &mut Tracker, city: &City, step: Step, measured: Option<&BTreeMap<String, Measured>>) -> Outcome {
    let seen = measured.map(|measured| city.see(measured)).unwrap_or_default();
    tracker.step(city, step, &seen)
}
