//! Whether two reports are about the same thing: near, recent, alike in words.

use std::collections::HashSet;
use std::time::Duration;

/// Distance at which nearness has fallen to 0.6.
const DISTANCE_SCALE_M: f64 = 150.0;
/// How far away a duplicate is looked for.
pub const DISTANCE_MAX_M: f64 = 500.0;
/// Age at which recency has fallen to 0.37, for what stays until it is repaired.
const AGE_SCALE: Duration = Duration::from_hours(30 * 24);
/// What scores less is not worth showing.
pub const SCORE_MIN: f64 = 0.2;
const STEM_LENGTH: usize = 5;

/// How two reports' subjects are related.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The same category.
    Same,
    /// Categories of the same group.
    Related,
    /// Nothing in common.
    Other,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Likeness<'a> {
    /// How far apart, in metres.
    pub distance_m: f64,
    /// How old the other is.
    pub age: Duration,
    /// Minutes after which the other expires; 0 for never.
    pub expire_minutes: u32,
    /// How the categories are related.
    pub subject: Subject,
    /// The new words; may be empty.
    pub words: &'a str,
    /// The other's words.
    pub other_words: &'a str,
}

impl Likeness<'_> {
    /// 0 to 1. Place and subject must agree, time and words add to it; without words place and time decide.
    pub fn score(&self) -> f64 {
        let near = (-(self.distance_m / DISTANCE_SCALE_M).powi(2) / 2.0).exp();
        let subject = match self.subject {
            Subject::Same => 1.0,
            Subject::Related => 0.6,
            Subject::Other => 0.3,
        };
        let scale = match self.expire_minutes {
            0 => AGE_SCALE,
            minutes => Duration::from_mins(u64::from(minutes) * 2),
        };
        let recent = (-self.age.as_secs_f64() / scale.as_secs_f64()).exp();
        let detail = if self.words.trim().is_empty() {
            0.7 + 0.3 * recent
        } else {
            0.5 + 0.2 * recent + 0.3 * text_similarity(self.words, self.other_words)
        };
        near * subject * detail
    }
}

/// 0 to 1: the better of the shares of common words (by their stems) and of common letter triples. Works for Russian
/// and English alike, survives inflection and small mistakes.
pub fn text_similarity(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    let stems = |words: &[String]| words.iter().map(|word| stem(word)).collect::<HashSet<_>>();
    let triples = |words: &[String]| words.iter().flat_map(|word| trigrams(word)).collect::<HashSet<_>>();
    jaccard(&stems(&a), &stems(&b)).max(jaccard(&triples(&a), &triples(&b)))
}

fn jaccard<T: std::hash::Hash + Eq>(a: &HashSet<T>, b: &HashSet<T>) -> f64 {
    let common = a.intersection(b).count();
    let all = a.len() + b.len() - common;
    // Sets of a few thousand words: exact in f64.
    if all == 0 {
        0.0
    } else {
        f64::from(u32::try_from(common).unwrap_or(u32::MAX)) / f64::from(u32::try_from(all).unwrap_or(u32::MAX))
    }
}

/// Words that say nothing about what was seen.
const STOP_WORDS: &[&str] = &[
    "и",
    "в",
    "во",
    "на",
    "не",
    "с",
    "со",
    "у",
    "по",
    "к",
    "за",
    "от",
    "до",
    "из",
    "о",
    "об",
    "для",
    "это",
    "как",
    "что",
    "очень",
    "там",
    "тут",
    "возле",
    "около",
    "the",
    "a",
    "an",
    "and",
    "or",
    "of",
    "in",
    "on",
    "at",
    "to",
    "is",
    "are",
    "it",
    "there",
    "this",
    "that",
    "with",
    "near",
    "for",
    "by",
    "very",
];

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('ё', "е")
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty() && !STOP_WORDS.contains(word))
        .map(str::to_owned)
        .collect()
}

/// The beginning of a long word, a short one without its last vowel: enough to make "светофор" and "светофоры", "яма"
/// and "ямы" the same.
fn stem(word: &str) -> String {
    let characters: Vec<char> = word.chars().collect();
    let kept = match characters.last() {
        _ if characters.len() > STEM_LENGTH => STEM_LENGTH,
        Some(last) if characters.len() > 2 && "аеиоуыэюяьйs".contains(*last) => characters.len() - 1,
        _ => characters.len(),
    };
    characters.iter().take(kept).collect()
}

fn trigrams(word: &str) -> Vec<[char; 3]> {
    let padded: Vec<char> = [' ', ' '].into_iter().chain(word.chars()).chain([' ']).collect();
    padded.windows(3).map(|window| [window[0], window[1], window[2]]).collect()
}
