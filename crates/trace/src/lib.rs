//! W3C trace context: how a trace goes on over a call, a row that waits, and a message.
//!
//! [`parse`] and [`format`] are the text of a `traceparent`; [`adopt`] and [`inject`] put it into headers, [`traceparent`]
//! and [`follow`] into rows, [`produced`] and [`consume`] into messages.

mod headers;
mod span;
mod text;

pub use headers::{adopt, adopt_undecided, inject};
pub use span::{consume, follow, produced, trace_id, traceparent};
pub use text::{format, parse};

#[cfg(test)]
mod tests;
