//! Forgetting what nobody wants any more, by class.

use kvartal_kernel::Error;
use kvartal_store::db_error;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::application::congestion::ports::Retention;

/// Rows of a class removed in one transaction.
const ROWS: u64 = 5_000;

/// Removes some of it; whether there may be more.
pub(super) async fn prune(tx: &DatabaseTransaction, retention: Retention) -> Result<bool, Error> {
    let Retention { states_before, jams_before, scores_before } = retention;
    let mut statements = Vec::new();
    if let Some(before) = states_before.map(|step| step.0) {
        // The last change before holds until the next one: it stays.
        statements.push(some_of(
            "segment_level",
            "segment_id, step",
            &format!(
                "old.step < {before} AND EXISTS (SELECT 1 FROM segment_level later WHERE later.segment_id = old.segment_id \
                 AND later.step > old.step AND later.step <= {before})"
            ),
        ));
        statements.push(some_of(
            "congestion_tracker",
            "step",
            &format!(
                "old.step < (SELECT max(newest.step) FROM congestion_tracker newest WHERE newest.step <= {before})"
            ),
        ));
    }
    if let Some(before) = jams_before.map(|step| step.0) {
        let over = format!("SELECT jam.id FROM jam WHERE jam.end_step < {before}");
        // Their moments first: without the jam nobody would know them.
        statements.push(some_of("jam_moment", "jam_id, step", &format!("old.jam_id IN ({over})")));
        let lives = "EXISTS (SELECT 1 FROM jam_moment WHERE jam_moment.jam_id = old.id)";
        statements.push(some_of("jam", "id", &format!("old.end_step < {before} AND NOT {lives}")));
        statements.push(some_of("traffic_warning", "id", &format!("old.end_step < {before}")));
    }
    if let Some(before) = scores_before.map(|step| step.0) {
        statements.push(some_of("traffic_score", "district_id, step", &format!("old.step < {before}")));
    }
    let mut more = false;
    for statement in statements {
        more |= tx.execute_unprepared(&statement).await.map_err(db_error)?.rows_affected() > 0;
    }
    Ok(more)
}

/// Removes some rows of a table by its key; the condition calls them `old`.
fn some_of(table: &str, key: &str, condition: &str) -> String {
    let named: Vec<String> = key.split(", ").map(|column| format!("old.{column}")).collect();
    let named = named.join(", ");
    format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {named} FROM {table} old WHERE {condition} LIMIT {ROWS})")
}
