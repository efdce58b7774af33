//! The one list of services: their names, their options, how they start, how their databases are prepared.

use kvartal_host::{Runtime, Service};
use sea_orm_migration::MigrationTrait;

/// Every service, in the order they are shown.
pub(crate) const NAMES: [&str; 6] = [
    kvartal_identity::NAME,
    kvartal_incident::NAME,
    kvartal_traffic::NAME,
    kvartal_notification::NAME,
    kvartal_audit::NAME,
    kvartal_operations::NAME,
];

/// The services' own options.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Configs {
    #[command(flatten, next_help_heading = "Identity")]
    pub(crate) identity: kvartal_identity::Config,
    #[command(flatten, next_help_heading = "Incident")]
    pub(crate) incident: kvartal_incident::Config,
    #[command(flatten, next_help_heading = "Traffic")]
    pub(crate) traffic: kvartal_traffic::Config,
    #[command(flatten, next_help_heading = "Notification")]
    pub(crate) notification: kvartal_notification::Config,
    #[command(flatten, next_help_heading = "Audit")]
    pub(crate) audit: kvartal_audit::Config,
    #[command(flatten, next_help_heading = "Operations")]
    pub(crate) operations: kvartal_operations::Config,
}

/// Opens the service's database, starts its consumers and jobs, and makes its RPCs answer.
pub(crate) async fn start(name: &str, runtime: &Runtime, configs: &Configs) -> anyhow::Result<()> {
    // Boxed: each is large, and only one of them runs here.
    let service: Service = match name {
        kvartal_identity::NAME => Box::pin(kvartal_identity::service(runtime, &configs.identity)).await?,
        kvartal_incident::NAME => Box::pin(kvartal_incident::service(runtime, &configs.incident)).await?,
        kvartal_traffic::NAME => Box::pin(kvartal_traffic::service(runtime, &configs.traffic)).await?,
        kvartal_notification::NAME => Box::pin(kvartal_notification::service(runtime, &configs.notification)).await?,
        kvartal_audit::NAME => Box::pin(kvartal_audit::service(runtime, &configs.audit)).await?,
        kvartal_operations::NAME => Box::pin(kvartal_operations::service(runtime, &configs.operations)).await?,
        other => anyhow::bail!("there is no service {other}; there are {}", NAMES.join(", ")),
    };
    runtime.serve(service).await
}

/// What a service's database goes through, oldest first: what every service has, then its own.
pub(crate) fn migrations(name: &str) -> anyhow::Result<Vec<Box<dyn MigrationTrait>>> {
    let own = match name {
        kvartal_identity::NAME => kvartal_identity::migrations(),
        kvartal_incident::NAME => kvartal_incident::migrations(),
        kvartal_traffic::NAME => kvartal_traffic::migrations(),
        kvartal_notification::NAME => kvartal_notification::migrations(),
        kvartal_audit::NAME => kvartal_audit::migrations(),
        kvartal_operations::NAME => kvartal_operations::migrations(),
        other => anyhow::bail!("there is no service {other}; there are {}", NAMES.join(", ")),
    };
    Ok(kvartal_host::migrations(own))
}
