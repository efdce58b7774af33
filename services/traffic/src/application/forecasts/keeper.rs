//! Makes forecasts, keeps them and compares them with what happened.
//!
//! Every quarter of an hour all models forecast every detector. They have learnt up to the midnight before, so what is
//! kept is what they would have said then; where the service was not running, or history is imported, the last day is made
//! up for in the same way. When the hour that was forecast is over, the errors are counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kvartal_kernel::{Error, Kind};

use super::ports::{ForecastLog, Issue};
use crate::application::congestion::ports::{CongestionLog, Measurements};
use crate::domain::calendar::Calendar;
use crate::domain::city::Measured;
use crate::domain::forecast::{self, Error as Miss, Forecast, Forecaster, HORIZONS, Scoreboard, Series};
use crate::domain::step::{STEPS_PER_DAY, STEPS_PER_WEEK, Step};

/// Steps between origins: a quarter of an hour.
pub const EVERY: i64 = 3;
/// How far back forecasts are made up for.
const MAKE_UP: i64 = STEPS_PER_DAY;
/// The scoreboard holds the errors of so many days.
pub const DAYS: i64 = 7;
/// Detectors that are forecast, by id.
const DETECTORS_MAX: usize = 2_000;
/// What models learn from.
const MEMORY: i64 = 8 * STEPS_PER_WEEK;

/// A week, and what clocks may be set back in it.
const WEEK: i64 = STEPS_PER_WEEK + 12;

type Fitted = Arc<Vec<(String, Box<dyn Forecaster>)>>;

/// What was learnt up to a midnight, by detector.
#[derive(Default)]
struct Learnt {
    day: Option<i64>,
    fitted: HashMap<String, Fitted>,
}

/// Makes forecasts.
pub struct Keeper {
    measurements: Arc<dyn Measurements>,
    congestion: Arc<dyn CongestionLog>,
    log: Arc<dyn ForecastLog>,
    calendar: Calendar,
    learnt: Mutex<Learnt>,
}

impl Keeper {
    /// Over these.
    pub fn new(
        measurements: Arc<dyn Measurements>,
        congestion: Arc<dyn CongestionLog>,
        log: Arc<dyn ForecastLog>,
        calendar: Calendar,
    ) -> Self {
        Self { measurements, congestion, log, calendar, learnt: Mutex::default() }
    }

