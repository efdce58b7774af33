//! The outside: gRPC, and the events of the bus.

mod details;
mod events;
mod grpc;

pub(crate) use events::AuditConsumer;
pub(crate) use grpc::AuditGrpc;
