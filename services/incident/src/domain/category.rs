//! What a report can be about, and what is asked about it.

use std::collections::{BTreeMap, HashSet};

use kvartal_kernel::{Error, Violation};

/// Working days for an answer when the category does not say.
pub const ANSWER_WORKING_DAYS: u32 = 8;
const ANSWER_LENGTH_MAX: usize = 1_000;
const OPTIONS_MAX: usize = 50;

/// What a report can be about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    /// Short, stable: `pothole`.
    pub id: String,
    /// Name in Russian.
    pub name_ru: String,
    /// Name in English.
    pub name_en: String,
    /// Such as `roads`.
    pub group: String,
    /// Who works on it; empty leaves it to the area.
    pub team: String,
    /// What to ask.
    pub questions: Vec<Question>,
    /// Working days within which an answer is due.
    pub answer_working_days: u32,
    /// Minutes after which an unconfirmed hazard expires; 0 for never.
    pub expire_minutes: u32,
}

/// A question of a category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Short, stable.
    pub key: String,
    /// In Russian.
    pub text_ru: String,
    /// In English.
    pub text_en: String,
    /// Whether a report needs an answer.
    pub required: bool,
    /// Allowed answers; empty for any text.
    pub options: Vec<String>,
}

impl Category {
    /// Refuses questions that nobody could answer: without key or text, or asked twice.
    pub fn check(&self) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let mut violations = Vec::new();
        for (index, question) in self.questions.iter().enumerate() {
            let mut wrong = |field: &str, description: &str| {
                violations.push(Violation {
                    field: format!("questions[{index}].{field}"),
                    description: description.to_owned(),
                });
            };
            if !is_key(&question.key) {
                wrong("key", "must be 1 to 40 small letters, digits and underscores");
            }
            if !seen.insert(&question.key) {
                wrong("key", "must differ from the keys before");
            }
            if !is_text(&question.text_ru, 300) || !is_text(&question.text_en, 300) {
                wrong("text", "must be given in both languages, at most 300 characters each");
            }
            if question.options.len() > OPTIONS_MAX || !question.options.iter().all(|option| is_text(option, 120)) {
                wrong("options", "must be at most 50, of 1 to 120 characters");
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::violations(violations)) }
    }

    /// Refuses answers that do not fit the questions; gives back those that are not empty.
    pub fn check_answers(&self, answers: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
        let answers: BTreeMap<_, _> = answers.into_iter().filter(|(_, answer)| !answer.trim().is_empty()).collect();
        let mut violations = Vec::new();
        let mut wrong = |key: &str, description: String| {
            violations.push(Violation { field: format!("answers[{key}]"), description });
        };
        for question in &self.questions {
            match answers.get(&question.key) {
                None if question.required => wrong(&question.key, "must be answered".to_owned()),
                Some(answer) if !question.options.is_empty() && !question.options.contains(answer) => {
                    wrong(&question.key, format!("must be one of: {}", question.options.join(", ")));
                }
                Some(answer) if answer.chars().count() > ANSWER_LENGTH_MAX => {
                    wrong(&question.key, format!("must have at most {ANSWER_LENGTH_MAX} characters"));
                }
                _ => {}
            }
        }
        for key in answers.keys().filter(|key| !self.questions.iter().any(|question| question.key == **key)) {
            wrong(&key.chars().take(40).collect::<String>(), "is no question of this category".to_owned());
        }
        if violations.is_empty() { Ok(answers) } else { Err(Error::violations(violations)) }
    }
}

fn is_key(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_text(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max
}
