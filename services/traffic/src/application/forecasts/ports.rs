//! The ports of forecasts: where they and their errors are kept.

use async_trait::async_trait;
use kvartal_kernel::Error;

use crate::domain::forecast::{Forecast, Scoreboard};
use crate::domain::step::Step;

/// What all models said about one detector at one origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Issue {
    /// The detector.
    pub detector: String,
    /// Its last value then, km/h: the naive forecast.
    pub last: f64,
    /// By model.
    pub forecasts: Vec<(String, Forecast)>,
}

/// How far forecasts are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForecastHead {
    /// Grows with every change; two replicas at once are told apart by it.
    pub version: i64,
    /// The last origin that was forecast from.
    pub issued: Option<Step>,
    /// The last origin that was compared with what happened.
    pub scored: Option<Step>,
}

/// Where forecasts and their errors live.
#[async_trait]
pub trait ForecastLog: Send + Sync {
    /// How far it is.
    async fn head(&self) -> Result<ForecastHead, Error>;

    /// Keeps what was forecast from an origin. `Aborted` when somebody else went on from this head.
    async fn issue(&self, head: ForecastHead, origin: Step, issues: Vec<Issue>) -> Result<(), Error>;

    /// The first origin after this one from which something was forecast.
    async fn next_issue(&self, after: Option<Step>) -> Result<Option<Step>, Error>;

    /// What was forecast from an origin.
    async fn issues(&self, origin: Step) -> Result<Vec<Issue>, Error>;

    /// What was forecast for a detector from origins between these, both included, oldest first.
    async fn issues_of(&self, detector: &str, from: Step, to: Step) -> Result<Vec<(Step, Issue)>, Error>;

    /// Counts the errors of an origin, by model and horizon. `Aborted` when somebody else went on from this head.
    async fn score(&self, head: ForecastHead, origin: Step, errors: Scoreboard) -> Result<(), Error>;

    /// Errors of origins from this step on, and the first day that they are of.
    async fn scoreboard(&self, from: Step) -> Result<(Scoreboard, Option<Step>), Error>;

    /// Forgets forecasts from origins before this one; their errors stay.
    async fn prune(&self, before: Step) -> Result<(), Error>;
}
