//! Applies migrations: all that are missing in one transaction, each recorded by its name.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use kvartal_kernel::{Clock, Error, SystemClock};
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Set};
use sea_orm_migration::{MigrationTrait, SchemaManager};

use crate::db_error;

mod applied {
    //! Migrations the database has.
    #![expect(unreachable_pub, reason = "the derive makes public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "applied_migrations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub applied_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Applies what is missing within `tx`, which the caller has made the only one of its kind.
pub(crate) async fn apply(tx: &DatabaseTransaction, migrations: &[Box<dyn MigrationTrait>]) -> Result<(), Error> {
    let table = Table::create()
        .table(applied::Entity)
        .if_not_exists()
        .col(ColumnDef::new(applied::Column::Name).string_len(200).not_null().primary_key())
        .col(ColumnDef::new(applied::Column::AppliedAt).big_integer().not_null())
        .to_owned();
    tx.execute(&table).await.map_err(db_error)?;
    let rows = applied::Entity::find().all(tx).await.map_err(db_error)?;
    let applied: HashSet<String> = rows.into_iter().map(|row| row.name).collect();
    let mut seen = HashSet::new();
    for migration in migrations {
        let name = migration.name();
        if !seen.insert(name) {
            return Err(Error::internal(format!("two migrations are named {name}")));
        }
        if applied.contains(name) {
            continue;
        }
        migration
            .up(&SchemaManager::new(tx))
            .await
            .map_err(|error| Error::internal(format!("migration {name} failed")).because(error))?;
        let row = applied::ActiveModel { name: Set(name.to_owned()), applied_at: Set(SystemClock.now().0) };
        row.insert(tx).await.map_err(db_error)?;
        tracing::info!(migration = name, "migration applied");
    }
    Ok(())
}

/// Waits for the lock on this file; it is held until the answer is dropped, also by a process that dies.
pub(crate) async fn lock_file(path: &Path) -> Result<File, Error> {
    let path = path.to_owned();
    let lock = move || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    };
    match tokio::task::spawn_blocking(lock).await {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(error)) => {
            Err(Error::unavailable("DATABASE_UNAVAILABLE", "the database cannot be locked").because(error))
        }
        Err(error) => Err(Error::internal("locking the database failed").because(error)),
    }
}
