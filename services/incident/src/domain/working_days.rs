//! The answer clock.

use std::time::Duration;

use kvartal_kernel::Timestamp;
use time::Weekday;

const DAY: Duration = Duration::from_hours(24);

/// The moment this many working days later, at the same time of day. Saturdays and Sundays (UTC) do not count; public
/// holidays do, because no calendar of them is kept.
pub fn after_working_days(start: Timestamp, days: u32) -> Timestamp {
    let mut moment = start;
    let mut left = days;
    while left > 0 && moment < Timestamp::MAX {
        moment = moment.plus(DAY);
        if !matches!(moment.calendar().weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    moment.min(Timestamp::MAX)
}
