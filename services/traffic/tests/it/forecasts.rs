//! Forecasts through the RPCs: kept, measured, and served only while they are good.

use std::time::Duration;

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::forecast_service_client::ForecastServiceClient;
use kvartal_testing::eventually;

use crate::stage::{Client, NOW, Stage, at, on_both, speed};

/// A day is made up for, origin by origin.
const SOON: Duration = Duration::from_mins(5);
/// Days of history.
const DAYS: i64 = 3;

fn forecasts(stage: &Stage) -> ForecastServiceClient<Client> {
    ForecastServiceClient::new(stage.client(&stage.person(&["analyst", "admin"])))
}

/// The first reading: three days before the last one, which was ten minutes ago.
fn first() -> i64 {
    NOW.seconds() - 600 - DAYS * 86_400
}

/// Slow at noon, fast at midnight, and a little different each time.
fn kmh(step: i64, detector: i64) -> f64 {
    let day = f64::from(i32::try_from(step % 288).unwrap()) / 288.0;
    let noise = f64::from(i32::try_from((step * step * 31 + step * 7_919 + detector * 53) % 97).unwrap()) / 97.0 * 8.0;
    (60.0 + 25.0 * (day * std::f64::consts::TAU).cos() + noise).round()
}

async fn ingest(stage: &Stage) {
    stage.add(&["d0", "d1"]).await;
    let step =
        |step: i64| (0..2).map(move |number| speed(&format!("d{number}"), first() + step * 300, kmh(step, number)));
    let readings = (0..DAYS * 288).flat_map(step).collect();
    let request = pb::IngestReadingsRequest { readings, validate_only: false };
    assert_eq!(stage.readings().ingest_readings(request).await.unwrap().into_inner().rejected_count, 0);
}

/// The mean absolute error of the last of twelve values over the next `ahead`, from the formula of the values.
fn persistence(ahead: i64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for detector in 0..2 {
        for window in 2 * 288..DAYS * 288 - 12 - ahead {
            for step in 0..ahead {
                sum += (kmh(window + 12 + step, detector) - kmh(window + 11, detector)).abs();
                count += 1.0;
            }
        }
    }
    sum / count
}

on_both!(a_model_serves_once_it_was_measured_and_beats_the_naive_ones);

async fn a_model_serves_once_it_was_measured_and_beats_the_naive_ones(stage: Stage) {
    let mut client = forecasts(&stage);
    let request = pb::GetForecastRequest { detector_id: "d0".to_owned(), model: 0 };
    let nothing = client.get_forecast(request.clone()).await.unwrap().into_inner();
    assert!(nothing.points.is_empty() && !nothing.absence_reason_ru.is_empty(), "nothing is told unmeasured");
    ingest(&stage).await;
    let board = eventually(SOON, async || {
        let mut client = forecasts(&stage);
        let board = client.get_forecast_scoreboard(pb::GetForecastScoreboardRequest {}).await.unwrap().into_inner();
        let served = board.serving_model != 0 && board.scores.iter().all(|score| score.sample_count > 150);
        served.then_some(board).ok_or("no model serves")
    })
    .await;
    let of = |model: pb::ForecastModel, minutes: u32| {
        let found = board.scores.iter().find(|score| score.model() == model && score.horizon_minutes == minutes);
        *found.unwrap()
    };
    for minutes in [15, 30, 45, 60] {
        let naive = of(pb::ForecastModel::LastValue, minutes);
        assert!(!naive.beats_naive, "the last value does not beat itself");
        let profile = of(pb::ForecastModel::ProfileDeviation, minutes);
        assert!(profile.beats_naive && profile.mean_absolute_error_kmh < naive.mean_absolute_error_kmh);
    }
    let forecast = client.get_forecast(request).await.unwrap().into_inner();
    assert_eq!((forecast.model, forecast.points.len()), (board.serving_model, 12));
    assert_eq!(forecast.base_time.unwrap().seconds, first() + (DAYS * 288 - 1) * 300);
    for point in &forecast.points {
        assert!(point.low_speed_kmh < point.high_speed_kmh && point.measured_error_kmh > 0.0, "{point:?}");
        let step = DAYS * 288 - 1 + i64::from(point.horizon_minutes / 5);
        assert!((point.speed_kmh - kmh(step, 0)).abs() < 10.0, "{point:?}");
    }
    let request = pb::ListForecastHistoryRequest {
        detector_id: "d1".to_owned(),
        horizon_minutes: 15,
        model: pb::ForecastModel::LastValue.into(),
        start_time: at(first() + (DAYS * 288 - 100) * 300),
        end_time: at(first() + DAYS * 288 * 300),
    };
    let outcomes = client.list_forecast_history(request).await.unwrap().into_inner().outcomes;
    assert!(outcomes.len() >= 30, "every quarter of an hour: {}", outcomes.len());
    for outcome in outcomes {
        let point = outcome.point.unwrap();
        let step = (point.time.unwrap().seconds - first()) / 300;
        assert_eq!((outcome.actual_speed_kmh, point.speed_kmh), (Some(kmh(step, 1)), kmh(step - 3, 1)));
    }
    let request = pb::EvaluateForecastsRequest {
        detector_ids: Vec::new(),
        train_start_time: at(first()),
        test_start_time: at(first() + 2 * 86_400),
        test_end_time: at(first() + 3 * 86_400),
    };
    let evaluation = client.evaluate_forecasts(request).await.unwrap().into_inner();
    assert_eq!((evaluation.detector_count, evaluation.window_count), (2, 288 - 12 - 3));
    for (minutes, ahead) in [(15, 3), (30, 6), (45, 9), (60, 12)] {
        let error = |model: pb::ForecastModel| {
            let found = evaluation.scores.iter().find(|s| s.model() == model && s.horizon_minutes == minutes);
            found.unwrap().mean_absolute_error_kmh
        };
        let naive = error(pb::ForecastModel::LastValue);
        assert!((naive - persistence(ahead)).abs() < 1e-6, "{naive} is not {}", persistence(ahead));
        assert!(error(pb::ForecastModel::ProfileDeviation) < naive);
    }
}
