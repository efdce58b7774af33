//! Trace context headers.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{extract, format, parse};

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_traceparent_is_read_and_written_alike() {
    let context = parse(GOOD).unwrap();
    assert!(context.is_sampled() && context.is_remote());
    assert_eq!(format(&context), GOOD);
}

#[test]
fn a_later_version_is_read_as_far_as_it_agrees() {
    assert!(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what").is_some());
    assert!(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01what").is_none());
}

#[test]
fn what_is_no_traceparent_is_ignored() {
    for text in [
        "",
        "00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319cb7ad6b71-69203331--01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "éé-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert!(parse(text).is_none(), "{text}");
    }
}

#[test]
fn a_tracestate_is_kept_unless_it_is_huge() {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static(GOOD));
    headers.insert("tracestate", HeaderValue::from_static("a=1,b=2"));
    assert_eq!(extract(&headers).unwrap().trace_state().header(), "a=1,b=2");
    headers.insert("tracestate", HeaderValue::from_str(&format!("a={}", "x".repeat(600))).unwrap());
    assert_eq!(extract(&headers).unwrap().trace_state().header(), "");
}

proptest! {
    #[test]
    fn any_text_is_an_answer_not_a_crash(text: String) {
        let _ = parse(&text);
    }
}
