//! Somebody with full power over the database touches the chain: it is found every time, at the right record.

use kvartal_audit::{Flaw, Problem};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sea_orm::{ConnectionTrait as _, FromQueryResult as _, JsonValue, Statement, Value};

use crate::stage::{Database, Stage, call, granted};
use kvartal_kernel::{Clock as _, SystemClock};

crate::on_both_databases![
    random_tampering_is_always_found,
    every_kind_of_tampering_is_named,
    a_check_names_the_flaw_over_grpc,
];

const RECORDS: i64 = 20;
const CASES: usize = 200;

/// Text columns, which are what people would like to change.
const TEXTS: [&str; 10] =
    ["kind", "source", "actor_id", "subject", "method", "outcome", "trace_id", "details", "previous_hash", "hash"];

#[derive(Clone, Debug)]
enum Touch {
    /// One bit of a text; an empty text becomes a character.
    Text {
        sequence: i64,
        column: usize,
        bit: usize,
    },
    Time {
        sequence: i64,
        bit: u32,
    },
    Delete {
        sequence: i64,
    },
    Truncate {
        keep: i64,
    },
    /// Everything but the numbers changes places; with or without the hashes.
    Swap {
        one: i64,
        other: i64,
        hashes: bool,
    },
    Renumber {
        sequence: i64,
        to: i64,
    },
}

fn touches() -> impl Strategy<Value = Touch> {
    let sequence = || 1..=RECORDS;
    prop_oneof![
        4 => (sequence(), 0..TEXTS.len(), any::<usize>()).prop_map(|(sequence, column, bit)| Touch::Text { sequence, column, bit }),
        1 => (sequence(), 0..63u32).prop_map(|(sequence, bit)| Touch::Time { sequence, bit }),
        2 => sequence().prop_map(|sequence| Touch::Delete { sequence }),
        1 => (0..RECORDS).prop_map(|keep| Touch::Truncate { keep }),
        2 => (sequence(), sequence(), any::<bool>())
            .prop_filter("two records", |(one, other, _)| one != other)
            .prop_map(|(one, other, hashes)| Touch::Swap { one: one.min(other), other: one.max(other), hashes }),
        1 => (sequence(), RECORDS + 1..RECORDS + 50).prop_map(|(sequence, to)| Touch::Renumber { sequence, to }),
    ]
}

impl Touch {
    /// The record that must be named: the touched one, or the one after it when only its hash was touched.
    fn allowed(&self) -> std::ops::RangeInclusive<i64> {
        match self {
            Self::Text { sequence, .. } | Self::Time { sequence, .. } => *sequence..=*sequence + 1,
            Self::Delete { sequence } | Self::Renumber { sequence, .. } => *sequence..=*sequence,
            Self::Truncate { keep } => keep + 1..=keep + 1,
            Self::Swap { one, .. } => *one..=*one,
        }
    }
}

/// A chain whose guards are gone, with a copy to go back to.
async fn unguarded(database: Database) -> Stage {
    let stage = Stage::start(database).await;
    for number in 0..RECORDS {
        let event = if number % 2 == 0 {
            call(&format!("u{number}"), "OK")
        } else {
            granted(&format!("u{number}"), SystemClock.now())
        };
        stage.publish(&[event]).await;
    }
    stage.records(usize::try_from(RECORDS).unwrap()).await;
    let triggers = [
        ("audit_records", "update"),
        ("audit_records", "delete"),
        ("audit_records", "change"),
        ("audit_records", "truncate"),
        ("audit_records", "insert"),
        ("audit_head", "update"),
        ("audit_head", "delete"),
        ("audit_head", "insert"),
        ("audit_head", "change"),
        ("audit_head", "truncate"),
    ];
    for (table, name) in triggers {
        let of = if database == Database::Postgres { format!(" ON {table}") } else { String::new() };
        stage.sql(format!("DROP TRIGGER IF EXISTS {table}_{name}{of}")).await.unwrap();
    }
    stage.sql("CREATE TABLE copy_of_records AS SELECT * FROM audit_records").await.unwrap();
    stage.sql("CREATE TABLE copy_of_head AS SELECT * FROM audit_head").await.unwrap();
    stage
}

