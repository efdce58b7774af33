//! Services, their questions, and reports as the public sees them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kvartal_kernel::{Caller, Error, Timestamp};
use serde::{Deserialize, Serialize};

use super::format::{self, Attribute, Choice, Definition, Format, Request, Service};
use super::{Open311, refuse};
use crate::application::reports::ReportName;
use crate::application::viewer;
use crate::domain::category::{Category, Question};
use crate::domain::filter::{ReportFilter, Viewer};
use crate::domain::report::{Report, ReportStatus};

/// The standard's limits of one answer.
const REQUESTS_MAX: u64 = 1_000;
const SPAN_MAX: Duration = Duration::from_hours(90 * 24);

/// What `GET requests` may ask for.
#[derive(Deserialize, Default)]
pub(super) struct RequestsQuery {
    service_request_id: Option<String>,
    service_code: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    status: Option<String>,
}

pub(super) async fn services(open311: &Open311, format: Format) -> Response {
    match open311.atlas.categories().await {
        Ok(categories) => {
            let services: Vec<_> = categories.iter().map(service).collect();
            format::list(format, "services", "service", &services)
        }
        Err(error) => refuse(format, &error),
    }
}

fn service(category: &Category) -> Service {
    Service {
        service_code: category.id.clone(),
        service_name: category.name_ru.clone(),
        description: category.name_en.clone(),
        metadata: !category.questions.is_empty(),
        kind: "realtime",
        keywords: String::new(),
        group: category.group.clone(),
    }
}

pub(super) async fn definition(State(open311): State<Arc<Open311>>, Path(document): Path<String>) -> Response {
    let Some((code, format)) = Format::split(&document) else { return StatusCode::NOT_FOUND.into_response() };
    let category = match open311.atlas.categories().await {
        Ok(categories) => categories.iter().find(|category| category.id == code).cloned(),
        Err(error) => return refuse(format, &error),
    };
    let Some(category) = category else {
        return refuse(format, &Error::not_found("CATEGORY_NOT_FOUND", "service_code"));
    };
    let attributes =
        category.questions.iter().enumerate().map(|(index, question)| attribute(index, question)).collect();
    format::definition(format, &Definition { service_code: category.id, attributes })
}

fn attribute(index: usize, question: &Question) -> Attribute {
    let choices = question.options.iter().map(|option| Choice { key: option.clone(), name: option.clone() });
    Attribute {
        variable: true,
        code: question.key.clone(),
        datatype: if question.options.is_empty() { "string" } else { "singlevaluelist" },
        required: question.required,
        datatype_description: question.text_en.clone(),
        order: index + 1,
        description: question.text_ru.clone(),
        values: choices.collect(),
    }
}

pub(super) async fn requests(open311: &Open311, format: Format, query: &RequestsQuery, caller: &Caller) -> Response {
    match find(open311, query, viewer(caller)).await {
        Ok(reports) => match answer(open311, &reports).await {
            Ok(requests) => format::list(format, "service_requests", "request", &requests),
            Err(error) => refuse(format, &error),
        },
        Err(error) => refuse(format, &error),
    }
}

async fn find(open311: &Open311, query: &RequestsQuery, viewer: Viewer) -> Result<Vec<Report>, Error> {
    if let Some(ids) = query.service_request_id.as_deref().filter(|ids| !ids.is_empty()) {
        // The standard: with ids given, everything else is ignored.
        let mut reports = Vec::new();
        for id in ids.split(',').map(str::trim).take(50) {
            match open311.reports.get(viewer, &ReportName::parse(id)?).await {
                Ok((report, _)) => reports.push(report),
                Err(error) if error.kind() == kvartal_kernel::Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        return Ok(reports);
    }
    let now = open311.clock.now();
    let to = moment("end_date", query.end_date.as_deref())?;
    let from = moment("start_date", query.start_date.as_deref())?;
    // With one end given, the standard's span of 90 days gives the other.
    let created_to = to.or_else(|| from.map(|from| from.plus(SPAN_MAX)));
    let created_from = from.unwrap_or_else(|| created_to.unwrap_or(now).minus(SPAN_MAX));
    let codes = query.service_code.as_deref().unwrap_or_default();
    let filter = ReportFilter {
        statuses: statuses(query.status.as_deref().unwrap_or_default())?,
        categories: codes.split(',').filter(|code| !code.is_empty()).map(str::to_owned).take(20).collect(),
        created_from: Some(created_from),
        created_to,
        ..ReportFilter::default()
    };
    open311.reports.newest(viewer, &filter, REQUESTS_MAX).await
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let moment = Timestamp::parse(text);
    moment.map(Some).ok_or_else(|| Error::invalid(field, "must be a W3C date with time zone: 2026-11-20T09:30:00Z"))
}

fn statuses(text: &str) -> Result<Vec<ReportStatus>, Error> {
    let mut statuses = Vec::new();
    for word in text.split(',').filter(|word| !word.is_empty()) {
        let open = match word {
            "open" => true,
            "closed" => false,
            _ => return Err(Error::invalid("status", "must be open or closed")),
        };
        statuses.extend(ReportStatus::ALL.iter().copied().filter(|status| status.is_open() == open));
    }
    Ok(statuses)
}

pub(super) async fn request(
    State(open311): State<Arc<Open311>>,
    Path(document): Path<String>,
    caller: axum::Extension<Caller>,
) -> Response {
    let Some((id, format)) = Format::split(&document) else { return StatusCode::NOT_FOUND.into_response() };
    let found = async {
        let (report, _) = open311.reports.get(viewer(&caller), &ReportName::parse(id)?).await?;
        answer(&open311, &[report]).await
    };
    match found.await {
        Ok(requests) => format::list(format, "service_requests", "request", &requests),
        Err(error) => refuse(format, &error),
    }
}

/// A token is the id itself: reports are filed at once.
pub(super) async fn token(
    State(open311): State<Arc<Open311>>,
    Path(document): Path<String>,
    caller: axum::Extension<Caller>,
) -> Response {
    #[derive(Serialize)]
    struct Token {
        token: String,
        service_request_id: String,
    }
    let Some((id, format)) = Format::split(&document) else { return StatusCode::NOT_FOUND.into_response() };
    let found = async { open311.reports.get(viewer(&caller), &ReportName::parse(id)?).await };
    match found.await {
        Ok((report, _)) => {
            let token = Token { token: id.to_owned(), service_request_id: report.number.to_string() };
            format::list(format, "service_requests", "request", &[token])
        }
        Err(error) => refuse(format, &error),
    }
}

async fn answer(open311: &Open311, reports: &[Report]) -> Result<Vec<Request>, Error> {
    let categories = open311.atlas.categories().await?;
    let name =
        |id: &str| categories.iter().find(|category| category.id == id).map(|c| c.name_ru.clone()).unwrap_or_default();
    let request = |report: &Report| Request {
        service_request_id: report.number.to_string(),
        status: if report.status.is_open() { "open" } else { "closed" },
        status_notes: report.answer.clone(),
        service_name: name(&report.category),
        service_code: report.category.clone(),
        description: report.description.clone(),
        agency_responsible: report.team.clone(),
        requested_datetime: report.created.to_string(),
        updated_datetime: report.updated.to_string(),
        expected_datetime: report.answer_due.to_string(),
        address: report.address.clone(),
        lat: report.location.latitude,
        long: report.location.longitude,
        media_url: report
            .photos
            .first()
            .map(|photo| format!("{}/photos/{photo}", open311.public_url))
            .unwrap_or_default(),
        ..Request::default()
    };
    Ok(reports.iter().map(request).collect())
}
