//! The event and its envelope.

use bytes::Bytes;
use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_proto::event::v1::Envelope;
use kvartal_proto::time;
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
    /// W3C trace context: in the outbox of the call that caused it, on the bus of its publishing; empty when there is none.
    pub traceparent: String,
    /// The event message, encoded.
    pub payload: Bytes,
}

impl Event {
    /// An event of this moment; its trace context is that of the current span.
    pub fn new<M: Message + Name>(source: &str, subject: impl ToString, time: Timestamp, message: &M) -> Event {
        Event {
            id: time.uuid(),
            kind: M::full_name(),
            source: source.to_owned(),
            subject: subject.to_string(),
            time,
            traceparent: kvartal_trace::traceparent(),
            payload: message.encode_to_vec().into(),
        }
    }

    /// Whether the payload is this message.
    pub fn is<M: Name>(&self) -> bool {
        self.kind == M::full_name()
    }

    /// The payload as this message. `InvalidArgument` when it is another one or broken: repeating does not help.
    pub fn decode<M: Message + Default + Name>(&self) -> Result<M, Error> {
        if !self.is::<M>() {
            return Err(Error::invalid("type", format!("event {} is {}, not {}", self.id, self.kind, M::full_name())));
        }
        M::decode(self.payload.clone())
            .map_err(|error| Error::invalid("payload", format!("event {} is broken", self.id)).because(error))
    }

    /// The envelope, encoded: what travels on the bus.
    pub fn encode(&self) -> Vec<u8> {
        let envelope = Envelope {
            id: self.id.to_string(),
            r#type: self.kind.clone(),
            source: self.source.clone(),
            subject: self.subject.clone(),
            time: Some(time::to_proto(self.time)),
            traceparent: self.traceparent.clone(),
            payload: self.payload.clone(),
        };
        envelope.encode_to_vec()
    }

    /// Reads an envelope. `InvalidArgument` when it is none.
    pub fn from_envelope(bytes: &[u8]) -> Result<Event, Error> {
        let envelope = Envelope::decode(bytes)
            .map_err(|error| Error::invalid("envelope", "is not an event envelope").because(error))?;
        let id = envelope.id.parse().map_err(|_| Error::invalid("id", "must be a UUID"))?;
        let time = time::from_proto("time", envelope.time.as_ref())?.unwrap_or_default();
        Ok(Event {
            id,
            kind: envelope.r#type,
            source: envelope.source,
            subject: envelope.subject,
            time,
            traceparent: envelope.traceparent,
            payload: envelope.payload,
        })
    }
}

#[cfg(test)]
mod tests {
    //! What goes into an envelope comes out of it.

    use kvartal_kernel::{Kind, Timestamp};
    use kvartal_proto::event::v1::Envelope;

    use super::Event;

    fn event() -> Event {
        // Any message will do as a payload, also an envelope.
        let message = Envelope { id: "inner".to_owned(), ..Envelope::default() };
        let time = Timestamp(1_790_000_000_123_456);
        Event { traceparent: "00-x".to_owned(), ..Event::new("incident", "42", time, &message) }
    }

    #[test]
    fn an_event_survives_its_envelope() {
        let event = event();
        let back = Event::from_envelope(&event.encode()).unwrap();
        assert_eq!(back, event);
        assert_eq!(back.decode::<Envelope>().unwrap().id, "inner");
    }

    #[test]
    fn the_payload_is_not_taken_for_another_message() {
        let error = event().decode::<kvartal_proto::contract::v1::Slo>().unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidArgument);
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        assert!(Event::from_envelope(b"\xff\xff\xff").is_err());
        assert!(Event::from_envelope(b"").is_err());
    }
}
