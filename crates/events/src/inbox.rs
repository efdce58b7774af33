//! The inbox: which events a consumer has applied.

use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_store::Store;
use sea_orm::DatabaseTransaction;

/// Whether the consumer sees the event for the first time; call it in the transaction of the event's effect.
pub async fn first_time(tx: &DatabaseTransaction, consumer: &str, event: Uuid) -> Result<bool, Error> {
    let _ = (tx, consumer, event);
    Err(Error::internal("not yet"))
}

/// Forgets events applied more than 14 days before `now`, a bounded number at a time; returns how many.
pub async fn prune(store: &Store, now: Timestamp) -> Result<u64, Error> {
    let _ = (store, now);
    Err(Error::internal("not yet"))
}
