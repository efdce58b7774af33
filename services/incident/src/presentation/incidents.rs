//! The RPCs of `kvartal.incident.v1.IncidentService`.

use std::sync::Arc;

use kvartal_kernel::{Caller, Error, PageRequest};
use kvartal_mesh::stream::{Item, Reply, reply};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::incident::v1 as pb;
use tonic::{Request, Response, Status};

use super::convert::{given, incident_filter, maybe, update, uuid};
use super::stream::stream;
use super::wzdx;
use crate::application::incidents::{IncidentDesk, check_filter};
use crate::application::ports::{Snapshot, Subject};
use crate::application::watch::{Feed, Update};
use crate::application::works_on_incidents;
use crate::domain::filter::IncidentFilter;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::messages;

/// Answers the RPCs.
pub struct IncidentGrpc {
    desk: Arc<IncidentDesk>,
    feed: Arc<Feed>,
}

impl IncidentGrpc {
    /// Over the desk and the feed.
    pub fn new(desk: Arc<IncidentDesk>, feed: Arc<Feed>) -> Self {
        Self { desk, feed }
    }

    async fn list(
        &self,
        caller: &Caller,
        request: pb::ListIncidentsRequest,
    ) -> Result<pb::ListIncidentsResponse, Error> {
        let filter = incident_filter(request.filter)?;
        let scope = format!("incidents {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(caller, &filter, page).await?;
        let next_page_token = page.next_token(&scope);
        let incidents = page.items.iter().map(|incident| shown(incident, works_on_incidents(caller))).collect();
        Ok(pb::ListIncidentsResponse { incidents, next_page_token })
    }

    async fn timeline(
        &self,
        request: pb::ListIncidentTimelineRequest,
    ) -> Result<pb::ListIncidentTimelineResponse, Error> {
        let id = IncidentId::parse("incident_id", &request.incident_id)?;
        let scope = format!("timeline {id}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.timeline(id, page).await?;
        let next_page_token = page.next_token(&scope);
        let entries = page.items.iter().map(messages::entry).collect();
        Ok(pb::ListIncidentTimelineResponse { entries, next_page_token })
    }

    async fn watch(
        &self,
        caller: &Caller,
        request: pb::WatchIncidentsRequest,
    ) -> Result<Reply<pb::WatchIncidentsResponse>, Error> {
        let filter = incident_filter(request.filter)?;
        check_filter(caller, &filter)?;
        let watch = self.feed.watch(Subject::Incident, &request.resume_token).await?;
        let staff = works_on_incidents(caller);
        let updates = stream(watch, move |update| selected(update, &filter).map(|now| shown(&now, staff)));
        Ok(reply(updates, |item| match item {
            Item::Event { value, token } => pb::WatchIncidentsResponse { incident: Some(value), resume_token: token },
            Item::Heartbeat { token } => pb::WatchIncidentsResponse { incident: None, resume_token: token },
        }))
    }

    async fn import(
        &self,
        caller: &Caller,
        request: pb::ImportWorkZonesRequest,
    ) -> Result<pb::ImportWorkZonesResponse, Error> {
        let pb::ImportWorkZonesRequest { source, content, validate_only } = request;
        let read = wzdx::read(&content)?;
        let counts = self.desk.import_work_zones(caller, source, read.events, validate_only).await?;
        let warning = |warning: wzdx::FeedWarning| pb::FeedWarning { path: warning.path, message: warning.message };
        Ok(pb::ImportWorkZonesResponse {
            created_count: counts.created,
            updated_count: counts.updated,
            unchanged_count: counts.unchanged,
            closed_count: counts.closed,
            warnings: read.warnings.into_iter().map(warning).collect(),
        })
    }
}

/// The incident, if the filter wants it or wanted what it was: whoever shows it must learn that it is gone from there.
fn selected(update: Update, filter: &IncidentFilter) -> Option<Box<Incident>> {
    let matches = |snapshot: &Snapshot| match snapshot {
        Snapshot::Incident(incident) => filter.matches(incident),
        Snapshot::Report(_) => false,
    };
    let wanted = matches(&update.now) || update.was.iter().any(matches);
    match update.now {
        Snapshot::Incident(incident) if wanted => Some(incident),
        _ => None,
    }
}

/// Who works on it is told to those who work here.
fn shown(incident: &Incident, staff: bool) -> pb::Incident {
    let mut message = messages::incident(incident);
    if !staff {
        message.assignee_id.clear();
    }
    message
}

#[tonic::async_trait]
impl pb::incident_service_server::IncidentService for IncidentGrpc {
    type WatchIncidentsStream = Reply<pb::WatchIncidentsResponse>;

    async fn create_incident(
        &self,
        request: Request<pb::CreateIncidentRequest>,
    ) -> Result<Response<pb::CreateIncidentResponse>, Status> {
        let caller = caller(&request);
        let new = request.into_inner().try_into().map_err(to_status)?;
        let incident = self.desk.create(&caller, new).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateIncidentResponse { incident: Some(messages::incident(&incident)) }))
    }

