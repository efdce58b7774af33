//! Spans with and without somebody to send them to.

use std::io::{Read, Write};
use std::net::TcpListener;

use opentelemetry::trace::{Span, Tracer};

use super::*;

fn config(endpoint: Option<String>) -> Config {
    Config { otlp_endpoint: endpoint, ..Config::embedded("/nowhere") }
}

#[test]
fn without_an_endpoint_spans_have_ids_and_are_not_recorded() {
    let provider = tracer(&config(None), Resource::builder().build()).unwrap();
    let span = provider.tracer("test").start("something");
    assert!(span.span_context().is_valid());
    assert!(!span.span_context().is_sampled() && !span.is_recording());
}

#[test]
fn spans_are_sent_to_the_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let collector = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 4096];
        loop {
            let read = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&request).to_lowercase();
            let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let length: usize = length.trim().parse().unwrap();
            let begin = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            if request.len() >= begin + length {
                break;
            }
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&request).into_owned()
    });
    let config = config(Some(format!("http://{address}/")));
    let resource = Resource::builder().with_service_name("kvartal").build();
    let provider = tracer(&config, resource).unwrap();
    provider.tracer("test").start("a span to be seen").end();
    provider.force_flush().unwrap();
    let request = collector.join().unwrap();
    assert!(request.starts_with("POST /v1/traces "), "{request}");
    assert!(request.contains("a span to be seen") && request.contains("kvartal"), "{request}");
    provider.shutdown().unwrap();
}

#[tokio::test]
async fn an_endpoint_can_be_set_up_and_dropped_inside_a_runtime() {
    let provider = tracer(&config(Some("http://127.0.0.1:9".to_owned())), Resource::builder().build()).unwrap();
    provider.tracer("test").start("lost").end();
    let flushed = tokio::task::spawn_blocking(move || provider.force_flush()).await.unwrap();
    assert!(flushed.is_err(), "nobody listens on port 9");
}

#[test]
fn libraries_are_quieter_than_asked_for_but_never_louder() {
    let text = |asked: &str| filter(asked).unwrap().to_string();
    assert!(text("info").contains("sqlx=warn") && text("debug,kvartal_host=trace").contains("sqlx=warn"));
    assert_eq!(text("off"), "off");
    assert_eq!(text("error"), "error");
    assert!(text("info,sqlx=debug").contains("sqlx=debug"));
    assert!(filter("a=b=c").is_err());
}
