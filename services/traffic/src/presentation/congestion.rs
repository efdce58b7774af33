//! The RPCs of `kvartal.traffic.v1.CongestionService`.

mod convert;
mod live;
mod schedule;

use std::sync::Arc;

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::to_status;
use kvartal_proto::time::{from_proto, to_proto};
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use crate::application::congestion::desk::{CongestionDesk, StateFilter};
use crate::domain::city::SegmentName;
use crate::domain::jam::JamId;
use crate::domain::step::Step;
use crate::messages::congestion as messages;

pub(super) use convert::corners;
pub(crate) use live::LiveCongestion;
pub(crate) use schedule::{learning, thinning};

/// Rows of a page when nobody said.
const PAGE: u32 = 1_000;

/// Answers the RPCs.
pub(crate) struct CongestionGrpc {
    desk: Arc<CongestionDesk>,
}

impl CongestionGrpc {
    /// Over this desk.
    pub(crate) fn new(desk: Arc<CongestionDesk>) -> Self {
        Self { desk }
    }

    async fn states(&self, request: pb::ListSegmentStatesRequest) -> Result<pb::ListSegmentStatesResponse, Error> {
        let filter: StateFilter = convert::states(request.filter)?;
        let asked = from_proto("time", request.time.as_ref())?;
        let scope = format!("segment states {asked:?} {filter:?}");
        let now = asked.unwrap_or_else(|| self.desk.now());
        let (time, offset) = convert::position(&scope, &request.page_token, now)?;
        let size = usize::try_from(if request.page_size == 0 { PAGE } else { request.page_size }).unwrap_or(1);
        let views = self.desk.states(&filter, time).await?;
        let states: Vec<pb::SegmentState> = views.iter().skip(offset).take(size).map(convert::state).collect();
        let end = offset.saturating_add(states.len());
        let next_page_token = if end < views.len() { convert::token(&scope, time, end) } else { String::new() };
        Ok(pb::ListSegmentStatesResponse { states, next_page_token, time: Some(to_proto(time)) })
    }

    async fn history(&self, request: pb::ListSegmentHistoryRequest) -> Result<pb::ListSegmentHistoryResponse, Error> {
        let segment = SegmentName(request.segment_id);
        let (from, before) = convert::stretch(request.start_time.as_ref(), request.end_time.as_ref())?;
        let scope = format!("segment history {} {from:?} {before:?}", segment.0);
        let (after, count) = convert::position(&scope, &request.page_token, from.start())?;
        let size = if request.page_size == 0 { PAGE } else { request.page_size };
        let mut views = self.desk.history(&segment, Step::of(after), before, size.into(), count == 0).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = views.len() > size;
        views.truncate(size);
        let last = views.last().filter(|_| more);
        let next_page_token =
            last.map(|last| convert::token(&scope, last.since.start(), count + size)).unwrap_or_default();
        let states = views.iter().map(convert::state).collect();
        Ok(pb::ListSegmentHistoryResponse { states, next_page_token })
    }

