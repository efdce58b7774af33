//! Creating and listing incidents on SQLite, beside bare loops over the same tables.

use std::time::Duration;

use kvartal_e2e::{Adapter, Options, Platform, User};
use kvartal_kernel::Role;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::{CreateIncidentRequest, IncidentKind, LatLng, ListIncidentsRequest, Place};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement, TransactionTrait as _};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::drive::{connect, load, repeat};
use crate::report::Report;

/// Rows of the small list.
const FEW: u64 = 1_000;

fn incident() -> CreateIncidentRequest {
    CreateIncidentRequest {
        request_id: Uuid::new_v4().to_string(),
        kind: IncidentKind::Hazard as i32,
        title: "Дерево на дороге".into(),
        place: Some(Place {
            points: vec![LatLng {
                latitude: rand::random_range(55.0..56.0),
                longitude: rand::random_range(37.0..38.0),
            }],
            road: "улица Садовая".into(),
            ..Place::default()
        }),
        ..CreateIncidentRequest::default()
    }
}

async fn open(platform: &Platform) -> DatabaseConnection {
    let url = format!("sqlite:{}?mode=rw", platform.data().join("incident.sqlite").display());
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    db.execute_unprepared("PRAGMA synchronous = FULL").await.unwrap();
    db
}

/// Copies what is there until there are this many rows, with ids and times of their own.
async fn grow(db: &DatabaseConnection, rows: u64) {
    let count = |row: Option<sea_orm::QueryResult>| row.unwrap().try_get_by_index::<i64>(0).unwrap() as u64;
    let query = |sql: &str| Statement::from_string(db.get_database_backend(), sql.to_owned());
    let columns: Vec<String> = db
        .query_all_raw(query("SELECT name FROM pragma_table_info('incident')"))
        .await
        .unwrap()
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    loop {
        let there = count(db.query_one_raw(query("SELECT count(*) FROM incident")).await.unwrap());
        if there >= rows {
            break;
        }
        let values: Vec<_> = columns
            .iter()
            .map(|column| match column.as_str() {
                "id" => "randomblob(16)".to_owned(),
                "update_time" => format!("{column} - abs(random() % 86400000000)"),
                // Unique where they are set.
                "request_by" | "request_id" => "NULL".to_owned(),
                other => format!("\"{other}\""),
            })
            .collect();
        let names: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let sql = format!(
            "INSERT INTO incident ({}) SELECT {} FROM incident LIMIT {}",
            names.join(", "),
            values.join(", "),
            rows - there
        );
        db.execute_unprepared(&sql).await.unwrap();
    }
    db.execute_unprepared("ANALYZE").await.unwrap();
}

async fn list(channel: Channel) -> bool {
    let request = ListIncidentsRequest { page_size: 50, ..ListIncidentsRequest::default() };
    IncidentServiceClient::new(channel).list_incidents(request).await.is_ok_and(|a| a.get_ref().incidents.len() == 50)
}

async fn create(report: &mut Report, platform: &Platform, dispatcher: &User, channels: &[Channel]) {
    let name = "create incident (SQLite, FULL)";
    if !report.wants(name) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("bare.sqlite").display());
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    for sql in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE incident (id BLOB PRIMARY KEY, updated INTEGER, content TEXT)",
        "CREATE INDEX incident_updated ON incident (updated, id)",
        "CREATE TABLE timeline (id BLOB PRIMARY KEY, content TEXT)",
        "CREATE TABLE change_log (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT)",
        "CREATE TABLE request (id BLOB PRIMARY KEY, content TEXT)",
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT)",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let content = "x".repeat(400);
    let bare = async || {
        let tx = db.begin().await.unwrap();
        let values = |id: Uuid| [id.into(), content.clone().into()];
        let one = |sql: &str, values: Vec<sea_orm::Value>| {
            Statement::from_sql_and_values(db.get_database_backend(), sql, values)
        };
        let id = Uuid::now_v7();
        tx.execute_raw(one(
            "INSERT INTO incident VALUES (?, ?, ?)",
            vec![id.into(), 1_i64.into(), content.clone().into()],
        ))
        .await
        .unwrap();
        tx.execute_raw(one("INSERT INTO timeline VALUES (?, ?)", values(Uuid::now_v7()).to_vec())).await.unwrap();
        tx.execute_raw(one("INSERT INTO change_log (content) VALUES (?)", vec![content.clone().into()])).await.unwrap();
        tx.execute_raw(one("INSERT INTO request VALUES (?, ?)", values(Uuid::now_v7()).to_vec())).await.unwrap();
        tx.execute_raw(one("INSERT INTO outbox (content) VALUES (?)", vec![content.clone().into()])).await.unwrap();
        tx.commit().await.unwrap();
    };
    report
        .compare(
            name,
            "five inserts and a commit by sea-orm",
            async |lasting: Duration| {
                let dispatcher = dispatcher.clone();
                load(platform.pid(), channels, lasting, move |channel| {
                    let request = dispatcher.request(incident());
                    async move { IncidentServiceClient::new(channel).create_incident(request).await.is_ok() }
                })
                .await
            },
            async |lasting: Duration| repeat(lasting, async || bare().await).await,
        )
        .await;
}

pub(crate) async fn run(report: &mut Report, rows: u64) {
    if !["create incident (SQLite, FULL)", "list incidents"].iter().any(|name| report.wants(name)) {
        return;
    }
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let dispatcher = platform.user(&admin, &[Role::Dispatcher]).await;
    let channels = connect(&platform.url());
    create(report, &platform, &dispatcher, &channels).await;
    let mut incidents = IncidentServiceClient::new(platform.channel());
    for _ in 0..60 {
        incidents.create_incident(dispatcher.request(incident())).await.unwrap();
    }
    let db = open(&platform).await;
    for rows in [FEW, rows] {
        let name = format!("list incidents, 50 of {rows}");
        if !report.wants(&name) {
            continue;
        }
        eprintln!("{name}: filling …");
        grow(&db, rows).await;
        let sql = "SELECT * FROM incident ORDER BY update_time DESC, id DESC LIMIT 51";
        let backend = db.get_database_backend();
        report
            .compare(
                &name,
                "the same query by sea-orm",
                async |lasting: Duration| load(platform.pid(), &channels, lasting, list).await,
                async |lasting: Duration| {
                    let read = async || {
                        let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
                        assert_eq!(rows.len(), 51);
                    };
                    repeat(lasting, read).await
                },
            )
            .await;
    }
}
