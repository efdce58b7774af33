//! The rules: which fact makes which notices for whom.

use std::collections::BTreeSet;

use kvartal_kernel::Timestamp;

use super::{Address, Confidence, Data, Kind, Notice, UserId};

/// Most receivers of one event; more are not told.
pub(crate) const AUDIENCE_MAX: usize = 1_000;

/// Longest text taken over from an event, in characters.
const TEXT_MAX: usize = 1_000;

/// Something that happened in another service, as far as people are told about it. One variant for each event consumed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are those of the events")]
pub(crate) enum Fact {
    /// `identity.EmailConfirmationRequested`
    EmailConfirmationRequested { user: Option<UserId>, to: Address, token: String, expires: Option<Timestamp> },
    /// `identity.PasswordResetRequested`
    PasswordResetRequested { user: Option<UserId>, to: Address, token: String, expires: Option<Timestamp> },
    /// `identity.PasswordChanged`
    PasswordChanged { user: UserId, at: Timestamp },
    /// `identity.SessionStarted`
    SessionStarted { user: UserId, known_device: bool, user_agent: String, address: String, at: Timestamp },
    /// `identity.RoleGranted`
    RoleGranted { user: UserId, role: String },
    /// `identity.RefreshTokenReused`
    RefreshTokenReused { user: UserId, at: Timestamp },
    /// `incident.ReportReceived`
    ReportReceived { reporter: Option<UserId>, report: ReportFacts },
    /// `incident.ReportStatusChanged`
    ReportStatusChanged { audience: Vec<UserId>, report: ReportFacts },
    /// `incident.IncidentAssigned`
    IncidentAssigned { assignee: Option<UserId>, incident: IncidentFacts },
}

/// What people are told about a report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ReportFacts {
    /// UUID.
    pub id: String,
    /// What to quote on the telephone.
    pub tracking_number: String,
    /// Name of the status, such as `in_progress`.
    pub status: String,
    /// Where, in words; may be empty.
    pub place: String,
    /// The city's last word; may be empty.
    pub answer: String,
}

/// What people are told about an incident.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct IncidentFacts {
    /// UUID.
    pub id: String,
    /// One line.
    pub title: String,
    /// Name of the priority, such as `high`.
    pub priority: String,
    /// Where, in words; may be empty.
    pub place: String,
}

/// The table of rules. Nobody is told twice about one event, whatever the event says.
pub(crate) fn notices(fact: Fact) -> Vec<Notice> {
    match fact {
        // Whoever tries to register with a taken address must not learn that from us; the owner may.
        Fact::EmailConfirmationRequested { user, to, token, .. } if token.is_empty() => {
            mail(Kind::AddressTaken, user, "/sign-in", Confidence { address: Some(to), ..Confidence::default() })
        }
        Fact::EmailConfirmationRequested { user, to, token, expires } => {
            mail(Kind::EmailConfirmation, user, "", token_mail(to, token, expires))
        }
        Fact::PasswordResetRequested { user, to, token, expires } => {
            mail(Kind::PasswordReset, user, "", token_mail(to, token, expires))
        }
        Fact::PasswordChanged { user, at } => {
            tell([user], Kind::PasswordChanged, &user.to_string(), "/account", &[("time", at.to_string())])
        }
        Fact::SessionStarted { known_device: true, .. } => Vec::new(),
        Fact::SessionStarted { user, user_agent, address, at, .. } => tell(
            [user],
            Kind::NewSignIn,
            &user.to_string(),
            "/account/sessions",
            &[("time", at.to_string()), ("user_agent", user_agent), ("address", address)],
        ),
        Fact::RoleGranted { user, role } => {
            tell([user], Kind::RoleGranted, &user.to_string(), "/account", &[("role", role)])
        }
        Fact::RefreshTokenReused { user, at } => {
            let data = [("time", at.to_string())];
            tell([user], Kind::SessionCompromised, &user.to_string(), "/account/sessions", &data)
        }
        Fact::ReportReceived { reporter, report } => tell_report(reporter, Kind::ReportReceived, report),
        Fact::ReportStatusChanged { audience, report } => tell_report(audience, Kind::ReportStatusChanged, report),
        Fact::IncidentAssigned { assignee, incident } => {
            let IncidentFacts { id, title, priority, place } = incident;
            let data = [("title", title), ("priority", priority), ("place", place)];
            tell(assignee, Kind::IncidentAssigned, &id, &format!("/incidents/{id}"), &data)
        }
    }
}

fn token_mail(to: Address, token: String, expires: Option<Timestamp>) -> Confidence {
    let mut secrets = Data::from([("token".to_owned(), token)]);
    if let Some(expires) = expires {
        secrets.insert("expires".to_owned(), expires.to_string());
    }
    Confidence { address: Some(to), secrets, expires }
}

