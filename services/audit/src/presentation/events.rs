//! Events of the bus become entries.

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::Error;
use kvartal_proto::{audit, identity};
use prost::Name;

use super::details::{decode, details, text};
use crate::application::Audit;
use crate::domain::Entry;

/// Fields that have a column of their own.
const ELSEWHERE: &[&str] = &["method", "outcome", "actor_id"];

/// Appends a record for every audited call and every security event.
pub(crate) struct AuditConsumer {
    audit: Audit,
}

impl AuditConsumer {
    pub(crate) fn new(audit: Audit) -> Self {
        Self { audit }
    }
}

#[async_trait]
impl Handler for AuditConsumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        self.audit.append(entry(event)).await
    }
}

/// Total: an event that cannot be read is recorded too, with what its envelope says. A record must never be lost
/// because this build is older than the publisher.
fn entry(event: &Event) -> Entry {
    let message = decode(event);
    let field = |name| message.as_ref().map(|message| text(message, name)).unwrap_or_default();
    Entry {
        event: event.id,
        kind: event.kind.clone(),
        source: event.source.clone(),
        actor: if is_own_doing(event) { event.subject.clone() } else { field("actor_id") },
        subject: event.subject.clone(),
        time: event.time,
        method: if event.is::<audit::v1::CallAudited>() { field("method") } else { String::new() },
        outcome: if event.is::<audit::v1::CallAudited>() { field("outcome") } else { String::new() },
        trace: trace_id(&event.traceparent),
        details: message.as_ref().map_or_else(|| "unreadable".to_owned(), |message| details(message, ELSEWHERE)),
    }
}

/// Events that only the person they are about can cause; the others name their actor, or nobody knows it.
fn is_own_doing(event: &Event) -> bool {
    let kinds = [
        identity::v1::UserRegistered::full_name(),
        identity::v1::EmailConfirmed::full_name(),
        identity::v1::PasswordChanged::full_name(),
        identity::v1::SessionStarted::full_name(),
    ];
    kinds.contains(&event.kind)
}

/// `00-<trace id>-<span id>-<flags>` → the trace id; empty when there is none.
fn trace_id(traceparent: &str) -> String {
    let id = traceparent.split('-').nth(1).unwrap_or_default();
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid { id.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use kvartal_kernel::Timestamp;

    use super::{Event, audit, entry, identity, trace_id};

    #[test]
    fn a_call_keeps_its_path_and_status() {
        let call = audit::v1::CallAudited {
            method: "/kvartal.identity.v1.IdentityService/GrantRole".into(),
            actor_id: "root".into(),
            session_id: "s".into(),
            outcome: "PERMISSION_DENIED".into(),
            address: "203.0.113.7".into(),
        };
        let entry = entry(&Event::new("identity", "root", Timestamp(5), &call));
        assert_eq!((entry.actor.as_str(), entry.outcome.as_str()), ("root", "PERMISSION_DENIED"));
        assert_eq!(entry.details, "session_id=s");
    }

    #[test]
    fn nobody_is_blamed_for_a_token_that_came_back() {
        let reused = identity::v1::RefreshTokenReused { user_id: "u".into(), session_id: "s".into() };
        assert_eq!(entry(&Event::new("identity", "u", Timestamp(5), &reused)).actor, "");
        let started = identity::v1::SessionStarted { user_id: "u".into(), ..Default::default() };
        assert_eq!(entry(&Event::new("identity", "u", Timestamp(5), &started)).actor, "u");
    }

    #[test]
    fn an_unreadable_event_is_recorded_all_the_same() {
        let mut event = Event::new("identity", "u", Timestamp(5), &identity::v1::EmailConfirmed::default());
        event.payload = vec![0xff].into();
        assert_eq!(entry(&event).details, "unreadable");
    }

    #[test]
    fn the_trace_id_is_taken_from_a_valid_trace_context_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), id);
        assert_eq!(trace_id("00-short-x"), "");
        assert_eq!(trace_id(""), "");
    }
}
