//! Classes are ordered, named and inherited.

use http::HeaderMap;

use super::{CRITICALITY_HEADER, Criticality, current, of_call, read, within};

#[test]
fn classes_are_ordered_by_how_much_a_loss_hurts() {
    assert!(Criticality::ALL.is_sorted());
    assert!(Criticality::Sheddable < Criticality::Critical && Criticality::Critical < Criticality::CriticalPlus);
}

#[tokio::test]
async fn every_class_survives_the_header() {
    for criticality in Criticality::ALL {
        let mut headers = HeaderMap::new();
        assert_eq!(within(criticality, async { of_call(&mut headers) }).await, criticality);
        assert_eq!(read(&headers).unwrap_or_default(), criticality);
        // What is written stays, whatever it is made for.
        if criticality != Criticality::default() {
            assert_eq!(within(Criticality::default(), async { of_call(&mut headers) }).await, criticality);
        }
    }
}

#[test]
fn what_is_absent_or_unknown_is_critical() {
    let mut headers = HeaderMap::new();
    assert_eq!(of_call(&mut headers), Criticality::Critical);
    for strange in ["", "critical_plus", "VITAL", "CRITICAL_PLUS "] {
        headers.insert(&CRITICALITY_HEADER, strange.parse().unwrap());
        assert_eq!((read(&headers), of_call(&mut headers)), (None, Criticality::Critical), "{strange}");
        assert!(headers.is_empty());
    }
}

#[tokio::test]
async fn tasks_know_on_whose_behalf_they_run() {
    assert_eq!(current(), Criticality::Critical);
    let inner = within(Criticality::Sheddable, async {
        let nested = within(Criticality::CriticalPlus, async { current() }).await;
        (current(), nested)
    });
    assert_eq!(inner.await, (Criticality::Sheddable, Criticality::CriticalPlus));
}
