//! The templates, in every language, and how they are filled.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Timestamp};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::{Data, Kind, Locale, greeting_name, percent_encoded};

mod labels;

/// A notification in words, as the inbox shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Text {
    /// One line.
    pub title: String,
    /// A few sentences.
    pub body: String,
}

/// A mail in words.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MailText {
    /// The subject line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Parts of a template file; each begins with a line `--- <part>`.
const PARTS: [&str; 3] = ["title", "body", "email"];

macro_rules! files {
    ($($kind:ident => $name:literal,)*) => {
        fn source(kind: Kind, locale: Locale) -> &'static str {
            match (kind, locale) {
                $(
                    (Kind::$kind, Locale::Ru) => include_str!(concat!("../../templates/", $name, ".ru.txt")),
                    (Kind::$kind, Locale::En) => include_str!(concat!("../../templates/", $name, ".en.txt")),
                )*
            }
        }
    };
}

files! {
    EmailConfirmation => "email_confirmation",
    AddressTaken => "address_taken",
    PasswordReset => "password_reset",
    PasswordChanged => "password_changed",
    NewSignIn => "new_sign_in",
    RoleGranted => "role_granted",
    SessionCompromised => "session_compromised",
    ReportReceived => "report_received",
    ReportStatusChanged => "report_status_changed",
    IncidentAssigned => "incident_assigned",
    AreaJams => "area_jams",
    AreaJamsEnded => "area_jams_ended",
    AreaIncidents => "area_incidents",
    AreaReports => "area_reports",
    AreaDetectors => "area_detectors",
}

fn layout(locale: Locale) -> &'static str {
    match locale {
        Locale::Ru => include_str!("../../templates/layout.ru.txt"),
        Locale::En => include_str!("../../templates/layout.en.txt"),
    }
}

/// Every template, read once.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    public_url: String,
}

impl Templates {
    /// Reads the templates; links begin with `public_url`.
    pub(crate) fn new(public_url: &str) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Mails are plain text, and the page escapes what it shows.
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(broken)?;
        environment.set_syntax(syntax);
        environment.add_filter("query", |text: String| percent_encoded(&text));
        for locale in Locale::ALL {
            environment.add_filter(format!("label_{}", locale.name()), move |name: String, group: String| {
                labels::label(locale, &group, &name)
            });
            environment.add_filter(format!("moment_{}", locale.name()), move |text: String| moment(locale, &text));
            environment.add_template_owned(format!("layout.{}", locale.name()), layout(locale)).map_err(broken)?;
            for kind in Kind::ALL {
                let parts = split(source(kind, locale));
                for part in PARTS {
                    let text = parts.get(part).ok_or_else(|| Error::internal(format!("{kind:?} has no {part}")))?;
                    environment.add_template_owned(name(kind, locale, part), text.clone()).map_err(broken)?;
                }
            }
        }
        Ok(Self { environment, public_url: public_url.trim_end_matches('/').to_owned() })
    }

    /// What the inbox shows.
    pub(crate) fn text(&self, kind: Kind, locale: Locale, data: &Data) -> Result<Text, Error> {
        let context = values(data);
        let title = self.render(&name(kind, locale, "title"), &context)?;
        Ok(Text { title: one_line(&title), body: self.render(&name(kind, locale, "body"), &context)? })
    }

    /// What the mail says. `link` is a path on the page, or empty.
    pub(crate) fn mail(
        &self,
        kind: Kind,
        locale: Locale,
        data: &Data,
        secrets: &Data,
        link: &str,
        display_name: &str,
    ) -> Result<MailText, Error> {
        let subject = self.text(kind, locale, data)?.title;
        let mut context = values(data);
        context.extend(values(secrets));
        context.insert("public_url".to_owned(), Value::from(&self.public_url));
        context.insert("link".to_owned(), Value::from(format!("{}{link}", self.public_url)));
        let content = self.render(&name(kind, locale, "email"), &context)?;
        context.insert("content".to_owned(), Value::from(content));
        context.insert("name".to_owned(), Value::from(greeting_name(display_name)));
        let settings = self.settings_url(kind).unwrap_or_default();
        context.insert("settings".to_owned(), Value::from(settings));
        let text = self.render(&format!("layout.{}", locale.name()), &context)?;
        Ok(MailText { subject, text: format!("{text}\n") })
    }

    /// Where mails of this kind are switched off; `None` for those that cannot be.
    pub(crate) fn settings_url(&self, kind: Kind) -> Option<String> {
        (!kind.is_critical() && !self.public_url.is_empty())
            .then(|| format!("{}/account/notifications", self.public_url))
    }

    fn render(&self, name: &str, context: &BTreeMap<String, Value>) -> Result<String, Error> {
        let template = self.environment.get_template(name).map_err(broken)?;
        let text = template.render(context.clone()).map_err(broken)?;
        Ok(text.trim().to_owned())
    }
}

fn values(data: &Data) -> BTreeMap<String, Value> {
    data.iter().map(|(name, text)| (name.clone(), Value::from(text))).collect()
}

fn name(kind: Kind, locale: Locale, part: &str) -> String {
    format!("{kind:?}.{}.{part}", locale.name())
}

/// A template's own mistake; what it was filled with stays out of the message.
fn broken(error: minijinja::Error) -> Error {
    let place = format!("{}:{}", error.name().unwrap_or("template"), error.line().unwrap_or(0));
    Error::internal(format!("{place}: {:?}", error.kind()))
}

fn split(file: &str) -> BTreeMap<&str, String> {
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    let mut part = "";
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("--- ") {
            part = name.trim();
            parts.insert(part, String::new());
        } else if let Some(text) = parts.get_mut(part) {
            text.push_str(line);
            text.push('\n');
        }
    }
    parts
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A moment in RFC 3339 as people write it, in UTC; what is no moment stays as it is.
fn moment(locale: Locale, text: &str) -> String {
    let Some(moment) = Timestamp::parse(text).map(Timestamp::calendar) else { return text.to_owned() };
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute) = (moment.hour(), moment.minute());
    match locale {
        Locale::Ru => format!("{day:02}.{month:02}.{year} {hour:02}:{minute:02} UTC"),
        Locale::En => format!("{day} {} {year} {hour:02}:{minute:02} UTC", moment.month()),
    }
}

#[cfg(test)]
mod tests;
