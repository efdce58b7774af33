//! One attempt to send a mail.

use kvartal_kernel::{Error, Kind as ErrorKind, Timestamp};

use super::{Attempt, Ending, Mail, MailError, Notifier};
use crate::domain::{Address, DeliveryId};

/// What became of an attempt, for whoever asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Attempted {
    /// Nothing more to do.
    Over,
    /// It is to be tried again.
    Again(String),
    /// It was given up.
    GivenUp(String),
}

impl Notifier {
    /// Tries to send the mail of a delivery, unless it has arrived or was given up.
    pub(crate) async fn deliver(&self, id: DeliveryId) -> Result<Attempted, Error> {
        let now = self.ports.clock.now();
        let Some(attempt) = self.ports.deliveries.begin(id, now).await? else { return Ok(Attempted::Over) };
        let ending = self.attempt(&attempt, now).await;
        let attempted = match &ending {
            Ending::Delivered | Ending::Suppressed(_) => Attempted::Over,
            Ending::Again { error, .. } => Attempted::Again(error.clone()),
            Ending::Failed(error) => Attempted::GivenUp(error.clone()),
        };
        self.ports.deliveries.end(id, ending).await?;
        Ok(attempted)
    }

    async fn attempt(&self, attempt: &Attempt, now: Timestamp) -> Ending {
        let Attempt { delivery, notification, confidence } = attempt;
        // Only a worker that died during the last attempt leaves one more to come.
        if delivery.attempts > self.patience.attempts {
            return Ending::Failed("interrupted during the last attempt".to_owned());
        }
        if confidence.expires.is_some_and(|expires| expires <= now) {
            return Ending::Failed("expired before it could be sent".to_owned());
        }
        let address = match self.address(attempt).await {
            Ok(Some(address)) => address,
            Ok(None) => return Ending::Suppressed("the account has no confirmed address".to_owned()),
            Err(error) => return self.again(delivery.attempts, format!("no address: {}", error.reason()), now),
        };
        let rendered = self.templates.mail(
            notification.kind,
            address.locale,
            &notification.data,
            &confidence.secrets,
            &notification.link,
            &address.display_name,
        );
        let text = match rendered {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(error = error.chain(), delivery = %delivery.id, "a mail could not be written");
                return Ending::Failed("the template could not be filled".to_owned());
            }
        };
        let unsubscribe = self.templates.settings_url(notification.kind);
        match self.ports.mailer.send(&Mail { id: delivery.id, to: address, text, unsubscribe, time: now }).await {
            Ok(()) => Ending::Delivered,
            Err(MailError::Permanent(error)) => Ending::Failed(error),
            Err(MailError::Transient(error)) => self.again(delivery.attempts, error, now),
        }
    }

    async fn address(&self, attempt: &Attempt) -> Result<Option<Address>, Error> {
        match (&attempt.confidence.address, attempt.delivery.user) {
            (Some(address), _) => Ok(Some(address.clone())),
            (None, None) => Ok(None),
            (None, Some(user)) => match self.ports.contacts.address(user).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                found => found,
            },
        }
    }

    fn again(&self, attempts: u32, error: String, now: Timestamp) -> Ending {
        if attempts >= self.patience.attempts {
            Ending::Failed(error)
        } else {
            Ending::Again { error, at: now.plus(self.patience.delay(attempts)) }
        }
    }
}
