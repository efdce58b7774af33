//! The definition in the chart is the one that the types give.

use kube::CustomResourceExt as _;
use kvartal_operator::api::ServiceDatabase;

#[test]
fn the_charts_definition_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/kvartal-operator/files/servicedatabases.yaml");
    let expected = serde_saphyr::to_string(&ServiceDatabase::crd()).unwrap();
    let found = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        found == expected,
        "{file} is old; write it anew: cargo run -p kvartal-operator --bin kvartal-operator crd"
    );
}
