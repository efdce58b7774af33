//! The RPCs of `kvartal.traffic.v1.PatrolService`.

use std::sync::Arc;

use kvartal_kernel::{Caller, Error, PageRequest, Uuid};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::time::{from_proto, to_proto};
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use super::network::{point, point_message};
use crate::application::patrols::{PatrolDesk, PatrolView};
use crate::domain::patrol::{PatrolStatus, Position};

/// Answers the RPCs.
pub(crate) struct PatrolGrpc {
    desk: Arc<PatrolDesk>,
}

impl PatrolGrpc {
    /// Over the desk.
    pub(crate) fn new(desk: Arc<PatrolDesk>) -> Self {
        Self { desk }
    }

    async fn list(&self, request: pb::ListPatrolsRequest) -> Result<pb::ListPatrolsResponse, Error> {
        let statuses: Vec<PatrolStatus> = request.statuses.into_iter().filter_map(PatrolStatus::from_number).collect();
        let scope = format!("patrols {statuses:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(&statuses, page).await?;
        let next_page_token = page.next_token(&scope);
        Ok(pb::ListPatrolsResponse { patrols: page.items.iter().map(patrol_message).collect(), next_page_token })
    }

    async fn update(&self, caller: &Caller, request: pb::UpdatePatrolRequest) -> Result<PatrolView, Error> {
        let pb::UpdatePatrolRequest { patrol_id, call_sign, vehicle, member_ids, update_mask, etag } = request;
        let mask = update_mask.unwrap_or_default();
        if mask.paths.is_empty() {
            return Err(Error::invalid("update_mask", "must name at least one field"));
        }
        let (mut new_call_sign, mut new_vehicle, mut new_members) = (None, None, None);
        for path in &mask.paths {
            match path.as_str() {
                "call_sign" if call_sign.trim().is_empty() => {
                    return Err(Error::invalid("call_sign", "must not be empty"));
                }
                "call_sign" => new_call_sign = Some(call_sign.clone()),
                "vehicle" => new_vehicle = Some(vehicle.clone()),
                "member_ids" => new_members = Some(members(&member_ids)?),
                other => {
                    let other: String = other.chars().take(100).collect();
                    let message = format!("knows no field {other}; it knows call_sign, vehicle, member_ids");
                    return Err(Error::invalid("update_mask", message));
                }
            }
        }
        self.desk.update(caller, patrol_id, new_call_sign, new_vehicle, new_members, etag).await
    }

    async fn report(&self, caller: &Caller, request: pb::ReportPatrolPositionRequest) -> Result<PatrolView, Error> {
        let pb::ReportPatrolPositionRequest { patrol_id, location, time, heading_degrees, speed_kmh } = request;
        let location = location.ok_or_else(|| Error::invalid("location", "must be given"))?;
        let time = from_proto("time", time.as_ref())?.unwrap_or_else(|| self.desk.now());
        let position = Position { point: point("location", location)?, time, heading_degrees, speed_kmh };
        self.desk.report(caller, patrol_id, position).await
    }

    async fn track(&self, request: pb::ListPatrolTrackRequest) -> Result<pb::ListPatrolTrackResponse, Error> {
        let given = |field, time| from_proto(field, time)?.ok_or_else(|| Error::invalid(field, "must be given"));
        let from = given("start_time", request.start_time.as_ref())?;
        let to = given("end_time", request.end_time.as_ref())?;
        let positions = self.desk.track(&request.patrol_id, from, to).await?;
        let position = |position: Position| pb::PatrolPosition {
            time: Some(to_proto(position.time)),
            location: Some(point_message(position.point)),
            speed_kmh: position.speed_kmh,
        };
        Ok(pb::ListPatrolTrackResponse { positions: positions.into_iter().map(position).collect() })
    }

    async fn arrivals(
        &self,
        request: pb::EstimatePatrolArrivalsRequest,
    ) -> Result<pb::EstimatePatrolArrivalsResponse, Error> {
        let location = request.location.ok_or_else(|| Error::invalid("location", "must be given"))?;
        let arrivals = self.desk.arrivals(point("location", location)?).await?;
        let arrivals = arrivals.into_iter().map(|(view, arrival)| pb::PatrolArrival {
            patrol: Some(patrol_message(&view)),
            distance_m: arrival.distance_m,
            duration_seconds: arrival.seconds,
            routed: arrival.routed,
        });
        Ok(pb::EstimatePatrolArrivalsResponse { arrivals: arrivals.collect() })
    }
}

fn members(ids: &[String]) -> Result<Vec<Uuid>, Error> {
    let named = ids.iter().enumerate();
    let mut members: Vec<Uuid> = named
        .map(|(index, id)| id.parse().map_err(|_| Error::invalid(format!("member_ids[{index}]"), "must be a UUID")))
        .collect::<Result<_, _>>()?;
    let mut seen = std::collections::BTreeSet::new();
    members.retain(|member| seen.insert(*member));
    Ok(members)
}

/// A patrol as the contract has it.
pub(super) fn patrol_message(view: &PatrolView) -> pb::Patrol {
    let patrol = &view.patrol;
    let position = patrol.position;
    pb::Patrol {
        patrol_id: patrol.name.clone(),
        call_sign: patrol.call_sign.clone(),
        vehicle: patrol.vehicle.clone(),
        member_ids: patrol.members.iter().map(Uuid::to_string).collect(),
        status: patrol.status.number().into(),
        status_time: Some(to_proto(patrol.status_time)),
        location: position.map(|position| point_message(position.point)),
        heading_degrees: position.map_or(0.0, |position| position.heading_degrees),
        speed_kmh: position.map_or(0.0, |position| position.speed_kmh),
        position_time: position.map(|position| to_proto(position.time)),
        segment_id: view.segment.clone().unwrap_or_default(),
        incident_id: patrol.mission.map(|mission| mission.incident.to_string()).unwrap_or_default(),
        arrival_time: view.arrival.map(to_proto),
        etag: patrol.version.etag(),
    }
}

fn some(view: PatrolView) -> Option<pb::Patrol> {
    Some(patrol_message(&view))
}

#[tonic::async_trait]
impl pb::patrol_service_server::PatrolService for PatrolGrpc {
    async fn get_patrol(
        &self,
        request: Request<pb::GetPatrolRequest>,
    ) -> Result<Response<pb::GetPatrolResponse>, Status> {
        let view = self.desk.get(&request.into_inner().patrol_id).await.map_err(to_status)?;
        Ok(Response::new(pb::GetPatrolResponse { patrol: some(view) }))
    }

