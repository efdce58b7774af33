//! What identity does in the background.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_host::jobs::{Job, JobHandler, NewJob};
use kvartal_kernel::{Error, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::application::Identity;
use crate::domain::{Email, Purpose};

const SEND_LINK: &str = "send_link";

/// What [`SendLink`] needs to know.
#[derive(Serialize, Deserialize)]
struct WantedLink {
    reset: bool,
    email: String,
}

/// The job that mails a link. While one waits, asking again adds none.
pub(super) fn want_link(purpose: Purpose, email: &Email, now: Timestamp) -> NewJob {
    let reset = purpose == Purpose::Reset;
    let wanted = WantedLink { reset, email: email.address().to_owned() };
    NewJob {
        kind: SEND_LINK.to_owned(),
        key: Some(format!("{} {}", if reset { "reset" } else { "confirmation" }, email.fingerprint())),
        payload: json!(wanted),
        run_at: now,
        max_attempts: 10,
    }
}

/// Mails links that were asked for.
pub struct SendLink(pub Arc<Identity>);

#[async_trait]
impl JobHandler for SendLink {
    fn kind(&self) -> &'static str {
        SEND_LINK
    }

    async fn run(&self, job: &Job) -> Result<(), Error> {
        let wanted = WantedLink::deserialize(&job.payload);
        let WantedLink { reset, email } = wanted.map_err(|_| Error::invalid("payload", "is not a wanted link"))?;
        let purpose = if reset { Purpose::Reset } else { Purpose::Confirmation };
        self.0.send_link(purpose, &Email::parse("email", &email)?).await
    }
}

/// Keeps keys and rows in order.
pub struct Tidy(pub Arc<Identity>);

#[async_trait]
impl JobHandler for Tidy {
    fn kind(&self) -> &'static str {
        "tidy"
    }

    async fn run(&self, _job: &Job) -> Result<(), Error> {
        self.0.tidy().await
    }
}
