//! Whoever is turned away learns when to come again, and not all at the same time.

use std::collections::BTreeSet;

use tonic_types::StatusExt as _;

use super::*;

fn shed() -> (Shed, &'static Method) {
    let method = kvartal_proto::contract().methods().next().unwrap();
    (Shed::new(&opentelemetry::global::meter("test"), "identity"), method)
}

#[test]
fn the_times_to_come_again_are_spread_over_twice_the_least() {
    let (shed, method) = shed();
    for (class, least) in Criticality::ALL.into_iter().zip(COME_AGAIN) {
        let after = (0..TIMES).map(|_| {
            let details = shed.refuse(method, class).get_error_details();
            details.retry_info().unwrap().retry_delay.unwrap()
        });
        let after: BTreeSet<Duration> = after.collect();
        assert_eq!(after.len(), TIMES, "{class:?}");
        assert!(after.iter().all(|after| (least..least * 2).contains(after)), "{class:?}: {after:?}");
    }
}

#[test]
fn both_forms_of_the_answer_say_the_same() {
    let (shed, method) = shed();
    let status = shed.refuse(method, Criticality::Sheddable);
    let response = shed.turn_away(method, Criticality::Sheddable);
    let written = Status::from_header_map(response.headers()).unwrap();
    assert_eq!((written.code(), written.message()), (status.code(), status.message()));
    assert_eq!(written.get_error_details().error_info().unwrap().reason, "OVERLOADED");
    let pushback: u128 = response.headers()[PUSHBACK].to_str().unwrap().parse().unwrap();
    let delay = written.get_error_details().retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(pushback, delay.as_millis());
}
