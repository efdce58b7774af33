//! Envoy's own protocols, as generated from the files in `third_party/proto/envoy`: what it asks about every request.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
