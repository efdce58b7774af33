//! The operator on a real API server with the real controllers of Kubernetes and the real Helm. There are no nodes: what a
//! kubelet would say of pods, the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tasks of a test end with its runtime")]

mod apiserver;
mod databases;
mod kills;
mod kubelet;
mod operator;
mod place;
mod proxy;
mod scale;
