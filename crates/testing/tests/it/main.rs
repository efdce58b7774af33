//! The servers start, keep tests apart, fail on request and leave nothing behind.

mod processes;
mod servers;
mod smtp;
