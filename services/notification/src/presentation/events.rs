//! Events of the bus become facts.

use async_trait::async_trait;
use kvartal_events::{Event, Handler};
use kvartal_kernel::{Error, Role, Timestamp};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::time;

use crate::application::Notifier;
use crate::domain::{AUDIENCE_MAX, Address, Fact, IncidentFacts, Locale, ReportFacts, UserId};

mod areas;

/// Tells people about events.
pub(crate) struct NotificationConsumer {
    notifier: Notifier,
}

impl NotificationConsumer {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self { notifier }
    }
}

#[async_trait]
impl Handler for NotificationConsumer {
    async fn handle(&self, event: &Event) -> Result<(), Error> {
        let (fact, news) = (fact(event)?, areas::news(event)?);
        if fact.is_none() && news.is_none() {
            tracing::debug!(kind = event.kind, "an event that concerns nobody came");
            return Ok(());
        }
        let news = news.filter(|_| self.notifier.is_news(event.time));
        self.notifier.tell(event.id, fact, news).await
    }
}

/// What an event says to single people; `None` for nothing.
fn fact(event: &Event) -> Result<Option<Fact>, Error> {
    Ok(Some(if event.is::<identity::EmailConfirmationRequested>() {
        let said: identity::EmailConfirmationRequested = event.decode()?;
        Fact::EmailConfirmationRequested {
            user: somebody("user_id", &said.user_id)?,
            to: address(said.email, said.display_name, &said.locale),
            token: said.token,
            expires: time::from_proto("expire_time", said.expire_time.as_ref())?,
        }
    } else if event.is::<identity::PasswordResetRequested>() {
        let said: identity::PasswordResetRequested = event.decode()?;
        Fact::PasswordResetRequested {
            user: somebody("user_id", &said.user_id)?,
            to: address(said.email, said.display_name, &said.locale),
            token: said.token,
            expires: time::from_proto("expire_time", said.expire_time.as_ref())?,
        }
    } else if event.is::<identity::PasswordChanged>() {
        let said: identity::PasswordChanged = event.decode()?;
        Fact::PasswordChanged { user: UserId::parse("user_id", &said.user_id)?, at: second(event.time) }
    } else if event.is::<identity::SessionStarted>() {
        let said: identity::SessionStarted = event.decode()?;
        Fact::SessionStarted {
            user: UserId::parse("user_id", &said.user_id)?,
            known_device: said.known_device,
            user_agent: said.user_agent,
            address: said.address,
            at: second(event.time),
        }
    } else if event.is::<identity::RoleGranted>() {
        let said: identity::RoleGranted = event.decode()?;
        let role = Role::from_number(said.role).map_or_else(|| said.role.to_string(), |role| role.name().to_owned());
        Fact::RoleGranted { user: UserId::parse("user_id", &said.user_id)?, role }
    } else if event.is::<identity::RefreshTokenReused>() {
        let said: identity::RefreshTokenReused = event.decode()?;
        Fact::RefreshTokenReused { user: UserId::parse("user_id", &said.user_id)?, at: second(event.time) }
    } else if event.is::<incident::ReportReceived>() {
        let said: incident::ReportReceived = event.decode()?;
        Fact::ReportReceived {
            reporter: somebody("reporter_id", &said.reporter_id)?,
            report: report(said.report.unwrap_or_default()),
        }
    } else if event.is::<incident::ReportStatusChanged>() {
        let said: incident::ReportStatusChanged = event.decode()?;
        if said.audience.len() > AUDIENCE_MAX {
            tracing::error!(event = %event.id, audience = said.audience.len(), "more receivers than the contract allows");
        }
        let audience = said.audience.iter().map(|id| UserId::parse("audience", id)).collect::<Result<_, _>>()?;
        Fact::ReportStatusChanged { audience, report: report(said.report.unwrap_or_default()) }
    } else if event.is::<incident::IncidentAssigned>() {
        let said: incident::IncidentAssigned = event.decode()?;
        let of = said.incident.unwrap_or_default();
        Fact::IncidentAssigned {
            assignee: somebody("assignee_id", &said.assignee_id)?,
            incident: IncidentFacts {
                priority: name(of.priority().as_str_name(), "PRIORITY_"),
                id: of.incident_id,
                title: of.title,
                place: of.place.map(|place| place.address).unwrap_or_default(),
            },
        }
    } else {
        return Ok(None);
    }))
}

fn report(of: incident::Report) -> ReportFacts {
    ReportFacts {
        status: name(of.status().as_str_name(), "REPORT_STATUS_"),
        id: of.report_id,
        tracking_number: of.tracking_number,
        place: of.address,
        answer: of.answer,
    }
}

fn address(email: String, display_name: String, locale: &str) -> Address {
    Address { email, display_name, locale: Locale::from_tag(locale) }
}

/// An id that may be empty for nobody.
fn somebody(field: &'static str, id: &str) -> Result<Option<UserId>, Error> {
    if id.is_empty() { Ok(None) } else { UserId::parse(field, id).map(Some) }
}

/// `REPORT_STATUS_IN_PROGRESS` → `in_progress`.
fn name(value: &str, prefix: &str) -> String {
    value.strip_prefix(prefix).unwrap_or(value).to_lowercase()
}

/// People are not told fractions of a second.
fn second(moment: Timestamp) -> Timestamp {
    Timestamp(moment.seconds() * 1_000_000)
}

#[cfg(test)]
mod tests;
