//! Days and weekdays go by the clocks of the city.

use std::sync::Arc;

use kvartal_kernel::{ManualClock, Timestamp};
use kvartal_proto::traffic::v1 as pb;
use kvartal_testing::eventually;
use kvartal_traffic::Config;

use crate::congestion::{build, congestion, ingest};
use crate::stage::{NOW, Stage, speed};

/// The minutes of a weekday's profile of the first segment, and on how many days it rests.
async fn profile(stage: &Stage, weekday: pb::Weekday) -> (Vec<u32>, u32) {
    let request = pb::GetTypicalProfileRequest { segment_id: "s0".to_owned(), weekday: weekday.into() };
    let answer = congestion(stage).get_typical_profile(request).await.unwrap().into_inner();
    (answer.slots.iter().map(|slot| slot.minute_of_day).collect(), answer.day_count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_of_the_day_that_people_live_in() {
    // 05:45 ahead of universal time.
    let config = Config { time_zone: "Asia/Kathmandu".to_owned(), ..Config::default() };
    let stage = Stage::open(None, Arc::new(ManualClock::at(NOW)), config).await;
    build(&stage).await;
    // Sunday 2026-11-15, 22:00: on the wall it is Monday, 03:45.
    let night = Timestamp::parse("2026-11-15T22:00:00Z").unwrap().seconds();
    ingest(&stage, vec![speed("d0", night, 50.0), speed("d0", night - 7 * 86_400, 60.0)]).await;
    eventually(std::time::Duration::from_secs(60), async || {
        let monday = profile(&stage, pb::Weekday::Monday).await;
        if monday == (vec![3 * 60 + 45], 2) { Ok(()) } else { Err(monday) }
    })
    .await;
    assert_eq!(profile(&stage, pb::Weekday::Sunday).await, (vec![], 0));
}
