//! The RPCs of `kvartal.incident.v1.ReportService`.

use std::sync::Arc;

use kvartal_kernel::{Caller, Error, PageRequest};
use kvartal_mesh::stream::{Item, Reply, reply};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::incident::v1 as pb;
use tonic::{Request, Response, Status};

use super::convert::{given, maybe, point, report_filter};
use super::stream::stream;
use crate::application::catalogue::Atlas;
use crate::application::photos::PhotoDesk;
use crate::application::ports::{Snapshot, Subject};
use crate::application::reports::{NewFromReport, ReportDesk, ReportName};
use crate::application::viewer;
use crate::application::watch::{Feed, Update};
use crate::domain::filter::{ReportFilter, Viewer};
use crate::domain::incident::{IncidentId, IncidentKind, Priority};
use crate::domain::photo::{PhotoId, PhotoSize};
use crate::domain::report::{Report, ReportId};
use crate::domain::template::TemplateId;
use crate::messages;

/// Answers the RPCs.
pub struct ReportGrpc {
    desk: Arc<ReportDesk>,
    photos: Arc<PhotoDesk>,
    atlas: Arc<Atlas>,
    feed: Arc<Feed>,
}

impl ReportGrpc {
    /// Over the desks, the catalogue and the feed.
    pub fn new(desk: Arc<ReportDesk>, photos: Arc<PhotoDesk>, atlas: Arc<Atlas>, feed: Arc<Feed>) -> Self {
        Self { desk, photos, atlas, feed }
    }

    async fn get(&self, viewer: Viewer, request: pb::GetReportRequest) -> Result<pb::GetReportResponse, Error> {
        let (report, entries) = self.desk.get(viewer, &ReportName::parse(&request.report)?).await?;
        let timeline = entries.iter().map(messages::entry).collect();
        Ok(pb::GetReportResponse { report: Some(shown(&report, viewer)), timeline })
    }

    async fn list(&self, caller: &Caller, request: pb::ListReportsRequest) -> Result<pb::ListReportsResponse, Error> {
        let viewer = viewer(caller);
        let filter = report_filter(request.filter, || caller.user_id())?;
        let scope = format!("reports {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(viewer, &filter, page).await?;
        let next_page_token = page.next_token(&scope);
        let reports = page.items.iter().map(|report| shown(report, viewer)).collect();
        Ok(pb::ListReportsResponse { reports, next_page_token })
    }

    async fn watch(
        &self,
        caller: &Caller,
        request: pb::WatchReportsRequest,
    ) -> Result<Reply<pb::WatchReportsResponse>, Error> {
        let viewer = viewer(caller);
        let filter = report_filter(request.filter, || caller.user_id())?;
        let watch = self.feed.watch(Subject::Report, &request.resume_token).await?;
        let updates = stream(watch, move |update| selected(update, &filter, viewer));
        Ok(reply(updates, |item| match item {
            Item::Event { value, token } => pb::WatchReportsResponse { report: Some(value), resume_token: token },
            Item::Heartbeat { token } => pb::WatchReportsResponse { report: None, resume_token: token },
        }))
    }

    async fn suggest(&self, request: pb::SuggestDuplicatesRequest) -> Result<pb::SuggestDuplicatesResponse, Error> {
        let pb::SuggestDuplicatesRequest { category_id, location, description } = request;
        let location = point("location", given("location", location)?)?;
        let found = self.desk.suggest_duplicates(&category_id, location, &description).await?;
        let candidates = found.into_iter().map(|candidate| pb::DuplicateCandidate {
            report: Some(messages::report(&candidate.report)),
            score: candidate.score,
            distance_m: candidate.distance_m,
        });
        Ok(pb::SuggestDuplicatesResponse { candidates: candidates.collect() })
    }

    async fn link(&self, caller: &Caller, request: pb::LinkReportRequest) -> Result<pb::LinkReportResponse, Error> {
        let id = ReportId::parse("report_id", &request.report_id)?;
        let incident = maybe(&request.incident_id, |id| IncidentId::parse("incident_id", id))?;
        let new = NewFromReport {
            kind: IncidentKind::from_number(request.kind).unwrap_or(IncidentKind::Other),
            priority: Priority::from_number(request.priority).unwrap_or(Priority::Normal),
        };
        let (report, incident) = self.desk.link(caller, id, incident, new).await?;
        Ok(pb::LinkReportResponse {
            report: Some(shown(&report, viewer(caller))),
            incident: Some(messages::incident(&incident)),
        })
    }
}

/// The report as far as the viewer may know it.
pub(super) fn shown(report: &Report, viewer: Viewer) -> pb::Report {
    let mut message = messages::report(report);
    if viewer.staff || viewer.is_reporter(report) {
        message.reporter_id = messages::text(report.named_reporter());
    }
    message
}

/// The report, if the filter wants it or wanted what it was. What the viewer saw and sees no more comes as its id and
/// the word that it is hidden.
fn selected(update: Update, filter: &ReportFilter, viewer: Viewer) -> Option<pb::Report> {
    let matches = |snapshot: &Snapshot| match snapshot {
        Snapshot::Report(report) => filter.matches(report) && viewer.sees(report),
        Snapshot::Incident(_) => false,
    };
    let wanted = matches(&update.now) || update.was.iter().any(matches);
    match update.now {
        Snapshot::Report(report) if wanted && viewer.sees(&report) => Some(shown(&report, viewer)),
        Snapshot::Report(report) if wanted => {
            Some(pb::Report { report_id: report.id.to_string(), hidden: true, ..pb::Report::default() })
        }
        _ => None,
    }
}

#[tonic::async_trait]
impl pb::report_service_server::ReportService for ReportGrpc {
    type WatchReportsStream = Reply<pb::WatchReportsResponse>;

