//! The rules for Prometheus, judged by its own promtool: they can be read, fire when they must and not when they must not.

use std::fmt::Write as _;
use std::process::Command;

use crate::platform::kvartal;

/// Promises 99.9 % and half a second.
const RPC: (&str, &str) = ("kvartal.audit.v1.AuditService", "ListRecords");
const STREAM: (&str, &str) = ("kvartal.incident.v1.IncidentService", "WatchIncidents");

/// A folder with the rules in it; `arguments` may narrow them down to a service.
fn rules(arguments: &[&str]) -> tempfile::TempDir {
    let all = ["contract", "--format", "prometheus-rules"];
    let output = kvartal(&[&all, arguments].concat()).output().unwrap();
    assert!(output.status.success());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), output.stdout).unwrap();
    folder
}

fn promtool(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let program = kvartal_testing::promtool();
    let output = Command::new(program).args(arguments).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

/// Calls of an RPC in each interval, by status, and how many of them took longer than half a second.
struct Traffic {
    rpc: (&'static str, &'static str),
    intervals: u32,
    ok: u32,
    code: &'static str,
    failed: u32,
    slow: u32,
}

impl Traffic {
    fn healthy(intervals: u32, ok: u32) -> Self {
        Self { rpc: RPC, intervals, ok, code: "INTERNAL", failed: 0, slow: 0 }
    }

    fn series(&self) -> String {
        let Self { rpc: (service, method), intervals, ok, code, failed, slow } = self;
        let labels = format!("rpc_system=\"grpc\",rpc_service=\"{service}\",rpc_method=\"{method}\"");
        let all = ok + failed;
        let mut text = String::new();
        let mut counter = |name: String, step: u32| {
            let _ = writeln!(text, "      - series: '{name}'\n        values: '0+{step}x{intervals}'");
        };
        counter(format!("rpc_server_requests_total{{{labels},rpc_grpc_status=\"OK\"}}"), *ok);
        if *failed > 0 {
            counter(format!("rpc_server_requests_total{{{labels},rpc_grpc_status=\"{code}\"}}"), *failed);
        }
        for (bound, calls) in [("0.25", 0), ("0.5", all - slow), ("1", all), ("+Inf", all)] {
            counter(format!("rpc_server_duration_seconds_bucket{{{labels},le=\"{bound}\"}}"), calls);
        }
        counter(format!("rpc_server_duration_seconds_count{{{labels}}}"), all);
        text
    }
}

/// What fires at this time: alert, window and severity.
type Firing = &'static [(&'static str, &'static str, &'static str)];

const ERRORS: &str = "RpcErrorBudgetBurn";
const SLOWNESS: &str = "RpcLatencyBudgetBurn";

/// Any series.
fn series(code: &str, values: &str) -> String {
    let (service, method) = RPC;
    let labels = format!("rpc_service=\"{service}\",rpc_method=\"{method}\",rpc_grpc_status=\"{code}\"");
    format!("      - series: 'rpc_server_requests_total{{{labels}}}'\n        values: '{values}'\n")
}

/// A test for promtool: with these series, this and nothing else fires at this time.
struct Case {
    name: &'static str,
    series: String,
    at: &'static str,
    firing: Firing,
}

impl Case {
    fn yaml(&self, interval: &str) -> String {
        let Self { name, series, at, firing } = self;
        let sample = |(alert, window, severity): &(&str, &str, &str)| {
            let labels =
                format!("alertname=\"{alert}\",rpc_method=\"{}\",severity=\"{severity}\",window=\"{window}\"", RPC.1);
            format!("          - labels: '{{{labels}}}'\n            value: 1\n")
        };
        let samples: String = firing.iter().map(sample).collect();
        let none = if samples.is_empty() { " []" } else { "" };
        format!(
            "  - name: {name}\n    interval: {interval}\n    input_series:\n{series}    promql_expr_test:\n      \
             - expr: 'sum by (alertname, rpc_method, window, severity) (ALERTS{{alertstate=\"firing\"}})'\n        \
             eval_time: {at}\n        exp_samples:{none}\n{samples}"
        )
    }
}

