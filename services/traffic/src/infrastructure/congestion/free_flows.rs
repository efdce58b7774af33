//! Speeds at free flow in a database.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{DatabaseTransaction, EntityTrait, IntoActiveModel};

use super::log::insert;
use super::rows::{free_flow, free_flow_head};
use crate::application::congestion::ports::FreeFlows;
use crate::domain::city::SegmentName;

/// Speeds at free flow in a database.
pub struct StoredFreeFlows {
    store: Store,
}

impl StoredFreeFlows {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl FreeFlows for StoredFreeFlows {
    async fn all(&self) -> Result<BTreeMap<SegmentName, f64>, Error> {
        let rows = free_flow::Entity::find().all(self.store.reader()).await.map_err(db_error)?;
        Ok(rows.into_iter().map(|row| (SegmentName(row.segment_id), row.speed_kmh)).collect())
    }

    async fn revision(&self) -> Result<i64, Error> {
        let row = free_flow_head::Entity::find_by_id(1_i16).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map_or(0, |row| row.revision))
    }

    async fn put(&self, learnt: BTreeMap<SegmentName, f64>) -> Result<(), Error> {
        if self.all().await? == learnt {
            return Ok(());
        }
        self.store.transaction(move |tx| Box::pin(put(tx, learnt))).await
    }
}

async fn put(tx: &DatabaseTransaction, learnt: BTreeMap<SegmentName, f64>) -> Result<(), Error> {
    // The head first: it holds back whoever learns at the same time.
    free_flow_head::Entity::update_many()
        .col_expr(free_flow_head::Column::Revision, Expr::col(free_flow_head::Column::Revision).add(1))
        .exec(tx)
        .await
        .map_err(db_error)?;
    free_flow::Entity::delete_many().exec(tx).await.map_err(db_error)?;
    let rows = learnt
        .into_iter()
        .map(|(segment, speed)| free_flow::Model { segment_id: segment.0, speed_kmh: speed }.into_active_model());
    insert::<free_flow::Entity, _>(tx, rows.collect()).await
}