impl Stage {
    async fn restore(&self) {
        for (table, copy) in [("audit_records", "copy_of_records"), ("audit_head", "copy_of_head")] {
            self.sql(format!("DELETE FROM {table}")).await.unwrap();
            self.sql(format!("INSERT INTO {table} SELECT * FROM {copy}")).await.unwrap();
        }
    }

    async fn flaw(&self) -> Option<Flaw> {
        kvartal_audit::verify(&self.store).await.unwrap().flaw
    }

    async fn set(&self, sequence: i64, column: &str, value: impl Into<Value>) {
        let sql = format!("UPDATE audit_records SET {column} = $1 WHERE sequence = $2");
        let values: Vec<Value> = vec![value.into(), sequence.into()];
        let backend = self.store.reader().get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let run = self.store.transaction(move |tx| {
            Box::pin(async move { tx.execute_raw(statement).await.map_err(kvartal_store::db_error) })
        });
        run.await.unwrap();
    }

    async fn row(&self, sequence: i64) -> JsonValue {
        let db = self.store.reader();
        let sql = format!("SELECT * FROM audit_records WHERE sequence = {sequence}");
        let select = Statement::from_string(db.get_database_backend(), sql);
        JsonValue::find_by_statement(select).one(db).await.unwrap().unwrap()
    }

    async fn touch(&self, touch: &Touch) {
        match *touch {
            Touch::Text { sequence, column, bit } => {
                let column = TEXTS[column];
                let text = self.row(sequence).await[column].as_str().unwrap().to_owned();
                self.set(sequence, column, flipped(text, bit)).await;
            }
            Touch::Time { sequence, bit } => {
                let time = self.row(sequence).await["time"].as_i64().unwrap();
                self.set(sequence, "time", time ^ (1 << bit)).await;
            }
            Touch::Delete { sequence } => {
                self.sql(format!("DELETE FROM audit_records WHERE sequence = {sequence}")).await.unwrap();
            }
            Touch::Truncate { keep } => {
                self.sql(format!("DELETE FROM audit_records WHERE sequence > {keep}")).await.unwrap();
            }
            Touch::Swap { one, other, hashes } => {
                let (left, right) = (self.row(one).await, self.row(other).await);
                for column in TEXTS.iter().filter(|column| hashes || !column.ends_with("hash")) {
                    self.set(one, column, right[*column].as_str().unwrap()).await;
                    self.set(other, column, left[*column].as_str().unwrap()).await;
                }
            }
            Touch::Renumber { sequence, to } => self.set(sequence, "sequence", to).await,
        }
    }
}

/// With one bit of one (ASCII) character changed to another character that both databases take.
fn flipped(text: String, bit: usize) -> String {
    let mut bytes = text.into_bytes();
    if bytes.is_empty() {
        return "x".to_owned();
    }
    let at = bit % bytes.len();
    let bits = (0..7).map(|shift| 1 << ((bit / 7 + shift) % 7));
    let changed = bits.map(|bit: u8| bytes[at] ^ bit).find(|byte| *byte != 0).unwrap();
    bytes[at] = changed;
    String::from_utf8(bytes).unwrap()
}

async fn random_tampering_is_always_found(database: Database) {
    let stage = unguarded(database).await;
    assert_eq!(stage.flaw().await, None);
    let mut runner = TestRunner::default();
    for _ in 0..CASES {
        let touch = touches().new_tree(&mut runner).unwrap().current();
        stage.touch(&touch).await;
        let flaw = stage.flaw().await.unwrap_or_else(|| panic!("{touch:?} was not found"));
        let named = i64::try_from(flaw.sequence).unwrap();
        assert!(touch.allowed().contains(&named), "{touch:?} was found as {flaw:?}");
        stage.restore().await;
        assert_eq!(stage.flaw().await, None, "restored");
    }
}

