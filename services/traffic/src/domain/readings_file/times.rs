//! Times in files.

use kvartal_kernel::Timestamp;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const PLAIN: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Seconds since 1970 of RFC 3339, or of `2015-09-01 13:45:00` on a clock so many seconds ahead of UTC.
pub(super) fn timestamp(text: &str, offset: i64) -> Option<i64> {
    if text.contains('T') {
        return Timestamp::parse(text).map(Timestamp::seconds);
    }
    PrimitiveDateTime::parse(text, PLAIN).ok().map(|plain| plain.assume_utc().unix_timestamp() - offset)
}
