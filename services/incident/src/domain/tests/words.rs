//! Duplicates by place, time and words.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::similarity::{Likeness, Subject, text_similarity};

fn likeness<'a>(words: &'a str, other_words: &'a str) -> Likeness<'a> {
    Likeness {
        distance_m: 20.0,
        age: Duration::from_hours(5),
        expire_minutes: 0,
        subject: Subject::Same,
        words,
        other_words,
    }
}

proptest! {
    #[test]
    fn similarity_is_a_share_and_the_same_both_ways(a in "[а-яa-z ,.!]{0,60}", b in "[а-яa-z ,.!]{0,60}") {
        let score = text_similarity(&a, &b);
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert_eq!(score, text_similarity(&b, &a));
    }

    #[test]
    fn nearer_is_never_worse(near in 0.0..500.0_f64, far in 0.0..500.0_f64, hours in 0_u64..2_000) {
        let at = |distance_m| Likeness { distance_m, age: Duration::from_hours(hours), ..likeness("яма", "яма") }.score();
        prop_assert!((0.0..=1.0).contains(&at(near)));
        prop_assert_eq!(near <= far, at(near) >= at(far) || near == far);
    }
}

#[test]
fn the_same_thing_in_other_words_beats_another_thing() {
    let russian = text_similarity("Не работает светофор на перекрёстке", "светофоры не работают на перекрестке Ленина");
    assert!(russian > 0.4, "{russian}");
    let english = text_similarity("Deep potholes in the road", "there is a deep pothole on this road");
    assert!(english > 0.6, "{english}");
    let other = text_similarity("Не работает светофор", "Переполнен мусорный бак");
    assert!(other < 0.2, "{other}");
    assert_eq!(text_similarity("ёлка упала", "елка упала"), 1.0);
    assert_eq!(text_similarity("", "anything"), 0.0);
}

#[test]
fn place_subject_and_time_decide_without_words() {
    let same = likeness("", "whatever").score();
    assert!(same > 0.9);
    assert!(Likeness { distance_m: 450.0, ..likeness("", "") }.score() < 0.02);
    assert!(Likeness { subject: Subject::Other, ..likeness("", "") }.score() < same / 2.0);
    let old = Likeness { age: Duration::from_hours(9_000), ..likeness("", "") }.score();
    assert!(old < same && old > 0.5, "a pothole waits");
    let stale = Likeness { expire_minutes: 60, age: Duration::from_hours(24), ..likeness("", "") }.score();
    assert!(stale < old + 0.01);
}
