//! Tracking numbers and the answer clock.

use kvartal_kernel::{Timestamp, Uuid};
use proptest::prelude::*;

use crate::domain::tracking::TrackingNumber;
use crate::domain::working_days::after_working_days;

proptest! {
    #[test]
    fn a_number_is_read_back_however_it_is_typed(id: u128) {
        let number = TrackingNumber::of(Uuid::from_u128(id));
        let text = number.as_str();
        prop_assert!(text.len() == 11 && text.starts_with("KV-"));
        prop_assert!(!text[3..].contains(['0', 'O', '1', 'I', 'L', 'S', 'B', 'Z']));
        for typed in [text.to_owned(), text.to_lowercase(), text.replace('-', ""), text[3..].to_owned(), text.replace('8', "B").replace('5', "s").replace('2', "Z")] {
            prop_assert_eq!(&TrackingNumber::parse(&typed).unwrap(), &number, "{}", typed);
        }
    }

    #[test]
    fn one_wrong_character_is_always_noticed(id: u128, place in 0_usize..7, other in 0_usize..28) {
        let number = TrackingNumber::of(Uuid::from_u128(id));
        let mut characters: Vec<char> = number.as_str()[3..].replace('-', "").chars().collect();
        let wrong = char::from(b"23456789ACDEFGHJKMNPQRTUVWXY"[other]);
        prop_assume!(characters[place] != wrong);
        characters[place] = wrong;
        let typed: String = characters.into_iter().collect();
        prop_assert!(TrackingNumber::parse(&typed).is_err());
    }

    #[test]
    fn any_text_is_an_answer_not_a_crash(text: String) {
        let _ = TrackingNumber::parse(&text);
    }

    #[test]
    fn an_answer_is_due_on_a_working_day(seconds in 0_i64..4_000_000_000, days in 1_u32..60) {
        let start = Timestamp(seconds * 1_000_000);
        let due = after_working_days(start, days);
        prop_assert!(due.calendar().weekday().number_from_monday() <= 5);
        prop_assert_eq!(due.calendar().time(), start.calendar().time());
        let elapsed = (due.0 - start.0) / 86_400_000_000;
        let between = (1..=elapsed).filter(|day| {
            Timestamp(start.0 + day * 86_400_000_000).calendar().weekday().number_from_monday() <= 5
        });
        prop_assert_eq!(between.count(), days as usize);
    }
}

#[test]
fn nearly_every_swap_of_neighbours_is_noticed() {
    let (mut swaps, mut missed) = (0, 0);
    for id in 0..3_000_u128 {
        let number = TrackingNumber::of(Uuid::from_u128(id * 7_919));
        let characters: Vec<char> = number.as_str()[3..].replace('-', "").chars().collect();
        for place in 0..6 {
            let mut swapped = characters.clone();
            swapped.swap(place, place + 1);
            if swapped != characters {
                swaps += 1;
                missed += usize::from(TrackingNumber::parse(&swapped.iter().collect::<String>()).is_ok());
            }
        }
    }
    assert!(missed * 100 < swaps, "{missed} of {swaps}");
}

#[test]
fn eight_working_days_after_a_friday_are_a_wednesday() {
    let friday = Timestamp::parse("2026-11-20T15:00:00Z").unwrap();
    assert_eq!(after_working_days(friday, 8), Timestamp::parse("2026-12-02T15:00:00Z").unwrap());
    assert_eq!(after_working_days(friday, 0), friday);
}
