//! The outbox: events wait beside the data until the relay has published them.

use kvartal_kernel::Error;
use sea_orm::DatabaseTransaction;
use sea_orm_migration::MigrationTrait;

use crate::Event;

/// Writes events in the transaction of the change they tell about.
pub async fn append(tx: &DatabaseTransaction, events: Vec<Event>) -> Result<(), Error> {
    let _ = (tx, events);
    Err(Error::internal("not yet"))
}

/// The tables of the outbox and the inbox.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    Vec::new()
}
