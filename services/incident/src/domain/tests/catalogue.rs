//! Categories, their questions and the answers.

use std::collections::BTreeMap;

use super::category;
use crate::domain::category::{Category, Question};

fn asking() -> Category {
    let question = |key: &str, required, options: &[&str]| Question {
        key: key.to_owned(),
        text_ru: "?".to_owned(),
        text_en: "?".to_owned(),
        required,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    };
    Category {
        questions: vec![question("size", true, &["small", "large"]), question("since", false, &[])],
        ..category()
    }
}

fn answers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect()
}

#[test]
fn answers_must_fit_the_questions() {
    let category = asking();
    assert!(category.check_answers(answers(&[("size", "large"), ("since", " ")])).unwrap().len() == 1);
    for (wrong, field) in [
        (answers(&[]), "answers[size]"),
        (answers(&[("size", "huge")]), "answers[size]"),
        (answers(&[("size", "small"), ("colour", "red")]), "answers[colour]"),
        (answers(&[("size", "small"), ("since", &"x".repeat(1_001))]), "answers[since]"),
    ] {
        let error = category.check_answers(wrong).unwrap_err();
        assert_eq!(error.field_violations()[0].field, field);
    }
}

#[test]
fn questions_must_be_answerable() {
    assert!(asking().check().is_ok());
    let mut twice = asking();
    twice.questions[1].key = "size".to_owned();
    assert!(twice.check().is_err());
    let mut silent = asking();
    silent.questions[0].text_en = String::new();
    assert!(silent.check().is_err());
    let mut odd = asking();
    odd.questions[0].key = "Größe".to_owned();
    assert!(odd.check().is_err());
}
