//! Small requests can be sent again, large ones only once.

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::Status;
use tonic::body::Body;

use super::{REPLAY_BYTES_MAX, Replay};

fn request(frames: &[usize]) -> crate::Request {
    let frames: Vec<_> =
        frames.iter().map(|length| Ok::<_, Status>(Frame::data(Bytes::from(vec![7; *length])))).collect();
    http::Request::new(Body::new(StreamBody::new(stream::iter(frames))))
}

async fn length(request: crate::Request) -> usize {
    request.into_body().collect().await.unwrap().to_bytes().len()
}

#[tokio::test]
async fn a_small_message_is_the_same_each_time() {
    for frames in [vec![], vec![5], vec![1, 2, 3], vec![REPLAY_BYTES_MAX]] {
        let mut replay = Replay::read(Box::new(request(&frames))).await.unwrap();
        assert!(replay.is_kept());
        for attempt in 0..3 {
            let request = replay.request(attempt).unwrap();
            let told =
                request.headers().get("grpc-previous-rpc-attempts").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(told, (attempt > 0).then(|| attempt.to_string()));
            assert_eq!(length(request).await, frames.iter().sum::<usize>());
        }
    }
}

#[tokio::test]
async fn a_large_message_is_whole_and_sent_once() {
    for frames in [vec![REPLAY_BYTES_MAX + 1], vec![40_000, 40_000, 40_000]] {
        let mut replay = Replay::read(Box::new(request(&frames))).await.unwrap();
        assert!(!replay.is_kept());
        let request = replay.request(0).unwrap();
        assert!(replay.request(1).is_err());
        replay.unsent(request);
        assert_eq!(length(replay.request(0).unwrap()).await, frames.iter().sum::<usize>());
    }
}
