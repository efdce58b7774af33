//! The event and its envelope.

use bytes::Bytes;
use kvartal_kernel::{Error, Timestamp, Uuid};
use prost::{Message, Name};

/// Something that happened, as it travels between services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique; consumers use it to apply each event once.
    pub id: Uuid,
    /// Full name of the payload's message, such as `kvartal.incident.v1.IncidentOpened`.
    pub kind: String,
    /// The service that published it.
    pub source: String,
    /// The aggregate it is about; events of one subject keep their order.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// W3C trace context of the call that caused it; empty when there was none.
    pub traceparent: String,
    /// The event message, encoded.
    pub payload: Bytes,
}

impl Event {
    /// An event of now; the trace context is that of the current span.
    pub fn new<M: Message + Name>(source: &str, subject: impl ToString, time: Timestamp, message: &M) -> Event {
        Event {
            id: time.uuid(),
            kind: M::full_name(),
            source: source.to_owned(),
            subject: subject.to_string(),
            time,
            traceparent: String::new(),
            payload: message.encode_to_vec().into(),
        }
    }

    /// Whether the payload is this message.
    pub fn is<M: Name>(&self) -> bool {
        self.kind == M::full_name()
    }

    /// The payload as this message; an error when it is another one or broken.
    pub fn decode<M: Message + Default + Name>(&self) -> Result<M, Error> {
        if !self.is::<M>() {
            return Err(Error::internal(format!("event {} is {}, not {}", self.id, self.kind, M::full_name())));
        }
        M::decode(self.payload.clone()).map_err(|e| Error::internal(format!("event {} is broken", self.id)).because(e))
    }
}
