//! What subscribers of the live map cost while readings come in.

use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_proto::traffic::v1::WatchTrafficRequest;
use kvartal_proto::traffic::v1::live_service_client::LiveServiceClient;
use tonic::transport::Endpoint;

use super::feed::{Feed, Kind};
use crate::drive::cpu;

/// Streams on a connection.
const STREAMS: usize = 50;
const LASTING: Duration = Duration::from_secs(10);

/// Prints CPU with and without subscribers, the same readings coming in.
pub(super) async fn run(subscribers: usize) {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let feed = Feed::new(&platform, 1_000).await;
    let alone = used(&platform, &feed).await;
    let mut streams = Vec::new();
    for _ in 0..subscribers.div_ceil(STREAMS) {
        let channel = Endpoint::from_shared(platform.url()).unwrap().connect().await.expect("connected");
        for _ in 0..STREAMS {
            let answer = LiveServiceClient::new(channel.clone()).watch_traffic(WatchTrafficRequest::default()).await;
            let mut stream = answer.expect("subscribed").into_inner();
            streams.push(tokio::spawn(async move { while let Ok(Some(_)) = stream.message().await {} }));
        }
    }
    let watched = used(&platform, &feed).await;
    let count = streams.len();
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    let each = (watched.saturating_sub(alone)).as_secs_f64() / LASTING.as_secs_f64() / count as f64;
    println!(
        "\n{count} subscribers: {:.1} % of a core with them, {:.1} % without; {:.1} µs a second for each",
        100.0 * watched.as_secs_f64() / LASTING.as_secs_f64(),
        100.0 * alone.as_secs_f64() / LASTING.as_secs_f64(),
        each * 1e6
    );
}

/// CPU of the platform while every detector reports once a second.
async fn used(platform: &Platform, feed: &Feed) -> Duration {
    let before = cpu(platform.pid());
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..LASTING.as_secs() {
        ticks.tick().await;
        feed.send(Kind { columns: false, validate_only: false, minutes: 1 }, 1).await;
    }
    cpu(platform.pid()).saturating_sub(before)
}
