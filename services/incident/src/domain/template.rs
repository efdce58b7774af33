//! Prepared answers to reports.

use kvartal_kernel::{Error, Kind, typed_id};

use super::report::ReportStatus;

/// More of them nobody finds his way through.
pub const TEMPLATES_MAX: usize = 200;

typed_id! {
    /// A prepared answer.
    TemplateId
}

/// A prepared answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerTemplate {
    /// Its id.
    pub id: TemplateId,
    /// What dispatchers choose it by.
    pub title: String,
    /// For everyone to read.
    pub text: String,
    /// The status it goes with.
    pub status: ReportStatus,
}

impl AnswerTemplate {
    /// A template; title and text must say something.
    pub fn new(id: TemplateId, title: &str, text: &str, status: ReportStatus) -> Result<Self, Error> {
        let said = |field: &'static str, text: &str| match text.trim() {
            "" => Err(Error::invalid(field, "must not be blank")),
            text => Ok(text.to_owned()),
        };
        Ok(Self { id, title: said("title", title)?, text: said("text", text)?, status })
    }
}

/// The refusal to keep more than [`TEMPLATES_MAX`].
pub fn too_many_templates() -> Error {
    let message = format!("there are {TEMPLATES_MAX} answer templates already; delete one first");
    Error::new(Kind::FailedPrecondition, "TOO_MANY_TEMPLATES", message)
}
