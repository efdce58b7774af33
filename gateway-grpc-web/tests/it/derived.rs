//! Envoy's configuration follows from the contract, and Envoy takes it.

use std::path::Path;

use kvartal_contract::{Access, Contract};
use kvartal_gateway_grpc_web::envoy::{self, AccessLog, Settings, Telemetry, UpstreamTls};
use kvartal_testing::Envoy;
use prost_reflect::DescriptorPool;
use serde_json::Value;

const HEAD: &str = r#"syntax = "proto3"; package kvartal.sample.v1;
import "kvartal/contract/v1/contract.proto"; import "google/api/annotations.proto";
message AskRequest {} message AskResponse {}
service SampleService { option (kvartal.contract.v1.service) = {}; "#;

/// The contract of a service with these RPCs.
fn contract(rpcs: &str) -> Contract {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sample.proto"), format!("{HEAD}{rpcs}}}")).unwrap();
    let includes = [folder.path().to_path_buf(), root.join("proto"), root.join("third_party/proto")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file("sample.proto").unwrap();
    let pool: DescriptorPool = compiler.descriptor_pool();
    Contract::from_pool(pool).unwrap()
}

fn rpc(name: &str, returns: &str, options: &str, contract: &str) -> String {
    format!(
        "rpc {name}(AskRequest) returns ({returns}) {{ {options} option (kvartal.contract.v1.method) = {{ {contract} }}; }}"
    )
}

/// The routes by name.
fn routes(contract: &Contract, settings: &Settings) -> Vec<(String, Value)> {
    let config = envoy::config(contract, settings);
    let manager = &config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array().unwrap();
    routes.iter().map(|route| (route["name"].as_str().unwrap().to_owned(), route.clone())).collect()
}

fn find<'a>(routes: &'a [(String, Value)], name: &str) -> &'a Value {
    let path = format!("/kvartal.sample.v1.SampleService/{name}");
    &routes.iter().find(|(route, _)| *route == path).unwrap_or_else(|| panic!("no route {path}")).1
}

#[test]
fn a_new_rpc_is_a_new_route_with_what_its_contract_says() {
    let before = routes(
        &contract(&rpc("Ask", "AskResponse", "", "access: {public: true} deadline: {seconds: 5}")),
        &Settings::default(),
    );
    let more = [
        rpc("Ask", "AskResponse", "", "access: {public: true} deadline: {seconds: 5}"),
        rpc(
            "Read",
            "AskResponse",
            "option idempotency_level = NO_SIDE_EFFECTS;",
            "access: {authenticated: true} deadline: {seconds: 2}",
        ),
        rpc("Watch", "stream AskResponse", "", "access: {public: true} deadline: {seconds: 3300}"),
        rpc("Secret", "AskResponse", "", "access: {internal: true} deadline: {seconds: 1}"),
    ];
    let settings = Settings { guard: vec!["guard:9090".parse().unwrap()], ..Settings::default() };
    let after = routes(&contract(&more.concat()), &settings);
    assert_eq!(after.len(), before.len() + 3);

    let ask = &find(&after, "Ask")["route"];
    assert_eq!((ask["cluster"].as_str(), ask["timeout"].as_str()), (Some("sample"), Some("5s")));
    let untouched = "connect-failure,refused-stream,reset-before-request";
    assert_eq!(
        ask["retry_policy"]["retry_on"], untouched,
        "it may not be repeated once somebody may have begun with it"
    );
    assert_eq!(ask["rate_limits"][0]["actions"][0]["generic_key"]["descriptor_value"], "write");

    let read = find(&after, "Read");
    assert_eq!(read["route"]["timeout"], "2s");
    assert_eq!(read["route"]["retry_policy"]["retry_on"], format!("{untouched},unavailable,reset"));
    assert_eq!(read["route"]["rate_limits"][0]["actions"][0]["generic_key"]["descriptor_value"], "read");
    let token =
        |route: &Value| route["typed_per_filter_config"]["envoy.filters.http.jwt_authn"]["requirement_name"].clone();
    assert_eq!((token(find(&after, "Ask")), token(read)), ("optional".into(), "required".into()));

    let watch = &find(&after, "Watch")["route"];
    assert_eq!(watch["timeout"], "0s", "a stream is not one answer");
    assert_eq!(watch["max_stream_duration"]["grpc_timeout_header_max"], "3300s");
    assert_eq!(watch["idle_timeout"], "300s");

    let secret = find(&after, "Secret");
    assert!(secret.get("route").is_none(), "nobody outside comes through to it");
    assert_eq!(secret["direct_response"]["status"], 403);
}

#[test]
fn every_rpc_of_the_platform_has_a_route_and_its_service_a_cluster() {
    let contract = kvartal_proto::contract();
    let (config, routes) = (envoy::config(contract, &Settings::default()), routes(contract, &Settings::default()));
    let clusters: Vec<&str> = config["static_resources"]["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| cluster["name"].as_str().unwrap())
        .collect();
    for method in contract.methods() {
        assert!(routes.iter().any(|(name, _)| *name == method.path), "{}", method.path);
        // What only services may call is refused at the edge and needs no way on.
        let passed_on = method.access != Access::Internal;
        assert!(!passed_on || clusters.contains(&method.domain.as_str()), "{}", method.domain);
    }
}

/// Everything that can be set, set.
fn everything(folder: &Path) -> Settings {
    let authority = |text: &str| text.parse().unwrap();
    Settings {
        tls: Some(folder.join("public")),
        folder: folder.to_path_buf(),
        allow_origin: vec!["https://app.example".to_owned(), "*".to_owned()],
        trusted_proxies: 2,
        upstream: authority("{service}.kvartal.svc:9090"),
        upstreams: [("identity".to_owned(), vec![authority("[::1]:9091"), authority("10.0.0.1:9091")])].into(),
        upstream_tls: Some(UpstreamTls { folder: folder.join("services"), trust_domain: "kvartal".to_owned() }),
        pages: vec![authority("edge.kvartal.svc:8080")],
        guard: vec![authority("guard.kvartal.svc:9090")],
        telemetry: Some(Telemetry { collector: authority("collector:4318"), sampled_percent: 10 }),
        access_log: AccessLog::File(folder.join("access.log")),
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_accepts_every_kind_of_setting() {
    let folder = tempfile::tempdir().unwrap();
    let all = everything(folder.path());
    let kinds = [
        ("the defaults", Settings::default()),
        ("everything", all.clone()),
        ("no counting", Settings { rate_limit: false, ..all.clone() }),
        ("no revocation", Settings { revocation: false, ..all.clone() }),
        (
            "all traced",
            Settings { telemetry: all.telemetry.clone().map(|t| Telemetry { sampled_percent: 100, ..t }), ..all },
        ),
    ];
    for (name, settings) in kinds {
        for (file, value) in envoy::files(&settings) {
            std::fs::write(folder.path().join(file), envoy::yaml(&value).unwrap()).unwrap();
        }
        let config = envoy::yaml(&envoy::config(kvartal_proto::contract(), &settings)).unwrap();
        let said = Envoy::validate(&config, &[]).await.unwrap_or_else(|said| panic!("{name}: {said}"));
        assert!(!said.contains("Deprecated"), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_refuses_what_it_does_not_know() {
    let mut config = envoy::config(kvartal_proto::contract(), &Settings::default());
    config["static_resources"]["clusters"][0]["no_such_field"] = true.into();
    let said = Envoy::validate(&envoy::yaml(&config).unwrap(), &[]).await.unwrap_err();
    assert!(said.contains("no_such_field"), "{said}");
}