    async fn list_categories(
        &self,
        _: Request<pb::ListCategoriesRequest>,
    ) -> Result<Response<pb::ListCategoriesResponse>, Status> {
        let categories = self.atlas.categories().await.map_err(to_status)?;
        let categories = categories.iter().cloned().map(messages::category).collect();
        Ok(Response::new(pb::ListCategoriesResponse { categories }))
    }

    async fn put_category(
        &self,
        request: Request<pb::PutCategoryRequest>,
    ) -> Result<Response<pb::PutCategoryResponse>, Status> {
        let category = self.atlas.put_category(request.into_inner().into()).await.map_err(to_status)?;
        Ok(Response::new(pb::PutCategoryResponse { category: Some(messages::category(category)) }))
    }

    async fn list_areas(&self, _: Request<pb::ListAreasRequest>) -> Result<Response<pb::ListAreasResponse>, Status> {
        let areas = self.atlas.areas().await.map_err(to_status)?;
        Ok(Response::new(pb::ListAreasResponse { areas: areas.iter().map(messages::area).collect() }))
    }

    async fn put_area(&self, request: Request<pb::PutAreaRequest>) -> Result<Response<pb::PutAreaResponse>, Status> {
        let area = request.into_inner().try_into().map_err(to_status)?;
        let area = self.atlas.put_area(area).await.map_err(to_status)?;
        Ok(Response::new(pb::PutAreaResponse { area: Some(messages::area(&area)) }))
    }

    async fn list_answer_templates(
        &self,
        _: Request<pb::ListAnswerTemplatesRequest>,
    ) -> Result<Response<pb::ListAnswerTemplatesResponse>, Status> {
        let templates = self.atlas.templates().await.map_err(to_status)?;
        let templates = templates.into_iter().map(messages::template).collect();
        Ok(Response::new(pb::ListAnswerTemplatesResponse { templates }))
    }

    async fn put_answer_template(
        &self,
        request: Request<pb::PutAnswerTemplateRequest>,
    ) -> Result<Response<pb::PutAnswerTemplateResponse>, Status> {
        let template = request.into_inner().try_into().map_err(to_status)?;
        let template = self.atlas.put_template(template).await.map_err(to_status)?;
        Ok(Response::new(pb::PutAnswerTemplateResponse { template: Some(messages::template(template)) }))
    }

    async fn delete_answer_template(
        &self,
        request: Request<pb::DeleteAnswerTemplateRequest>,
    ) -> Result<Response<pb::DeleteAnswerTemplateResponse>, Status> {
        let id = TemplateId::parse("template_id", &request.into_inner().template_id).map_err(to_status)?;
        self.atlas.delete_template(id).await.map_err(to_status)?;
        Ok(Response::new(pb::DeleteAnswerTemplateResponse {}))
    }

    async fn upload_photo(
        &self,
        request: Request<pb::UploadPhotoRequest>,
    ) -> Result<Response<pb::UploadPhotoResponse>, Status> {
        let caller = caller(&request);
        let content = request.into_inner().content.into();
        let photo = self.photos.upload(&caller, content).await.map_err(to_status)?;
        Ok(Response::new(pb::UploadPhotoResponse {
            photo_id: photo.id.to_string(),
            location: photo.location.map(messages::point),
            width: photo.width,
            height: photo.height,
        }))
    }

    async fn get_photo(&self, request: Request<pb::GetPhotoRequest>) -> Result<Response<pb::GetPhotoResponse>, Status> {
        let caller = caller(&request);
        let pb::GetPhotoRequest { photo_id, thumbnail } = request.into_inner();
        let id = PhotoId::parse("photo_id", &photo_id).map_err(to_status)?;
        let size = if thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Full };
        let content = self.photos.get(&caller, id, size).await.map_err(to_status)?;
        Ok(Response::new(pb::GetPhotoResponse { content: content.into(), content_type: "image/jpeg".to_owned() }))
    }

