//! What the suite's service does: it answers as the request says, and tells what it saw.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use http::HeaderMap;
use kvartal_contract::Method;
use kvartal_mesh::deadline;
use kvartal_proto::check::{At, Checked, Violations};
use prost::Message as _;
use prost_types::Any;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use super::pb::conformance_payload::RequestInfo;
use super::pb::conformance_service_server::ConformanceService;
use super::pb::unary_response_definition::Response as Wanted;
use super::trailers::Trailers;
use super::{header_map, headers, pb};

/// The suite's rules are not written in the contract.
macro_rules! unchecked {
    ($($request:ident),*) => {$(
        impl Checked for pb::$request {
            const INBOUND: bool = true;
            fn check(&self, _: At<'_>, _: &mut Violations) {}
        }
    )*};
}

unchecked!(UnaryRequest, ServerStreamRequest);

/// Answers the suite.
pub(super) struct Conformance;

#[tonic::async_trait]
impl ConformanceService for Conformance {
    async fn unary(&self, request: Request<pb::UnaryRequest>) -> Result<Response<pb::UnaryResponse>, Status> {
        let info = seen(&request)?;
        let wanted = request.into_inner().response_definition.unwrap_or_default();
        wait(wanted.response_delay_ms).await;
        let data = match wanted.response {
            Some(Wanted::Error(error)) => {
                let metadata = [wanted.response_headers, wanted.response_trailers].concat();
                return Err(status(error, Some(&info), &metadata)?);
            }
            Some(Wanted::ResponseData(data)) => data,
            None => Vec::new(),
        };
        let payload = pb::ConformancePayload { data, request_info: Some(info) };
        let answer = Response::new(pb::UnaryResponse { payload: Some(payload) });
        dressed(answer, &wanted.response_headers, &wanted.response_trailers)
    }

    type ServerStreamStream = BoxStream<'static, Result<pb::ServerStreamResponse, Status>>;

    async fn server_stream(
        &self,
        request: Request<pb::ServerStreamRequest>,
    ) -> Result<Response<Self::ServerStreamStream>, Status> {
        let mut info = Some(seen(&request)?);
        let wanted = request.into_inner().response_definition.unwrap_or_default();
        let mut answers: Vec<Result<pb::ServerStreamResponse, Status>> = Vec::new();
        for data in wanted.response_data {
            let payload = pb::ConformancePayload { data, request_info: info.take() };
            answers.push(Ok(pb::ServerStreamResponse { payload: Some(payload) }));
        }
        if let Some(error) = wanted.error {
            answers.push(Err(status(error, info.as_ref(), &wanted.response_trailers)?));
        }
        let pause = wanted.response_delay_ms;
        let answers = stream::iter(answers).then(move |answer| async move {
            if answer.is_ok() {
                wait(pause).await;
            }
            answer
        });
        dressed(Response::new(answers.boxed()), &wanted.response_headers, &wanted.response_trailers)
    }
}

async fn wait(milliseconds: u32) {
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
}

/// What came: headers, time, the message.
fn seen<M: prost::Name>(request: &Request<M>) -> Result<RequestInfo, Status> {
    let request_headers = headers(request.metadata().as_ref());
    // There is a deadline always, the contract's: Envoy writes it into calls that have none. The suite asks whether the
    // client's own has come through, which is far shorter.
    let contract = request.extensions().get::<&'static Method>().map(|method| method.deadline).unwrap_or_default();
    let left = deadline::remaining().filter(|left| *left < contract / 2);
    let timeout_ms = left.map(|left| i64::try_from(left.as_millis()));
    let timeout_ms = timeout_ms.transpose().map_err(|error| Status::internal(error.to_string()))?;
    let message = Any::from_msg(request.get_ref()).map_err(|error| Status::internal(error.to_string()))?;
    Ok(RequestInfo { request_headers, timeout_ms, requests: vec![message] })
}

/// The error that is wanted; in its details what came, unless an earlier message has said it.
fn status(error: pb::Error, info: Option<&RequestInfo>, metadata: &[pb::Header]) -> Result<Status, Status> {
    let mut details = error.details;
    if let Some(info) = info {
        details.push(Any::from_msg(info).map_err(|error| Status::internal(error.to_string()))?);
    }
    let message = error.message.unwrap_or_default();
    let rich = tonic_types::Status { code: error.code, message: message.clone(), details };
    let (code, details) = (Code::from(error.code), rich.encode_to_vec());
    let metadata = MetadataMap::from_headers(wanted_headers(metadata)?);
    Ok(Status::with_details_and_metadata(code, message, details.into(), metadata))
}

/// With headers and trailers.
fn dressed<T>(mut answer: Response<T>, head: &[pb::Header], tail: &[pb::Header]) -> Result<Response<T>, Status> {
    *answer.metadata_mut() = MetadataMap::from_headers(wanted_headers(head)?);
    answer.extensions_mut().insert(Trailers(wanted_headers(tail)?));
    Ok(answer)
}

fn wanted_headers(wanted: &[pb::Header]) -> Result<HeaderMap, Status> {
    header_map(wanted).map_err(|error| Status::invalid_argument(error.to_string()))
}
