//! Decisions, with a limiter inside the process.

use std::sync::Mutex;

use async_trait::async_trait;
use kvartal_kernel::{ManualClock, Timestamp};
use kvartal_mesh::rate::LocalLimiter;
use tonic_types::StatusExt as _;

use super::*;
use crate::protocol::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use crate::protocol::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use crate::protocol::envoy::service::ratelimit::v3::rate_limit_response::Code;
use crate::protocol::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;

fn descriptor(entries: &[(&str, &str)]) -> RateLimitDescriptor {
    let entry = |(key, value): &(&str, &str)| Entry { key: (*key).to_owned(), value: (*value).to_owned() };
    RateLimitDescriptor { entries: entries.iter().map(entry).collect(), hits_addend: None }
}

fn request(descriptors: &[RateLimitDescriptor]) -> RateLimitRequest {
    RateLimitRequest { domain: DOMAIN.to_owned(), descriptors: descriptors.to_vec(), hits_addend: 0 }
}

fn service(shadow: bool) -> (Arc<ManualClock>, RateLimits) {
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000)));
    let numbers = RateNumbers::default();
    (clock.clone(), RateLimits::new(Arc::new(LocalLimiter::new(clock, numbers)), numbers, shadow))
}

async fn ask(service: &RateLimits, request: &RateLimitRequest) -> RateLimitResponse {
    service.should_rate_limit(tonic::Request::new(request.clone())).await.unwrap().into_inner()
}

/// The value of a header that the client would get.
fn header<'a>(answer: &'a RateLimitResponse, key: &str) -> Option<&'a str> {
    answer.response_headers_to_add.iter().find(|header| header.key == key).map(|header| header.value.as_str())
}

#[tokio::test]
async fn a_caller_is_refused_after_its_burst_and_told_when_to_come_again() {
    let (clock, service) = service(false);
    let asked = request(&[descriptor(&[("class", "sensitive"), ("caller", "203.0.113.7")])]);
    for left in (0..20).rev() {
        let answer = ask(&service, &asked).await;
        assert_eq!(answer.overall_code(), Code::Ok);
        assert_eq!(answer.statuses[0].limit_remaining, left);
        assert!(answer.response_headers_to_add.is_empty());
    }
    let answer = ask(&service, &asked).await;
    assert_eq!((answer.overall_code(), answer.statuses[0].code()), (Code::OverLimit, Code::OverLimit));
    let limit = answer.statuses[0].current_limit.clone().unwrap();
    assert_eq!((limit.name.as_str(), limit.requests_per_unit, limit.unit()), ("sensitive", 10, Unit::Minute));
    assert_eq!(answer.statuses[0].duration_until_reset.unwrap().seconds, 120);
    assert_eq!(header(&answer, "retry-after"), Some("6"));
    // What a browser reads: Envoy adds code and message.
    let details = header(&answer, "grpc-status-details-bin").unwrap();
    let message = String::from_utf8(answer.raw_body.clone()).unwrap();
    let details = base64::Engine::decode(&base64::engine::general_purpose::STANDARD_NO_PAD, details).unwrap();
    let status = tonic::Status::with_details(tonic::Code::ResourceExhausted, message, details.into());
    assert_eq!(status.get_details_error_info().unwrap().reason, "RATE_LIMITED");
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(6)));
    clock.advance(Duration::from_secs(6));
    assert_eq!(ask(&service, &asked).await.overall_code(), Code::Ok);
}

#[tokio::test]
async fn a_shadow_counts_and_refuses_nobody() {
    let (_, service) = service(true);
    let asked = request(&[descriptor(&[("class", "expensive"), ("caller", "a")])]);
    for call in 0..30_u32 {
        let answer = ask(&service, &asked).await;
        assert_eq!((answer.overall_code(), answer.statuses[0].code()), (Code::Ok, Code::Ok));
        assert_eq!(answer.statuses[0].limit_remaining, 9_u32.saturating_sub(call), "it counts");
        assert!(answer.response_headers_to_add.is_empty());
    }
}