    async fn list_patrols(
        &self,
        request: Request<pb::ListPatrolsRequest>,
    ) -> Result<Response<pb::ListPatrolsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn create_patrol(
        &self,
        request: Request<pb::CreatePatrolRequest>,
    ) -> Result<Response<pb::CreatePatrolResponse>, Status> {
        let pb::CreatePatrolRequest { patrol_id, call_sign, vehicle, member_ids } = request.into_inner();
        let members = members(&member_ids).map_err(to_status)?;
        let view = self.desk.create(patrol_id, call_sign, vehicle, members).await.map_err(to_status)?;
        Ok(Response::new(pb::CreatePatrolResponse { patrol: some(view) }))
    }

    async fn update_patrol(
        &self,
        request: Request<pb::UpdatePatrolRequest>,
    ) -> Result<Response<pb::UpdatePatrolResponse>, Status> {
        let caller = caller(&request);
        let view = self.update(&caller, request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdatePatrolResponse { patrol: some(view) }))
    }

    async fn delete_patrol(
        &self,
        request: Request<pb::DeletePatrolRequest>,
    ) -> Result<Response<pb::DeletePatrolResponse>, Status> {
        let pb::DeletePatrolRequest { patrol_id, etag } = request.into_inner();
        self.desk.delete(patrol_id, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::DeletePatrolResponse {}))
    }

    async fn report_patrol_position(
        &self,
        request: Request<pb::ReportPatrolPositionRequest>,
    ) -> Result<Response<pb::ReportPatrolPositionResponse>, Status> {
        let caller = caller(&request);
        let view = self.report(&caller, request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(pb::ReportPatrolPositionResponse { patrol: some(view) }))
    }

    async fn set_patrol_status(
        &self,
        request: Request<pb::SetPatrolStatusRequest>,
    ) -> Result<Response<pb::SetPatrolStatusResponse>, Status> {
        let caller = caller(&request);
        let pb::SetPatrolStatusRequest { patrol_id, status, etag } = request.into_inner();
        let status = PatrolStatus::from_number(status).ok_or_else(|| Error::invalid("status", "must be given"));
        let status = status.map_err(to_status)?;
        let view = self.desk.set_status(&caller, patrol_id, status, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::SetPatrolStatusResponse { patrol: some(view) }))
    }

    async fn assign_patrol(
        &self,
        request: Request<pb::AssignPatrolRequest>,
    ) -> Result<Response<pb::AssignPatrolResponse>, Status> {
        let caller = caller(&request);
        let pb::AssignPatrolRequest { patrol_id, incident_id, etag } = request.into_inner();
        let incident = incident_id.parse().map_err(|_| Error::invalid("incident_id", "must be a UUID"));
        let incident = incident.map_err(to_status)?;
        let view = self.desk.assign(&caller, patrol_id, incident, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::AssignPatrolResponse { patrol: some(view) }))
    }

    async fn release_patrol(
        &self,
        request: Request<pb::ReleasePatrolRequest>,
    ) -> Result<Response<pb::ReleasePatrolResponse>, Status> {
        let caller = caller(&request);
        let pb::ReleasePatrolRequest { patrol_id, etag } = request.into_inner();
        let view = self.desk.release(&caller, patrol_id, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::ReleasePatrolResponse { patrol: some(view) }))
    }

    async fn estimate_patrol_arrivals(
        &self,
        request: Request<pb::EstimatePatrolArrivalsRequest>,
    ) -> Result<Response<pb::EstimatePatrolArrivalsResponse>, Status> {
        self.arrivals(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_patrol_track(
        &self,
        request: Request<pb::ListPatrolTrackRequest>,
    ) -> Result<Response<pb::ListPatrolTrackResponse>, Status> {
        self.track(request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}