async fn every_kind_of_tampering_is_named(database: Database) {
    let stage = unguarded(database).await;
    let last = u64::try_from(RECORDS).unwrap();
    let cases: [(&str, u64, Problem); 12] = [
        ("UPDATE audit_records SET actor_id = 'someone else' WHERE sequence = 7", 7, Problem::Altered),
        ("UPDATE audit_records SET details = '' WHERE sequence = 2", 2, Problem::Altered),
        ("UPDATE audit_records SET previous_hash = hash WHERE sequence = 7", 7, Problem::Unlinked),
        ("UPDATE audit_records SET previous_hash = upper(previous_hash) WHERE sequence = 7", 7, Problem::Unlinked),
        ("DELETE FROM audit_records WHERE sequence = 1", 1, Problem::Missing),
        ("DELETE FROM audit_records WHERE sequence = 10", 10, Problem::Missing),
        ("DELETE FROM audit_records WHERE sequence > 10", 11, Problem::Missing),
        ("DELETE FROM audit_records", 1, Problem::Missing),
        ("UPDATE audit_head SET sequence = 12", 12, Problem::HeadDiffers),
        ("UPDATE audit_head SET hash = 'x'", last, Problem::HeadDiffers),
        (
            "UPDATE audit_head SET sequence = 12, hash = (SELECT hash FROM audit_records WHERE sequence = 12)",
            13,
            Problem::BeyondHead,
        ),
        ("DELETE FROM audit_head", last, Problem::HeadMissing),
    ];
    for (tampering, sequence, problem) in cases {
        stage.sql(tampering).await.unwrap();
        assert_eq!(stage.flaw().await, Some(Flaw { sequence, problem }), "{tampering}");
        stage.restore().await;
    }
    // A tail added behind the service's back, however well its hashes fit.
    let event = if database == Database::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let tail = format!(
        "INSERT INTO audit_records SELECT sequence + 1, {event}, kind, source, actor_id, subject, time, method, outcome, \
         trace_id, details, hash, hash FROM audit_records WHERE sequence = {RECORDS}"
    );
    stage.sql(tail).await.unwrap();
    assert_eq!(stage.flaw().await, Some(Flaw { sequence: last + 1, problem: Problem::BeyondHead }));
    stage.restore().await;
    if database == Database::Sqlite {
        // SQLite keeps any value in any column; PostgreSQL refuses these itself.
        for strange in ["time = 'noon'", "event_id = x'00'", "actor_id = CAST(x'ff' AS TEXT)"] {
            stage.sql(format!("UPDATE audit_records SET {strange} WHERE sequence = 9")).await.unwrap();
            assert_eq!(stage.flaw().await, Some(Flaw { sequence: 9, problem: Problem::Unreadable }), "{strange}");
            stage.restore().await;
        }
    }
    assert_eq!(stage.flaw().await, None);
}

async fn a_check_names_the_flaw_over_grpc(database: Database) {
    let stage = unguarded(database).await;
    stage.sql("UPDATE audit_records SET outcome = 'DENIED' WHERE sequence = 3").await.unwrap();
    let found = stage.verify(0).await;
    assert!(!found.intact);
    assert_eq!((found.first_bad_sequence, found.checked_count), (3, 2));
    assert_eq!(found.problem, "the record's content is not what was hashed");
    // Whoever trusts what came before sees the rest hold.
    assert!(stage.verify(4).await.intact);
    stage.sql("DELETE FROM audit_records WHERE sequence = 5").await.unwrap();
    let found = stage.verify(6).await;
    assert_eq!((found.intact, found.first_bad_sequence), (false, 5), "the record that was to be trusted is gone");
}
