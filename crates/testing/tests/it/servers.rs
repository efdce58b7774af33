//! PostgreSQL, Redis, RabbitMQ and Envoy.

use std::time::Duration;

use kvartal_testing::{
    Envoy, PostgresServer, RabbitServer, RedisServer, eventually, free_port, postgres, rabbitmq, redis,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_test_has_a_postgres_database_of_its_own() {
    let (one, two) = tokio::join!(postgres(), postgres());
    assert_ne!(one.url(), two.url());
    one.sql("CREATE TABLE t (id bigint); INSERT INTO t VALUES (7)").await;
    assert_eq!(one.sql("SELECT id FROM t").await.trim(), "7");
    assert_eq!(two.sql("SELECT count(*) FROM pg_tables WHERE tablename = 't'").await.trim(), "0");
    assert!(one.url_for_schema("{service}").ends_with("?options[search_path]={service}"));
}

#[tokio::test]
async fn a_killed_postgres_keeps_what_was_committed() {
    let mut server = PostgresServer::start_durable().await;
    let database = server.database().await;
    database.sql("CREATE TABLE t (id bigint); INSERT INTO t VALUES (7)").await;
    server.kill();
    server.restart().await;
    assert_eq!(database.sql("SELECT id FROM t").await.trim(), "7");
}

#[tokio::test]
async fn every_test_has_a_redis_database_of_its_own() {
    let (one, two) = tokio::join!(redis(), redis());
    assert_ne!(one.url(), two.url());
    assert!(ask(&one.url(), "SET key value").await.contains("+OK"));
    assert!(ask(&one.url(), "GET key").await.contains("value"));
    assert!(ask(&two.url(), "GET key").await.contains("$-1"));
}

#[tokio::test]
async fn a_killed_redis_comes_back_empty() {
    let mut server = RedisServer::start().await;
    ask(&server.url(), "SET key value").await;
    server.kill();
    server.restart().await;
    assert!(ask(&server.url(), "GET key").await.contains("$-1"));
}

#[tokio::test]
async fn every_test_has_a_rabbitmq_vhost_of_its_own() {
    let (one, two) = tokio::join!(rabbitmq(), rabbitmq());
    assert_ne!(one.url(), two.url());
    assert_eq!(greeting(&one.url()).await, "AMQP", "a broker answers");
}

#[tokio::test]
async fn a_killed_rabbitmq_comes_back() {
    let mut server = RabbitServer::start().await;
    server.kill();
    let url = server.url();
    eventually(Duration::from_secs(5), || async { TcpStream::connect(address(&url)).await.is_err() }).await;
    server.restart().await;
    let vhost = server.vhost().await;
    assert_eq!(greeting(&vhost.url()).await, "AMQP");
}

fn address(url: &str) -> &str {
    let rest = url.rsplit(['@', ':']).next().map_or(url, |port| &url[url.len() - port.len() - "127.0.0.1:".len()..]);
    rest.split('/').next().unwrap_or(rest)
}

/// A broker that is asked for a protocol it does not speak names the one it does.
async fn greeting(url: &str) -> String {
    let mut stream = TcpStream::connect(address(url)).await.unwrap();
    stream.write_all(b"AMQP\x09\x09\x09\x09").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn ask(url: &str, command: &str) -> String {
    let number = url.rsplit_once('/').and_then(|(_, number)| number.parse::<u32>().ok()).unwrap_or(0);
    let mut stream = TcpStream::connect(address(url)).await.unwrap();
    stream.write_all(format!("SELECT {number}\r\n{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_off("+OK\r\n".len())
}

#[tokio::test]
async fn a_real_envoy_answers_as_it_was_configured_and_refuses_what_it_does_not_understand() {
    let (port, admin) = (free_port(), free_port());
    let config = format!(
        r#"
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.direct_response
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config
          response: {{ inline_string: "here" }}
"#
    );
    let envoy = Envoy::start(&config, admin).await;
    let mut answer = String::new();
    TcpStream::connect(("127.0.0.1", port)).await.unwrap().read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "here");
    assert!(envoy.admin("/server_info").await.contains("\"state\": \"LIVE\""));
    envoy.stop().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(Envoy::validate(&config, &[]).await.is_ok());
    let said = Envoy::validate("no_such_field: 1", &[]).await.unwrap_err();
    assert!(said.contains("no_such_field"), "{said}");
}
