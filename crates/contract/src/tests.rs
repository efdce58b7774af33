//! What is missing from a .proto file is named.

use std::fs;

use prost_reflect::DescriptorPool;

use crate::{Access, Contract, Criticality, RateClass};

const HEAD: &str = r#"syntax = "proto3"; package kvartal.sample.v1; import "kvartal/contract/v1/contract.proto";
message AskRequest {} message AskResponse {} message Asked {}
service SampleService { option (kvartal.contract.v1.service) = {publishes: "kvartal.sample.v1.Asked"}; rpc Ask(AskRequest) returns (AskResponse) { "#;

fn read(options: &str) -> Result<Contract, String> {
    read_file(&format!("{HEAD}{options} }} }}"))
}

fn read_file(text: &str) -> Result<Contract, String> {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let folder = std::env::temp_dir().join(format!("kvartal-contract-{}-{}", std::process::id(), text.len()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("sample.proto"), text).unwrap();
    let mut compiler = protox::Compiler::new([folder.to_str().unwrap(), proto]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file("sample.proto").unwrap();
    let pool: DescriptorPool = compiler.descriptor_pool();
    fs::remove_dir_all(folder).unwrap();
    Contract::from_pool(pool).map_err(|error| error.to_string())
}

#[test]
fn a_method_without_a_contract_is_named() {
    let problem = read("").unwrap_err();
    assert!(problem.contains("/kvartal.sample.v1.SampleService/Ask: access and deadline is missing"), "{problem}");
}

#[test]
fn a_method_without_access_is_named() {
    let problem = read("option (kvartal.contract.v1.method) = {deadline: {seconds: 1}};").unwrap_err();
    assert!(problem.contains("SampleService/Ask: access is missing"), "{problem}");
}

#[test]
fn a_method_without_a_deadline_is_named() {
    let problem = read("option (kvartal.contract.v1.method) = {access: {public: true}};").unwrap_err();
    assert!(problem.contains("SampleService/Ask: deadline is missing"), "{problem}");
}

#[test]
fn access_that_allows_nobody_is_refused() {
    let problem =
        read("option (kvartal.contract.v1.method) = {access: {roles: {}} deadline: {seconds: 1}};").unwrap_err();
    assert!(problem.contains("access is missing"), "{problem}");
}

#[test]
fn a_complete_method_is_read() {
    let contract = read(
        "option idempotency_level = NO_SIDE_EFFECTS; \
         option (kvartal.contract.v1.method) = {access: {authenticated: true} deadline: {seconds: 2}};",
    )
    .unwrap();
    let method = contract.method("/kvartal.sample.v1.SampleService/Ask").unwrap();
    assert_eq!((method.access, method.rate, method.deadline.as_secs()), (Access::Authenticated, RateClass::Read, 2));
    assert_eq!(method.domain, "sample");
}

#[test]
fn services_of_other_packages_count_when_they_have_a_contract() {
    let options = "option (kvartal.contract.v1.method) = {access: {public: true} deadline: {seconds: 2}};";
    let with = format!("{HEAD}{options} }} }}").replace("kvartal.sample", "other.sample");
    let contract = read_file(&with).unwrap();
    assert!(contract.method("/other.sample.v1.SampleService/Ask").is_some());
    let without = with.replace("option (kvartal.contract.v1.service) = {publishes: \"other.sample.v1.Asked\"};", "");
    assert_ne!(without, with);
    assert_eq!(read_file(&without).unwrap().methods().count(), 0);
}

#[test]
fn a_method_may_say_what_it_is_worth_and_is_critical_otherwise() {
    for (declared, expected) in [
        ("", Criticality::Critical),
        ("criticality: CRITICALITY_SHEDDABLE", Criticality::Sheddable),
        ("criticality: CRITICALITY_SHEDDABLE_PLUS", Criticality::SheddablePlus),
        ("criticality: CRITICALITY_CRITICAL", Criticality::Critical),
        ("criticality: CRITICALITY_CRITICAL_PLUS", Criticality::CriticalPlus),
    ] {
        let options = format!(
            "option (kvartal.contract.v1.method) = {{access: {{public: true}} deadline: {{seconds: 1}} {declared}}};"
        );
        let contract = read(&options).unwrap();
        assert_eq!(contract.methods().next().unwrap().criticality, expected, "{declared}");
    }
}

#[test]
fn roles_of_the_kernel_are_those_of_the_contract() {
    let contract =
        read("option (kvartal.contract.v1.method) = {access: {public: true} deadline: {seconds: 1}};").unwrap();
    let roles = contract.pool().get_enum_by_name("kvartal.contract.v1.Role").unwrap();
    for value in roles.values().filter(|value| value.number() != 0) {
        let role = kvartal_kernel::Role::from_number(value.number()).unwrap();
        assert_eq!(format!("ROLE_{}", role.name().to_uppercase()), value.name());
    }
    assert_eq!(roles.values().count(), kvartal_kernel::Role::ALL.len() + 1);
}