    /// Makes and compares until nothing is left to do.
    pub async fn catch_up(&self) -> Result<(), Error> {
        loop {
            match self.go_on().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == Kind::Aborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes and compares every `period`, until it is dropped.
    pub async fn follow(&self, period: Duration) {
        let mut away = false;
        loop {
            match self.catch_up().await {
                Ok(()) => away = false,
                Err(error) => {
                    if !away {
                        tracing::warn!(error = error.chain(), "forecasts cannot be made; they are made up for later");
                    }
                    away = true;
                }
            }
            tokio::time::sleep(period).await;
        }
    }

    /// Forgets forecasts that were made so many days before the last one, and how well they did.
    pub async fn prune(&self, days: u32) -> Result<(), Error> {
        let Some(issued) = self.log.head().await?.issued else { return Ok(()) };
        self.log.prune(issued.plus(-i64::from(days).max(DAYS) * STEPS_PER_DAY)).await
    }

    /// One origin; whether there may be more.
    async fn go_on(&self) -> Result<bool, Error> {
        let head = self.log.head().await?;
        if let Some(origin) = self.due().await? {
            let issues = self.forecast_all(origin).await?;
            self.log.issue(head, origin, issues).await?;
            return Ok(true);
        }
        let over = self.done().await?.map(|done| done.plus(-i64::try_from(HORIZONS).unwrap_or(12)));
        let next = self.log.next_issue(head.scored).await?.filter(|next| over.is_some_and(|over| *next <= over));
        let Some(origin) = next else { return Ok(false) };
        let errors = self.compare(origin).await?;
        self.log.score(head, origin, errors).await?;
        Ok(true)
    }

    /// The last step that was computed.
    pub async fn done(&self) -> Result<Option<Step>, Error> {
        Ok(self.congestion.head().await?.done)
    }

    /// The next origin to forecast from.
    async fn due(&self) -> Result<Option<Step>, Error> {
        let Some(done) = self.done().await? else { return Ok(None) };
        let oldest = done.plus(-MAKE_UP);
        let next = self.log.head().await?.issued.map_or(oldest, |issued| oldest.max(issued.plus(1)));
        let aligned = Step(next.0 + (EVERY - next.0.rem_euclid(EVERY)) % EVERY);
        Ok(Some(aligned).filter(|next| *next <= done))
    }

    /// What every model says about every detector that measured something lately.
    pub async fn forecast_all(&self, origin: Step) -> Result<Vec<Issue>, Error> {
        let lags = i64::try_from(HORIZONS).unwrap_or(12);
        let recent = self.measurements.between(origin.plus(1 - lags), origin).await?;
        let week = |horizon: i64| self.calendar.weeks_before(origin.plus(horizon), 1);
        let before = self.measurements.between(week(1), week(lags).max(week(1))).await?;
        let mut detectors: Vec<&String> = recent.values().flat_map(BTreeMap::keys).collect();
        detectors.sort();
        detectors.dedup();
        let mut issues = Vec::new();
        for detector in detectors.into_iter().take(DETECTORS_MAX) {
            let series = series(detector, origin, [&before, &recent]).by(self.calendar.clone());
            issues.extend(self.forecast(detector, &series, origin).await?);
            // Others want the processor as well.
            tokio::task::yield_now().await;
        }
        Ok(issues)
    }

    /// What every model says about one detector; `None` when it measured nothing lately.
    pub async fn forecast_one(&self, detector: &str, origin: Step) -> Result<Option<Issue>, Error> {
        let first = origin.plus(1 - WEEK);
        let speeds = self.measurements.speeds(detector, first, origin).await?;
        let values = (first.0..=origin.0).map(|step| speeds.get(&Step(step)).copied()).collect();
        self.forecast(detector, &Series::new(first, values).by(self.calendar.clone()), origin).await
    }

    async fn forecast(&self, detector: &str, series: &Series, origin: Step) -> Result<Option<Issue>, Error> {
        let past = series.up_to(origin);
        let Some(last) = (0..EVERY).find_map(|lag| past.lag(lag)) else { return Ok(None) };
        let fitted = self.fitted(detector, origin).await?;
        let forecasts = fitted.iter().map(|(model, fitted)| (model.clone(), fitted.forecast(past))).collect();
        Ok(Some(Issue { detector: detector.to_owned(), last, forecasts }))
    }

    /// The models, taught up to the midnight before the origin.
    async fn fitted(&self, detector: &str, origin: Step) -> Result<Fitted, Error> {
        let day = self.calendar.day(origin);
        if let Some(fitted) = self.known(day, detector) {
            return Ok(fitted);
        }
        let last = self.calendar.midnight(day).plus(-1);
        let speeds = self.measurements.speeds(detector, last.plus(1 - MEMORY), last).await?;
        // From the first value on: what is missing before teaches nothing.
        let first = speeds.keys().next().copied().unwrap_or(last);
        let values = (first.0..=last.0).map(|step| speeds.get(&Step(step)).copied()).collect();
        let series = Series::new(first, values).by(self.calendar.clone());
        let models = forecast::models();
        let fitted = models.iter().map(|model| (model.name().to_owned(), model.fit(series.up_to(last)))).collect();
        let fitted: Fitted = Arc::new(fitted);
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        if learnt.day != Some(day) {
            *learnt = Learnt { day: Some(day), fitted: HashMap::new() };
        }
        learnt.fitted.insert(detector.to_owned(), fitted.clone());
        Ok(fitted)
    }

    fn known(&self, day: i64, detector: &str) -> Option<Fitted> {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt.fitted.get(detector).filter(|_| learnt.day == Some(day)).cloned()
    }

    /// How far the forecasts from an origin were from what happened.
    async fn compare(&self, origin: Step) -> Result<Scoreboard, Error> {
        let issues = self.log.issues(origin).await?;
        let happened = self.measurements.between(origin.plus(1), origin.plus(12)).await?;
        // The intervals that were told then: from errors counted before.
        let (board, _) = self.log.scoreboard(origin.plus(-DAYS * STEPS_PER_DAY)).await?;
        let mut errors = Scoreboard::default();
        for issue in &issues {
            for (model, forecast) in &issue.forecasts {
                for (horizon, value) in (1..).zip(forecast) {
                    let step = origin.plus(i64::try_from(horizon).unwrap_or(0));
                    let Some((value, actual)) = value.zip(speed(&happened, step, &issue.detector)) else { continue };
                    let interval = board.get(model, horizon).and_then(|tally| tally.interval(value));
                    let covered = interval.map(|(low, high)| (low..=high).contains(&actual));
                    let miss = Miss { own: actual - value, naive: actual - issue.last, covered };
                    errors.tally(model, horizon).add(miss);
                }
            }
        }
        Ok(errors)
    }
}

type Steps = BTreeMap<Step, BTreeMap<String, Measured>>;

fn speed(steps: &Steps, step: Step, detector: &str) -> Option<f64> {
    steps.get(&step)?.get(detector)?.speed_kmh
}

/// What is known of a detector in the week before an origin.
fn series(detector: &str, origin: Step, parts: [&Steps; 2]) -> Series {
    let first = origin.plus(1 - WEEK);
    let value = |step: i64| parts.iter().find_map(|steps| speed(steps, Step(step), detector));
    Series::new(first, (first.0..=origin.0).map(value).collect())
}

/// A forecast's value at a horizon of so many steps.
pub fn at(forecast: &Forecast, horizon: usize) -> Option<f64> {
    *forecast.get(horizon.checked_sub(1)?)?
}
