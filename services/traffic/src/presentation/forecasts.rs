//! The RPCs of `kvartal.traffic.v1.ForecastService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct ForecastGrpc;

#[tonic::async_trait]
impl pb::forecast_service_server::ForecastService for ForecastGrpc {
    async fn get_forecast(
        &self,
        _: Request<pb::GetForecastRequest>,
    ) -> Result<Response<pb::GetForecastResponse>, Status> {
        Err(Status::unimplemented("GetForecast is not built yet"))
    }

    async fn list_segment_forecasts(
        &self,
        _: Request<pb::ListSegmentForecastsRequest>,
    ) -> Result<Response<pb::ListSegmentForecastsResponse>, Status> {
        Err(Status::unimplemented("ListSegmentForecasts is not built yet"))
    }

    async fn list_forecast_history(
        &self,
        _: Request<pb::ListForecastHistoryRequest>,
    ) -> Result<Response<pb::ListForecastHistoryResponse>, Status> {
        Err(Status::unimplemented("ListForecastHistory is not built yet"))
    }

    async fn get_forecast_scoreboard(
        &self,
        _: Request<pb::GetForecastScoreboardRequest>,
    ) -> Result<Response<pb::GetForecastScoreboardResponse>, Status> {
        Err(Status::unimplemented("GetForecastScoreboard is not built yet"))
    }

    async fn evaluate_forecasts(
        &self,
        _: Request<pb::EvaluateForecastsRequest>,
    ) -> Result<Response<pb::EvaluateForecastsResponse>, Status> {
        Err(Status::unimplemented("EvaluateForecasts is not built yet"))
    }
}
