//! The conformance suite of gRPC and gRPC-Web (<https://github.com/connectrpc/conformance>) against our stack behind each of
//! our fronts, and against our channels.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kvartal_e2e::conformance::Front;
use kvartal_testing::{Process, tool};

const SUITE: &str = "connectconformance-1.0.6";
const TIME: Duration = Duration::from_secs(300);
/// What is tested when no server is.
const CLIENT: &str = "client";
/// Of our own, beside the suite's.
const TOLD: &str = "told-errors.yaml";

/// What a run of the suite said.
struct Counts {
    cases: usize,
    passed: usize,
}

/// Runs the suite. It fails when a case fails that is not listed, with its cause, in `e2e/conformance`, and when
/// one passes that is.
async fn conform(what: &str, features: &str, options: &[&str]) -> Counts {
    let mode: &[&str] = if what == CLIENT { &["client"] } else { &["server", "--parallel", "8"] };
    let mut command = Command::new(tool(SUITE));
    command.arg("--mode").args(mode).args(["--max-servers", "2", "--conf", &file(features)]);
    command.args(options).args(["--", env!("CARGO_BIN_EXE_conformance"), what]);
    let mut suite = Process::spawn(command);
    let status = suite.wait(TIME).await;
    let output = suite.output();
    assert!(status.success(), "{output}");
    let number = |before: &str, after: &str| {
        let line = output.lines().find(|line| line.starts_with(before) && line.contains(after))?;
        line[before.len()..].split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty())?.parse().ok()
    };
    let cases = number("Total cases:", "").expect(&output);
    let passed = number("", " passed, ").expect(&output);
    let known_to_fail: usize = number("(Another ", "failed as expected").unwrap_or(0);
    // Not through the test's own output: the counts are of interest when all is well, too.
    let line = format!("conformance {what}: {passed} of {cases} passed, {known_to_fail} failed as listed\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    Counts { cases, passed }
}

fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name).to_str().unwrap().to_owned()
}

/// The suite's own cases, then those that we have instead of the ones that are answered otherwise on purpose.
async fn both(front: Front, least: usize) {
    let features = if front == Front::Inner { "inner.yaml" } else { "public.yaml" };
    own(front.name(), features, "known-failing.txt", least).await;
    let told = conform(front.name(), features, &["--test-file", &file(TOLD)]).await;
    assert!(told.passed == told.cases && told.cases >= 8);
}

async fn own(what: &str, features: &str, known: &str, least: usize) {
    let list = |name: &str| format!("@{}", file(name));
    let lists = ["--known-failing", &list(known), "--known-flaky", &list("known-flaky.txt")];
    let suite = conform(what, features, &lists).await;
    assert!(suite.passed >= least, "only {} of {} cases passed", suite.passed, suite.cases);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_spoken_on_the_inner_port() {
    both(Front::Inner, 85).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_grpc_web_are_spoken_at_the_edge() {
    both(Front::Edge, 175).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_grpc_web_are_spoken_by_envoy_as_we_configure_it() {
    both(Front::Envoy, 175).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_spoken_by_our_channels() {
    own(CLIENT, "inner.yaml", "known-failing-client.txt", 130).await;
}
