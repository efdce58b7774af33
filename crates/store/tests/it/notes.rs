//! A table to try things with.
#![expect(unreachable_pub, reason = "the derive makes public items")]

use async_trait::async_trait;
use kvartal_kernel::{Error, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{DatabaseTransaction, Set};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub city: String,
    pub email: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

struct CreateNotes;

impl MigrationName for CreateNotes {
    fn name(&self) -> &str {
        "notes_0001_create"
    }
}

#[async_trait]
impl MigrationTrait for CreateNotes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Entity)
            .col(ColumnDef::new(Column::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(Column::At).big_integer().not_null())
            .col(ColumnDef::new(Column::City).text().not_null())
            .col(ColumnDef::new(Column::Email).text().not_null())
            .to_owned();
        manager.create_table(table).await?;
        let unique = Index::create()
            .name("notes_city_email")
            .table(Entity)
            .col(Column::City)
            .col(Column::Email)
            .unique()
            .to_owned();
        manager.create_index(unique).await?;
        let by_time = Index::create().name("notes_at_id").table(Entity).col(Column::At).col(Column::Id).to_owned();
        manager.create_index(by_time).await
    }
}

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateNotes)]
}

pub(crate) fn note(at: i64, email: &str) -> Model {
    Model { id: Uuid::now_v7(), at, city: "Omsk".to_owned(), email: email.to_owned() }
}

pub(crate) async fn insert(tx: &DatabaseTransaction, note: Model) -> Result<(), Error> {
    let row = ActiveModel { id: Set(note.id), at: Set(note.at), city: Set(note.city), email: Set(note.email) };
    row.insert(tx).await.map(|_| ()).map_err(db_error)
}

/// Adds one note in a unit of its own.
pub(crate) async fn add(store: &Store, at: i64, email: &str) -> Result<(), Error> {
    let note = note(at, email);
    store.transaction(move |tx| Box::pin(insert(tx, note))).await
}

pub(crate) async fn emails(store: &Store) -> Vec<String> {
    let mut rows: Vec<_> = Entity::find().all(store.reader()).await.unwrap().into_iter().map(|n| n.email).collect();
    rows.sort();
    rows
}
