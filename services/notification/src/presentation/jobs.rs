//! The jobs that send mails.

use std::time::Duration;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler};
use kvartal_kernel::{Error, Kind};

use crate::application::{Attempted, Notifier, Patience};
use crate::domain::DeliveryId;

/// Sends the mail of one delivery.
pub(crate) struct MailJob {
    notifier: Notifier,
    kind: &'static str,
    patience: Patience,
    timeout: Duration,
}

impl MailJob {
    /// `timeout` bounds what the mail server may take.
    pub(crate) fn new(notifier: Notifier, kind: &'static str, patience: Patience, timeout: Duration) -> Self {
        Self { notifier, kind, patience, timeout }
    }
}

#[async_trait]
impl JobHandler for MailJob {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, job: &Job) -> Result<(), Error> {
        let id = job.payload.get("delivery").and_then(|id| id.as_str()).unwrap_or_default();
        match self.notifier.deliver(DeliveryId::parse("delivery", id)?).await? {
            Attempted::Over => Ok(()),
            Attempted::Again(error) => Err(Error::new(Kind::Unavailable, "MAIL_NOT_SENT", error)),
            Attempted::GivenUp(error) => Err(Error::new(Kind::FailedPrecondition, "MAIL_GIVEN_UP", error)),
        }
    }

    /// Beside the mail server, identity is asked for the address and the outcome is written down.
    fn timeout(&self) -> Duration {
        self.timeout + Duration::from_secs(30)
    }

    fn backoff(&self, attempt: u32) -> Duration {
        self.patience.delay(attempt)
    }
}
