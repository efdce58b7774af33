//! The list of revocations.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Kind, ManualClock, Timestamp};
use uuid::Uuid;

use super::{LocalRevocations, PRUNE_MIN, Revocations as _, Revoke as _};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn list() -> (Arc<ManualClock>, LocalRevocations) {
    let clock = Arc::new(ManualClock::at(Timestamp(0)));
    (clock.clone(), LocalRevocations::new(clock))
}

const LATER: Timestamp = Timestamp(60_000_000);

#[tokio::test]
async fn a_session_is_revoked_and_no_other() {
    let (_, list) = list();
    list.revoke_session(id(1), LATER).await.unwrap();
    assert_eq!(list.check(id(1), id(9), 0).unwrap_err().kind(), Kind::Unauthenticated);
    assert!(list.check(id(2), id(9), 0).is_ok());
}

#[tokio::test]
async fn older_generations_are_revoked_and_stay_so() {
    let (_, list) = list();
    list.revoke_before(id(9), 5, LATER).await.unwrap();
    list.revoke_before(id(9), 3, LATER).await.unwrap();
    assert!(list.check(id(1), id(9), 4).is_err());
    assert!(list.check(id(1), id(9), 5).is_ok());
    assert!(list.check(id(1), id(8), 0).is_ok());
}

#[tokio::test]
async fn what_is_past_its_time_is_forgotten() {
    let (clock, list) = list();
    for n in 0..PRUNE_MIN as u128 {
        list.revoke_session(id(n), LATER).await.unwrap();
    }
    clock.advance(Duration::from_secs(61));
    list.revoke_session(id(u128::MAX), LATER.plus(Duration::from_secs(60))).await.unwrap();
    assert!(list.check(id(1), id(9), 0).is_ok());
    assert!(list.check(id(u128::MAX), id(9), 0).is_err());
    assert_eq!(list.lists.read().unwrap().sessions.len(), 1);
}
