//! The tables, and the triggers that refuse to change what is written.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer, string, uuid};

/// Every migration, oldest first.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateChain)]
}

struct CreateChain;

impl MigrationName for CreateChain {
    fn name(&self) -> &str {
        "audit_0001_create_chain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateChain {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(name).text().not_null().to_owned();
        let records = Table::create()
            .table("audit_records")
            .col(big_integer("sequence").primary_key())
            .col(uuid("event_id").unique_key())
            .col(text("kind"))
            .col(text("source"))
            .col(text("actor_id"))
            .col(text("subject"))
            .col(big_integer("time"))
            .col(text("method"))
            .col(text("outcome"))
            .col(text("trace_id"))
            .col(text("details"))
            .col(string("previous_hash"))
            .col(string("hash"))
            .to_owned();
        manager.create_table(records).await?;
        for (name, column) in [
            ("audit_records_by_actor", "actor_id"),
            ("audit_records_by_subject", "subject"),
            ("audit_records_by_kind", "kind"),
            ("audit_records_by_time", "time"),
        ] {
            let index = Index::create().name(name).table("audit_records").col(column).col("sequence").to_owned();
            manager.create_index(index).await?;
        }
        let head = Table::create()
            .table("audit_head")
            .col(integer("id").primary_key())
            .col(big_integer("sequence"))
            .col(string("hash"))
            .to_owned();
        manager.create_table(head).await?;
        let origin = Query::insert()
            .into_table("audit_head")
            .columns(["id", "sequence", "hash"])
            .values_panic([1.into(), 0.into(), "0".repeat(64).into()])
            .to_owned();
        manager.exec_stmt(origin).await?;
        for guard in if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE } {
            manager.get_connection().execute_unprepared(guard).await?;
        }
        Ok(())
    }
}

/// `INSERT OR REPLACE` deletes without firing delete triggers, so inserts are guarded too.
const SQLITE: &[&str] = &[
    "CREATE TRIGGER audit_records_update BEFORE UPDATE ON audit_records
     BEGIN SELECT RAISE(ABORT, 'audit records cannot be changed'); END",
    "CREATE TRIGGER audit_records_delete BEFORE DELETE ON audit_records
     BEGIN SELECT RAISE(ABORT, 'audit records cannot be deleted'); END",
    "CREATE TRIGGER audit_records_insert BEFORE INSERT ON audit_records
     WHEN NEW.sequence <> (SELECT sequence + 1 FROM audit_head WHERE id = 1)
       OR EXISTS (SELECT 1 FROM audit_records WHERE sequence = NEW.sequence OR event_id = NEW.event_id)
     BEGIN SELECT RAISE(ABORT, 'audit records can only be appended'); END",
    "CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_head
     WHEN NEW.id <> OLD.id OR NEW.sequence <> OLD.sequence + 1
     BEGIN SELECT RAISE(ABORT, 'the audit head can only move on'); END",
    "CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_head
     BEGIN SELECT RAISE(ABORT, 'the audit head cannot be deleted'); END",
    "CREATE TRIGGER audit_head_insert BEFORE INSERT ON audit_head
     BEGIN SELECT RAISE(ABORT, 'there is one audit head'); END",
];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'audit records and their head cannot be changed or deleted'; END $$",
    "CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE head bigint;
     BEGIN
       EXECUTE format('SELECT sequence FROM %I.audit_head WHERE id = 1', TG_TABLE_SCHEMA) INTO head;
       IF NEW.sequence IS DISTINCT FROM head + 1 THEN
         RAISE EXCEPTION 'audit records can only be appended';
       END IF;
       RETURN NEW;
     END $$",
    "CREATE FUNCTION audit_move() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF NEW.id <> OLD.id OR NEW.sequence <> OLD.sequence + 1 THEN
         RAISE EXCEPTION 'the audit head can only move on';
       END IF;
       RETURN NEW;
     END $$",
    "CREATE TRIGGER audit_records_change BEFORE UPDATE OR DELETE ON audit_records
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_records_truncate BEFORE TRUNCATE ON audit_records
     FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_records_insert BEFORE INSERT ON audit_records
     FOR EACH ROW EXECUTE FUNCTION audit_append()",
    "CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_head
     FOR EACH ROW EXECUTE FUNCTION audit_move()",
    "CREATE TRIGGER audit_head_change BEFORE INSERT OR DELETE ON audit_head
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_head_truncate BEFORE TRUNCATE ON audit_head
     FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
];
