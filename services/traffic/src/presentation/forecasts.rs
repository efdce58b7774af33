//! The RPCs of `kvartal.traffic.v1.ForecastService`.

mod schedule;

use std::sync::Arc;

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::to_status;
use kvartal_proto::time::{from_proto, to_proto};
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use super::congestion::corners;
use crate::application::forecasts::desk::{Absence, ForecastDesk, Point, Span};
use crate::application::paging::page_of;
use crate::domain::forecast::{HORIZONS, TOLD, protocol};
use crate::domain::step::Step;

pub(crate) use schedule::pruning;

/// Days of one evaluation.
const DAYS_MAX: u64 = 31;
/// Days of one history.
const HISTORY_DAYS_MAX: u64 = 7;

/// Answers the RPCs.
pub(crate) struct ForecastGrpc {
    desk: Arc<ForecastDesk>,
}

/// Models by their names.
const MODELS: [(pb::ForecastModel, &str); 4] = [
    (pb::ForecastModel::LastValue, "last-value"),
    (pb::ForecastModel::SameTimeLastWeek, "same-time-last-week"),
    (pb::ForecastModel::ProfileDeviation, "profile-decay"),
    (pb::ForecastModel::Ridge, "ridge"),
];

fn name(model: i32) -> Option<&'static str> {
    MODELS.into_iter().find(|(known, _)| i32::from(*known) == model).map(|(_, name)| name)
}

fn model(name: &str) -> i32 {
    MODELS.into_iter().find(|(_, known)| *known == name).map_or(0, |(model, _)| model.into())
}

fn minutes(horizon: usize) -> u32 {
    u32::try_from(horizon * 5).unwrap_or(u32::MAX)
}

/// Steps from minutes, which must be whole steps.
fn horizon(minutes: u32) -> Result<usize, Error> {
    let steps = usize::try_from(minutes / 5).unwrap_or(0);
    if minutes.is_multiple_of(5) && (1..=HORIZONS).contains(&steps) {
        Ok(steps)
    } else {
        Err(Error::invalid("horizon_minutes", "must be a multiple of 5 from 5 to 60"))
    }
}

fn told(point: &Point) -> pb::ForecastPoint {
    pb::ForecastPoint {
        time: Some(to_proto(point.step.start())),
        horizon_minutes: minutes(point.horizon),
        speed_kmh: point.value,
        low_speed_kmh: point.interval.0,
        high_speed_kmh: point.interval.1,
        measured_error_kmh: point.error,
    }
}

fn time(field: &'static str, time: Option<&prost_types::Timestamp>) -> Result<Step, Error> {
    Ok(Step::of(from_proto(field, time)?.ok_or_else(|| Error::invalid(field, "must be given"))?))
}

/// Refuses a stretch of time that is empty or too long.
fn check(from: Step, to: Step, field: &str, days: u64) -> Result<(), Error> {
    let steps = u64::try_from(to.0 - from.0).unwrap_or(0);
    if to <= from {
        return Err(Error::invalid(field, "must lie after the time before it"));
    }
    if steps > days * 288 {
        return Err(Error::invalid(field, format!("must be at most {days} days after the beginning")));
    }
    Ok(())
}

impl ForecastGrpc {
    /// Over this desk.
    pub(crate) fn new(desk: Arc<ForecastDesk>) -> Self {
        Self { desk }
    }

    async fn forecast(&self, request: pb::GetForecastRequest) -> Result<pb::GetForecastResponse, Error> {
        let forecast = self.desk.forecast(&request.detector_id, name(request.model)).await?;
        let (points, (ru, en)) = match &forecast.points {
            Ok(points) => (points.iter().map(told).collect(), ("", "")),
            Err(absence) => (Vec::new(), reasons(*absence)),
        };
        Ok(pb::GetForecastResponse {
            model: model(&forecast.model),
            base_time: forecast.origin.map(|origin| to_proto(origin.start())),
            points,
            absence_reason_ru: ru.to_owned(),
            absence_reason_en: en.to_owned(),
        })
    }

    async fn segments(
        &self,
        request: pb::ListSegmentForecastsRequest,
    ) -> Result<pb::ListSegmentForecastsResponse, Error> {
        let horizon = horizon(request.horizon_minutes)?;
        let bounds = corners("bounds", request.bounds)?;
        let scope = format!("segment forecasts {horizon} {bounds:?}");
        let size = if request.page_size == 0 { 1_000 } else { request.page_size };
        let page = PageRequest { size, ..PageRequest::parse(&scope, 0, &request.page_token)? };
        let (city, mut all) = self.desk.segments(horizon).await?;
        if let Some((low, high)) = bounds {
            all.retain(|(name, ..)| {
                let place = city.segment(name).and_then(|segment| segment.place);
                place.is_some_and(|place| place.touches(low, high))
            });
        }
        let page = page_of(all, page, |(name, ..)| &name.0);
        let next_page_token = page.next_token(&scope);
        let forecast = |(name, level, point): &(crate::domain::city::SegmentName, _, _)| {
            let level: &crate::domain::congestion::Level = level;
            let (segment_id, level) = (name.0.clone(), level.number().into());
            pb::SegmentForecast { segment_id, level, point: Some(told(point)) }
        };
        Ok(pb::ListSegmentForecastsResponse { forecasts: page.items.iter().map(forecast).collect(), next_page_token })
    }

