//! The formula of the score.

use proptest::prelude::*;

use super::{Weighed, score};

fn segment(speed_ratio: Option<f64>) -> Weighed {
    Weighed { length_m: 500.0, lanes: 2, free_flow_kmh: 60.0, speed_ratio }
}

#[test]
fn the_score_is_the_time_lost() {
    let value = |ratio| score([segment(Some(ratio))]).unwrap().value;
    assert!(value(1.0).abs() < 1e-9);
    assert!(value(1.4).abs() < 1e-9, "nobody gains by speeding");
    assert!((value(0.5) - 10.0 * 0.5 / 0.75).abs() < 1e-9);
    assert!((value(0.25) - 10.0).abs() < 1e-9, "four times as long");
    assert!((value(0.1) - 10.0).abs() < 1e-9);
}

#[test]
fn too_little_knowledge_is_no_score() {
    let known = |count: usize| {
        let segments = (0..40).map(|index| segment((index < count).then_some(1.0)));
        score(segments.collect::<Vec<_>>())
    };
    assert_eq!(known(1), None);
    assert!((known(2).unwrap().coverage - 0.05).abs() < 1e-9);
    assert_eq!(score([]), None);
}

proptest! {
    #[test]
    fn it_lies_between_0_and_10_and_grows_when_a_segment_slows_down(
        ratios in prop::collection::vec(0.0..1.3_f64, 1..20), at in 0_usize..20, factor in 0.0..1.0_f64
    ) {
        let before = score(ratios.iter().map(|ratio| segment(Some(*ratio)))).unwrap().value;
        let mut slower = ratios.clone();
        let at = at % slower.len();
        slower[at] *= factor;
        let after = score(slower.iter().map(|ratio| segment(Some(*ratio)))).unwrap().value;
        prop_assert!((0.0..=10.0).contains(&before));
        prop_assert!(after + 1e-9 >= before);
    }
}
