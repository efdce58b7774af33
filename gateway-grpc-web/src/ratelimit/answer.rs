//! What Envoy is told, and what it tells the client.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kvartal_contract::RateClass;
use kvartal_kernel::Error;
use kvartal_mesh::rate::{Count, Rate, RateNumbers, class_name};

use crate::protocol::envoy::config::core::v3::HeaderValue;
use crate::protocol::envoy::service::ratelimit::v3::RateLimitResponse;
use crate::protocol::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use crate::protocol::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus, RateLimit};

/// An answer in the making: one status for each descriptor, in their order.
pub(super) struct Answer<'a> {
    numbers: &'a RateNumbers,
    shadow: bool,
    statuses: Vec<DescriptorStatus>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(numbers: &'a RateNumbers, shadow: bool) -> Self {
        Self { numbers, shadow, statuses: Vec::new() }
    }

    /// Of something that was counted.
    pub(super) fn add(&mut self, class: RateClass, count: Option<Count>) {
        let Some(count) = count else { return self.pass() };
        let over = !count.allowed() && !self.shadow;
        self.statuses.push(DescriptorStatus {
            code: if over { Code::OverLimit } else { Code::Ok }.into(),
            current_limit: Some(limit(class, self.numbers.of(class))),
            limit_remaining: count.left,
            duration_until_reset: prost_types::Duration::try_from(count.reset.max(count.wait)).ok(),
        });
    }

    /// Of something that was not counted.
    pub(super) fn pass(&mut self) {
        self.statuses.push(DescriptorStatus { code: Code::Ok.into(), ..DescriptorStatus::default() });
    }

    /// `refusal` is what the client is told when it may not pass.
    pub(super) fn finish(self, refusal: Option<Error>) -> RateLimitResponse {
        let mut response = RateLimitResponse {
            overall_code: Code::Ok.into(),
            statuses: self.statuses,
            response_headers_to_add: Vec::new(),
            raw_body: Vec::new(),
        };
        if let Some(refusal) = refusal.filter(|_| !self.shadow) {
            let wait = refusal.retry_delay();
            let status = kvartal_mesh::to_status(refusal);
            response.overall_code = Code::OverLimit.into();
            response.raw_body = status.message().as_bytes().to_vec();
            // Envoy makes the status itself; the details are what it does not know.
            response
                .response_headers_to_add
                .push(header("grpc-status-details-bin", STANDARD_NO_PAD.encode(status.details())));
            if let Some(wait) = wait {
                response.response_headers_to_add.push(header("retry-after", seconds(wait).to_string()));
            }
        }
        response
    }
}

/// Rounded up: whoever comes a moment too early is refused again.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn header(key: &str, value: String) -> HeaderValue {
    HeaderValue { key: key.to_owned(), value, raw_value: Vec::new() }
}

/// The rate in the smallest unit in which it is at least one.
fn limit(class: RateClass, rate: Rate) -> RateLimit {
    let units = [(Unit::Second, 1), (Unit::Minute, 60), (Unit::Hour, 3_600)];
    let often = |seconds: u64| Duration::from_secs(seconds).as_micros() / rate.interval.as_micros().max(1);
    let (unit, seconds) = units.into_iter().find(|(_, seconds)| often(*seconds) > 0).unwrap_or((Unit::Hour, 3_600));
    RateLimit {
        name: class_name(class).to_owned(),
        requests_per_unit: u32::try_from(often(seconds)).unwrap_or(u32::MAX),
        unit: unit.into(),
    }
}
