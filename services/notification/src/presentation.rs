//! The outside: gRPC, the events of the bus, the mail jobs, and the page that shows mails on a laptop.

mod areas;
mod convert;
mod events;
mod grpc;
mod jobs;
mod mail_page;

pub(crate) use areas::AreaGrpc;
pub(crate) use events::NotificationConsumer;
pub(crate) use grpc::NotificationGrpc;
pub(crate) use jobs::MailJob;
pub(crate) use mail_page::mail_page;
