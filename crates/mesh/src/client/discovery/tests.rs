//! Addresses are read, and nonsense is refused.

use super::{Port, Target};
use crate::Address;

fn address(text: &str) -> Address {
    Address::parse(text, None).unwrap()
}

#[test]
fn every_way_to_say_where_a_service_is() {
    let listed = |texts: &[&str]| Target::Listed(texts.iter().map(|text| address(text)).collect());
    let kubernetes = |port| Target::Kubernetes { namespace: "city".into(), service: "identity".into(), port };
    for (url, expected) in [
        ("http://identity:9090", listed(&["identity:9090"])),
        ("http://10.0.0.7", listed(&["10.0.0.7:80"])),
        ("https://identity/", listed(&["identity:443"])),
        ("http://a:1,http://b:2, http://[::1]:3", listed(&["a:1", "b:2", "[::1]:3"])),
        ("dns://identity.city:9090", Target::Dns(address("identity.city:9090"))),
        ("k8s://city/identity:9090", kubernetes(Port::Number(9090))),
        ("k8s://city/identity:grpc", kubernetes(Port::Named("grpc".into()))),
    ] {
        assert_eq!(Target::parse(url).unwrap(), expected, "{url}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_an_example() {
    for url in [
        "",
        "identity",
        "identity:9090",
        "ftp://a:1",
        "http://",
        "http://a:1,",
        "http://a:1/path",
        "http://user@a:1",
        "dns://identity",
        "k8s://identity:9090",
        "k8s://city/identity",
        "k8s://City/identity:1",
        "k8s://a/b:c/d",
    ] {
        let error = Target::parse(url).unwrap_err();
        assert!(error.to_string().contains("looks like"), "{url}: {error}");
    }
}

#[test]
fn addresses_are_written_as_they_are_read() {
    for text in ["identity:9090", "10.0.0.7:1", "[::1]:9090"] {
        assert_eq!(address(text).to_string(), text);
    }
    assert_eq!((address("[::1]:9090").host(), address("[::1]:9090").port()), ("::1", 9090));
}
