//! The RPCs of `kvartal.traffic.v1.CongestionService`.

use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

/// Answers the RPCs.
#[derive(Debug)]
pub(crate) struct CongestionGrpc;

#[tonic::async_trait]
impl pb::congestion_service_server::CongestionService for CongestionGrpc {
    async fn list_segment_states(
        &self,
        _: Request<pb::ListSegmentStatesRequest>,
    ) -> Result<Response<pb::ListSegmentStatesResponse>, Status> {
        Err(Status::unimplemented("ListSegmentStates is not built yet"))
    }

    async fn list_segment_history(
        &self,
        _: Request<pb::ListSegmentHistoryRequest>,
    ) -> Result<Response<pb::ListSegmentHistoryResponse>, Status> {
        Err(Status::unimplemented("ListSegmentHistory is not built yet"))
    }

    async fn list_jams(&self, _: Request<pb::ListJamsRequest>) -> Result<Response<pb::ListJamsResponse>, Status> {
        Err(Status::unimplemented("ListJams is not built yet"))
    }

    async fn get_jam(&self, _: Request<pb::GetJamRequest>) -> Result<Response<pb::GetJamResponse>, Status> {
        Err(Status::unimplemented("GetJam is not built yet"))
    }

    async fn get_scores(&self, _: Request<pb::GetScoresRequest>) -> Result<Response<pb::GetScoresResponse>, Status> {
        Err(Status::unimplemented("GetScores is not built yet"))
    }

    async fn list_score_history(
        &self,
        _: Request<pb::ListScoreHistoryRequest>,
    ) -> Result<Response<pb::ListScoreHistoryResponse>, Status> {
        Err(Status::unimplemented("ListScoreHistory is not built yet"))
    }

    async fn list_traffic_warnings(
        &self,
        _: Request<pb::ListTrafficWarningsRequest>,
    ) -> Result<Response<pb::ListTrafficWarningsResponse>, Status> {
        Err(Status::unimplemented("ListTrafficWarnings is not built yet"))
    }

    async fn get_travel_time(
        &self,
        _: Request<pb::GetTravelTimeRequest>,
    ) -> Result<Response<pb::GetTravelTimeResponse>, Status> {
        Err(Status::unimplemented("GetTravelTime is not built yet"))
    }

    async fn get_typical_profile(
        &self,
        _: Request<pb::GetTypicalProfileRequest>,
    ) -> Result<Response<pb::GetTypicalProfileResponse>, Status> {
        Err(Status::unimplemented("GetTypicalProfile is not built yet"))
    }

    async fn list_congestion_rules(
        &self,
        _: Request<pb::ListCongestionRulesRequest>,
    ) -> Result<Response<pb::ListCongestionRulesResponse>, Status> {
        Err(Status::unimplemented("ListCongestionRules is not built yet"))
    }
}