    async fn history(&self, request: pb::ListForecastHistoryRequest) -> Result<pb::ListForecastHistoryResponse, Error> {
        let horizon = horizon(request.horizon_minutes)?;
        let from = time("start_time", request.start_time.as_ref())?;
        let to = time("end_time", request.end_time.as_ref())?;
        check(from, to, "end_time", HISTORY_DAYS_MAX)?;
        let span = (from, to.plus(-1));
        let all = self.desk.history(&request.detector_id, name(request.model), horizon, span).await?;
        let outcome = |(point, actual_speed_kmh): (Point, Option<f64>)| pb::ForecastOutcome {
            point: Some(told(&point)),
            actual_speed_kmh,
        };
        Ok(pb::ListForecastHistoryResponse { outcomes: all.into_iter().map(outcome).collect() })
    }

    async fn scoreboard(&self) -> Result<pb::GetForecastScoreboardResponse, Error> {
        let (board, since) = self.desk.scoreboard().await?;
        let mut scores = Vec::new();
        for at in TOLD {
            for (known, name) in MODELS {
                let Some(tally) = board.get(name, at) else { continue };
                let (Some(mae), Some(rmse)) = (tally.mae(), tally.rmse()) else { continue };
                scores.push(pb::ModelScore {
                    model: known.into(),
                    horizon_minutes: minutes(at),
                    mean_absolute_error_kmh: mae,
                    root_mean_squared_error_kmh: rmse,
                    interval_coverage: tally.coverage().unwrap_or(0.0),
                    sample_count: tally.count,
                    beats_naive: board.beats_naive(name, at),
                });
            }
        }
        let serving_model = board.serving().map_or(0, model);
        Ok(pb::GetForecastScoreboardResponse {
            scores,
            serving_model,
            start_time: since.map(|since| to_proto(since.start())),
        })
    }

    async fn evaluate(&self, request: pb::EvaluateForecastsRequest) -> Result<pb::EvaluateForecastsResponse, Error> {
        let span = Span {
            train: time("train_start_time", request.train_start_time.as_ref())?,
            test: time("test_start_time", request.test_start_time.as_ref())?,
            end: time("test_end_time", request.test_end_time.as_ref())?,
        };
        check(span.train, span.test, "test_start_time", DAYS_MAX)?;
        check(span.train, span.end, "test_end_time", DAYS_MAX)?;
        let windows = span.end.0 - span.test.0 - i64::try_from(protocol::INPUT + TOLD[0]).unwrap_or(15);
        if windows < 1 {
            return Err(Error::invalid("test_end_time", "must leave room for 12 steps in and 3 out"));
        }
        let evaluation = self.desk.evaluate(request.detector_ids, span).await?;
        let naive: Vec<f64> = evaluation
            .models
            .iter()
            .find(|(name, _)| name == "last-value")
            .map(|(_, all)| all.iter().map(|measured| measured.map_or(f64::INFINITY, |m| m.mae)).collect())
            .unwrap_or_default();
        let mut scores = Vec::new();
        for (place, at) in TOLD.into_iter().enumerate() {
            for (name, all) in &evaluation.models {
                // A model that never had anything to say is not measured.
                let Some(measured) = all.get(place).copied().flatten().filter(|measured| measured.own > 0) else {
                    continue;
                };
                scores.push(pb::ModelScore {
                    model: model(name),
                    horizon_minutes: minutes(at),
                    mean_absolute_error_kmh: measured.mae,
                    root_mean_squared_error_kmh: measured.rmse,
                    interval_coverage: 0.0,
                    sample_count: measured.count,
                    beats_naive: naive.get(place).is_some_and(|naive| measured.mae < *naive),
                });
            }
        }
        Ok(pb::EvaluateForecastsResponse {
            scores,
            window_count: u32::try_from(windows).unwrap_or(u32::MAX),
            detector_count: u32::try_from(evaluation.detectors).unwrap_or(u32::MAX),
        })
    }
}

/// Why nothing is forecast, in Russian and in English.
fn reasons(absence: Absence) -> (&'static str, &'static str) {
    match absence {
        Absence::Silent => {
            ("Датчик ничего не измерил за последние 15 минут.", "The detector measured nothing in the last 15 minutes.")
        }
        Absence::NoneServes => (
            "Ни одна модель пока не точнее простых прогнозов или её ещё не проверили.",
            "No model is better than the naive forecasts yet, or none has been measured.",
        ),
        Absence::SwitchedOff => (
            "Эта модель выключена: она не точнее простых прогнозов или её ещё не проверили.",
            "This model is switched off: it is not better than the naive forecasts, or has not been measured yet.",
        ),
    }
}

#[tonic::async_trait]
impl pb::forecast_service_server::ForecastService for ForecastGrpc {
    async fn get_forecast(
        &self,
        request: Request<pb::GetForecastRequest>,
    ) -> Result<Response<pb::GetForecastResponse>, Status> {
        self.forecast(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_segment_forecasts(
        &self,
        request: Request<pb::ListSegmentForecastsRequest>,
    ) -> Result<Response<pb::ListSegmentForecastsResponse>, Status> {
        self.segments(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_forecast_history(
        &self,
        request: Request<pb::ListForecastHistoryRequest>,
    ) -> Result<Response<pb::ListForecastHistoryResponse>, Status> {
        self.history(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_forecast_scoreboard(
        &self,
        _: Request<pb::GetForecastScoreboardRequest>,
    ) -> Result<Response<pb::GetForecastScoreboardResponse>, Status> {
        self.scoreboard().await.map(Response::new).map_err(to_status)
    }

    async fn evaluate_forecasts(
        &self,
        request: Request<pb::EvaluateForecastsRequest>,
    ) -> Result<Response<pb::EvaluateForecastsResponse>, Status> {
        self.evaluate(request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}
