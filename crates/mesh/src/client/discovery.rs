//! Where the endpoints of a service are: listed, in the DNS, or in Kubernetes.

mod dns;
mod kubernetes;
mod slices;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use kvartal_kernel::Error;
use tokio::sync::Notify;

use super::address::Address;
use super::balancer::Endpoints;

/// Where a service is to be found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// At these addresses.
    Listed(BTreeSet<Address>),
    /// At every address of a name.
    Dns(Address),
    /// At the ready pods of a service.
    Kubernetes { namespace: String, service: String, port: Port },
}

/// A port of a Kubernetes service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Port {
    /// The port of the pods.
    Number(u16),
    /// The name that the service gives it.
    Named(String),
}

impl Target {
    /// From `http://a:9090,http://b:9090`, `dns://identity.example:9090` or `k8s://namespace/service:grpc`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        if let Some(name) = url.strip_prefix("dns://") {
            return Address::parse(name.trim_end_matches('/'), None).map(Self::Dns);
        }
        if let Some(place) = url.strip_prefix("k8s://") {
            return kubernetes_target(place).ok_or_else(|| {
                Error::internal(format!("{url} is no address; it looks like k8s://namespace/service:port"))
            });
        }
        let addresses: BTreeSet<_> = url.split(',').map(|url| listed(url.trim())).collect::<Result<_, _>>()?;
        Ok(Self::Listed(addresses))
    }

    /// Follows it. `lost` is told when an endpoint cannot be reached.
    pub(crate) fn follow(self, lost: Arc<Notify>) -> Endpoints {
        match self {
            // What is listed stays so.
            Self::Listed(addresses) => stream::once(async { addresses }).chain(stream::pending()).boxed(),
            Self::Dns(name) => dns::follow(name, lost).boxed(),
            Self::Kubernetes { namespace, service, port } => kubernetes::follow(namespace, service, port).boxed(),
        }
    }
}

fn listed(url: &str) -> Result<Address, Error> {
    let wrong = || Error::internal(format!("{url} is no address; it looks like http://host:9090"));
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let usual_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(wrong()),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    Address::parse(authority, Some(usual_port)).map_err(|error| wrong().because(error))
}

fn kubernetes_target(place: &str) -> Option<Target> {
    let (namespace, rest) = place.split_once('/')?;
    let (service, port) = rest.split_once(':')?;
    let is_name = |text: &str| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let port = match port.parse() {
        Ok(number) => Port::Number(number),
        Err(_) if is_name(port) => Port::Named(port.to_owned()),
        Err(_) => return None,
    };
    let (namespace, service) = (namespace.to_owned(), service.to_owned());
    (is_name(&namespace) && is_name(&service)).then_some(Target::Kubernetes { namespace, service, port })
}

#[cfg(test)]
mod tests;
