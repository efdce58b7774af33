//! Filing a report.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kvartal_kernel::{Error, Violation};
use kvartal_mesh::{Peer, from_status};
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::incident::v1::{CreateReportRequest, LatLng};

use super::format::{self, Format, Receipt};
use super::{Open311, refuse};

/// `POST requests`: names of people and addresses of photos elsewhere are not kept.
pub(super) async fn file(
    State(open311): State<Arc<Open311>>,
    Path(document): Path<String>,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let Some(("requests", format)) = Format::split(&document) else { return StatusCode::NOT_FOUND.into_response() };
    let filed = async {
        let message = message(fields)?;
        let stack = (open311.own_stack)()
            .ok_or_else(|| Error::unavailable("STARTING", "the service is starting; try again in a moment"))?;
        let mut request = tonic::Request::new(message);
        if let Some(token) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
            && let Ok(value) = token.parse()
        {
            request.metadata_mut().insert("authorization", value);
        }
        if let Some(Extension(peer)) = peer {
            request.extensions_mut().insert(peer);
        }
        let answer = ReportServiceClient::new(stack).create_report(request).await.map_err(|s| from_status(&s))?;
        answer.into_inner().report.ok_or_else(|| Error::internal("the new report is missing from the answer"))
    };
    match filed.await {
        Ok(report) => {
            let receipt = Receipt {
                service_request_id: report.tracking_number,
                service_notice: "Names, contacts and media_url are not kept.".to_owned(),
                account_id: report.reporter_id,
            };
            let mut response = format::list(format, "service_requests", "request", &[receipt]);
            *response.status_mut() = StatusCode::CREATED;
            response
        }
        Err(error) => refuse(format, &error),
    }
}

/// The form as the RPC wants it. `attribute[key]` answers a question.
fn message(fields: Vec<(String, String)>) -> Result<CreateReportRequest, Error> {
    let mut answers = HashMap::new();
    let mut values = HashMap::new();
    for (name, value) in fields {
        match name.strip_prefix("attribute[").and_then(|key| key.strip_suffix(']')) {
            Some(key) => _ = answers.insert(key.to_owned(), value),
            None => _ = values.insert(name, value),
        }
    }
    let mut violations = Vec::new();
    let mut wrong = |field: &str, description: &str| {
        violations.push(Violation { field: field.to_owned(), description: description.to_owned() });
    };
    let mut degrees = |field: &str| match values.get(field).map(|text| text.trim().parse::<f64>()) {
        Some(Ok(degrees)) => degrees,
        Some(Err(_)) => {
            wrong(field, "must be a number of degrees");
            0.0
        }
        None => {
            wrong(field, "is required; address_id is not known here");
            0.0
        }
    };
    let location = LatLng { latitude: degrees("lat"), longitude: degrees("long") };
    let text = |field: &str| values.get(field).cloned().unwrap_or_default();
    let category_id = text("service_code");
    let description = text("description");
    let address = text("address_string");
    if category_id.is_empty() {
        wrong("service_code", "is required");
    }
    if description.trim().is_empty() {
        wrong("description", "is required");
    }
    if !violations.is_empty() {
        return Err(Error::violations(violations));
    }
    Ok(CreateReportRequest {
        category_id,
        description,
        location: Some(location),
        address,
        answers,
        ..CreateReportRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use super::message;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_becomes_a_report_with_its_answers() {
        let form = fields(&[
            ("service_code", "pothole"),
            ("description", "яма"),
            ("lat", "55.75"),
            ("long", " 37.61 "),
            ("attribute[depth]", "20 cm"),
            ("email", "anna@example.org"),
        ]);
        let report = message(form).unwrap();
        assert_eq!(report.answers["depth"], "20 cm");
        assert!((report.location.unwrap().longitude - 37.61).abs() < 1e-9);
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let error = message(fields(&[("lat", "north")])).unwrap_err();
        let named: Vec<_> = error.field_violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!(named, ["lat", "long", "service_code", "description"]);
    }
}
