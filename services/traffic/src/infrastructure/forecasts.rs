//! Forecasts and their errors in a database.

mod migrations;
mod rows;

use async_trait::async_trait;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use rows::{head, issue, tally};

use crate::application::forecasts::ports::{ForecastHead, ForecastLog, Issue};
use crate::domain::forecast::{Forecast, Scoreboard, Tally};
use crate::domain::step::{STEPS_PER_DAY, Step};

pub(crate) use migrations::migrations;

/// Rows of one statement.
const ROWS_MAX: usize = 500;

/// Forecasts in a database.
#[derive(Clone)]
pub(crate) struct StoredForecasts {
    store: Store,
}

impl StoredForecasts {
    /// In this one.
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

fn text(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::internal("a forecast cannot be written").because(error))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::internal("a stored forecast cannot be read").because(error))
}

/// To the hundredth of a km/h: errors are far larger.
fn rounded(forecast: &Forecast) -> Vec<Option<f64>> {
    forecast.iter().map(|value| value.map(|value| (value * 100.0).round() / 100.0)).collect()
}

fn issued(row: &issue::Model) -> Result<Issue, Error> {
    let stored: Vec<(String, Vec<Option<f64>>)> = read(&row.forecasts)?;
    let forecasts = stored.into_iter().map(|(model, values)| {
        let mut forecast: Forecast = Forecast::default();
        forecast.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        (model, forecast)
    });
    Ok(Issue { detector: row.detector_id.clone(), last: row.last, forecasts: forecasts.collect() })
}

#[async_trait]
impl ForecastLog for StoredForecasts {
    async fn head(&self) -> Result<ForecastHead, Error> {
        let row = head::Entity::find_by_id(1_i16).one(self.store.reader()).await.map_err(db_error)?;
        let row = row.ok_or_else(|| Error::internal("forecast_head has no row"))?;
        Ok(ForecastHead { version: row.version, issued: row.issued.map(Step), scored: row.scored.map(Step) })
    }

