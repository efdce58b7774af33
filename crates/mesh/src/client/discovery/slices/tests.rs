//! From events of endpoint slices to the set of endpoints.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::Slices;
use crate::client::discovery::Port;

/// A slice with one named port and endpoints of the form `(address, ready, terminating)`.
pub(in crate::client::discovery) fn slice(name: &str, endpoints: &[(&str, Option<bool>, Option<bool>)]) -> Value {
    let endpoints = endpoints.iter().map(|(address, ready, terminating)| {
        json!({"addresses": [address], "conditions": {"ready": ready, "serving": true, "terminating": terminating}})
    });
    let endpoints: Vec<_> = endpoints.collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "city", "resourceVersion": "2"},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "metrics", "port": 9100}, {"name": "grpc", "port": 9090, "protocol": "TCP"}],
    })
}

fn parse(value: Value) -> EndpointSlice {
    serde_json::from_value(value).unwrap()
}

fn ready(name: &str, addresses: &[&str]) -> EndpointSlice {
    let endpoints: Vec<_> = addresses.iter().map(|address| (*address, Some(true), None)).collect();
    parse(slice(name, &endpoints))
}

fn strings(endpoints: Option<BTreeSet<crate::Address>>) -> Vec<String> {
    endpoints.unwrap().iter().map(ToString::to_string).collect()
}

fn grpc() -> Port {
    Port::Named("grpc".into())
}

#[test]
fn an_address_in_two_slices_is_one_endpoint_and_goes_with_the_last() {
    let mut slices = Slices::default();
    assert_eq!(strings(slices.apply(Event::Apply(ready("a", &["10.0.0.1", "10.0.0.2"])), &grpc())).len(), 2);
    let both = strings(slices.apply(Event::Apply(ready("b", &["10.0.0.2"])), &grpc()));
    assert_eq!(both, ["10.0.0.1:9090", "10.0.0.2:9090"]);
    let left = strings(slices.apply(Event::Delete(ready("a", &[])), &grpc()));
    assert_eq!(left, ["10.0.0.2:9090"]);
}

#[test]
fn only_what_is_ready_and_not_ending_takes_calls() {
    let endpoints = [
        ("10.0.0.1", Some(true), Some(false)),
        ("10.0.0.2", Some(false), None),
        ("10.0.0.3", Some(true), Some(true)),
        ("10.0.0.4", None, None),
    ];
    let slice = parse(slice("a", &endpoints));
    let found = strings(Slices::default().apply(Event::Apply(slice), &Port::Number(7)));
    assert_eq!(found, ["10.0.0.1:7", "10.0.0.4:7"]);
}

#[test]
fn a_new_listing_replaces_what_was_known_only_when_it_is_complete() {
    let mut slices = Slices::default();
    slices.apply(Event::Apply(ready("old", &["10.0.0.1"])), &grpc());
    assert!(slices.apply(Event::Init, &grpc()).is_none());
    assert!(slices.apply(Event::InitApply(ready("new", &["10.0.0.9"])), &grpc()).is_none());
    assert_eq!(strings(slices.apply(Event::InitDone, &grpc())), ["10.0.0.9:9090"]);
}

#[test]
fn names_that_are_no_addresses_and_ports_that_are_not_there_give_nothing() {
    let mut value = slice("a", &[("10.0.0.1", Some(true), None)]);
    let absent = Port::Named("absent".into());
    assert!(strings(Slices::default().apply(Event::Apply(parse(value.clone())), &absent)).is_empty());
    value["addressType"] = "FQDN".into();
    assert!(strings(Slices::default().apply(Event::Apply(parse(value)), &grpc())).is_empty());
}
