//! The identities of the process: read at start, followed, watched over.

use std::sync::Arc;

use anyhow::Context;
use kvartal_kernel::{Clock, Error};
use kvartal_mesh::tls::{Identities, Identity};
use kvartal_proto::contract;
use opentelemetry::KeyValue;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::health::Health;
use crate::tasks::{Phase, Tasks};

/// Reads what `--tls-dir` names; `None` without it. From then on the folders are followed, and health and metrics tell how
/// long each certificate has left.
pub(crate) fn start(
    config: &Config,
    clock: &Arc<dyn Clock>,
    health: &Health,
    tasks: &Tasks,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Identities>> {
    let Some(folder) = &config.tls_dir else { return Ok(None) };
    let cannot = || format!("--tls-dir {} cannot be used", folder.display());
    let identities = Identities::load(folder, &config.tls_names, clock).with_context(cannot)?;
    for identity in identities.iter() {
        tasks.spawn("identity", Phase::Background, identity.clone().run(stop.clone()));
        watch(health, identity);
    }
    health.show(identities.clone());
    measure(&identities);
    Ok(Some(identities))
}

/// Without a valid certificate a service cannot be called; with one that is not renewed it soon cannot be.
fn watch(health: &Health, identity: &Identity) {
    let name = identity.name().service();
    let service = contract().domains().find(|domain| *domain == name);
    let valid = identity.clone();
    health.watch(format!("{name}/certificate"), service, move || {
        let status = valid.status();
        let over = || Error::unavailable("CERTIFICATE_EXPIRED", format!("the certificate ended at {}", status.expires));
        let answer = if status.left.is_zero() { Err(over()) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    });
    let renewed = identity.clone();
    health.watch(format!("{name}/certificate-renewal"), None, move || {
        let refused = renewed.status().error.map(|error| Error::unavailable("CERTIFICATE_REFUSED", error));
        Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
    });
}

fn measure(identities: &Identities) {
    let meter = opentelemetry::global::meter("kvartal.tls");
    let seen = identities.clone();
    meter
        .u64_observable_gauge("kvartal.tls.certificate.left")
        .with_unit("s")
        .with_description("Time until the certificate in use ends")
        .with_callback(move |observer| {
            for identity in seen.iter() {
                let service = identity.name().service().to_owned();
                observer.observe(identity.status().left.as_secs(), &[KeyValue::new("service", service)]);
            }
        })
        .build();
    let seen = identities.clone();
    meter
        .u64_observable_counter("kvartal.tls.certificate.reads")
        .with_description("Contents of the certificate's folder that were taken over (ok) or not usable (refused)")
        .with_callback(move |observer| {
            for identity in seen.iter() {
                let status = identity.status();
                for (outcome, count) in [("ok", status.loads), ("refused", status.failures)] {
                    let service = KeyValue::new("service", identity.name().service().to_owned());
                    observer.observe(count, &[service, KeyValue::new("outcome", outcome)]);
                }
            }
        })
        .build();
}
