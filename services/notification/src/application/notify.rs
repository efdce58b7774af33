//! Facts become notices; templates are shown and tried out.

use std::time::Duration;

use kvartal_kernel::{Error, Timestamp, Uuid};

use super::Notifier;
use crate::domain::{AreaNews, Fact, Kind, Locale, MailText, NotificationId, Text, UserId, notices};

/// What is older is not told to those who follow areas: a message that waited in a queue, an import of history.
const NEWS: Duration = Duration::from_secs(2 * 3600);

impl Notifier {
    /// Tells everybody whom a fact concerns, and gathers news for those who follow areas; once for each event.
    pub(crate) async fn tell(&self, event: Uuid, fact: Option<Fact>, news: Option<AreaNews>) -> Result<(), Error> {
        let notices = fact.map(notices).unwrap_or_default();
        self.ports.deliveries.plan(event, notices, news, self.ports.clock.now()).await?;
        Ok(())
    }

    /// Whether something that happened then is still news for those who follow areas.
    pub(crate) fn is_news(&self, happened: Timestamp) -> bool {
        happened.plus(NEWS) >= self.ports.clock.now()
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
        let planned = self.ports.deliveries.plan(now.uuid(), vec![kind.example(user)], None, now).await?;
        Ok(planned.into_iter().flatten().next())
    }
}
