//! The notification service.

#![doc = include_str!("../README.md")]

mod application;
mod config;
mod domain;
mod infrastructure;
mod presentation;

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::{Runtime, Service};
use kvartal_proto::notification::v1::area_service_server::AreaServiceServer;
use kvartal_proto::notification::v1::notification_service_server::NotificationServiceServer;
use kvartal_store::Store;
use sea_orm_migration::MigrationTrait;

use application::{AreaDesk, Mailer, Notifier, Outbox, Patience, Ports, Watchers, tell_gathered};
use domain::Templates;
use infrastructure::{
    IdentityContacts, IncidentAtlas, LocalOutbox, MAIL_JOB, NoMailer, PreferenceTable, Queue, Smtp, StoredAreas,
    StoredDeliveries, StoredGathered, StoredInboxes,
};
use presentation::{AreaGrpc, MailJob, NotificationConsumer, NotificationGrpc, mail_page};

pub use config::Config;

/// Name of the service.
pub const NAME: &str = "notification";

/// A mail does not wait longer than this between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(3_600);

/// What another replica put into an inbox shows within this time.
const POLL_REPLICAS: Duration = Duration::from_millis(500);
/// With SQLite there are no other replicas; this is for nothing but safety.
const POLL_ALONE: Duration = Duration::from_secs(5);

/// How often news of areas are looked at: a quarter of the time they settle, within these.
const AREA_PACE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The service's tables.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    infrastructure::migrations()
}

/// Wires the service together: inboxes, deliveries, the mail server, the consumer, the jobs, the RPCs, the news of areas.
pub async fn service(runtime: &Runtime, config: &Config) -> anyhow::Result<Service> {
    let public_url = &runtime.config().public_url;
    let patience =
        Patience { attempts: config.mail_attempts, first_delay: config.mail_retry_delay, longest_delay: LONGEST_DELAY };
    let smtp_url = config.smtp_url()?;
    let templates = Templates::new(public_url)?;
    let store = runtime.store(NAME, migrations()).await?;
    let outbox = (smtp_url.is_none() && config.dev_mail).then(|| Arc::new(LocalOutbox::new(store.clone())));
    let jobs = runtime.jobs(&store);
    let (queue, calm) = (Queue::new(jobs.clone(), config.mail_attempts), config.calm());
    let inboxes = Arc::new(StoredInboxes::new(store.clone()));
    let ports = Ports {
        inboxes: inboxes.clone(),
        deliveries: Arc::new(StoredDeliveries::new(store.clone(), queue.clone(), calm)),
        preferences: Arc::new(PreferenceTable::new(store.clone())),
        contacts: Arc::new(IdentityContacts::new(runtime.directory().channel("identity", NAME)?)),
        mailer: mailer(config, smtp_url.as_deref(), outbox.clone())?,
        clock: runtime.clock(),
    };
    let watchers = Arc::new(Watchers::default());
    let notifier = Notifier::new(ports, templates, watchers.clone(), patience);

    runtime.consume(NAME, Arc::new(NotificationConsumer::new(notifier.clone()))).await?;
    jobs.run(vec![Arc::new(MailJob::new(notifier.clone(), MAIL_JOB, patience, config.mail_timeout))]);
    follow(runtime, &store, watchers, inboxes);
    tell_of_areas(runtime, StoredGathered::new(store.clone(), queue, calm), config.area_settle);

    let atlas = Arc::new(IncidentAtlas::new(runtime.directory().channel("incident", NAME)?));
    let areas = AreaDesk::new(Arc::new(StoredAreas::new(store.clone())), atlas, runtime.clock());
    let service = Service::new(NAME, store)
        .grpc(NotificationServiceServer::new(NotificationGrpc::new(notifier)))
        .grpc(AreaServiceServer::new(AreaGrpc::new(areas)));
    Ok(match outbox {
        Some(outbox) => service.http(mail_page(outbox as Arc<dyn Outbox>, public_url)),
        None => service,
    })
}

fn mailer(config: &Config, url: Option<&str>, outbox: Option<Arc<LocalOutbox>>) -> anyhow::Result<Arc<dyn Mailer>> {
    Ok(match (url, outbox) {
        (Some(url), _) => Arc::new(Smtp::new(url, &config.mail_from, config.mail_timeout)?),
        (None, Some(outbox)) => outbox,
        (None, None) => {
            tracing::warn!("no mail server is configured: mails fail");
            Arc::new(NoMailer)
        }
    })
}

/// Wakes the streams of this process when an inbox changes, here or in another replica.
fn follow(runtime: &Runtime, store: &Store, watchers: Arc<Watchers>, inboxes: Arc<StoredInboxes>) {
    let poll = if store.is_postgres() { POLL_REPLICAS } else { POLL_ALONE };
    let committed = store.committed();
    let stop = runtime.stop().cancelled_owned();
    runtime.spawn("inbox watchers", watchers.follow(inboxes, committed, poll, stop));
}

/// Tells what was gathered for those who follow areas.
fn tell_of_areas(runtime: &Runtime, gathered: StoredGathered, settle: Duration) {
    let pace = (settle / 4).clamp(AREA_PACE.0, AREA_PACE.1);
    let stop = runtime.stop().cancelled_owned();
    runtime.spawn("news of areas", tell_gathered(Arc::new(gathered), runtime.clock(), pace, stop));
}
