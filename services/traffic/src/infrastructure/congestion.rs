//! Congestion in a database.

mod book;
mod changes;
mod events;
mod free_flows;
mod log;
mod measured;
mod migrations;
mod retention;
mod rows;

pub(crate) use book::StoredBook;
pub use free_flows::StoredFreeFlows;
pub use log::StoredLog;
pub use measured::StoredMeasurements;
pub(crate) use migrations::migrations;

use crate::domain::city::SegmentName;

/// Ids as text that a single one can be found in: `|a|b|`. No id contains a bar.
fn joined<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("|");
    for id in ids {
        text.push_str(id);
        text.push('|');
    }
    text
}

/// What [`joined`] put together.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split('|').filter(|id| !id.is_empty())
}

/// The segments of a text.
fn segments(text: &str) -> Vec<SegmentName> {
    split(text).map(|id| SegmentName(id.to_owned())).collect()
}
