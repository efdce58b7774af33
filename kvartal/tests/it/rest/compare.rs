//! Calls RPCs without their generated clients, and says in what two outcomes differ.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::uri::PathAndQuery;
use kvartal_contract::{Contract, Method};
use kvartal_stage::BytesCodec;
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Of REST only.
    pub(crate) http: Option<StatusCode>,
    /// The number of the gRPC code; 0 for success.
    pub(crate) code: i64,
    /// The message, or the error, as REST writes it. Null for streams that began.
    pub(crate) answer: Value,
}

/// Calls over gRPC.
pub(crate) async fn rpc(
    channel: &Channel,
    contract: &Contract,
    method: &Method,
    request: &Value,
    token: Option<&str>,
) -> Outcome {
    let kind = |name: &str| contract.pool().get_message_by_name(name).unwrap();
    let message = DynamicMessage::deserialize(kind(&method.input), request).unwrap();
    let mut call = Request::new(Bytes::from(message.encode_to_vec()));
    if let Some(token) = token {
        call.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    match answer(channel, method, call).await {
        Ok(None) => Outcome { http: None, code: 0, answer: Value::Null },
        Ok(Some(bytes)) => {
            let message = DynamicMessage::decode(kind(&method.output), bytes).unwrap();
            let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
            let answer = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
            Outcome { http: None, code: 0, answer }
        }
        Err(status) => Outcome { http: None, code: status.code() as i64, answer: error(&status) },
    }
}

async fn answer(channel: &Channel, method: &Method, call: Request<Bytes>) -> Result<Option<Bytes>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path: PathAndQuery = method.path.parse().unwrap();
    if !method.server_streaming {
        return grpc.unary(call, path, BytesCodec).await.map(|answer| Some(answer.into_inner()));
    }
    let mut stream = grpc.server_streaming(call, path, BytesCodec).await?.into_inner();
    // A stream may have nothing to say for long; an error it says at once.
    match tokio::time::timeout(Duration::from_millis(200), stream.message()).await {
        Ok(Err(status)) => Err(status),
        _ => Ok(None),
    }
}

/// An error as REST writes it, from what the generated clients make of the details.
fn error(status: &Status) -> Value {
    let found = status.get_error_details();
    let mut details = Vec::new();
    if let Some(info) = found.error_info() {
        let kind = "type.googleapis.com/google.rpc.ErrorInfo";
        let metadata = &info.metadata;
        details.push(json!({ "@type": kind, "reason": info.reason, "domain": info.domain, "metadata": metadata }));
    }
    if let Some(info) = found.retry_info() {
        let seconds = info.retry_delay.unwrap().as_secs_f64();
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "seconds": seconds }));
    }
    if let Some(bad) = found.bad_request() {
        let violations = bad.field_violations.iter().map(|v| (v.field.as_str(), v.description.as_str()));
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "violations": violations.collect::<Vec<_>>(),
        }));
    }
    details.sort_by_key(|detail| detail["@type"].to_string());
    json!({ "code": status.code() as i32, "message": status.message(), "details": details })
}

/// The same from REST's words.
fn error_of_rest(answer: &Value) -> Value {
    let mut details: Vec<Value> = answer["details"].as_array().unwrap().clone();
    for detail in &mut details {
        let detail = detail.as_object_mut().unwrap();
        if let Some(delay) = detail.remove("retry_delay") {
            let seconds: f64 = delay.as_str().unwrap().trim_end_matches('s').parse().unwrap();
            detail.insert("seconds".to_owned(), json!(seconds));
        }
        if let Some(Value::Array(violations)) = detail.remove("field_violations") {
            let violations: Vec<_> =
                violations.iter().map(|v| (v["field"].clone(), v["description"].clone())).collect();
            detail.insert("violations".to_owned(), json!(violations));
        }
    }
    details.sort_by_key(|detail| detail["@type"].to_string());
    json!({ "code": answer["code"], "message": answer["message"], "details": details })
}

/// In what REST's outcome differs from the RPC's. `exact`: texts and numbers must be the same, not only the shape; new ids,
/// tokens and times differ in what changes something.
pub(crate) fn differences(rpc: &Outcome, rest: &Outcome, exact: bool) -> Vec<String> {
    let mut found = Vec::new();
    if rpc.code != rest.code {
        return vec![format!("code {} and {}: {} and {}", rpc.code, rest.code, rpc.answer, rest.answer)];
    }
    let expected = match rpc.code {
        0 => 200,
        3 | 9 | 11 => 400,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        14 => 503,
        16 => 401,
        other => panic!("code {other} is not expected here: {}", rpc.answer),
    };
    if rest.http != StatusCode::from_u16(expected).ok() {
        found.push(format!("code {} as {:?}", rpc.code, rest.http));
    }
    if rpc.code != 0 {
        let error = error_of_rest(&rest.answer);
        if error != rpc.answer {
            found.push(format!("{} and {error}", rpc.answer));
        }
    } else if exact && timeless(&rpc.answer) != timeless(&rest.answer) || !same_shape(&rpc.answer, &rest.answer) {
        found.push(format!("{} and {}", rpc.answer, rest.answer));
    }
    found
}

/// Without the time of the answer itself, which is that of the call.
fn timeless(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("time");
    }
    answer
}

fn same_shape(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same_shape(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_shape(one, other))
        }
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => true,
        _ => one == other,
    }
}
