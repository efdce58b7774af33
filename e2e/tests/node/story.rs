//! The story of one report.

use kvartal_e2e::story;

use crate::city::City;

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_filed_worked_on_and_answered_through_the_gateway() {
    let city = City::find().await;
    story::a_report_is_filed_worked_on_and_answered(&city.front).await;
}
