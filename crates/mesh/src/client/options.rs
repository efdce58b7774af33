//! Limits of the calls to services of other processes.

use std::time::Duration;

use super::connect::Security;

/// Limits of the connections and calls to one service of another process.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Connections to each endpoint: one HTTP/2 connection is one lock. At least 1.
    pub connections: usize,
    /// Longest wait for a connection, TLS handshake included.
    pub connect_timeout: Duration,
    /// Pause between pings that find dead connections.
    pub keep_alive: Duration,
    /// Longest wait of a call for an endpoint that is ready; then this call fails, and others at once until there is one.
    pub failfast: Duration,
    /// Most calls that wait at once.
    pub waiting_max: usize,
    /// Most calls to the service at once, streams aside.
    pub calls_max: usize,
    /// Most open streams from the service.
    pub streams_max: usize,
    /// How connections are secured.
    pub security: Security,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connections: 2,
            connect_timeout: Duration::from_secs(2),
            keep_alive: Duration::from_secs(20),
            failfast: Duration::from_secs(3),
            waiting_max: 1_024,
            calls_max: 1_024,
            streams_max: 10_000,
            security: Security::Plain,
        }
    }
}
