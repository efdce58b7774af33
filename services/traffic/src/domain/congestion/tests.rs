//! Levels value by value; the rule never flaps faster than it says.

use proptest::prelude::*;

use super::{Hysteresis, IMPROVE_STEPS, Level, SILENT_STEPS, Sample, WORSEN_STEPS};

fn speed(ratio: f64) -> Sample {
    Sample { speed_ratio: Some(ratio), occupancy: None }
}

#[test]
fn levels_begin_exactly_at_their_bounds() {
    let cases = [
        (1.0, Level::Free),
        (0.67, Level::Free),
        (0.669_9, Level::Moderate),
        (0.40, Level::Moderate),
        (0.399_9, Level::Heavy),
        (0.15, Level::Heavy),
        (0.149_9, Level::Standstill),
        (0.0, Level::Standstill),
    ];
    for (ratio, level) in cases {
        assert_eq!(speed(ratio).level(0.0), Some(level), "at {ratio}");
    }
}

#[test]
fn occupancy_speaks_where_nobody_crosses_and_an_empty_road_does_not_jam() {
    let occupied = |occupancy| Sample { speed_ratio: None, occupancy: Some(occupancy) };
    assert_eq!(occupied(0.119).level(0.0), Some(Level::Free));
    assert_eq!(occupied(0.12).level(0.0), Some(Level::Moderate));
    assert_eq!(occupied(0.20).level(0.0), Some(Level::Heavy));
    assert_eq!(occupied(0.40).level(0.0), Some(Level::Standstill));
    let crawling = |occupancy| Sample { speed_ratio: Some(0.1), occupancy: Some(occupancy) };
    assert_eq!(crawling(0.029).level(0.0), Some(Level::Moderate));
    assert_eq!(crawling(0.03).level(0.0), Some(Level::Standstill));
    assert_eq!(Sample::default().level(0.0), None);
}

#[test]
fn it_gets_worse_after_two_steps_and_better_after_three_beyond_the_margin() {
    let mut machine = Hysteresis::default();
    assert_eq!(machine.step(speed(0.9)), Some(Some(Level::Free)), "the first sample is believed");
    assert_eq!(machine.step(speed(0.1)), None);
    assert_eq!(machine.step(speed(0.5)), Some(Some(Level::Moderate)), "the mildest of what two asked for");
    for _ in 0..10 {
        assert_eq!(machine.step(speed(0.70)), None, "0.67 is exceeded, but not by the margin");
    }
    assert_eq!(machine.step(speed(0.73)), None);
    assert_eq!(machine.step(speed(0.73)), None);
    assert_eq!(machine.step(speed(0.73)), Some(Some(Level::Free)));
}

#[test]
fn a_silent_detector_is_forgotten_after_three_steps() {
    let mut machine = Hysteresis::default();
    machine.step(speed(0.2));
    assert_eq!(machine.step(Sample::default()), None);
    assert_eq!(machine.step(Sample::default()), None);
    assert_eq!(machine.step(Sample::default()), Some(None));
    assert_eq!(machine.step(speed(0.9)), Some(Some(Level::Free)), "and believed at once when it speaks again");
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = prop_oneof![
        8 => (0.0..1.2_f64, prop::option::of(0.0..0.6_f64))
            .prop_map(|(ratio, occupancy)| Sample { speed_ratio: Some(ratio), occupancy }),
        1 => (0.0..0.6_f64).prop_map(|occupancy| Sample { speed_ratio: None, occupancy: Some(occupancy) }),
        1 => Just(Sample::default()),
    ];
    prop::collection::vec(sample, 0..200)
}

proptest! {
    /// Between two changes lie at least the steps that the second one's direction asks for, and each sample of them asked.
    #[test]
    fn no_state_flaps_faster_than_its_rule(samples in samples()) {
        let mut machine = Hysteresis::default();
        let mut last: Option<(usize, Option<Level>)> = None;
        for (at, sample) in samples.iter().enumerate() {
            let before = machine.level();
            let Some(now) = machine.step(*sample) else { continue };
            prop_assert_ne!(before, now, "a change changes something");
            let needed = match (before, now) {
                (None, _) => 0,
                (Some(_), None) => SILENT_STEPS,
                (Some(before), Some(now)) if now > before => WORSEN_STEPS,
                (Some(_), Some(_)) => IMPROVE_STEPS,
            };
            let since = last.map_or(at + 1, |(changed, _)| at - changed);
            prop_assert!(since >= usize::from(needed), "{before:?} → {now:?} after {since} steps");
            if let (Some(before), Some(now)) = (before, now) {
                for sample in &samples[at + 1 - usize::from(needed)..=at] {
                    let margin = if now > before { 0.0 } else { super::MARGIN };
                    let asked = sample.level(margin).unwrap();
                    let consents = if now > before { asked >= now } else { asked <= now };
                    prop_assert!(consents);
                }
            }
            last = Some((at, now));
        }
    }

    /// What is resumed from the last change goes on like what never stopped.
    #[test]
    fn a_machine_is_resumed_from_its_last_change(samples in samples(), cut in 0_usize..200) {
        let cut = cut.min(samples.len());
        let mut whole = Hysteresis::default();
        let (mut level, mut changed) = (None, 0);
        for (at, sample) in samples[..cut].iter().enumerate() {
            if let Some(now) = whole.step(*sample) {
                (level, changed) = (now, at + 1);
            }
        }
        let mut resumed = Hysteresis::resume(level, &samples[changed..cut]);
        for sample in &samples[cut..] {
            prop_assert_eq!(whole.step(*sample), resumed.step(*sample));
            prop_assert_eq!(whole.level(), resumed.level());
        }
    }
}
