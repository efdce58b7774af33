//! Questions about forecasts. Nothing is told without its measured error.

use std::collections::BTreeMap;
use std::sync::Arc;

use kvartal_kernel::{Error, Kind};

use super::keeper::{DAYS, Keeper, at};
use super::ports::{ForecastLog, Issue};
use crate::application::congestion::ports::{Measurements, Roads};
use crate::domain::city::{City, Seen, SegmentName};
use crate::domain::congestion::Level;
use crate::domain::forecast::protocol::{self, Measured};
use crate::domain::forecast::{self, Forecast, HORIZONS, Scoreboard, Series, TOLD};
use crate::domain::step::{STEPS_PER_DAY, Step};

/// Detectors of one evaluation.
pub const DETECTORS_MAX: usize = 500;

/// Answers questions.
pub struct ForecastDesk {
    /// Makes forecasts.
    pub keeper: Arc<Keeper>,
    /// Where they are kept.
    pub log: Arc<dyn ForecastLog>,
    /// What was measured.
    pub measurements: Arc<dyn Measurements>,
    /// The roads.
    pub roads: Arc<dyn Roads>,
}

/// A forecast of one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// For which step.
    pub step: Step,
    /// Steps after its origin.
    pub horizon: usize,
    /// km/h.
    pub value: f64,
    /// km/h; what happened lay between these in 80 % of the cases.
    pub interval: (f64, f64),
    /// Mean absolute error, km/h.
    pub error: f64,
}

/// Why nothing is forecast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absence {
    /// The detector measured nothing lately.
    Silent,
    /// No model was measured often enough, or none beats the naive ones.
    NoneServes,
    /// The model that was asked for is switched off, or was not measured often enough.
    SwitchedOff,
}

/// What a detector will measure.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// The model; empty when none serves.
    pub model: String,
    /// From which step it was made.
    pub origin: Option<Step>,
    /// Five minutes apart.
    pub points: Result<Vec<Point>, Absence>,
}

impl ForecastDesk {
    /// Errors of the last seven days, and the first of these days.
    pub async fn scoreboard(&self) -> Result<(Scoreboard, Option<Step>), Error> {
        let Some(issued) = self.log.head().await?.issued else { return Ok((Scoreboard::default(), None)) };
        self.log.scoreboard(issued.plus(-DAYS * STEPS_PER_DAY)).await
    }

    /// What a detector will measure in the next hour, by the model that serves or by this one.
    pub async fn forecast(&self, detector: &str, model: Option<&str>) -> Result<Told, Error> {
        let (board, _) = self.scoreboard().await?;
        let absent = |model: &str, why| Told { model: model.to_owned(), origin: None, points: Err(why) };
        let chosen = match model {
            None => match board.serving() {
                Some(model) => model.to_owned(),
                None => return Ok(absent("", Absence::NoneServes)),
            },
            // The naive ones are told to whoever asks for them: they are what others are compared with.
            Some(model) if is_naive(model) || TOLD.iter().all(|at| board.beats_naive(model, *at)) => model.to_owned(),
            Some(model) => return Ok(absent(model, Absence::SwitchedOff)),
        };
        let Some(origin) = self.keeper.done().await? else { return Ok(absent(&chosen, Absence::Silent)) };
        let issues = self.keeper.forecast_one(detector, origin).await?;
        let Some(issue) = issues else { return Ok(absent(&chosen, Absence::Silent)) };
        let points = points(&issue, &chosen, origin, &board);
        let points = if points.is_empty() { Err(Absence::SwitchedOff) } else { Ok(points) };
        Ok(Told { model: chosen, origin: Some(origin), points })
    }

    /// How segments are expected to be after so many steps, by name, by the model that serves.
    pub async fn segments(&self, horizon: usize) -> Result<(Arc<City>, Vec<(SegmentName, Level, Point)>), Error> {
        let city = self.roads.city().await?;
        let (board, _) = self.scoreboard().await?;
        let (Some(model), Some(origin)) = (board.serving(), self.keeper.done().await?) else {
            return Ok((city, Vec::new()));
        };
        let issues = self.keeper.forecast_all(origin).await?;
        let by_detector: BTreeMap<&str, &Issue> = issues.iter().map(|issue| (issue.detector.as_str(), issue)).collect();
        let mut told = Vec::new();
        for segment in city.observed() {
            let detectors = city.detectors(segment).iter();
            let of = detectors.filter_map(|detector| by_detector.get(detector.as_str()));
            let points: Vec<Point> = of.filter_map(|issue| point(issue, model, horizon, origin, &board)).collect();
            let Some(point) = mean(&points) else { continue };
            let seen = Seen { speed_kmh: Some(point.value), ..Seen::default() };
            if let Some(level) = city.sample(segment, seen).level(0.0) {
                told.push((segment.clone(), level, point));
            }
        }
        Ok((city, told))
    }

