//! The state of the ways to other services as metrics. It is read when somebody collects them, so calls pay nothing for it.

use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::balancer::Balancer;
use super::view::{EndpointView, ServiceView};
use crate::Criticality;

/// Shows one service, for as long as anybody calls it.
pub(crate) fn observe(meter: &Meter, balancer: &Arc<Balancer>) {
    let balancer = Arc::downgrade(balancer);
    gauge(meter, &balancer, "rpc.client.waiting", "Calls that wait for an endpoint", |view, observe| {
        observe(size(view.waiting), &[]);
    });
    counter(meter, &balancer, "rpc.client.attempts", "Requests sent, retries included", |view, observe| {
        observe(view.attempts, &[]);
    });
    counter(meter, &balancer, "rpc.client.retries", "Requests sent again", |view, observe| observe(view.retries, &[]));
    counter(
        meter,
        &balancer,
        "rpc.client.throttled",
        "Calls not sent since the service refuses many",
        |view, observe| {
            for (criticality, count) in Criticality::ALL.into_iter().zip(view.throttled) {
                observe(count, &[KeyValue::new("criticality", criticality.name())]);
            }
        },
    );
    counter(meter, &balancer, "rpc.client.dropped", "Calls that got no endpoint", |view, observe| {
        for (reason, count) in
            [("not_ready", view.failed_fast), ("queue_full", view.queue_full), ("limit", view.over_limit)]
        {
            observe(count, &[KeyValue::new("reason", reason)]);
        }
    });
    observe_endpoints(meter, &balancer);
}

fn observe_endpoints(meter: &Meter, balancer: &Weak<Balancer>) {
    let each = |read: fn(&EndpointView) -> u64| {
        move |view: &ServiceView, observe: &dyn Fn(u64, &[KeyValue])| {
            for endpoint in &view.endpoints {
                observe(read(endpoint), &[KeyValue::new("server.address", endpoint.address.clone())]);
            }
        }
    };
    let name = "rpc.client.endpoint.pending";
    gauge(meter, balancer, name, "Running calls", each(|endpoint| size(endpoint.pending)));
    let name = "rpc.client.endpoint.streams";
    gauge(meter, balancer, name, "Open streams", each(|endpoint| size(endpoint.streams)));
    let name = "rpc.client.endpoint.connections";
    gauge(meter, balancer, name, "Connections that are up", each(|endpoint| size(endpoint.connections)));
    let name = "rpc.client.endpoint.ejections";
    counter(meter, balancer, name, "Times it was taken out", |view, observe| {
        for endpoint in &view.endpoints {
            let failed = endpoint.ejections.saturating_sub(endpoint.slow_ejections);
            for (cause, times) in [("failures", failed), ("slowness", endpoint.slow_ejections)] {
                let address = KeyValue::new("server.address", endpoint.address.clone());
                observe(times, &[address, KeyValue::new("cause", cause)]);
            }
        }
    });
    let name = "rpc.client.endpoint.state";
    gauge(meter, balancer, name, "1 for the state in which it is", |view, observe| {
        for endpoint in &view.endpoints {
            let address = KeyValue::new("server.address", endpoint.address.clone());
            observe(1, &[address, KeyValue::new("state", endpoint.state.name())]);
        }
    });
    let balancer = balancer.clone();
    let load = meter.f64_observable_gauge("rpc.client.endpoint.load").with_unit("s");
    let load = load.with_description("What a call is thought to take, with the penalty for failures");
    let load = load.with_callback(move |observer| {
        let Some(view) = balancer.upgrade().map(|balancer| balancer.view()) else { return };
        for endpoint in &view.endpoints {
            let mut all = names(&view);
            all.push(KeyValue::new("server.address", endpoint.address.clone()));
            observer.observe(endpoint.load_seconds, &all);
        }
    });
    let _ = load.build();
}

/// Reads a view and observes what it finds, with attributes beside the service's name.
trait Read: Fn(&ServiceView, &dyn Fn(u64, &[KeyValue])) + Send + Sync + 'static {}
impl<F: Fn(&ServiceView, &dyn Fn(u64, &[KeyValue])) + Send + Sync + 'static> Read for F {}

fn gauge(meter: &Meter, balancer: &Weak<Balancer>, name: &'static str, about: &'static str, read: impl Read) {
    let balancer = balancer.clone();
    let callback = move |observer: &dyn AsyncInstrument<u64>| pass(&balancer, observer, &read);
    let _ = meter.u64_observable_gauge(name).with_description(about).with_callback(callback).build();
}

fn counter(meter: &Meter, balancer: &Weak<Balancer>, name: &'static str, about: &'static str, read: impl Read) {
    let balancer = balancer.clone();
    let callback = move |observer: &dyn AsyncInstrument<u64>| pass(&balancer, observer, &read);
    let _ = meter.u64_observable_counter(name).with_description(about).with_callback(callback).build();
}

fn pass(balancer: &Weak<Balancer>, observer: &dyn AsyncInstrument<u64>, read: &impl Read) {
    let Some(view) = balancer.upgrade().map(|balancer| balancer.view()) else { return };
    read(&view, &|value, attributes| {
        let mut all = names(&view);
        all.extend_from_slice(attributes);
        observer.observe(value, &all);
    });
}

fn names(view: &ServiceView) -> Vec<KeyValue> {
    let mut names = vec![KeyValue::new("service", view.service.clone())];
    if !view.caller.is_empty() {
        names.push(KeyValue::new("caller", view.caller.clone()));
    }
    names
}

fn size(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