    async fn jams(&self, request: pb::ListJamsRequest) -> Result<pb::ListJamsResponse, Error> {
        let filter = convert::jams(request.filter)?;
        let scope = format!("jams {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.jams(&filter, page).await?;
        let next_page_token = page.next_token(&scope);
        Ok(pb::ListJamsResponse { jams: page.items.iter().map(messages::jam).collect(), next_page_token })
    }

    async fn jam(&self, request: pb::GetJamRequest) -> Result<pb::GetJamResponse, Error> {
        let id = request.jam_id.parse().map_err(|_| Error::invalid("jam_id", "must be a UUID"))?;
        let (jam, moments) = self.desk.jam(JamId(id)).await?;
        let moments = moments.iter().map(messages::moment).collect();
        Ok(pb::GetJamResponse { jam: Some(messages::jam(&jam)), moments })
    }

    async fn scores(&self, request: pb::GetScoresRequest) -> Result<pb::GetScoresResponse, Error> {
        let time = from_proto("time", request.time.as_ref())?.unwrap_or_else(|| self.desk.now());
        let scores = self.desk.scores(time).await?;
        let (city, districts): (Vec<_>, Vec<_>) = scores
            .iter()
            .map(|(score, usual)| messages::score(score, *usual))
            .partition(|score| score.district_id.is_empty());
        let (ru, en) = convert::FORMULA;
        let (formula_ru, formula_en) = (ru.to_owned(), en.to_owned());
        Ok(pb::GetScoresResponse { city: city.into_iter().next(), districts, formula_ru, formula_en })
    }

    async fn score_history(&self, request: pb::ListScoreHistoryRequest) -> Result<pb::ListScoreHistoryResponse, Error> {
        let (from, before) = convert::stretch(request.start_time.as_ref(), request.end_time.as_ref())?;
        let scope = format!("score history {} {from:?} {before:?}", request.district_id);
        let (start, _) = convert::position(&scope, &request.page_token, from.start())?;
        let size = if request.page_size == 0 { PAGE } else { request.page_size };
        let scores = self.desk.score_history(&request.district_id, Step::of(start), before, size.into()).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let next = scores.get(size).map(|next| convert::token(&scope, next.step.start(), 0));
        let scores = scores.iter().take(size).map(|score| messages::score(score, None)).collect();
        Ok(pb::ListScoreHistoryResponse { scores, next_page_token: next.unwrap_or_default() })
    }

    async fn warnings(
        &self,
        request: pb::ListTrafficWarningsRequest,
    ) -> Result<pb::ListTrafficWarningsResponse, Error> {
        let filter = convert::warnings(&request)?;
        let scope = format!("traffic warnings {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.warnings(&filter, page).await?;
        let next_page_token = page.next_token(&scope);
        let warnings = page.items.iter().map(messages::warning).collect();
        Ok(pb::ListTrafficWarningsResponse { warnings, next_page_token })
    }

    async fn travel_time(&self, request: pb::GetTravelTimeRequest) -> Result<pb::GetTravelTimeResponse, Error> {
        let depart = from_proto("depart_time", request.depart_time.as_ref())?.unwrap_or_else(|| self.desk.now());
        let names: Vec<SegmentName> = request.segment_ids.into_iter().map(SegmentName).collect();
        Ok(convert::way(&self.desk.way(&names, depart).await?))
    }

    async fn profile(&self, request: pb::GetTypicalProfileRequest) -> Result<pb::GetTypicalProfileResponse, Error> {
        // 1 for Monday; the contract has checked that it is one of the seven.
        let weekday = usize::try_from(request.weekday - 1).unwrap_or(0);
        let (slots, days) = self.desk.profile(&SegmentName(request.segment_id), weekday).await?;
        let slots = slots.iter().map(convert::slot).collect();
        Ok(pb::GetTypicalProfileResponse { slots, day_count: u32::try_from(days).unwrap_or(u32::MAX) })
    }
}

#[tonic::async_trait]
impl pb::congestion_service_server::CongestionService for CongestionGrpc {
    async fn list_segment_states(
        &self,
        request: Request<pb::ListSegmentStatesRequest>,
    ) -> Result<Response<pb::ListSegmentStatesResponse>, Status> {
        self.states(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_segment_history(
        &self,
        request: Request<pb::ListSegmentHistoryRequest>,
    ) -> Result<Response<pb::ListSegmentHistoryResponse>, Status> {
        self.history(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_jams(&self, request: Request<pb::ListJamsRequest>) -> Result<Response<pb::ListJamsResponse>, Status> {
        self.jams(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_jam(&self, request: Request<pb::GetJamRequest>) -> Result<Response<pb::GetJamResponse>, Status> {
        self.jam(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_scores(
        &self,
        request: Request<pb::GetScoresRequest>,
    ) -> Result<Response<pb::GetScoresResponse>, Status> {
        self.scores(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_score_history(
        &self,
        request: Request<pb::ListScoreHistoryRequest>,
    ) -> Result<Response<pb::ListScoreHistoryResponse>, Status> {
        self.score_history(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_traffic_warnings(
        &self,
        request: Request<pb::ListTrafficWarningsRequest>,
    ) -> Result<Response<pb::ListTrafficWarningsResponse>, Status> {
        self.warnings(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_travel_time(
        &self,
        request: Request<pb::GetTravelTimeRequest>,
    ) -> Result<Response<pb::GetTravelTimeResponse>, Status> {
        self.travel_time(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_typical_profile(
        &self,
        request: Request<pb::GetTypicalProfileRequest>,
    ) -> Result<Response<pb::GetTypicalProfileResponse>, Status> {
        self.profile(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_congestion_rules(
        &self,
        _: Request<pb::ListCongestionRulesRequest>,
    ) -> Result<Response<pb::ListCongestionRulesResponse>, Status> {
        Ok(Response::new(pb::ListCongestionRulesResponse { rules: convert::rules() }))
    }
}
