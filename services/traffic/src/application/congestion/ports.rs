//! The ports of congestion: what it is computed from, and where it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Error, Page, PageRequest};

use crate::domain::city::{City, Measured, Placed, SegmentName, Whereabouts};
use crate::domain::congestion::Level;
use crate::domain::history::LevelChange;
use crate::domain::jam::{Jam, JamId, Rule};
use crate::domain::step::Step;
use crate::domain::tracker::{Outcome, Pace, Tracker, Warning};

/// The roads as they are now.
#[async_trait]
pub trait Roads: Send + Sync {
    /// The city, at most a few seconds old.
    async fn city(&self) -> Result<Arc<City>, Error>;
}

/// A step whose readings changed after it was last computed. The mark counts the changes, so that one which comes while
/// the step is being computed is not lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dirty {
    /// The step.
    pub step: Step,
    /// How often it was marked.
    pub mark: i64,
}

/// What detectors measured, by steps; detectors that cannot be believed are left out.
#[async_trait]
pub trait Measurements: Send + Sync {
    /// Steps in this range in which something was measured, with what each detector measured.
    async fn between(&self, from: Step, to: Step) -> Result<BTreeMap<Step, BTreeMap<String, Measured>>, Error>;

    /// The first step from this one on, up to the other, in which something was measured.
    async fn next(&self, from: Step, to: Step) -> Result<Option<Step>, Error>;

    /// Speeds of one detector in this range, km/h.
    async fn speeds(&self, detector: &str, from: Step, to: Step) -> Result<BTreeMap<Step, f64>, Error>;

    /// Detectors on segments.
    async fn placed(&self) -> Result<Vec<Placed>, Error>;

    /// Changes whenever a detector is added, changed or retired.
    async fn placing(&self) -> Result<(i64, i64), Error>;

    /// Steps whose readings changed, up to this one, oldest first.
    async fn dirty(&self, to: Step, limit: u64) -> Result<Vec<Dirty>, Error>;
}

/// Speeds at free flow that were learnt, km/h.
#[async_trait]
pub trait FreeFlows: Send + Sync {
    /// All of them.
    async fn all(&self) -> Result<BTreeMap<SegmentName, f64>, Error>;

    /// Changes whenever they do.
    async fn revision(&self) -> Result<i64, Error>;

    /// Replaces them. Nothing happens when they are the same.
    async fn put(&self, learnt: BTreeMap<SegmentName, f64>) -> Result<(), Error>;
}

/// How far the computation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Grows with every change; two replicas that compute at once are told apart by it.
    pub version: i64,
    /// The last step that was computed.
    pub done: Option<Step>,
    /// From here on, what is stored must be computed once more.
    pub redo: Option<Step>,
}

/// Steps that were computed, in order and without anything measured between them that was left out.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The first step.
    pub from: Step,
    /// The last step that was computed.
    pub last: Step,
    /// What was stored from the first step up to here is replaced; nothing was measured after the last one.
    pub to: Step,
    /// What they came to.
    pub outcomes: Vec<(Step, Outcome)>,
    /// What the rules remembered after some of them.
    pub trackers: Vec<(Step, Tracker)>,
    /// Marks that are dealt with.
    pub clean: Vec<Dirty>,
    /// From where on more has to be computed once more.
    pub redo: Option<Step>,
    /// Steps from here on are news that others are told of; what lies before is history.
    pub news_from: Step,
}

/// Where states, jams, warnings and scores are kept.
#[async_trait]
pub trait CongestionLog: Send + Sync {
    /// How far it is.
    async fn head(&self) -> Result<Head, Error>;

    /// What the rules remembered after the last step before this one of which that was kept.
    async fn tracker_before(&self, step: Step) -> Result<Option<(Step, Tracker)>, Error>;

    /// What the rules remembered after this step, if that was kept.
    async fn tracker_at(&self, step: Step) -> Result<Option<Tracker>, Error>;

    /// Replaces what was stored of the range, with its events, in one transaction. `Aborted` when somebody else went on
    /// from this head.
    async fn store(&self, head: Head, chunk: Chunk, city: Arc<City>) -> Result<(), Error>;

    /// Forgets what the rules remembered after steps before this one, but for one a day.
    async fn thin(&self, before: Step) -> Result<(), Error>;