    async fn issue(&self, head: ForecastHead, origin: Step, issues: Vec<Issue>) -> Result<(), Error> {
        let mut rows = Vec::new();
        for issue in &issues {
            let values: Vec<(&String, Vec<Option<f64>>)> =
                issue.forecasts.iter().map(|(model, forecast)| (model, rounded(forecast))).collect();
            let row = issue::Model {
                origin: origin.0,
                detector_id: issue.detector.clone(),
                last: issue.last,
                forecasts: text(&values)?,
            };
            rows.push(row.into_active_model());
        }
        let next = ForecastHead { issued: Some(origin), ..head };
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    advance(tx, next).await?;
                    let mut rows = rows.into_iter();
                    while rows.len() > 0 {
                        let portion: Vec<_> = rows.by_ref().take(ROWS_MAX).collect();
                        let there = OnConflict::new().do_nothing().to_owned();
                        let insert = issue::Entity::insert_many(portion).on_conflict(there);
                        insert.exec_without_returning(tx).await.map_err(db_error)?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn next_issue(&self, after: Option<Step>) -> Result<Option<Step>, Error> {
        let mut rows = issue::Entity::find();
        if let Some(after) = after {
            rows = rows.filter(issue::Column::Origin.gt(after.0));
        }
        let row = rows.order_by_asc(issue::Column::Origin).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(|row| Step(row.origin)))
    }

    async fn issues(&self, origin: Step) -> Result<Vec<Issue>, Error> {
        let rows = issue::Entity::find().filter(issue::Column::Origin.eq(origin.0));
        let rows = rows.order_by_asc(issue::Column::DetectorId).all(self.store.reader()).await.map_err(db_error)?;
        rows.iter().map(issued).collect()
    }

    async fn issues_of(&self, detector: &str, from: Step, to: Step) -> Result<Vec<(Step, Issue)>, Error> {
        let rows = issue::Entity::find()
            .filter(issue::Column::DetectorId.eq(detector))
            .filter(issue::Column::Origin.between(from.0, to.0))
            .order_by_asc(issue::Column::Origin);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        rows.iter().map(|row| Ok((Step(row.origin), issued(row)?))).collect()
    }

    async fn score(&self, head: ForecastHead, origin: Step, errors: Scoreboard) -> Result<(), Error> {
        let next = ForecastHead { scored: Some(origin), ..head };
        let day = origin.0.div_euclid(STEPS_PER_DAY);
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    advance(tx, next).await?;
                    let rows = tally::Entity::find().filter(tally::Column::Day.eq(day));
                    let mut board = Scoreboard::default();
                    add(&mut board, &rows.all(tx).await.map_err(db_error)?)?;
                    for (model, horizon, tally) in errors.iter() {
                        board.tally(model, horizon).merge(tally);
                    }
                    let old = tally::Entity::delete_many().filter(tally::Column::Day.eq(day));
                    old.exec(tx).await.map_err(db_error)?;
                    for (model, horizon, tally) in board.iter() {
                        row(day, model, horizon, tally)?.insert(tx).await.map_err(db_error)?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn scoreboard(&self, from: Step) -> Result<(Scoreboard, Option<Step>), Error> {
        let first = from.0.div_euclid(STEPS_PER_DAY);
        let rows = tally::Entity::find().filter(tally::Column::Day.gte(first)).order_by_asc(tally::Column::Day);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let mut board = Scoreboard::default();
        add(&mut board, &rows)?;
        Ok((board, rows.first().map(|row| Step(row.day * STEPS_PER_DAY))))
    }

    async fn prune(&self, before: Step) -> Result<(), Error> {
        let old = issue::Entity::delete_many().filter(issue::Column::Origin.lt(before.0));
        let day = before.0.div_euclid(STEPS_PER_DAY);
        let tallies = tally::Entity::delete_many().filter(tally::Column::Day.lt(day));
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    old.exec(tx).await.map_err(db_error)?;
                    tallies.exec(tx).await.map(|_| ()).map_err(db_error)
                })
            })
            .await
    }
}

/// Goes on from the head of the version before.
async fn advance(tx: &DatabaseTransaction, next: ForecastHead) -> Result<(), Error> {
    let update = head::Entity::update_many()
        .col_expr(head::Column::Version, Expr::value(next.version + 1))
        .col_expr(head::Column::Issued, Expr::value(next.issued.map(|step| step.0)))
        .col_expr(head::Column::Scored, Expr::value(next.scored.map(|step| step.0)))
        .filter(head::Column::Version.eq(next.version));
    let rows = update.exec(tx).await.map_err(db_error)?.rows_affected;
    if rows == 1 { Ok(()) } else { Err(Error::conflict()) }
}

fn add(board: &mut Scoreboard, rows: &[tally::Model]) -> Result<(), Error> {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    for row in rows {
        let tally = Tally {
            count: count(row.count),
            absolute: row.absolute,
            squared: row.squared,
            naive: row.naive,
            intervals: count(row.intervals),
            covered: count(row.covered),
            bins: read::<Vec<(i16, u64)>>(&row.bins)?.into_iter().collect(),
        };
        board.tally(&row.model, usize::try_from(row.horizon).unwrap_or(0)).merge(&tally);
    }
    Ok(())
}

fn row(day: i64, model: &str, horizon: usize, tally: &Tally) -> Result<tally::ActiveModel, Error> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let bins: Vec<(i16, u64)> = tally.bins.iter().map(|(bin, count)| (*bin, *count)).collect();
    let row = tally::Model {
        day,
        model: model.to_owned(),
        horizon: i16::try_from(horizon).unwrap_or(0),
        count: number(tally.count),
        absolute: tally.absolute,
        squared: tally.squared,
        naive: tally.naive,
        intervals: number(tally.intervals),
        covered: number(tally.covered),
        bins: text(&bins)?,
    };
    Ok(row.into_active_model())
}
