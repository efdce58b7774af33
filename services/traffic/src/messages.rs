//! The domain in the words of the contract: what answers, streams and events are made of.

pub mod congestion;
pub mod measuring;
