//! A connection to RabbitMQ that is made again when it is lost.

use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use kvartal_kernel::Error;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::Mutex;

use crate::bus::BUS_UNAVAILABLE;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the broker may take for an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long the broker may take to confirm what was published. Shorter: the database waits for it too.
const CONFIRM: Duration = Duration::from_secs(5);
/// How long an acknowledgement may take: it has no answer, it need only be written.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);
/// A peer that is silent for about twice as long is gone; in seconds.
const HEARTBEAT: u16 = 10;
/// Bytes of a frame: the least that every RabbitMQ takes. The client keeps 32 of them in each direction, 8 MiB with what the
/// broker proposes; a message may have any number.
const FRAME: u32 = 8192;

/// One connection, made when it is needed.
pub(super) struct Link {
    uri: AMQPUri,
    purpose: &'static str,
    connection: Mutex<Option<Connection>>,
}

impl Link {
    pub(super) fn new(url: &str, purpose: &'static str) -> Result<Self, Error> {
        // The text of the error could contain the password.
        let mut uri = AMQPUri::from_str(url).map_err(|_| Error::internal("the AMQP URL is wrong"))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME);
        Ok(Self { uri, purpose, connection: Mutex::new(None) })
    }

    /// A new channel, on a new connection when the old one is dead.
    pub(super) async fn channel(&self) -> Result<Channel, Error> {
        let mut connection = self.connection.lock().await;
        if let Some(alive) = &*connection
            && alive.status().connected()
        {
            return within(alive.create_channel()).await;
        }
        *connection = None;
        let properties =
            ConnectionProperties::default().with_connection_name(format!("kvartal {}", self.purpose).into());
        let fresh = tokio::time::timeout(CONNECT, Connection::connect_uri(self.uri.clone(), properties)).await;
        let fresh = fresh.map_err(|_| unreachable())?.map_err(not_let_in)?;
        tracing::info!(purpose = self.purpose, "connected to RabbitMQ");
        let channel = within(fresh.create_channel()).await?;
        *connection = Some(fresh);
        Ok(channel)
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take()
            && connection.status().connected()
            && let Err(error) = within(connection.close(200, "goodbye".into())).await
        {
            tracing::debug!(error = error.chain(), "the connection to RabbitMQ did not close well");
        }
    }
}

/// The confirms of the broker in time.
pub(super) async fn confirmed<T>(confirms: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(CONFIRM, confirms).await {
        Ok(confirms) => confirms.map_err(away),
        Err(_) => Err(unreachable()),
    }
}

/// An answer of the broker in time.
pub(super) async fn within<T>(answer: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(away),
        Err(_) => Err(unreachable()),
    }
}

/// An acknowledgement, written in time. One that meets the end of its connection is neither written nor refused: without
/// a limit, its consumer would wait for ever.
pub(super) async fn acknowledge(written: impl Future<Output = lapin::Result<bool>>) -> Result<(), Error> {
    match tokio::time::timeout(ACKNOWLEDGE, written).await {
        Ok(Ok(true)) => Ok(()),
        // The channel is gone; the broker will deliver again.
        Ok(Ok(false)) => Err(unreachable()),
        Ok(Err(error)) => Err(away(error)),
        Err(_) => Err(unreachable()),
    }
}

/// Waiting does not help against a wrong password or the name of a virtual host that is not there.
fn not_let_in(error: lapin::Error) -> Error {
    let refused = match error.kind() {
        ErrorKind::ProtocolError(error) => {
            matches!(
                error.kind(),
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
            )
        }
        ErrorKind::AuthProviderError(_) => true,
        _ => false,
    };
    if refused {
        Error::internal("RabbitMQ refuses the user, the password or the virtual host").because(error)
    } else {
        away(error)
    }
}

/// Whatever the broker says against it, it may work later.
pub(super) fn away(error: lapin::Error) -> Error {
    Error::unavailable(BUS_UNAVAILABLE, "the broker cannot answer now").because(error)
}

fn unreachable() -> Error {
    Error::unavailable(BUS_UNAVAILABLE, "the broker does not answer")
}
