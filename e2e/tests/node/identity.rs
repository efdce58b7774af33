//! Who services are.

use kvartal_testing::eventually;
use serde_json::json;

use crate::city::{City, NAMESPACE, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_gets_an_identity_and_takes_it_with_it() {
    let city = City::find().await;
    let metadata = json!({"name": "visitor", "namespace": NAMESPACE, "labels": {"kvartal.dev/service": "visitor"}});
    city.access.apply(&[json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})]).unwrap();
    let identity = || city.kubectl(&["get", "secret", "visitor-tls", "--ignore-not-found", "-o", "name"]).unwrap();
    eventually(PATIENCE, || async { !identity().is_empty() }).await;
    city.kubectl(&["delete", "serviceaccount", "visitor"]).unwrap();
    eventually(PATIENCE, || async { identity().is_empty() }).await;
}