    async fn suggest_duplicates(
        &self,
        request: Request<pb::SuggestDuplicatesRequest>,
    ) -> Result<Response<pb::SuggestDuplicatesResponse>, Status> {
        self.suggest(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn create_report(
        &self,
        request: Request<pb::CreateReportRequest>,
    ) -> Result<Response<pb::CreateReportResponse>, Status> {
        let caller = caller(&request);
        let new = request.into_inner().try_into().map_err(to_status)?;
        let report = self.desk.create(&caller, new).await.map_err(to_status)?;
        Ok(Response::new(pb::CreateReportResponse { report: Some(shown(&report, viewer(&caller))) }))
    }

    async fn get_report(
        &self,
        request: Request<pb::GetReportRequest>,
    ) -> Result<Response<pb::GetReportResponse>, Status> {
        let viewer = viewer(&caller(&request));
        self.get(viewer, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> Result<Response<pb::ListReportsResponse>, Status> {
        let caller = caller(&request);
        self.list(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn watch_reports(
        &self,
        request: Request<pb::WatchReportsRequest>,
    ) -> Result<Response<Self::WatchReportsStream>, Status> {
        let caller = caller(&request);
        self.watch(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn subscribe_to_report(
        &self,
        request: Request<pb::SubscribeToReportRequest>,
    ) -> Result<Response<pb::SubscribeToReportResponse>, Status> {
        let caller = caller(&request);
        let id = ReportId::parse("report_id", &request.into_inner().report_id).map_err(to_status)?;
        let subscriber_count = self.desk.follow(&caller, id, true).await.map_err(to_status)?;
        Ok(Response::new(pb::SubscribeToReportResponse { subscriber_count }))
    }

    async fn unsubscribe_from_report(
        &self,
        request: Request<pb::UnsubscribeFromReportRequest>,
    ) -> Result<Response<pb::UnsubscribeFromReportResponse>, Status> {
        let caller = caller(&request);
        let id = ReportId::parse("report_id", &request.into_inner().report_id).map_err(to_status)?;
        let subscriber_count = self.desk.follow(&caller, id, false).await.map_err(to_status)?;
        Ok(Response::new(pb::UnsubscribeFromReportResponse { subscriber_count }))
    }

    async fn answer_report(
        &self,
        request: Request<pb::AnswerReportRequest>,
    ) -> Result<Response<pb::AnswerReportResponse>, Status> {
        let caller = caller(&request);
        let answer = request.into_inner().try_into().map_err(to_status)?;
        let report = self.desk.answer(&caller, answer).await.map_err(to_status)?;
        Ok(Response::new(pb::AnswerReportResponse { report: Some(shown(&report, viewer(&caller))) }))
    }

    async fn confirm_report(
        &self,
        request: Request<pb::ConfirmReportRequest>,
    ) -> Result<Response<pb::ConfirmReportResponse>, Status> {
        let caller = caller(&request);
        let pb::ConfirmReportRequest { report_id, confirmed, comment } = request.into_inner();
        let id = ReportId::parse("report_id", &report_id).map_err(to_status)?;
        let report = self.desk.confirm(&caller, id, confirmed, comment).await.map_err(to_status)?;
        Ok(Response::new(pb::ConfirmReportResponse { report: Some(shown(&report, viewer(&caller))) }))
    }

    async fn moderate_report(
        &self,
        request: Request<pb::ModerateReportRequest>,
    ) -> Result<Response<pb::ModerateReportResponse>, Status> {
        let caller = caller(&request);
        let pb::ModerateReportRequest { report_id, hidden, reason } = request.into_inner();
        let id = ReportId::parse("report_id", &report_id).map_err(to_status)?;
        let report = self.desk.moderate(&caller, id, hidden, reason).await.map_err(to_status)?;
        Ok(Response::new(pb::ModerateReportResponse { report: Some(shown(&report, viewer(&caller))) }))
    }

    async fn link_report(
        &self,
        request: Request<pb::LinkReportRequest>,
    ) -> Result<Response<pb::LinkReportResponse>, Status> {
        let caller = caller(&request);
        self.link(&caller, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn unlink_report(
        &self,
        request: Request<pb::UnlinkReportRequest>,
    ) -> Result<Response<pb::UnlinkReportResponse>, Status> {
        let caller = caller(&request);
        let id = ReportId::parse("report_id", &request.into_inner().report_id).map_err(to_status)?;
        let report = self.desk.unlink(&caller, id).await.map_err(to_status)?;
        Ok(Response::new(pb::UnlinkReportResponse { report: Some(shown(&report, viewer(&caller))) }))
    }
}
