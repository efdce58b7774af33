//! The story of one report, on both adapters.

use kvartal_e2e::{Adapter, Options, Platform, story};

async fn told_on(adapter: Adapter) {
    let platform = Platform::start(adapter, Options::default()).await;
    story::a_report_is_filed_worked_on_and_answered(&platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_filed_worked_on_and_answered_on_sqlite() {
    told_on(Adapter::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_filed_worked_on_and_answered_on_postgres_rabbitmq_and_redis() {
    told_on(Adapter::Servers).await;
}
