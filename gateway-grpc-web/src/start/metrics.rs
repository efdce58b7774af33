//! Reads the few figures the start page needs out of the process's metrics.

use std::collections::BTreeMap;

/// Calls of one service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Calls {
    /// All of them.
    pub(crate) all: u64,
    /// Those that did not end with OK.
    pub(crate) failed: u64,
}

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Figures {
    /// By the service's domain, such as `incident`.
    pub(crate) calls: BTreeMap<String, Calls>,
    /// Events that consumers have finished with.
    pub(crate) events_handled: u64,
}

/// Reads Prometheus' text format. Lines that are not understood are passed over: the page would rather lack a number.
pub(crate) fn read(text: &str) -> Figures {
    let mut figures = Figures::default();
    for line in text.lines() {
        if let Some((labels, value)) = sample(line, "rpc_server_requests_total") {
            let Some(domain) = label(labels, "rpc_service").and_then(domain) else { continue };
            let calls = figures.calls.entry(domain).or_default();
            calls.all += value;
            if label(labels, "rpc_grpc_status") != Some("OK") {
                calls.failed += value;
            }
        } else if let Some((labels, value)) = sample(line, "kvartal_events_deliveries_total")
            && label(labels, "outcome") == Some("handled")
        {
            figures.events_handled += value;
        }
    }
    figures
}

/// Labels and value of a line of this metric.
fn sample<'a>(line: &'a str, name: &str) -> Option<(&'a str, u64)> {
    let rest = line.strip_prefix(name)?;
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => rest.rsplit_once('}')?,
        None => ("", rest.strip_prefix(' ').map(|_| rest)?),
    };
    let value: f64 = value.split_whitespace().next()?.parse().ok()?;
    (value >= 0.0).then_some((labels, value as u64))
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        if key == name { value.strip_prefix('"')?.strip_suffix('"') } else { None }
    })
}

/// `incident` of `kvartal.incident.v1.IncidentService`.
fn domain(service: &str) -> Option<String> {
    kvartal_proto::contract().service(service).map(|service| service.domain.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_service_and_outcome() {
        let figures = read(concat!(
            "# HELP rpc_server_requests_total Answered calls by status\n",
            "rpc_server_requests_total{rpc_grpc_status=\"OK\",rpc_method=\"GetIncident\",rpc_service=\"kvartal.incident.v1.IncidentService\",rpc_system=\"grpc\"} 3\n",
            "rpc_server_requests_total{rpc_grpc_status=\"NOT_FOUND\",rpc_method=\"GetReport\",rpc_service=\"kvartal.incident.v1.ReportService\"} 2\n",
            "rpc_server_requests_total{rpc_service=\"_OTHER\",rpc_grpc_status=\"UNIMPLEMENTED\"} 9\n",
            "kvartal_events_deliveries_total{messaging_destination_name=\"audit\",outcome=\"handled\"} 4\n",
            "kvartal_events_deliveries_total{messaging_destination_name=\"notification\",outcome=\"handled\"} 5\n",
            "kvartal_events_deliveries_total{messaging_destination_name=\"notification\",outcome=\"failed\"} 1\n",
            "something_else 1\n",
        ));
        assert_eq!(figures.calls["incident"], Calls { all: 5, failed: 2 });
        assert_eq!(figures.calls.len(), 1);
        assert_eq!(figures.events_handled, 9);
    }
}
