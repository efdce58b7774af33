//! Facts become notices; templates are shown and tried out.

use kvartal_kernel::{Error, Uuid};

use super::Notifier;
use crate::domain::{Fact, Kind, Locale, MailText, NotificationId, Text, UserId, notices};

impl Notifier {
    /// Tells everybody whom a fact concerns, once for each event.
    pub(crate) async fn tell(&self, event: Uuid, fact: Fact) -> Result<(), Error> {
        let notices = notices(fact);
        self.ports.deliveries.plan(event, notices, self.ports.clock.now()).await?;
        Ok(())
    }

    /// A kind's template with example data.
    pub(crate) fn preview(&self, kind: Kind, locale: Locale) -> Result<(Text, MailText), Error> {
        let notice = kind.example(UserId(Uuid::nil()));
        let text = self.templates.text(kind, locale, &notice.data)?;
        let name = match locale {
            Locale::Ru => "Мария",
            Locale::En => "Mary",
        };
        let secrets = &notice.confidence.secrets;
        let mail = self.templates.mail(kind, locale, &notice.data, secrets, &notice.link, name)?;
        Ok((text, mail))
    }

    /// Sends a person a kind with example data; returns the line in the inbox, if there is one.
    pub(crate) async fn send_test(&self, user: UserId, kind: Kind) -> Result<Option<NotificationId>, Error> {
        let now = self.ports.clock.now();
        // No event stands behind it; the id serves as one.
        let planned = self.ports.deliveries.plan(now.uuid(), vec![kind.example(user)], now).await?;
        Ok(planned.into_iter().flatten().next())
    }
}
