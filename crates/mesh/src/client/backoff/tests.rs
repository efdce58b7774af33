//! Pauses grow, stay bounded, and obey the server.

use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{CONNECT_MAX, Pushback, RETRY_MAX, before_connect, before_retry};

#[test]
fn pauses_between_connections_double_from_a_tenth_of_a_second_to_a_minute() {
    let pauses: Vec<_> = (1..=12).map(|failures| before_connect(failures, 0.0).as_millis()).collect();
    assert_eq!(pauses[..4], [100, 200, 400, 800]);
    assert_eq!(pauses[10..], [60_000, 60_000]);
}

proptest! {
    #[test]
    fn pauses_are_bounded(number in any::<u32>(), chance in 0.0..1.0_f64) {
        prop_assert!(before_retry(number, chance) <= RETRY_MAX);
        prop_assert!(before_connect(number, chance) <= CONNECT_MAX.mul_f64(1.1));
    }
}

fn pushback(value: &str) -> Pushback {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-retry-pushback-ms", value.parse().unwrap());
    Pushback::read(&trailers)
}

#[test]
fn a_server_may_ask_for_a_pause_or_for_none_at_all() {
    assert_eq!(pushback("250"), Pushback::After(Duration::from_millis(250)));
    assert_eq!(pushback("0"), Pushback::After(Duration::ZERO));
    for stop in ["-1", "soon", ""] {
        assert_eq!(pushback(stop), Pushback::Stop, "{stop}");
    }
    assert_eq!(Pushback::read(&HeaderMap::new()), Pushback::None);
}

#[test]
fn retry_info_of_the_status_counts_alike() {
    let mut details = ErrorDetails::new();
    details.set_retry_info(Some(Duration::from_secs(2)));
    let status = Status::with_error_details(Code::Unavailable, "later", details);
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    assert_eq!(Pushback::read(&trailers), Pushback::After(Duration::from_secs(2)));
}
