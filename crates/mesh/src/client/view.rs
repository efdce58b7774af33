//! What can be seen of the ways to other services.

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use super::balancer::{Balancer, Dropped};
use super::endpoint::Endpoint;
use super::gate::State;
use crate::Criticality;

/// How calls to one service of other processes are doing.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ServiceView {
    /// The service's domain, such as `identity`.
    pub service: String,
    /// The service that calls it; empty where all services of this process share the connections.
    pub caller: String,
    /// Its endpoints, by address.
    pub endpoints: Vec<EndpointView>,
    /// Calls that wait for an endpoint.
    pub waiting: usize,
    /// Attempts so far.
    pub attempts: u64,
    /// Retries among them.
    pub retries: u64,
    /// Calls that were not sent because the service refuses too many, the least critical class first.
    pub throttled: [u64; 4],
    /// Calls that found no endpoint ready in time.
    pub failed_fast: u64,
    /// Calls that found too many others waiting.
    pub queue_full: u64,
    /// Attempts that found too many others running.
    pub over_limit: u64,
}

/// The state of one endpoint.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EndpointView {
    /// Its host and port.
    pub address: String,
    /// Whether calls go there.
    pub state: EndpointState,
    /// Since when: RFC 3339, UTC.
    pub since: String,
    /// Connections that are up.
    pub connections: usize,
    /// Seconds that a call is thought to take, with the penalty for failures.
    pub load_seconds: f64,
    /// Running calls.
    pub pending: usize,
    /// Open streams.
    pub streams: usize,
    /// How often it was taken out.
    pub ejections: u64,
    /// How often of those because its answers took many times as long as those of others.
    pub slow_ejections: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Whether calls go to an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// Yes, as soon as it is connected.
    Open,
    /// Not for a while: it failed too often.
    Shut,
    /// One call is finding out.
    Probing,
}

impl EndpointState {
    /// As metrics have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Shut => "shut",
            Self::Probing => "probing",
        }
    }
}

impl Balancer {
    pub(crate) fn view(&self) -> ServiceView {
        let mut endpoints: Vec<_> = self.endpoints().iter().map(view).collect();
        endpoints.sort_by(|one, other| one.address.cmp(&other.address));
        ServiceView {
            service: self.service.clone(),
            caller: self.caller.clone(),
            endpoints,
            waiting: self.waiting.len(),
            attempts: self.counters.attempts(),
            retries: self.counters.retries(),
            throttled: Criticality::ALL.map(|criticality| self.counters.throttled(criticality)),
            failed_fast: self.counters.dropped(Dropped::FailFast),
            queue_full: self.counters.dropped(Dropped::QueueFull),
            over_limit: self.counters.dropped(Dropped::Limit),
        }
    }
}

fn view(endpoint: &Arc<Endpoint>) -> EndpointView {
    let connections = endpoint.connections();
    let (pending, streams) = (endpoint.pending(false), endpoint.pending(true));
    let mut health = endpoint.health();
    EndpointView {
        address: endpoint.address.to_string(),
        state: match health.gate.state() {
            State::Open => EndpointState::Open,
            State::Shut { .. } => EndpointState::Shut,
            State::Probing => EndpointState::Probing,
        },
        since: health.since.to_string(),
        connections,
        load_seconds: health.load.seconds(Instant::now()),
        pending,
        streams,
        ejections: health.gate.ejections(),
        slow_ejections: health.gate.slow_ejections(),
        last_error: health.last_error.clone(),
    }
}
