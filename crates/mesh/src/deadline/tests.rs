//! Deadline arithmetic and its header.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{LONGEST, MARGIN, Malformed, budget, current, read, remaining, within, write};

fn parse(text: &str) -> Result<Option<Duration>, Malformed> {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-timeout", HeaderValue::from_str(text).unwrap());
    read(&headers)
}

#[test]
fn every_unit_is_read() {
    assert_eq!(read(&HeaderMap::new()), Ok(None));
    assert_eq!(parse("2H"), Ok(Some(Duration::from_secs(7_200))));
    assert_eq!(parse("3M"), Ok(Some(Duration::from_secs(180))));
    assert_eq!(parse("4S"), Ok(Some(Duration::from_secs(4))));
    assert_eq!(parse("5m"), Ok(Some(Duration::from_millis(5))));
    assert_eq!(parse("6u"), Ok(Some(Duration::from_micros(6))));
    assert_eq!(parse("7n"), Ok(Some(Duration::from_nanos(7))));
    assert_eq!(parse("99999999H"), Ok(Some(LONGEST)));
}

#[test]
fn what_is_no_timeout_is_refused() {
    for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1 S", "0x1S", "1SS"] {
        assert_eq!(parse(text), Err(Malformed), "{text}");
    }
}

#[test]
fn an_outgoing_call_gets_the_shortest_of_all() {
    let s = Duration::from_secs;
    assert_eq!(budget(s(5), None, None), Some(s(5)));
    assert_eq!(budget(s(5), Some(s(2)), None), Some(s(2)));
    assert_eq!(budget(s(5), Some(s(9)), Some(s(3))), Some(s(3) - MARGIN));
    assert_eq!(budget(s(5), None, Some(MARGIN)), None);
    assert_eq!(budget(s(5), None, Some(Duration::ZERO)), None);
    assert_eq!(budget(s(5), Some(Duration::ZERO), None), None);
}

proptest! {
    #[test]
    fn a_written_timeout_is_read_again_to_the_millisecond(micros in 0_u64..90_000_000_000) {
        let timeout = Duration::from_micros(micros);
        let mut headers = HeaderMap::new();
        write(&mut headers, timeout);
        let again = read(&headers).unwrap().unwrap();
        let expected = timeout.min(LONGEST);
        prop_assert!(again <= expected && expected - again < Duration::from_millis(1));
    }

    #[test]
    fn any_header_is_an_answer_not_a_crash(bytes: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value);
            let _ = read(&headers);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_knows_what_is_left_of_its_call() {
    assert_eq!(current(), None);
    let deadline = Instant::now() + Duration::from_secs(3);
    within(deadline, async {
        assert_eq!(current(), Some(deadline));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(remaining(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(remaining(), Some(Duration::ZERO));
    })
    .await;
}
