#![doc = include_str!("../README.md")]

mod config;

pub mod domain;

pub mod application;

pub mod infrastructure;

pub mod presentation;

use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::identity::v1::identity_service_server::IdentityServiceServer;
use tokio::sync::Notify;

use application::{Identity, Signer};
use infrastructure::{PasswordWorkers, SendLink, StoredClients, StoredKeys, StoredUsers, Tidy, read_master_key};
use presentation::Grpc;

pub use config::{Config, DemoUser};
pub use infrastructure::migrations;

/// The name of the service, of its database and of its queue.
pub const NAME: &str = "identity";

/// Puts the service together. Start reading here, then `domain/user.rs`.
pub async fn service(runtime: &Runtime, config: &Config) -> anyhow::Result<Service> {
    let clock = runtime.clock();
    let store = runtime.store(NAME, migrations()).await?;
    let jobs = runtime.jobs(&store);
    let key_file = config.master_key_file.as_deref();
    let master_key = read_master_key(key_file, &runtime.config().data_dir, store.is_postgres())?;
    let keys = Arc::new(StoredKeys::new(store.clone()));
    let identity = Arc::new(Identity {
        users: Arc::new(StoredUsers::new(store.clone(), jobs.clone(), clock.clone())),
        clients: Arc::new(StoredClients::new(store.clone(), clock.clone())),
        passwords: Arc::new(PasswordWorkers::start().await?),
        signer: Signer::new(keys, master_key, clock.clone()),
        revoke: runtime.revoke(),
        limiter: runtime.limiter(),
        clock,
        repeat: Notify::new(),
    });

    identity.signer.prepare().await?;
    // As many at once as there are workers to hash their passwords.
    stream::iter(config.seeds()?).map(|seed| identity.seed(seed)).buffer_unordered(2).try_collect::<()>().await?;
    // Before the first call: the list of revocations may have been lost with the process.
    identity.repeat_revocations().await?;

    let tidy = Schedule::new("tidy", "17 * * * *", Arc::new(Tidy(identity.clone())))?;
    jobs.schedule(tidy).run(vec![Arc::new(SendLink(identity.clone()))]);
    let (stop, keeper) = (runtime.stop(), identity.clone());
    runtime.spawn("identity revocations", async move {
        stop.run_until_cancelled(keeper.keep_revocations()).await;
    });
    Ok(Service::new(NAME, store).grpc(IdentityServiceServer::new(Grpc(identity))))
}
