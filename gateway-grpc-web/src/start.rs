//! The start page: what runs here, how it is, and what to try.

mod favicon;
mod html;
mod live;
mod map;
mod metrics;
mod page;
mod snapshot;
mod text;

pub(crate) use favicon::favicon;
pub(crate) use live::{Counters, Live};
pub(crate) use page::{Scene, fragments, problem, render};
pub(crate) use text::Language;

/// The page's script.
pub(crate) const SCRIPT: &str = include_str!("start/start.js");
/// The page's style.
pub(crate) const STYLE: &str = include_str!("start/start.css");
