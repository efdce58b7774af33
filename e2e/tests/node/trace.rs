//! What Jaeger shows of a report on the cluster.

use kvartal_e2e::Trace;
use kvartal_e2e::journey::{Entry, file_and_follow};

use crate::city::{City, NAMESPACE};

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_browser_through_the_gateway_to_the_databases_and_the_mail() {
    let city = City::find().await;
    let admin = city.front.admin().await;
    let citizen = city.front.user(&admin, &[]).await;
    let read = |id: String| {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/services/jaeger:pages/proxy/api/traces/{id}");
        let answer = city.access.kubectl(&["get", "--raw", &path]).unwrap_or_default();
        std::future::ready(Trace::parse(&answer))
    };
    file_and_follow(&city.front, &citizen, Entry::Envoy, read).await;
}