    /// What was forecast for a detector beside what it measured.
    pub async fn history(
        &self,
        detector: &str,
        model: Option<&str>,
        horizon: usize,
        (from, to): (Step, Step),
    ) -> Result<Vec<(Point, Option<f64>)>, Error> {
        let (board, _) = self.scoreboard().await?;
        let Some(model) = model.or_else(|| board.serving()) else { return Ok(Vec::new()) };
        let ahead = i64::try_from(horizon).unwrap_or(0);
        let issues = self.log.issues_of(detector, from.plus(-ahead), to.plus(-ahead)).await?;
        let measured = self.measurements.speeds(detector, from, to).await?;
        let told = issues.iter().filter_map(|(origin, issue)| point(issue, model, horizon, *origin, &board));
        Ok(told.map(|point| (point, measured.get(&point.step).copied())).collect())
    }

    /// Teaches the models before a time and measures them after it.
    pub async fn evaluate(&self, detectors: Vec<String>, span: Span) -> Result<Evaluation, Error> {
        let names = if detectors.is_empty() { self.measured_in(span).await? } else { detectors };
        let mut all = Vec::new();
        for detector in &names {
            let speeds = self.measurements.speeds(detector, span.train, span.end.plus(-1)).await?;
            let values = (span.train.0..span.end.0).map(|step| speeds.get(&Step(step)).copied()).collect();
            all.push(Series::new(span.train, values));
        }
        let measure = move || {
            let each = forecast::models().into_iter().map(|model| {
                let measured = protocol::measure(&*model, &all, span.test, span.end, &TOLD);
                (model.name().to_owned(), measured)
            });
            each.collect::<Vec<_>>()
        };
        let models = tokio::task::spawn_blocking(measure)
            .await
            .map_err(|error| Error::internal("the evaluation was broken off").because(error))?;
        Ok(Evaluation { models, detectors: names.len() })
    }

    /// Detectors that measured something in the part that is forecast.
    async fn measured_in(&self, span: Span) -> Result<Vec<String>, Error> {
        let measured = self.measurements.between(span.test, span.end.plus(-1)).await?;
        let mut names: Vec<String> = measured.into_values().flat_map(BTreeMap::into_keys).collect();
        names.sort();
        names.dedup();
        if names.len() > DETECTORS_MAX {
            let message = format!("{} detectors measured something then: name at most {DETECTORS_MAX}", names.len());
            return Err(Error::new(Kind::FailedPrecondition, "TOO_MANY_DETECTORS", message));
        }
        Ok(names)
    }
}

/// What is taught and what is forecast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Teaching begins.
    pub train: Step,
    /// What comes from here on is forecast.
    pub test: Step,
    /// The first step after it.
    pub end: Step,
}

/// What came out of an evaluation.
#[derive(Clone, PartialEq, Debug)]
pub struct Evaluation {
    /// By model; for each of [`TOLD`].
    pub models: Vec<(String, Vec<Option<Measured>>)>,
    /// How many detectors took part.
    pub detectors: usize,
}

fn is_naive(model: &str) -> bool {
    forecast::models().iter().any(|known| known.is_naive() && known.name() == model)
}

fn said<'a>(issue: &'a Issue, model: &str) -> Option<&'a Forecast> {
    issue.forecasts.iter().find(|(name, _)| name == model).map(|(_, forecast)| forecast)
}

/// A point with its measured error; `None` where it was not measured.
fn point(issue: &Issue, model: &str, horizon: usize, origin: Step, board: &Scoreboard) -> Option<Point> {
    let value = at(said(issue, model)?, horizon)?;
    let tally = board.get(model, horizon)?;
    let (interval, error) = (tally.interval(value)?, tally.mae()?);
    Some(Point { step: origin.plus(i64::try_from(horizon).ok()?), horizon, value, interval, error })
}

fn points(issue: &Issue, model: &str, origin: Step, board: &Scoreboard) -> Vec<Point> {
    (1..=HORIZONS).filter_map(|horizon| point(issue, model, horizon, origin, board)).collect()
}

/// The mean of the detectors of one segment.
fn mean(points: &[Point]) -> Option<Point> {
    let first = *points.first()?;
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    let mean = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let interval = (mean(&|point| point.interval.0), mean(&|point| point.interval.1));
    Some(Point { value: mean(&|point| point.value), interval, error: mean(&|point| point.error), ..first })
}