    async fn get_incident(
        &self,
        request: Request<pb::GetIncidentRequest>,
    ) -> Result<Response<pb::GetIncidentResponse>, Status> {
        let staff = works_on_incidents(&caller(&request));
        let id = IncidentId::parse("incident_id", &request.into_inner().incident_id).map_err(to_status)?;
        let incident = self.desk.get(id).await.map_err(to_status)?;
        Ok(Response::new(pb::GetIncidentResponse { incident: Some(shown(&incident, staff)) }))
    }

    async fn list_incidents(
        &self,
        request: Request<pb::ListIncidentsRequest>,
    ) -> Result<Response<pb::ListIncidentsResponse>, Status> {
        let caller = caller(&request);
        self.list(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn update_incident(
        &self,
        request: Request<pb::UpdateIncidentRequest>,
    ) -> Result<Response<pb::UpdateIncidentResponse>, Status> {
        let caller = caller(&request);
        let (id, patch, etag) = update(request.into_inner()).map_err(to_status)?;
        let incident = self.desk.update(&caller, id, patch, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateIncidentResponse { incident: Some(messages::incident(&incident)) }))
    }

    async fn transition_incident(
        &self,
        request: Request<pb::TransitionIncidentRequest>,
    ) -> Result<Response<pb::TransitionIncidentResponse>, Status> {
        let caller = caller(&request);
        let pb::TransitionIncidentRequest { incident_id, status, comment, etag } = request.into_inner();
        let id = IncidentId::parse("incident_id", &incident_id).map_err(to_status)?;
        let to = given("status", IncidentStatus::from_number(status)).map_err(to_status)?;
        let incident = self.desk.transition(&caller, id, to, comment, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::TransitionIncidentResponse { incident: Some(messages::incident(&incident)) }))
    }

    async fn assign_incident(
        &self,
        request: Request<pb::AssignIncidentRequest>,
    ) -> Result<Response<pb::AssignIncidentResponse>, Status> {
        let caller = caller(&request);
        let pb::AssignIncidentRequest { incident_id, assignee_id, team, etag } = request.into_inner();
        let id = IncidentId::parse("incident_id", &incident_id).map_err(to_status)?;
        let assignee = maybe(&assignee_id, |id| uuid("assignee_id", id)).map_err(to_status)?;
        let incident = self.desk.assign(&caller, id, assignee, team, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::AssignIncidentResponse { incident: Some(messages::incident(&incident)) }))
    }

    async fn add_incident_comment(
        &self,
        request: Request<pb::AddIncidentCommentRequest>,
    ) -> Result<Response<pb::AddIncidentCommentResponse>, Status> {
        let caller = caller(&request);
        let pb::AddIncidentCommentRequest { incident_id, comment } = request.into_inner();
        let id = IncidentId::parse("incident_id", &incident_id).map_err(to_status)?;
        let entry = self.desk.comment(&caller, id, comment).await.map_err(to_status)?;
        Ok(Response::new(pb::AddIncidentCommentResponse { entry: Some(messages::entry(&entry)) }))
    }

    async fn list_incident_timeline(
        &self,
        request: Request<pb::ListIncidentTimelineRequest>,
    ) -> Result<Response<pb::ListIncidentTimelineResponse>, Status> {
        self.timeline(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn watch_incidents(
        &self,
        request: Request<pb::WatchIncidentsRequest>,
    ) -> Result<Response<Self::WatchIncidentsStream>, Status> {
        let caller = caller(&request);
        self.watch(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn import_work_zones(
        &self,
        request: Request<pb::ImportWorkZonesRequest>,
    ) -> Result<Response<pb::ImportWorkZonesResponse>, Status> {
        let caller = caller(&request);
        self.import(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}
