//! What can be configured.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::domain::Calm;

/// How mails leave, and how calmly people are told of areas.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Mail server, such as smtp://host:25, smtp://user:password@host?tls=required (STARTTLS) or smtps://user:password@host. Without it no mail leaves.
    #[arg(long, env = "KVARTAL_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// A file that holds the mail server's URL.
    #[arg(long, env = "KVARTAL_SMTP_URL_FILE", value_name = "FILE", conflicts_with = "smtp_url")]
    pub smtp_url_file: Option<PathBuf>,
    /// Who mails come from.
    #[arg(long, env = "KVARTAL_MAIL_FROM", value_name = "ADDRESS", default_value = MAIL_FROM)]
    pub mail_from: String,
    /// How often a mail is tried before it is given up.
    #[arg(long, env = "KVARTAL_MAIL_ATTEMPTS", value_name = "COUNT", default_value_t = MAIL_ATTEMPTS, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub mail_attempts: u32,
    /// Wait after the first failed attempt; it doubles with each, up to an hour.
    #[arg(long, env = "KVARTAL_MAIL_RETRY_DELAY", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub mail_retry_delay: Duration,
    /// How long one mail may take to be accepted.
    #[arg(long, env = "KVARTAL_MAIL_TIMEOUT", value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub mail_timeout: Duration,
    /// News of followed areas wait so long: what takes itself back meanwhile is not told.
    #[arg(long, env = "KVARTAL_AREA_SETTLE", value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub area_settle: Duration,
    /// The shortest time between two messages of one kind about one followed area.
    #[arg(long, env = "KVARTAL_AREA_QUIET", value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub area_quiet: Duration,
    /// A jam at the same place, or the same detector, is told again after this time.
    #[arg(long, env = "KVARTAL_AREA_AGAIN", value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub area_again: Duration,
    /// Without a mail server, keep the last mails and show them to everybody under /_dev/mail. For development only.
    #[arg(long, env = "KVARTAL_DEV_MAIL")]
    pub dev_mail: bool,
}

const MAIL_FROM: &str = "Kvartal <no-reply@localhost>";
const MAIL_ATTEMPTS: u32 = 8;

impl Default for Config {
    fn default() -> Self {
        Self {
            smtp_url: None,
            smtp_url_file: None,
            mail_from: MAIL_FROM.to_owned(),
            mail_attempts: MAIL_ATTEMPTS,
            mail_retry_delay: Duration::from_secs(30),
            mail_timeout: Duration::from_secs(20),
            area_settle: Duration::from_secs(120),
            area_quiet: Duration::from_secs(900),
            area_again: Duration::from_secs(3_600),
            dev_mail: false,
        }
    }
}

impl Config {
    /// How calmly people are told of areas.
    pub(crate) fn calm(&self) -> Calm {
        Calm { settle: self.area_settle, quiet: self.area_quiet, again: self.area_again }
    }

    /// The mail server's URL, if one is named.
    pub(crate) fn smtp_url(&self) -> anyhow::Result<Option<String>> {
        match (&self.smtp_url, &self.smtp_url_file) {
            (Some(url), _) => Ok(Some(url.clone())),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("--smtp-url-file {} cannot be read", path.display()))?;
                Ok(Some(text.trim().to_owned()))
            }
            (None, None) => Ok(None),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    kvartal_host::parse_duration(text)
}
