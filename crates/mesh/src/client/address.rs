//! Where an endpoint listens.

use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;
use kvartal_kernel::Error;

/// A host (a name or an IP address) and a port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// An IP address and a port.
    pub fn new(ip: IpAddr, port: u16) -> Self {
        Self { host: ip.to_string(), port }
    }

    /// From `host:port`, `10.0.0.7:9090`, `[::1]:9090`; the port may be missing where there is a usual one.
    pub fn parse(text: &str, usual_port: Option<u16>) -> Result<Self, Error> {
        let wrong = || Error::internal(format!("{text} is no address; it looks like host:9090"));
        let authority: Authority = text.parse().map_err(|error| wrong().because(error))?;
        let port = authority.port_u16().or(usual_port).ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || text.contains('@') {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The name or the IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
