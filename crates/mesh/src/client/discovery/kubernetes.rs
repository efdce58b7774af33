//! Endpoints from Kubernetes: the EndpointSlices of a service, watched.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use tokio::time::sleep;

use super::Port;
use super::slices::Slices;
use crate::client::address::Address;

/// The label by which slices belong to a service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Pause before the cluster's configuration is looked for again.
const NO_CLUSTER: Duration = Duration::from_secs(5);
/// Pause after a watch that failed.
const WATCH_AGAIN: Duration = Duration::from_millis(500);

/// The ready pods of a service, whenever they change. While the API server cannot be reached, what is known stays.
pub(super) fn follow(namespace: String, service: String, port: Port) -> impl Stream<Item = BTreeSet<Address>> + Send {
    async_stream::stream! {
        let client = client().await;
        let mut endpoints = Box::pin(watch(client, &namespace, &service, port));
        while let Some(addresses) = endpoints.next().await {
            yield addresses;
        }
    }
}

/// From the pod's service account, or as kubectl is configured.
async fn client() -> Client {
    loop {
        match Client::try_default().await {
            Ok(client) => return client,
            Err(error) => tracing::error!(%error, "there is no way to the Kubernetes API"),
        }
        sleep(NO_CLUSTER).await;
    }
}

fn watch(
    client: Client,
    namespace: &str,
    service: &str,
    port: Port,
) -> impl Stream<Item = BTreeSet<Address>> + Send + use<> {
    let slices: Api<EndpointSlice> = Api::namespaced(client, namespace);
    let events = watcher(slices, watcher::Config::default().labels(&format!("{SERVICE_LABEL}={service}")));
    let service = service.to_owned();
    async_stream::stream! {
        let mut events = Box::pin(events);
        let (mut slices, mut told) = (Slices::default(), None);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let endpoints = slices.apply(event, &port);
                    if let Some(endpoints) = endpoints && told.as_ref() != Some(&endpoints) {
                        told = Some(endpoints.clone());
                        yield endpoints;
                    }
                }
                Err(error) => {
                    tracing::warn!(service, %error, "the endpoints of a service cannot be watched");
                    sleep(WATCH_AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
