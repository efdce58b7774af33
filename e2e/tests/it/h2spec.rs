//! HTTP/2 as RFC 7540 and RFC 7541 have it: the cases of h2spec on the public port and on the inner one.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use kvartal_e2e::conformance::{Front, Server};
use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_testing::{Process, tool};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const H2SPEC: &str = "h2spec-2.2.1";
const TIME: Duration = Duration::from_secs(180);
const CASES: usize = 145;

/// A preface that is none. h2spec wants the connection closed, by nothing but its end:
///
/// * The public port speaks HTTP/1.1 too, takes it for a request of that, and says 400 before it closes.
/// * The inner port closes while some of the preface is unread, so the kernel resets the connection. h2spec compares the
///   error with `syscall.ECONNRESET` (`spec/connection.go:374`), which Go wraps in an `os.SyscallError`: it knows no reset.
const PREFACE: &str = "Hypertext Transfer Protocol Version 2 (HTTP/2) 3.5/2";

/// How often a case may fail before it counts. Some send frames a server may still take or may have answered already
/// (8.1/1: a second HEADERS after the final answer to the first), and judge only one of the two.
const ATTEMPTS: usize = 3;

/// The cases that fail each time.
async fn failures(port: &str, address: SocketAddr, path: &str) -> Vec<String> {
    let mut failed = once(port, address, path).await;
    for _ in 1..ATTEMPTS {
        if failed == [PREFACE] {
            break;
        }
        let again = once(port, address, path).await;
        failed.retain(|case| again.contains(case));
    }
    failed
}

/// Runs all cases against a page that is large enough to fill windows; gives those that failed.
async fn once(port: &str, address: SocketAddr, path: &str) -> Vec<String> {
    let mut command = Command::new(tool(H2SPEC));
    command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string(), "--path", path]);
    let mut h2spec = Process::spawn(command);
    h2spec.wait(TIME).await;
    let output = h2spec.output();
    let counts = output.lines().find(|line| line.contains(" tests, ")).expect(&output);
    assert!(counts.starts_with(&format!("{CASES} tests, ")) && counts.contains(" 0 skipped"), "{output}");
    std::io::stderr().write_all(format!("h2spec on the {port} port: {counts}\n").as_bytes()).unwrap();
    let failed = failed(&output);
    assert!(counts.contains(&format!(" {} failed", failed.len())), "{output}");
    failed
}

/// The list at the end: titles of a specification, numbers of its sections, numbers of cases.
fn failed(output: &str) -> Vec<String> {
    let (mut title, mut section, mut failed) = ("", "", Vec::new());
    let Some((_, list)) = output.split_once("Failures:") else { return failed };
    for line in list.lines() {
        let text = line.trim_start();
        if let Some(case) = text.strip_prefix("× ") {
            let (number, _) = case.split_once(':').unwrap();
            failed.push(format!("{title} {section}/{number}"));
        } else if text.len() == line.len() && !text.is_empty() {
            title = text;
        } else if let Some((number, _)) = text.split_once(". ")
            && number.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            section = number;
        }
    }
    failed
}

/// What h2spec cannot tell.
async fn ends_what_is_no_http_2(address: SocketAddr) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"INVALID CONNECTION PREFACE\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(TIME, connection.read_to_end(&mut rest)).await.expect("the connection ends");
    if let Err(error) = read {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_port_speaks_http_2() {
    let mut platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let address = platform.url().trim_start_matches("http://").parse().unwrap();
    assert_eq!(failures("public", address, "/").await, [PREFACE]);
    ends_what_is_no_http_2(address).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inner_port_speaks_http_2() {
    let server = Server::start(Front::Inner, None).await.unwrap();
    assert_eq!(failures("inner", server.address(), "/metrics").await, [PREFACE]);
    ends_what_is_no_http_2(server.address()).await;
    server.stop().await;
}
