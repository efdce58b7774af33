//! Prometheus rules from the contract: how fast each RPC uses up what its objective lets it fail.
//!
//! The method is that of Google's SRE workbook, chapter 5: several windows, several burn rates. An alert needs the long
//! window, so that it matters, and the short one, so that it ends when the trouble does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use kvartal_contract::Method;

/// A window's name in PromQL.
type Window = &'static str;

/// An alert: the budget of 30 days is used up `rate` times as fast as it lasts, over both windows.
struct Burn {
    rate: &'static str,
    long: Window,
    short: Window,
    severity: &'static str,
    /// What is gone of the budget when it fires, for people.
    gone: &'static str,
}

const BURNS: [Burn; 4] = [
    Burn { rate: "14.4", long: "1h", short: "5m", severity: "page", gone: "2 % of a month's budget in an hour" },
    Burn { rate: "6", long: "6h", short: "30m", severity: "page", gone: "5 % of a month's budget in six hours" },
    Burn { rate: "3", long: "1d", short: "2h", severity: "ticket", gone: "10 % of a month's budget in a day" },
    Burn { rate: "1", long: "3d", short: "6h", severity: "ticket", gone: "10 % of a month's budget in three days" },
];

/// All windows, the shortest first.
const WINDOWS: [Window; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// Calls that must have gone wrong in the long window: one failure of an RPC that is hardly called is a large share of
/// nothing.
const BAD_CALLS_MIN: u32 = 10;

/// Within the objective of latency lie 99 % of calls, as its name says.
const LATENCY_OBJECTIVE: &str = "0.99";

/// What the series of one RPC are told apart by.
const RPC: &str = "rpc_service, rpc_method";

/// The rules for these RPCs.
pub(super) fn rules(methods: &[&Method]) -> String {
    let mut yaml = Yaml::default();
    yaml.line(0, "# Written by `kvartal contract --format prometheus-rules`; change the contract, not this file.");
    yaml.line(0, "groups:");
    objectives(&mut yaml, methods);
    availability(&mut yaml);
    latency(&mut yaml, methods);
    alerts(&mut yaml);
    yaml.0
}

/// What the contract promises, as series: the ratios are compared with them.
fn objectives(yaml: &mut Yaml, methods: &[&Method]) {
    yaml.group("kvartal-objectives", "1m");
    for method in methods {
        let permille = method.slo.availability_permille;
        let share = format!("0.{:03}", permille.min(999));
        yaml.record("kvartal:slo_availability:objective", &format!("vector({share})"), Some(method));
    }
    for method in timed(methods) {
        let seconds = method.slo.latency_p99.as_secs_f64();
        yaml.record("kvartal:slo_latency:seconds", &format!("vector({seconds})"), Some(method));
    }
}

/// RPCs that answer once. A stream lasts as long as somebody listens.
fn timed<'a>(methods: &'a [&Method]) -> impl Iterator<Item = &'a Method> {
    methods.iter().copied().filter(|method| !method.server_streaming)
}

/// The share of calls that failed through our fault, for each window.
fn availability(yaml: &mut Yaml) {
    let faults = kvartal_mesh::FAULTS.map(kvartal_mesh::code_name).join("|");
    yaml.group("kvartal-availability", "30s");
    for window in WINDOWS {
        let all = format!("sum by ({RPC}) (rate(rpc_server_requests_total[{window}]))");
        let bad =
            format!("sum by ({RPC}) (rate(rpc_server_requests_total{{rpc_grpc_status=~\"{faults}\"}}[{window}]))");
        // Without a single fault there is no series of faults, which is a share of 0 and not nothing.
        let share = format!("({bad} or 0 * {all}) / ({all} > 0)");
        yaml.record(&format!("kvartal:rpc_errors:ratio_rate{window}"), &share, None);
    }
    for burn in &BURNS {
        let all = format!("sum by ({RPC}) (increase(rpc_server_requests_total[{}]))", burn.long);
        yaml.record(&format!("kvartal:rpc_calls:increase{}", burn.long), &all, None);
    }
}