/// Has promtool read samples of this interval and evaluate the rules of these arguments as often. Without an order of
/// its own it takes the groups in any, and a group would find what another one recorded too long ago.
fn judge(arguments: &[&str], interval: &str, cases: &[Case]) {
    const ORDER: &str = "[kvartal-objectives, kvartal-availability, kvartal-latency, kvartal-burn-rates]";
    let folder = rules(arguments);
    let cases: String = cases.iter().map(|case| case.yaml(interval)).collect();
    let how = format!("rule_files: [rules.yaml]\nevaluation_interval: {interval}\ngroup_eval_order: {ORDER}\n");
    let tests = format!("{how}tests:\n{cases}");
    std::fs::write(folder.path().join("tests.yaml"), tests).unwrap();
    promtool(&folder, &["test", "rules", "tests.yaml"]);
}

fn fail(intervals: u32, ok: u32, failed: u32) -> String {
    Traffic { failed, ..Traffic::healthy(intervals, ok) }.series()
}

fn slow(intervals: u32, ok: u32, slow: u32) -> String {
    Traffic { slow, ..Traffic::healthy(intervals, ok) }.series()
}

#[test]
fn promtool_can_read_the_rules() {
    let folder = rules(&[]);
    let said = promtool(&folder, &["check", "rules", "rules.yaml"]);
    assert!(said.contains("SUCCESS"), "{said}");
    let text = std::fs::read_to_string(folder.path().join("rules.yaml")).unwrap();
    for method in kvartal_proto::contract().methods() {
        let objective = format!("rpc_service: {}\n          rpc_method: {}\n", method.service, method.name);
        assert_eq!(text.matches(&objective).count(), if method.server_streaming { 1 } else { 2 }, "{objective}");
    }
}

#[test]
fn sudden_trouble_pages_at_once_and_is_over_when_it_is_over() {
    let all_errors: Firing =
        &[(ERRORS, "1h", "page"), (ERRORS, "6h", "page"), (ERRORS, "1d", "ticket"), (ERRORS, "3d", "ticket")];
    let all_slow: Firing =
        &[(SLOWNESS, "1h", "page"), (SLOWNESS, "6h", "page"), (SLOWNESS, "1d", "ticket"), (SLOWNESS, "3d", "ticket")];
    let not_ours = Traffic { code: "NOT_FOUND", failed: 500, ..Traffic::healthy(70, 500) };
    let long_stream = Traffic { rpc: STREAM, slow: 1000, ..Traffic::healthy(70, 1000) };
    let recovered = series("OK", "0+980x120") + &series("INTERNAL", "0+20x50 1000x70");
    judge(
        &[],
        "1m",
        &[
            Case { name: "all is well", series: Traffic::healthy(70, 1000).series(), at: "65m", firing: &[] },
            Case { name: "2 % fail", series: fail(70, 980, 20), at: "65m", firing: all_errors },
            // The short window of five minutes has forgotten it, the longer ones have not.
            Case { name: "2 % failed until a while ago", series: recovered, at: "58m", firing: &all_errors[1..] },
            Case { name: "callers did wrong", series: not_ours.series(), at: "65m", firing: &[] },
            // Both of two calls, but what are two calls.
            Case { name: "a quiet RPC", series: series("INTERNAL", "0x20 1x20 2x100"), at: "45m", firing: &[] },
            Case { name: "every fifth is slow", series: slow(70, 1000, 200), at: "65m", firing: all_slow },
            Case { name: "a stream is long", series: long_stream.series(), at: "65m", firing: &[] },
        ],
    );
}

/// Samples every ten minutes tell nothing about five minutes: the fastest alert is for the test above.
#[test]
fn a_slow_burn_is_noticed_within_days() {
    let from_6h: Firing = &[(ERRORS, "6h", "page"), (ERRORS, "1d", "ticket"), (ERRORS, "3d", "ticket")];
    let slow_3d: Firing = &[(SLOWNESS, "3d", "ticket")];
    // Three days of rules for all RPCs would take promtool minutes.
    judge(
        &["--service", "audit"],
        "10m",
        &[
            Case { name: "0.8 % fail", series: fail(150, 992, 8), at: "24h30m", firing: from_6h },
            Case { name: "0.4 % fail", series: fail(150, 996, 4), at: "24h30m", firing: &from_6h[1..] },
            Case { name: "0.2 % fail", series: fail(440, 998, 2), at: "73h", firing: &from_6h[2..] },
            Case { name: "0.05 % may fail", series: fail(440, 1999, 1), at: "73h", firing: &[] },
            Case { name: "2 % are slow", series: slow(440, 1000, 20), at: "73h", firing: slow_3d },
            Case { name: "0.5 % may be slow", series: slow(440, 1000, 5), at: "73h", firing: &[] },
        ],
    );
}