fn mail(kind: Kind, user: Option<UserId>, link: &str, confidence: Confidence) -> Vec<Notice> {
    let subject = user.map(|user| user.to_string()).unwrap_or_default();
    vec![Notice { kind, user, subject, link: link.to_owned(), data: Data::new(), confidence }]
}

fn tell_report(receivers: impl IntoIterator<Item = UserId>, kind: Kind, report: ReportFacts) -> Vec<Notice> {
    let ReportFacts { id, tracking_number, status, place, answer } = report;
    let data = [("tracking_number", tracking_number), ("status", status), ("place", place), ("answer", answer)];
    tell(receivers, kind, &id, &format!("/reports/{id}"), &data)
}

fn tell(
    receivers: impl IntoIterator<Item = UserId>,
    kind: Kind,
    subject: &str,
    link: &str,
    data: &[(&str, String)],
) -> Vec<Notice> {
    let data: Data = data.iter().map(|(name, text)| ((*name).to_owned(), bounded(text))).collect();
    // Sorted, so that transactions that tell the same people take their inboxes in the same order.
    let receivers: BTreeSet<UserId> = receivers.into_iter().collect();
    receivers
        .into_iter()
        .take(AUDIENCE_MAX)
        .map(|user| Notice {
            kind,
            user: Some(user),
            subject: subject.to_owned(),
            link: link.to_owned(),
            data: data.clone(),
            confidence: Confidence::default(),
        })
        .collect()
}

fn bounded(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control() || *c == '\n');
    let mut out: String = clean.clone().take(TEXT_MAX).collect();
    if clean.count() > TEXT_MAX {
        out.push('…');
    }
    out
}

impl Kind {
    /// A notice with example data, for previews and tests.
    pub fn example(self, user: UserId) -> Notice {
        let at = Timestamp(1_795_168_800_000_000);
        let to = Address { email: String::new(), display_name: String::new(), locale: super::Locale::Ru };
        let report = ReportFacts {
            id: "0198c0de-0000-7000-8000-000000000001".to_owned(),
            tracking_number: "KV-7F3K-92".to_owned(),
            status: "in_progress".to_owned(),
            place: "ул. Садовая, 12".to_owned(),
            answer: "Бригада выезжает завтра утром.".to_owned(),
        };
        let token = "example-token".to_owned();
        let fact = match self {
            Self::EmailConfirmation => {
                Fact::EmailConfirmationRequested { user: Some(user), to, token, expires: Some(at) }
            }
            Self::AddressTaken => {
                Fact::EmailConfirmationRequested { user: Some(user), to, token: String::new(), expires: None }
            }
            Self::PasswordReset => Fact::PasswordResetRequested { user: Some(user), to, token, expires: Some(at) },
            Self::PasswordChanged => Fact::PasswordChanged { user, at },
            Self::NewSignIn => Fact::SessionStarted {
                user,
                known_device: false,
                user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
                address: "203.0.113.7".to_owned(),
                at,
            },
            Self::RoleGranted => Fact::RoleGranted { user, role: "dispatcher".to_owned() },
            Self::SessionCompromised => Fact::RefreshTokenReused { user, at },
            Self::ReportReceived => Fact::ReportReceived { reporter: Some(user), report },
            Self::ReportStatusChanged => Fact::ReportStatusChanged { audience: vec![user], report },
            Self::IncidentAssigned => Fact::IncidentAssigned {
                assignee: Some(user),
                incident: IncidentFacts {
                    id: "0198c0de-0000-7000-8000-000000000002".to_owned(),
                    title: "ДТП на Садовой".to_owned(),
                    priority: "high".to_owned(),
                    place: "ул. Садовая, 12".to_owned(),
                },
            },
            Self::AreaJams | Self::AreaJamsEnded | Self::AreaIncidents | Self::AreaReports | Self::AreaDetectors => {
                return self.example_of_area(user);
            }
        };
        let mut notice = notices(fact).into_iter().next().unwrap_or_else(|| Notice {
            kind: self,
            user: Some(user),
            subject: String::new(),
            link: String::new(),
            data: Data::new(),
            confidence: Confidence::default(),
        });
        // Sent to the account's own address, at any time.
        notice.confidence.address = None;
        notice.confidence.expires = None;
        notice
    }
    fn example_of_area(self, user: UserId) -> Notice {
        let lines = "пр. Мира, от ул. Лесной\nНабережная, у моста\nул. Садовая";
        let data = [("area", "Центральный район"), ("count", "7"), ("lines", lines), ("more", "4")];
        Notice {
            kind: self,
            user: Some(user),
            subject: "0198c0de-0000-7000-8000-000000000003".to_owned(),
            link: "/map".to_owned(),
            data: data.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            confidence: Confidence::default(),
        }
    }
}
