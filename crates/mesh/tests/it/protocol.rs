//! What is no proper gRPC call.

use bytes::Bytes;
use http_body_util::{Full, StreamBody};
use kvartal_kernel::Role;
use kvartal_proto::audit::v1 as audit;
use prost::Message as _;
use tonic::Code;
use tonic::body::Body;

use crate::world::{Answer, World, frame, read};

const LIST: &str = "/kvartal.audit.v1.AuditService/ListRecords";

async fn send(world: &World, method: &str, content_type: Option<&str>, body: Body) -> Answer {
    let mut request = http::Request::builder().method(method).uri(LIST);
    request = request.header("authorization", format!("Bearer {}", world.token(&[Role::Admin])));
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    read(world.audit.handle(request.body(body).unwrap()).await).await
}

/// The body in pieces of this size.
fn pieces(bytes: &[u8], size: usize) -> Body {
    let frames: Vec<_> = bytes.chunks(size).map(|piece| Ok::<_, tonic::Status>(data(piece))).collect();
    Body::new(StreamBody::new(futures::stream::iter(frames)))
}

fn data(piece: &[u8]) -> http_body::Frame<Bytes> {
    http_body::Frame::data(Bytes::copy_from_slice(piece))
}

async fn code(world: &World, body: Body) -> Option<Code> {
    send(world, "POST", Some("application/grpc"), body).await.code.map(Code::from_i32)
}

#[tokio::test]
async fn only_posts_with_a_grpc_content_type_are_calls() {
    let world = World::new();
    let body = || Body::new(Full::from(frame(b"")));
    for verb in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post"] {
        let answer = send(&world, verb, Some("application/grpc"), body()).await;
        assert_eq!((answer.http, answer.code), (405, None), "{verb}");
    }
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/json"),
        Some("application/grpc+json"),
        Some("application/grpc-web+proto"),
        Some("application/grpcx"),
    ] {
        let answer = send(&world, "POST", content_type, body()).await;
        assert_eq!((answer.http, answer.code), (415, None), "{content_type:?}");
    }
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"] {
        let answer = send(&world, "POST", Some(content_type), body()).await;
        assert_eq!((answer.http, answer.code), (200, Some(0)), "{content_type}");
        assert!(!answer.data.is_empty());
    }
}

#[tokio::test]
async fn a_call_has_exactly_one_message() {
    let world = World::new();
    let message = frame(&audit::ListRecordsRequest { page_size: 3, ..Default::default() }.encode_to_vec());
    let twice = [message.clone(), message.clone()].concat();
    for size in [1, 2, 5, 6, 7, 1_000] {
        assert_eq!(code(&world, pieces(&message, size)).await, Some(Code::Ok), "{size}");
        assert_eq!(code(&world, pieces(&twice, size)).await, Some(Code::Unimplemented), "{size}");
    }
    assert_eq!(code(&world, Body::empty()).await, Some(Code::Unimplemented));
    assert_eq!(code(&world, pieces(&[], 1)).await, Some(Code::Unimplemented));
    assert_eq!(code(&world, pieces(&[frame(b""), vec![0]].concat(), 9)).await, Some(Code::Unimplemented));
}

#[tokio::test]
async fn a_truncated_message_is_the_callers_fault() {
    let world = World::new();
    let message = frame(&audit::ListRecordsRequest { subject: "x".into(), ..Default::default() }.encode_to_vec());
    for length in 1..message.len() {
        assert_eq!(code(&world, pieces(&message[..length], 4)).await, Some(Code::InvalidArgument), "{length}");
    }
}

#[tokio::test]
async fn too_large_a_message_is_refused_before_it_is_read() {
    let world = World::with(|stack| kvartal_mesh::server::Stack {
        limits: kvartal_mesh::server::Limits { message_bytes_max: 1_000, ..stack.limits },
        ..stack
    });
    let message =
        frame(&audit::ListRecordsRequest { page_token: "x".repeat(2_000), ..Default::default() }.encode_to_vec());
    assert_eq!(code(&world, pieces(&message, 100)).await, Some(Code::ResourceExhausted));
    // Only the prefix: it announces four gigabytes.
    assert_eq!(code(&world, pieces(&[0, 255, 255, 255, 255], 5)).await, Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn the_services_own_limit_answers_alike() {
    let world = World::new();
    let message = frame(&vec![0; 5 * 1024 * 1024]);
    assert_eq!(code(&world, pieces(&message, 64 * 1024)).await, Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn what_breaks_the_rules_is_named_field_by_field() {
    use tonic_types::StatusExt as _;

    let world = World::new();
    let mut request = world.list("");
    request.get_mut().page_size = 201;
    request.get_mut().actor_id = "x".repeat(65);
    let status = world.audit().list_records(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["page_size", "actor_id"]);
}

#[tokio::test]
async fn garbage_is_an_answer_not_a_crash() {
    let world = World::new();
    for seed in 0_u32..200 {
        let bytes: Vec<u8> =
            (0..seed % 40).map(|n| (seed.wrapping_mul(2_654_435_761).rotate_left(n) >> 7) as u8).collect();
        let code = code(&world, pieces(&frame(&bytes), 3)).await.unwrap();
        assert!(matches!(code, Code::Ok | Code::InvalidArgument), "{code:?} {bytes:?}");
    }
}
