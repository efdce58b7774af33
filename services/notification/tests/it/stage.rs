//! The service on a real runtime with a mail server, and people who use it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kvartal_events::Event;
use kvartal_host::Runtime;
use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_mesh::BoxService;
use kvartal_notification::Config;
use kvartal_proto::identity::v1::{EmailConfirmationRequested, PasswordChanged, PasswordResetRequested};
use kvartal_proto::incident::v1::{Report, ReportStatus, ReportStatusChanged};
use kvartal_proto::notification::v1::notification_service_client::NotificationServiceClient;
use kvartal_proto::notification::v1::{
    Delivery, DeliveryState, ListDeliveriesRequest, ListNotificationsRequest, ListNotificationsResponse,
};
use kvartal_store::Store;
use kvartal_testing::{Postgres, Smtp, eventually};
use sea_orm::{ConnectionTrait as _, FromQueryResult as _, JsonValue, Statement};
use tempfile::TempDir;
use tonic::Request;

use crate::identity::Identity;

/// The longest anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Where the service keeps its tables.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

pub(crate) type Client = NotificationServiceClient<BoxService>;

/// The running service.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) identity: Identity,
    pub(crate) smtp: Smtp,
    pub(crate) store: Store,
    _folder: TempDir,
    _postgres: Option<Postgres>,
}

/// A person who uses the page.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    token: String,
    service: BoxService,
}

/// Quick retries, against this mail server.
pub(crate) fn config(smtp: &Smtp) -> Config {
    Config {
        smtp_url: Some(smtp.url()),
        mail_from: "Kvartal <no-reply@city.example>".to_owned(),
        mail_retry_delay: Duration::from_millis(100),
        mail_timeout: Duration::from_secs(2),
        ..Config::default()
    }
}

impl Stage {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(crate) async fn start_with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let smtp = kvartal_testing::smtp().await;
        let mut config = config(&smtp);
        change(&mut config);
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(kvartal_testing::postgres().await),
        };
        let url = postgres.as_ref().map(|postgres| postgres.url_for_schema("{service}"));
        let identity = Identity::new();
        let (runtime, store, folder) = start(url, &identity, &config).await;
        Self { runtime, identity, smtp, store, _folder: folder, _postgres: postgres }
    }

    /// A second process on the same database, with a bus of its own.
    pub(crate) async fn replica(&self) -> (Runtime, TempDir) {
        let url = self._postgres.as_ref().map(|postgres| postgres.url_for_schema("{service}"));
        let (runtime, _, folder) = start(url, &self.identity, &config(&self.smtp)).await;
        (runtime, folder)
    }

    /// Somebody with a confirmed address.
    pub(crate) fn person(&self, roles: &[&str]) -> Person {
        let person = self.stranger(roles);
        self.identity.knows(person.id, &person.email, "Мария", "ru");
        person
    }

    /// Somebody identity knows nothing about.
    pub(crate) fn stranger(&self, roles: &[&str]) -> Person {
        self.visitor(&self.runtime, Uuid::new_v4(), roles)
    }

    /// The same person in another process.
    pub(crate) fn visitor(&self, runtime: &Runtime, id: Uuid, roles: &[&str]) -> Person {
        let service = runtime.directory().local("notification").unwrap();
        let email = format!("{}@people.example", id.simple());
        Person { id, email, token: self.identity.token(id, roles), service }
    }

    pub(crate) async fn publish(&self, events: &[Event]) {
        self.runtime.bus().publish(events).await.unwrap();
    }

    /// What became of the deliveries to a person, newest first.
    pub(crate) async fn deliveries(&self, user: Uuid) -> Vec<Delivery> {
        let request = ListDeliveriesRequest { user_id: user.to_string(), ..Default::default() };
        let support = self.stranger(&["support"]);
        support.client().list_deliveries(support.request(request)).await.unwrap().into_inner().deliveries
    }

    /// Waits until the only mail delivery to a person has this state.
    pub(crate) async fn mail_delivery(&self, user: Uuid, state: DeliveryState) -> Delivery {
        eventually(SOON, || async move {
            let deliveries = self.deliveries(user).await;
            let found: Vec<_> = deliveries.iter().filter(|delivery| delivery.channel == 2).collect();
            match found[..] {
                [one] if one.state() == state => Ok(one.clone()),
                _ => Err(deliveries),
            }
        })
        .await
    }

    /// Every row of a table, as text.
    pub(crate) async fn dump(&self, table: &'static str) -> String {
        let db = self.store.reader();
        let select = Statement::from_string(db.get_database_backend(), format!("SELECT * FROM {table}"));
        let rows = JsonValue::find_by_statement(select).all(db).await.unwrap();
        rows.iter().map(|row| format!("{row}\n")).collect()
    }

    /// Runs SQL on the service's own tables.
    pub(crate) async fn sql(&self, statement: &'static str) {
        let run = self.store.transaction(move |tx| {
            Box::pin(async move { tx.execute_unprepared(statement).await.map_err(kvartal_store::db_error) })
        });
        run.await.unwrap();
    }

    /// Stops everything; nothing may have to be cut.
    pub(crate) async fn stop(self) {
        let stopped = self.runtime.shutdown().await;
        assert!(stopped.clean(), "{stopped:?}");
    }
}

