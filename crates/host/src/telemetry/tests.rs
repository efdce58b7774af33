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

#[test]
fn promises_of_latency_are_bounds_of_buckets() {
    let bounds = bounds();
    assert!(bounds.is_sorted() && bounds.contains(&60.0));
    for method in kvartal_proto::contract().methods().filter(|method| !method.server_streaming) {
        assert!(bounds.contains(&method.slo.latency_p99.as_secs_f64()), "{}", method.path);
    }
}

mod statements {
    //! Statements as spans.

    use kvartal_store::{Store, StoreOptions, db_error};
    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
    use sea_orm::{ConnectionTrait, Statement};
    use tracing::Instrument;

    use super::*;

    const INSERT: &str = "INSERT INTO person (name) VALUES ($1)";

    /// What a call leaves that writes and reads, and a loop that does so outside of any call.
    async fn spans(sampler: Sampler, sent: bool) -> Vec<SpanData> {
        let exporter = InMemorySpanExporter::default();
        let provider =
            SdkTracerProvider::builder().with_sampler(sampler).with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test")).with_filter(traced(sent));
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let options =
            StoreOptions { url: "sqlite::memory:".to_owned(), pool_size: 1, application_name: "test".to_owned() };
        let store = Store::open(options).await.unwrap();
        let create = "CREATE TABLE person (name text)";
        let unit =
            store.transaction(move |tx| Box::pin(async move { tx.execute_unprepared(create).await.map_err(db_error) }));
        unit.await.unwrap();
        let work = || async {
            let backend = store.reader().get_database_backend();
            let insert = Statement::from_sql_and_values(backend, INSERT, ["Maria Testova".into()]);
            let unit = store.transaction(move |tx| {
                Box::pin(async move { tx.execute_raw(insert).await.map(|_| ()).map_err(db_error) })
            });
            unit.await.unwrap();
            store.reader().query_all_raw(Statement::from_string(backend, "SELECT name FROM person")).await.unwrap();
        };
        work().await;
        work().instrument(tracing::info_span!("call")).await;
        exporter.get_finished_spans().unwrap()
    }

    #[tokio::test]
    async fn a_statement_belongs_to_its_call_and_tells_no_values() {
        let spans = spans(Sampler::AlwaysOn, true).await;
        let call = spans.iter().find(|span| span.name == "call").unwrap();
        let statements: Vec<_> = spans.iter().filter(|span| span.name != "call").collect();
        assert!(statements.iter().all(|span| span.parent_span_id == call.span_context.span_id()), "{spans:#?}");
        assert!(statements.iter().all(|span| span.span_kind == SpanKind::Client));
        let texts: Vec<_> = statements
            .iter()
            .flat_map(|span| &span.attributes)
            .filter(|attribute| attribute.key.as_str() == "db.statement")
            .map(|attribute| attribute.value.to_string())
            .collect();
        assert_eq!(texts, [INSERT, "SELECT name FROM person"]);
        assert!(!format!("{spans:?}").contains("Testova"));
    }

    #[tokio::test]
    async fn statements_cost_nothing_where_nobody_looks() {
        assert!(spans(Sampler::AlwaysOff, true).await.is_empty());
        let quiet = spans(Sampler::AlwaysOn, false).await;
        assert_eq!(quiet.len(), 1, "only the call: {quiet:#?}");
    }
}
