//! Commands that answer and end.

use std::process::Output;
use std::time::Duration;

use kvartal_testing::{PostgresServer, Process};
use serde_json::Value;

use crate::platform::{PATIENCE, kvartal};

fn run(arguments: &[&str]) -> Output {
    kvartal(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn help_teaches_every_command() {
    let help = text(&run(&["--help"]));
    for command in ["up", "serve", "migrate", "import", "ca", "doctor", "contract", "gateway", "completions"] {
        assert!(help.contains(&format!("  {command} ")), "{command} is missing in:\n{help}");
        let arguments: &[&str] = match command {
            "import" => &["help", "import", "wzdx"],
            "gateway" => &["help", "gateway", "config"],
            _ => &["help", command],
        };
        let output = run(arguments);
        assert!(output.status.success() && text(&output).contains("Examples"), "{command}: {}", text(&output));
    }
    let up = text(&run(&["help", "up"]));
    for option in [
        "--port",
        "--address",
        "--data-dir",
        "--demo",
        "--open",
        "--smtp-url",
        "--identity-admin-email",
        "--log",
        "--gateway",
    ] {
        assert!(up.contains(option), "{option} is missing in:\n{up}");
    }
}

#[test]
fn a_wrong_command_line_exits_2_and_a_wrong_setting_1() {
    assert_eq!(run(&["fly"]).status.code(), Some(2));
    assert_eq!(run(&["serve", "weather"]).status.code(), Some(2));
    let wrong = run(&["up", "--database-url", "mysql://x"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--database-url"));
}

#[test]
fn the_contract_is_a_table_json_and_markdown() {
    let table = text(&run(&["contract"]));
    assert!(table.starts_with("RPC") && table.contains("IdentityService/SignIn"), "{table}");
    let json: Value = serde_json::from_str(&text(&run(&["contract", "--json"]))).unwrap();
    let methods = json["methods"].as_array().unwrap();
    assert_eq!(methods.len(), kvartal_proto::contract().methods().count());
    let contact = methods.iter().find(|method| method["name"] == "GetContact").unwrap();
    assert_eq!(contact["access"], "internal");
    let one = text(&run(&["contract", "--service", "audit", "--markdown"]));
    assert!(one.contains("## AuditService") && !one.contains("SignIn"), "{one}");
    assert_eq!(run(&["contract", "--service", "weather"]).status.code(), Some(1));
}

#[test]
fn the_doctor_finds_what_is_wrong_and_names_the_cure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["doctor", "--json", "--port", &port, "--redis-url", "redis://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(report["ok"], false);
    let failed: Vec<&Value> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == "failure").collect();
    for name in [format!("port {port}"), "Redis".to_owned()] {
        let check = failed.iter().find(|check| check["name"] == name.as_str()).expect(&name);
        assert!(!check["fix"].as_str().unwrap().is_empty());
    }
    let plain = text(&run(&["doctor", "--port", &port]));
    assert!(plain.contains("fix: "), "{plain}");
}

#[test]
fn migrate_prepares_the_files_and_may_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for _ in 0..2 {
        let output = run(&["migrate", "--data-dir", data.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }
    for service in ["identity", "incident", "notification", "audit", "operations"] {
        assert!(data.join(format!("{service}.sqlite")).exists(), "{service}");
    }
}

#[test]
fn completions_are_printed() {
    assert!(text(&run(&["completions", "bash"])).contains("--data-dir"));
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_waits_for_a_server_that_comes_late_and_no_longer_than_told() {
    let mut server = PostgresServer::start().await;
    let database = server.database().await;
    server.kill();
    let url = database.url_for_schema("{service}");
    let given_up = run(&["migrate", "audit", "--database-url", &url, "--wait-for-servers", "1s"]);
    let error = String::from_utf8_lossy(&given_up.stderr);
    assert!(given_up.status.code() == Some(1) && error.contains("--wait-for-servers"), "{error}");

    let mut waiting = Process::spawn(kvartal(&["migrate", "audit", "--database-url", &url]));
    // Whenever the server comes, before or after the first try: the outcome is the same.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(waiting.is_running(), "{}", waiting.output());
    server.restart().await;
    let status = waiting.wait(PATIENCE).await;
    assert!(status.success() && waiting.output().contains("up to date"), "{status}: {}", waiting.output());
    assert_eq!(database.sql("SELECT count(*) > 0 FROM audit.applied_migrations").await.trim(), "t");
}
