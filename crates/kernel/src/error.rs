//! The one error of the platform's inner layers: free of transport, with a public and a private side.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What went wrong, in terms every transport can express.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The input is wrong whatever the state; see the violations.
    InvalidArgument,
    /// The thing does not exist, or the caller may not know that it does.
    NotFound,
    /// The thing exists already.
    AlreadyExists,
    /// The state does not allow it; repeating does not help.
    FailedPrecondition,
    /// Somebody else was faster; read again and repeat.
    Aborted,
    /// The caller is known and may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// Too much or too often.
    ResourceExhausted,
    /// Cannot now; repeating may help.
    Unavailable,
    /// Took too long.
    DeadlineExceeded,
    /// Our fault. The message stays inside.
    Internal,
}

/// One input that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Path of the field, such as `place.points[2].latitude`.
    pub field: String,
    /// What it should be.
    pub description: String,
}

/// An error with a stable reason for programs, a message for people and a cause for the log.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    reason: &'static str,
    message: Box<str>,
    violations: Vec<Violation>,
    metadata: Vec<(&'static str, String)>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind. `reason` is UPPER_SNAKE_CASE and stable; `message` is for people and may leave the house.
    pub fn new(kind: Kind, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            reason,
            message: message.into().into_boxed_str(),
            violations: Vec::new(),
            metadata: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// One wrong field.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::violations(vec![Violation { field: field.into(), description: description.into() }])
    }

    /// Several wrong fields.
    pub fn violations(violations: Vec<Violation>) -> Self {
        let message =
            violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect::<Vec<_>>().join("; ");
        Self { violations, ..Self::new(Kind::InvalidArgument, "INVALID_ARGUMENT", message) }
    }

    /// There is no such thing: `Error::not_found("INCIDENT_NOT_FOUND", "incident")`.
    pub fn not_found(reason: &'static str, what: &str) -> Self {
        Self::new(Kind::NotFound, reason, format!("there is no such {what}"))
    }

    /// Somebody else changed it in the meantime.
    pub fn conflict() -> Self {
        Self::new(Kind::Aborted, "CHANGED_MEANWHILE", "it was changed in the meantime; read it again and repeat")
    }

    /// Our fault: `message` and `source` go to the log, never to the caller.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "INTERNAL", message)
    }

    /// Cannot now.
    pub fn unavailable(reason: &'static str, message: impl Into<String>) -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(Kind::Unavailable, reason, message) }
    }

    /// With the cause, for the log.
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With the time after which repeating makes sense.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// With a fact for programs.
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Stable reason for programs.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// For people; for [`Kind::Internal`] for the log only.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Wrong fields, for [`Kind::InvalidArgument`].
    pub fn field_violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Facts for programs.
    pub fn metadata(&self) -> &[(&'static str, String)] {
        &self.metadata
    }

    /// When to repeat.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The error and its causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
