//! Keyset pages: complete, without repetition, and by the index.

use kvartal_kernel::{Cursor, Page, PageRequest};
use kvartal_store::keyset;
use sea_orm::{ConnectionTrait, EntityTrait, QueryTrait, Select, Statement};

use crate::notes::{Column, Entity, Model, insert, note};
use crate::{Database, on_both};

on_both!(pages_lead_through_every_row_once, a_page_is_found_through_the_index);

async fn fill(db: &Database) {
    let unit = db.store.transaction(|tx| {
        Box::pin(async move {
            for n in 0..100 {
                // Three rows for each key, so that ids decide.
                insert(tx, note(n / 3, &n.to_string())).await?;
            }
            Ok(())
        })
    });
    unit.await.unwrap();
}

async fn walk(db: &Database, page: fn(Select<Entity>, &PageRequest) -> Select<Entity>) -> Vec<Model> {
    let mut request = PageRequest { size: 7, after: None };
    let mut rows = Vec::new();
    loop {
        let found = page(Entity::find(), &request).all(db.store.reader()).await.unwrap();
        let found = Page::from_surplus(found, request.size, |row| Cursor { key: row.at, id: row.id });
        rows.extend(found.items);
        match found.next {
            Some(next) => request.after = Some(next),
            None => return rows,
        }
    }
}

async fn pages_lead_through_every_row_once(db: Database) {
    fill(&db).await;
    let mut expected = Entity::find().all(db.store.reader()).await.unwrap();
    expected.sort_by_key(|row| (row.at, row.id));
    assert_eq!(walk(&db, |s, request| keyset::ascending(s, Column::At, Column::Id, request)).await, expected);
    expected.reverse();
    assert_eq!(walk(&db, |s, request| keyset::descending(s, Column::At, Column::Id, request)).await, expected);
}

async fn a_page_is_found_through_the_index(db: Database) {
    fill(&db).await;
    let request = PageRequest { size: 10, after: Some(Cursor { key: 20, id: uuid::Uuid::now_v7() }) };
    let backend = db.store.reader().get_database_backend();
    let query = keyset::descending(Entity::find(), Column::At, Column::Id, &request).build(backend);
    let prefix = if db.store.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
    let explain = Statement { sql: format!("{prefix} {}", query.sql), ..query };
    let unit = db.store.transaction(move |tx| {
        Box::pin(async move {
            if explain.db_backend == sea_orm::DbBackend::Postgres {
                // A hundred rows fit into a page or two: PostgreSQL would rather read them all.
                tx.execute_unprepared("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
                    .await
                    .unwrap();
            }
            let column = if explain.db_backend == sea_orm::DbBackend::Postgres { 0 } else { 3 };
            let rows = tx.query_all_raw(explain).await.unwrap();
            Ok(rows.iter().map(|row| row.try_get_by_index::<String>(column).unwrap()).collect::<Vec<_>>().join("\n"))
        })
    });
    let plan = unit.await.unwrap();
    assert!(plan.contains("notes_at_id"), "{plan}");
    assert!(
        plan.contains("Index Cond: (ROW(at, id) <") || plan.contains("(at<?)") || plan.contains("(at,id)<"),
        "{plan}"
    );
    assert!(!plan.to_lowercase().contains("sort") && !plan.contains("TEMP B-TREE"), "{plan}");
}
