//! Who gets in, who waits and who is refused.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Gate, Permit, WAIT};
use crate::Criticality::{self, Critical, CriticalPlus, Sheddable, SheddablePlus};

/// Enough methods that none of them meets its own bound.
const METHODS: usize = 8;

async fn enter(gate: &Arc<Gate>, method: usize, class: Criticality) -> Option<Permit> {
    gate.enter(method, class, Instant::now() + Duration::from_secs(5)).await
}

/// Goes in until there is no place any more.
async fn crowd(gate: &Arc<Gate>, class: Criticality, inside: &mut Vec<Permit>) {
    while let Some(permit) = enter(gate, inside.len() % METHODS, class).await {
        inside.push(permit);
    }
}

#[tokio::test(start_paused = true)]
async fn the_dispensable_classes_find_it_full_first() {
    let gate = Arc::new(Gate::new(METHODS, 1_000));
    let mut inside = Vec::new();
    for (class, places) in [(Sheddable, 32), (SheddablePlus, 48), (Critical, 60), (CriticalPlus, 64)] {
        crowd(&gate, class, &mut inside).await;
        assert_eq!(inside.len(), places, "{class:?}");
        assert_eq!(gate.is_closed(0, class), class != CriticalPlus);
    }
    assert_eq!(gate.fullness().inside, [32, 16, 12, 4]);
    inside.truncate(40);
    assert!(gate.is_closed(0, Sheddable) && !gate.is_closed(0, SheddablePlus));
    inside.clear();
    assert_eq!(gate.fullness().inside, [0; 4]);
}

#[tokio::test(start_paused = true)]
async fn one_method_does_not_take_the_whole_service() {
    let gate = Arc::new(Gate::new(METHODS, 1_000));
    let mut inside = Vec::new();
    while let Some(permit) = enter(&gate, 3, Critical).await {
        inside.push(permit);
    }
    assert_eq!(inside.len(), 45);
    assert!(enter(&gate, 4, Critical).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_last_gets_the_next_place() {
    let gate = Arc::new(Gate::new(METHODS, 10));
    let mut inside = Vec::new();
    crowd(&gate, Critical, &mut inside).await;
    inside.push(enter(&gate, 0, CriticalPlus).await.unwrap());
    assert_eq!(inside.len(), 10);
    let (started, give_back) = (Instant::now(), WAIT / 2);
    let waiting = enter(&gate, 1, CriticalPlus);
    let leaving = async {
        tokio::time::sleep(give_back).await;
        assert_eq!(gate.fullness().waiting, 1);
        inside.pop();
    };
    let (permit, ()) = tokio::join!(waiting, leaving);
    assert!(permit.is_some());
    assert_eq!(started.elapsed(), give_back);
    assert_eq!(gate.fullness().inside, [0, 0, 9, 1]);
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end_and_a_bound_and_loses_no_place() {
    let gate = Arc::new(Gate::new(METHODS, 10));
    let mut inside = Vec::new();
    crowd(&gate, Critical, &mut inside).await;
    inside.push(enter(&gate, 0, CriticalPlus).await.unwrap());
    let started = Instant::now();
    let waiting: Vec<_> = (0..20).map(|method| enter(&gate, method % METHODS, CriticalPlus)).collect();
    let full = async {
        tokio::task::yield_now().await;
        assert_eq!(gate.fullness().waiting, 10);
        assert!(gate.is_closed(0, CriticalPlus));
    };
    let (permits, ()) = tokio::join!(futures::future::join_all(waiting), full);
    assert!(permits.iter().all(Option::is_none));
    assert_eq!(started.elapsed(), WAIT);
    assert!(!gate.is_closed(0, CriticalPlus), "who has given up does not count");
    inside.clear();
    crowd(&gate, CriticalPlus, &mut inside).await;
    assert_eq!((inside.len(), gate.fullness().waiting), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_burst_on_a_quiet_service_is_served_and_lasting_overload_is_not() {
    let gate = Arc::new(Gate::new(METHODS, 1_000));
    let work = |method: usize| {
        let gate = Arc::clone(&gate);
        async move {
            let permit = enter(&gate, method % METHODS, Critical).await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
            permit.answered();
            Some(())
        }
    };
    let burst = futures::future::join_all((0..200).map(work)).await;
    assert!(burst.iter().all(Option::is_some), "everybody had his turn");
    // So many at once are no burst any more, and then nobody waits for a while.
    let flood = futures::future::join_all((0..1_000).map(work)).await;
    assert!(flood.iter().filter(|answer| answer.is_none()).count() > 500);
    let mut inside = Vec::new();
    let started = Instant::now();
    crowd(&gate, Critical, &mut inside).await;
    assert!(started.elapsed().is_zero(), "refused at once");
}