    /// Forgets what lies before, some of it at a time; whether there may be more. The state of a segment at any later step
    /// stays as it was.
    async fn prune(&self, retention: Retention) -> Result<bool, Error>;
}

/// What is forgotten; nothing of a class where it is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// States of segments, and what the rules remembered.
    pub states_before: Option<Step>,
    /// Jams and warnings that ended before.
    pub jams_before: Option<Step>,
    /// Scores.
    pub scores_before: Option<Step>,
}

/// A jam as it is told.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredJam {
    /// The rule that found it.
    pub rule: Rule,
    /// As it is, or was at last.
    pub jam: Jam,
    /// Where.
    pub whereabouts: Whereabouts,
    /// How it moves, or moved at last.
    pub pace: Pace,
    /// The first step without it.
    pub end: Option<Step>,
    /// The step it is told as of.
    pub updated: Step,
    /// The jam that it became part of.
    pub into: Option<JamId>,
}

/// A moment of a jam.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredMoment {
    /// When.
    pub step: Step,
    /// Its segments.
    pub segments: Vec<SegmentName>,
    /// Metres.
    pub queue_m: f64,
    /// km/h.
    pub mean_speed_kmh: f64,
    /// A jam that became part of it with this step.
    pub absorbed: Option<JamId>,
}

/// A warning as it is told.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredWarning {
    /// The warning.
    pub warning: Warning,
    /// A detector of the place.
    pub detector: String,
    /// A detector of the place that it was compared with.
    pub compared_detector: String,
    /// Latitude and longitude.
    pub location: Option<(f64, f64)>,
}

/// A score as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredScore {
    /// Empty for the whole city.
    pub district: String,
    /// When.
    pub step: Step,
    /// 0 to 10.
    pub value: f64,
    /// 0 to 1.
    pub coverage: f64,
    /// Road in jams, metres.
    pub jam_m: f64,
}

/// Which jams.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JamFilter {
    /// That lasted in this step.
    pub at: Option<Step>,
    /// That last now.
    pub active: bool,
    /// That touch the box between these corners.
    pub bounds: Option<((f64, f64), (f64, f64))>,
    /// That touch this district.
    pub district: Option<String>,
    /// That cover this segment.
    pub segment: Option<SegmentName>,
    /// Found by this rule.
    pub rule: Option<Rule>,
    /// That end after this step, or last.
    pub after: Option<Step>,
    /// That begin before this step.
    pub before: Option<Step>,
}

/// Which warnings.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WarningFilter {
    /// That last now.
    pub active: bool,
    /// Given by this rule.
    pub rule: Option<Rule>,
    /// That end after this step, or last.
    pub after: Option<Step>,
    /// That begin before this step.
    pub before: Option<Step>,
}

/// A level with the step from which on it holds.
pub type Since = (Level, Step);

/// Congestion as it is read.
#[async_trait]
pub trait CongestionBook: Send + Sync {
    /// The level of every segment at a step; those of which nothing was known are left out.
    async fn levels_at(&self, step: Step) -> Result<BTreeMap<SegmentName, Since>, Error>;

    /// The last change of a segment up to a step.
    async fn level_at(&self, segment: &SegmentName, step: Step) -> Result<Option<LevelChange>, Error>;

    /// Changes of a segment after one step and before another, oldest first.
    async fn changes(
        &self,
        segment: &SegmentName,
        after: Step,
        before: Step,
        limit: u64,
    ) -> Result<Vec<LevelChange>, Error>;

    /// By start, newest first.
    async fn jams(&self, filter: &JamFilter, page: PageRequest) -> Result<Page<StoredJam>, Error>;

    /// One jam.
    async fn jam(&self, id: JamId) -> Result<Option<StoredJam>, Error>;

    /// The last moments of a jam, oldest first.
    async fn moments(&self, id: JamId, limit: u64) -> Result<Vec<StoredMoment>, Error>;

    /// The newest scores between two steps, each included, one for each district.
    async fn scores_at(&self, from: Step, to: Step) -> Result<Vec<StoredScore>, Error>;

    /// Scores from one step on and before another, oldest first.
    async fn scores(&self, district: &str, from: Step, before: Step, limit: u64) -> Result<Vec<StoredScore>, Error>;

    /// By start, newest first.
    async fn warnings(&self, filter: &WarningFilter, page: PageRequest) -> Result<Page<StoredWarning>, Error>;
}
