//! The documents of Open311 GeoReport v2, as XML and as JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// How an answer is written: the extension of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Xml,
    Json,
}

impl Format {
    /// Splits `requests.json` into name and format.
    pub(super) fn split(path: &str) -> Option<(&str, Self)> {
        let (name, extension) = path.rsplit_once('.')?;
        match extension {
            "xml" => Some((name, Self::Xml)),
            "json" => Some((name, Self::Json)),
            _ => None,
        }
    }
}

/// A kind of service, which is a category of reports.
#[derive(Serialize)]
pub(super) struct Service {
    pub(super) service_code: String,
    pub(super) service_name: String,
    pub(super) description: String,
    /// Whether it asks questions.
    pub(super) metadata: bool,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) keywords: String,
    pub(super) group: String,
}

/// The questions of a service.
#[derive(Serialize)]
pub(super) struct Definition {
    pub(super) service_code: String,
    pub(super) attributes: Vec<Attribute>,
}

/// A question.
#[derive(Serialize)]
pub(super) struct Attribute {
    pub(super) variable: bool,
    pub(super) code: String,
    pub(super) datatype: &'static str,
    pub(super) required: bool,
    pub(super) datatype_description: String,
    pub(super) order: usize,
    pub(super) description: String,
    pub(super) values: Vec<Choice>,
}

/// An allowed answer.
#[derive(Serialize)]
pub(super) struct Choice {
    pub(super) key: String,
    pub(super) name: String,
}

/// A report as the public sees it. Absent values are written empty, as the standard wants.
#[derive(Serialize, Default)]
pub(super) struct Request {
    pub(super) service_request_id: String,
    pub(super) status: &'static str,
    pub(super) status_notes: String,
    pub(super) service_name: String,
    pub(super) service_code: String,
    pub(super) description: String,
    pub(super) agency_responsible: String,
    pub(super) service_notice: String,
    pub(super) requested_datetime: String,
    pub(super) updated_datetime: String,
    pub(super) expected_datetime: String,
    pub(super) address: String,
    pub(super) address_id: String,
    pub(super) zipcode: String,
    pub(super) lat: f64,
    pub(super) long: f64,
    pub(super) media_url: String,
}

/// The receipt of a report.
#[derive(Serialize)]
pub(super) struct Receipt {
    pub(super) service_request_id: String,
    pub(super) service_notice: String,
    pub(super) account_id: String,
}

/// What is wrong.
#[derive(Serialize)]
pub(super) struct Problem {
    pub(super) code: u16,
    pub(super) description: String,
}

/// Where the interface is and what it speaks.
#[derive(Serialize)]
pub(super) struct Discovery {
    pub(super) changeset: String,
    pub(super) contact: String,
    pub(super) endpoints: Vec<Endpoint>,
}

/// One version of the interface.
#[derive(Serialize)]
pub(super) struct Endpoint {
    pub(super) specification: &'static str,
    pub(super) url: String,
    pub(super) changeset: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) formats: Vec<&'static str>,
}

/// A list: in XML `<plural><single/>…</plural>`, in JSON an array.
pub(super) fn list<T: Serialize>(format: Format, plural: &str, single: &str, items: &[T]) -> Response {
    match format {
        Format::Json => json(StatusCode::OK, &items),
        Format::Xml => elements(single, items).map_or_else(broken, |inner| xml(StatusCode::OK, plural, &inner)),
    }
}

/// One thing.
pub(super) fn definition(format: Format, definition: &Definition) -> Response {
    match format {
        Format::Json => json(StatusCode::OK, definition),
        Format::Xml => {
            let attributes = definition.attributes.iter().map(|attribute| {
                let values = elements("value", &attribute.values)?;
                let text = |name: &str, value: &str| element(name, value);
                Ok(format!(
                    "<attribute>{}{}{}{}{}{}{}<values>{values}</values></attribute>",
                    text("variable", &attribute.variable.to_string())?,
                    text("code", &attribute.code)?,
                    text("datatype", attribute.datatype)?,
                    text("required", &attribute.required.to_string())?,
                    text("datatype_description", &attribute.datatype_description)?,
                    text("order", &attribute.order.to_string())?,
                    text("description", &attribute.description)?,
                ))
            });
            let attributes: Result<String, quick_xml::SeError> = attributes.collect();
            let inner = attributes.and_then(|attributes| {
                Ok(format!(
                    "{}<attributes>{attributes}</attributes>",
                    element("service_code", &definition.service_code)?
                ))
            });
            inner.map_or_else(broken, |inner| xml(StatusCode::OK, "service_definition", &inner))
        }
    }
}

/// The discovery document.
pub(super) fn discovery(format: Format, discovery: &Discovery) -> Response {
    match format {
        Format::Json => json(StatusCode::OK, discovery),
        Format::Xml => {
            let endpoints: Result<String, quick_xml::SeError> = discovery
                .endpoints
                .iter()
                .map(|endpoint| {
                    let formats: Result<String, _> =
                        endpoint.formats.iter().map(|format| element("format", format)).collect();
                    Ok(format!(
                        "<endpoint>{}{}{}{}<formats>{}</formats></endpoint>",
                        element("specification", endpoint.specification)?,
                        element("url", &endpoint.url)?,
                        element("changeset", &endpoint.changeset)?,
                        element("type", endpoint.kind)?,
                        formats?
                    ))
                })
                .collect();
            let inner = endpoints.and_then(|endpoints| {
                Ok(format!(
                    "{}{}<endpoints>{endpoints}</endpoints>",
                    element("changeset", &discovery.changeset)?,
                    element("contact", &discovery.contact)?
                ))
            });
            inner.map_or_else(broken, |inner| xml(StatusCode::OK, "discovery", &inner))
        }
    }
}

/// What is wrong, with its HTTP status.
pub(super) fn problems(format: Format, status: StatusCode, descriptions: Vec<String>) -> Response {
    let problems: Vec<_> =
        descriptions.into_iter().map(|description| Problem { code: status.as_u16(), description }).collect();
    match format {
        Format::Json => json(status, &problems),
        Format::Xml => elements("error", &problems).map_or_else(broken, |inner| xml(status, "errors", &inner)),
    }
}

fn elements<T: Serialize>(name: &str, items: &[T]) -> Result<String, quick_xml::SeError> {
    items.iter().map(|item| quick_xml::se::to_string_with_root(name, item)).collect()
}

fn element(name: &str, text: &str) -> Result<String, quick_xml::SeError> {
    quick_xml::se::to_string_with_root(name, text)
}

fn xml(status: StatusCode, root: &str, inner: &str) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<{root}>{inner}</{root}>\n");
    typed(status, "application/xml; charset=utf-8", body)
}

fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => typed(status, "application/json; charset=utf-8", body),
        Err(error) => broken(error),
    }
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response()
}

fn broken(error: impl std::fmt::Display) -> Response {
    tracing::error!(%error, "an Open311 document could not be written");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