/// The share of calls that took longer than promised, for each window.
fn latency(yaml: &mut Yaml, methods: &[&Method]) {
    let mut limits = BTreeMap::new();
    for method in timed(methods) {
        limits.insert(method.slo.latency_p99, ());
    }
    if limits.is_empty() {
        return;
    }
    yaml.group("kvartal-latency", "30s");
    for window in WINDOWS {
        // Each promise is a bound of a bucket, see the histograms of the host.
        let fast = limits.keys().map(|limit| within(*limit, window)).collect::<Vec<_>>().join(" or ");
        let all = format!("(sum by ({RPC}) (rate(rpc_server_duration_seconds_count[{window}])) > 0)");
        let share = format!("1 - ({fast}) / {all}");
        yaml.record(&format!("kvartal:rpc_slow:ratio_rate{window}"), &share, None);
    }
}

/// Calls answered within the limit, of the RPCs that promise just this limit.
fn within(limit: Duration, window: Window) -> String {
    let seconds = limit.as_secs_f64();
    // Prometheus 3 writes whole numbers as 1.0, older ones as they were exposed.
    let bound = if seconds.fract() == 0.0 { format!("{seconds}|{seconds}.0") } else { seconds.to_string() };
    let bound = bound.replace('.', "\\\\.");
    format!(
        "(sum by ({RPC}) (rate(rpc_server_duration_seconds_bucket{{le=~\"{bound}\"}}[{window}])) \
         and on ({RPC}) kvartal:slo_latency:seconds == {seconds})"
    )
}

fn alerts(yaml: &mut Yaml) {
    yaml.group("kvartal-burn-rates", "30s");
    for burn in &BURNS {
        let allowed = format!("on ({RPC}) group_left () ({} * (1 - kvartal:slo_availability:objective))", burn.rate);
        let text = "{{ $labels.rpc_service }}/{{ $labels.rpc_method }} fails";
        yaml.alert("RpcErrorBudgetBurn", burn, "kvartal:rpc_errors", &allowed, text);
    }
    for burn in &BURNS {
        let allowed = format!("{} * (1 - {LATENCY_OBJECTIVE})", burn.rate);
        let text = "{{ $labels.rpc_service }}/{{ $labels.rpc_method }} is slow";
        yaml.alert("RpcLatencyBudgetBurn", burn, "kvartal:rpc_slow", &allowed, text);
    }
}

/// A file of rules under construction.
#[derive(Default)]
struct Yaml(String);

impl Yaml {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    fn group(&mut self, name: &str, interval: &str) {
        self.line(2, &format!("- name: {name}"));
        self.line(4, &format!("interval: {interval}"));
        self.line(4, "rules:");
    }

    /// A recording rule; for one RPC it carries that RPC's labels.
    fn record(&mut self, name: &str, expression: &str, method: Option<&Method>) {
        self.line(6, &format!("- record: {name}"));
        self.line(8, &format!("expr: {}", quoted(expression)));
        if let Some(method) = method {
            self.line(8, "labels:");
            self.line(10, &format!("rpc_service: {}", method.service));
            self.line(10, &format!("rpc_method: {}", method.name));
        }
    }

    fn alert(&mut self, name: &str, burn: &Burn, share: &str, allowed: &str, text: &str) {
        let Burn { rate, long, short, severity, gone } = burn;
        let expression = format!(
            "{share}:ratio_rate{long} > {allowed} \
             and {share}:ratio_rate{short} > {allowed} \
             and on ({RPC}) {share}:ratio_rate{long} * kvartal:rpc_calls:increase{long} >= {BAD_CALLS_MIN}"
        );
        self.line(6, &format!("- alert: {name}"));
        self.line(8, &format!("expr: {}", quoted(&expression)));
        self.line(8, "labels:");
        self.line(10, &format!("severity: {severity}"));
        self.line(10, &format!("window: {long}"));
        self.line(8, "annotations:");
        self.line(10, &format!("summary: {}", quoted(text)));
        let value = "{{ $value | humanizePercentage }}";
        let description =
            format!("{value} of its calls over {long}: {rate} times as fast as the objective bears, {gone}.");
        self.line(10, &format!("description: {}", quoted(&description)));
    }
}

/// As YAML takes it literally.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
