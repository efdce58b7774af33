//! The database itself refuses to change what is written.

use crate::stage::{Database, Stage, call};

crate::on_both_databases![nothing_written_can_be_changed, the_head_only_moves_on,];

async fn nothing_written_can_be_changed(database: Database) {
    let stage = Stage::start(database).await;
    stage.publish(&[call("a", "OK"), call("b", "OK")]).await;
    let records = stage.records(2).await;
    let copy = |sequence: &str, event: &str| {
        format!(
            "INSERT INTO audit_records SELECT {sequence}, {event}, kind, source, actor_id, subject, time, method, outcome, \
             trace_id, details, previous_hash, hash FROM audit_records WHERE sequence = 1"
        )
    };
    let fresh = if database == Database::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let mut attempts = vec![
        "UPDATE audit_records SET actor_id = 'c' WHERE sequence = 1".to_owned(),
        "UPDATE audit_records SET sequence = 3 WHERE sequence = 2".to_owned(),
        "DELETE FROM audit_records WHERE sequence = 2".to_owned(),
        "DELETE FROM audit_records".to_owned(),
        copy("2", fresh),
        copy("5", fresh),
        copy("3", "event_id"),
    ];
    if database == Database::Sqlite {
        attempts.push(copy("2", fresh).replace("INSERT", "INSERT OR REPLACE"));
        attempts.push(copy("3", "event_id").replace("INSERT", "INSERT OR REPLACE"));
    } else {
        attempts.push("TRUNCATE audit_records".to_owned());
    }
    for attempt in attempts {
        stage.sql(attempt.clone()).await.expect_err(&attempt);
    }
    assert_eq!(stage.records(2).await, records);
    assert!(kvartal_audit::verify(&stage.store).await.unwrap().flaw.is_none());
}

async fn the_head_only_moves_on(database: Database) {
    let stage = Stage::start(database).await;
    stage.publish(&[call("a", "OK"), call("b", "OK")]).await;
    stage.records(2).await;
    for attempt in [
        "UPDATE audit_head SET sequence = 1",
        "UPDATE audit_head SET sequence = 4",
        "UPDATE audit_head SET hash = 'x'",
        "UPDATE audit_head SET id = 2",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head (id, sequence, hash) VALUES (2, 0, 'x')",
    ] {
        stage.sql(attempt).await.expect_err(attempt);
    }
    stage.publish(&[call("c", "OK")]).await;
    stage.records(3).await;
    assert!(kvartal_audit::verify(&stage.store).await.unwrap().flaw.is_none());
}