async fn start(url: Option<String>, identity: &Identity, config: &Config) -> (Runtime, Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let host = kvartal_host::Config {
        log: "off".to_owned(),
        database_url: url,
        public_url: "https://city.example".to_owned(),
        shutdown_grace: Duration::from_secs(8),
        rate_factor: 1_000,
        ..kvartal_host::Config::embedded(folder.path().join("data"))
    };
    let runtime = Runtime::start(host).await.unwrap();
    identity.register(&runtime);
    crate::incident::register(&runtime);
    let service = kvartal_notification::service(&runtime, config).await.unwrap();
    let store = service.store.clone();
    runtime.serve(service).await.unwrap();
    (runtime, store, folder)
}

impl Person {
    pub(crate) fn service(&self) -> BoxService {
        self.service.clone()
    }

    pub(crate) fn client(&self) -> Client {
        NotificationServiceClient::new(self.service.clone())
    }

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }

    pub(crate) async fn inbox(&self) -> ListNotificationsResponse {
        let request = ListNotificationsRequest { page_size: 200, ..Default::default() };
        self.client().list_notifications(self.request(request)).await.unwrap().into_inner()
    }

    /// Waits until the inbox holds this many.
    pub(crate) async fn inbox_of(&self, count: usize) -> ListNotificationsResponse {
        eventually(SOON, || async move {
            let inbox = self.inbox().await;
            if inbox.notifications.len() == count { Ok(inbox) } else { Err(inbox.notifications.len()) }
        })
        .await
    }
}

/// An event of now; the subject is another for every event, so that they travel side by side.
pub(crate) fn event(message: &impl prost::Name) -> Event {
    static SUBJECT: AtomicU64 = AtomicU64::new(0);
    Event::new("test", SUBJECT.fetch_add(1, Ordering::Relaxed), SystemClock.now(), message)
}

pub(crate) fn password_changed(user: Uuid) -> Event {
    event(&PasswordChanged { user_id: user.to_string() })
}

pub(crate) fn report_changed(audience: &[Uuid], tracking_number: &str) -> Event {
    let report = Report {
        report_id: Uuid::from_u128(5).to_string(),
        tracking_number: tracking_number.to_owned(),
        status: ReportStatus::InProgress.into(),
        answer: "Бригада выезжает.".to_owned(),
        ..Default::default()
    };
    event(&ReportStatusChanged {
        report: Some(report),
        audience: audience.iter().map(Uuid::to_string).collect(),
        ..Default::default()
    })
}

pub(crate) fn confirmation(user: Uuid, email: &str, token: &str) -> Event {
    event(&EmailConfirmationRequested {
        user_id: user.to_string(),
        email: email.to_owned(),
        display_name: "Иван".to_owned(),
        locale: "ru".to_owned(),
        token: token.to_owned(),
        expire_time: Some(in_an_hour()),
    })
}

pub(crate) fn reset(user: Uuid, email: &str, token: &str) -> Event {
    event(&PasswordResetRequested {
        user_id: user.to_string(),
        email: email.to_owned(),
        display_name: "Ann".to_owned(),
        locale: "en".to_owned(),
        token: token.to_owned(),
        expire_time: Some(in_an_hour()),
    })
}

pub(crate) fn in_an_hour() -> prost_types::Timestamp {
    kvartal_proto::time::to_proto(SystemClock.now().plus(Duration::from_secs(3_600)))
}