#[tokio::test]
async fn what_is_not_understood_passes() {
    let (_, service) = service(false);
    let strange = [
        descriptor(&[]),
        descriptor(&[("class", "read")]),
        descriptor(&[("caller", "a")]),
        descriptor(&[("class", "royal"), ("caller", "a")]),
        descriptor(&[("class", "read"), ("remote_address", "nowhere")]),
    ];
    for _ in 0..200 {
        let answer = ask(&service, &request(&strange)).await;
        assert_eq!((answer.overall_code(), answer.statuses.len()), (Code::Ok, 5));
    }
    let other = RateLimitRequest {
        domain: "other".to_owned(),
        ..request(&[descriptor(&[("class", "sensitive"), ("caller", "a")])])
    };
    for _ in 0..30 {
        assert_eq!(ask(&service, &other).await.overall_code(), Code::Ok);
    }
    assert_eq!(ask(&service, &request(&[])).await.overall_code(), Code::Ok);
}

#[tokio::test]
async fn addresses_count_only_for_callers_who_are_not_known() {
    let (_, service) = service(false);
    let address = descriptor(&[("class", "sensitive"), ("remote_address", "203.0.113.7")]);
    let known = |name: &str| descriptor(&[("class", "sensitive"), ("caller", name)]);
    for name in ["ann", "bob", "cid"] {
        for _ in 0..20 {
            let answer = ask(&service, &request(&[address.clone(), known(name)])).await;
            assert_eq!(answer.overall_code(), Code::Ok, "{name} does not pay for the others");
        }
    }
    for _ in 0..20 {
        assert_eq!(ask(&service, &request(std::slice::from_ref(&address))).await.overall_code(), Code::Ok);
    }
    assert_eq!(ask(&service, &request(&[address])).await.overall_code(), Code::OverLimit);
    // A network of IPv6 is one caller, however Envoy writes it.
    let network = |key: &str, value: &str| request(&[descriptor(&[("class", "sensitive"), (key, value)])]);
    for _ in 0..20 {
        ask(&service, &network("remote_address", "2001:db8:1:2::7")).await;
    }
    let other = ask(&service, &network("masked_remote_address", "2001:db8:1:2::/64")).await;
    assert_eq!(other.overall_code(), Code::OverLimit);
}

#[tokio::test]
async fn hits_are_counted_as_many_as_are_named() {
    let (_, service) = service(false);
    let mut asked = request(&[descriptor(&[("class", "write"), ("caller", "a")])]);
    asked.hits_addend = 10;
    assert_eq!(ask(&service, &asked).await.statuses[0].limit_remaining, 20);
    asked.descriptors[0].hits_addend = Some(15);
    assert_eq!(ask(&service, &asked).await.statuses[0].limit_remaining, 5);
    asked.descriptors[0].hits_addend = Some(u64::MAX);
    assert_eq!(ask(&service, &asked).await.overall_code(), Code::OverLimit);
    asked.descriptors[0].hits_addend = Some(0);
    assert_eq!(ask(&service, &asked).await.statuses[0].limit_remaining, 5, "none were counted");
}

/// Cannot count now; remembers what it was asked.
#[derive(Default)]
struct Away(Mutex<usize>);

#[async_trait]
impl Limiter for Away {
    async fn take(&self, hits: &[Hit<'_>]) -> Result<Vec<Count>, Error> {
        *self.0.lock().unwrap() += hits.len();
        Err(Error::unavailable("RATE_UNAVAILABLE", "away"))
    }
}

#[tokio::test]
async fn what_cannot_be_counted_and_must_not_pass_is_refused_for_a_moment() {
    let away = Arc::new(Away::default());
    let service = RateLimits::new(away.clone(), RateNumbers::default(), false);
    let both =
        [descriptor(&[("class", "read"), ("caller", "a")]), descriptor(&[("class", "sensitive"), ("caller", "a")])];
    let answer = ask(&service, &request(&both)).await;
    let codes: Vec<Code> = answer.statuses.iter().map(|status| status.code()).collect();
    assert_eq!((answer.overall_code(), codes), (Code::OverLimit, vec![Code::Ok, Code::OverLimit]));
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    assert_eq!(*away.0.lock().unwrap(), 2, "both were asked for at once");
}
