//! Mails leave by SMTP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use async_trait::async_trait;
use kvartal_kernel::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tracing::{Instrument as _, info_span};

use crate::application::{Mail, MailError, Mailer};
use crate::domain::without_addresses;

/// Connections kept to the mail server.
const CONNECTIONS: u32 = 4;

/// A mail server.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    /// Its host, for traces.
    server: String,
}

impl Smtp {
    /// `smtp://host:port` in the clear, `smtp://host?tls=required` with STARTTLS, `smtps://host` with TLS from the start;
    /// `user:password@` before the host signs in. `timeout` bounds one mail in all.
    pub(crate) fn new(url: &str, from: &str, timeout: Duration) -> anyhow::Result<Self> {
        let from: Mailbox = from.parse().context("--mail-from is no address such as Kvartal <no-reply@example.org>")?;
        // The error could repeat the URL, which may hold a password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| anyhow::anyhow!("--smtp-url must look like smtp://host:25 or smtps://user:password@host"))?
            .timeout(Some(timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(Duration::from_secs(30)))
            .build();
        Ok(Self { transport, from, timeout, server: host(url).to_owned() })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let wrong = |what: &str| MailError::Permanent(what.to_owned());
        let address = mail.to.email.parse().map_err(|_| wrong("the address is not valid"))?;
        let name = crate::domain::greeting_name(&mail.to.display_name);
        let to = Mailbox::new((!name.is_empty()).then_some(name), address);
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.text.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .date(system_time(mail.time))
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: nobody's holiday notice is to answer this.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(url) = &mail.unsubscribe {
            message = message
                .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("List-Unsubscribe"), format!("<{url}>")));
        }
        message.body(mail.text.text.clone()).map_err(|_| wrong("the mail could not be written"))
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let span = info_span!(
            "send mail",
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            network.protocol.name = "smtp",
            server.address = self.server,
            mail.id = %mail.id,
        );
        let sending = tokio::time::timeout(self.timeout, self.transport.send(message)).instrument(span.clone());
        let result = match sending.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(mail_error(&error, &mail.to.email)),
            Err(_) => Err(MailError::Transient("the mail server took too long".to_owned())),
        };
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        result
    }
}

/// Refused for good is only what the server itself refuses for good (5xx).
fn mail_error(error: &Error, email: &str) -> MailError {
    let mut text = match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server took too long".to_owned(),
        None if error.is_tls() => "TLS with the mail server failed".to_owned(),
        None => "the mail server could not be reached".to_owned(),
    };
    if let Some(cause) = std::error::Error::source(error) {
        let said = without_addresses(&cause.to_string(), email);
        if !said.is_empty() {
            text = format!("{text}: {said}");
        }
    }
    if error.is_permanent() { MailError::Permanent(text) } else { MailError::Transient(text) }
}

/// The host of a URL, without user, password and port.
fn host(url: &str) -> &str {
    let authority =
        url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + time.since(Timestamp(0))
}

#[cfg(test)]
mod tests;
