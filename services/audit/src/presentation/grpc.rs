//! The RPCs of `kvartal.audit.v1.AuditService`.

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::to_status;
use kvartal_proto::audit::v1 as pb;
use kvartal_proto::time;
use tonic::{Request, Response, Status};

use crate::application::{Audit, Filter, Verification};
use crate::domain::Record;

/// Answers the RPCs.
pub(crate) struct AuditGrpc {
    audit: Audit,
}

impl AuditGrpc {
    pub(crate) fn new(audit: Audit) -> Self {
        Self { audit }
    }
}

#[tonic::async_trait]
impl pb::audit_service_server::AuditService for AuditGrpc {
    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let request = request.into_inner();
        let filter = filter(&request).map_err(to_status)?;
        let scope = format!("audit records {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token).map_err(to_status)?;
        let page = self.audit.list(&filter, &page).await.map_err(to_status)?;
        let next_page_token = page.next_token(&scope);
        let records = page.items.into_iter().map(pb::Record::from).collect();
        Ok(Response::new(pb::ListRecordsResponse { records, next_page_token }))
    }

    async fn verify_chain(
        &self,
        request: Request<pb::VerifyChainRequest>,
    ) -> Result<Response<pb::VerifyChainResponse>, Status> {
        let found = self.audit.verify(request.into_inner().from_sequence).await.map_err(to_status)?;
        Ok(Response::new(found.into()))
    }
}

fn filter(request: &pb::ListRecordsRequest) -> Result<Filter, Error> {
    Ok(Filter {
        actor: request.actor_id.clone(),
        subject: request.subject.clone(),
        kind: request.r#type.clone(),
        start: time::from_proto("start_time", request.start_time.as_ref())?,
        end: time::from_proto("end_time", request.end_time.as_ref())?,
    })
}

impl From<Record> for pb::Record {
    fn from(record: Record) -> Self {
        let Record { sequence, entry, previous, hash } = record;
        Self {
            sequence,
            event_id: entry.event.to_string(),
            r#type: entry.kind,
            source: entry.source,
            actor_id: entry.actor,
            subject: entry.subject,
            time: Some(time::to_proto(entry.time)),
            method: entry.method,
            outcome: entry.outcome,
            trace_id: entry.trace,
            previous_hash: previous.0,
            hash: hash.0,
            details: entry.details,
        }
    }
}

impl From<Verification> for pb::VerifyChainResponse {
    fn from(found: Verification) -> Self {
        let Verification { checked, head, flaw } = found;
        Self {
            intact: flaw.is_none(),
            checked_count: checked,
            head_sequence: head.sequence,
            head_hash: head.hash.0,
            first_bad_sequence: flaw.map_or(0, |flaw| flaw.sequence),
            problem: flaw.map(|flaw| flaw.problem.to_string()).unwrap_or_default(),
        }
    }
}
