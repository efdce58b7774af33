//! The RPCs of `kvartal.incident.v1.SuggestionService`.

use std::sync::Arc;

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::incident::v1 as pb;
use tonic::{Request, Response, Status};

use crate::application::suggestions::{Acceptance, SuggestionDesk};
use crate::domain::incident::{IncidentKind, Priority};
use crate::domain::suggestion::{SuggestionId, SuggestionStatus};
use crate::messages;

/// Answers the RPCs.
pub struct SuggestionGrpc {
    desk: Arc<SuggestionDesk>,
}

impl SuggestionGrpc {
    /// Over the desk.
    pub fn new(desk: Arc<SuggestionDesk>) -> Self {
        Self { desk }
    }

    async fn list(&self, request: pb::ListSuggestionsRequest) -> Result<pb::ListSuggestionsResponse, Error> {
        let status = SuggestionStatus::from_number(request.status);
        let scope = format!("suggestions {status:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(status, page).await?;
        let next_page_token = page.next_token(&scope);
        let suggestions = page.items.iter().map(messages::suggestion).collect();
        Ok(pb::ListSuggestionsResponse { suggestions, next_page_token })
    }
}

#[tonic::async_trait]
impl pb::suggestion_service_server::SuggestionService for SuggestionGrpc {
    async fn list_suggestions(
        &self,
        request: Request<pb::ListSuggestionsRequest>,
    ) -> Result<Response<pb::ListSuggestionsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn accept_suggestion(
        &self,
        request: Request<pb::AcceptSuggestionRequest>,
    ) -> Result<Response<pb::AcceptSuggestionResponse>, Status> {
        let caller = caller(&request);
        let pb::AcceptSuggestionRequest { suggestion_id, etag, title, kind, priority } = request.into_inner();
        let acceptance = Acceptance {
            id: SuggestionId::parse("suggestion_id", &suggestion_id).map_err(to_status)?,
            etag,
            title,
            kind: IncidentKind::from_number(kind),
            priority: Priority::from_number(priority).unwrap_or(Priority::Normal),
        };
        let (suggestion, incident) = self.desk.accept(&caller, acceptance).await.map_err(to_status)?;
        Ok(Response::new(pb::AcceptSuggestionResponse {
            suggestion: Some(messages::suggestion(&suggestion)),
            incident: Some(messages::incident(&incident)),
        }))
    }

    async fn dismiss_suggestion(
        &self,
        request: Request<pb::DismissSuggestionRequest>,
    ) -> Result<Response<pb::DismissSuggestionResponse>, Status> {
        let caller = caller(&request);
        let pb::DismissSuggestionRequest { suggestion_id, etag, reason } = request.into_inner();
        let id = SuggestionId::parse("suggestion_id", &suggestion_id).map_err(to_status)?;
        let suggestion = self.desk.dismiss(&caller, id, reason, etag).await.map_err(to_status)?;
        Ok(Response::new(pb::DismissSuggestionResponse { suggestion: Some(messages::suggestion(&suggestion)) }))
    }
}
