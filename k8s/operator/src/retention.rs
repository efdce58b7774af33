//! Volumes of databases that are gone: deleted when their time is over, unless an object of the same name has come.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams, Preconditions};
use kvartal_kernel::Timestamp;

use crate::api::{DELETE_AFTER, ServiceDatabase};
use crate::context::Context;
use crate::names;

/// Deletes what is due in a namespace; the names of the databases whose data went.
pub async fn sweep(context: &Context, namespace: &str) -> anyhow::Result<Vec<String>> {
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), namespace);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let databases: Api<ServiceDatabase> = Api::namespaced(context.client.clone(), namespace);
    let mut gone = Vec::new();
    for volume in volumes.list(&ListParams::default().labels("app.kubernetes.io/part-of=kvartal")).await? {
        let Some(at) = volume.annotations().get(DELETE_AFTER).and_then(|at| Timestamp::parse(at)) else { continue };
        let claim = volume.name_any();
        let Some(name) = claim.strip_prefix("data-").and_then(|name| name.strip_suffix("-database-0")) else {
            continue;
        };
        if at > context.now() || databases.get_opt(name).await?.is_some() {
            continue;
        }
        // Exactly what was seen: whoever takes the volume over takes its time off it first. Its passwords only when it goes,
        // for nobody can read a volume without them; those that stay after a kill between the two do no harm.
        let exactly = Preconditions { uid: volume.uid(), resource_version: volume.resource_version() };
        match volumes.delete(&claim, &DeleteParams::default().preconditions(exactly)).await {
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => continue,
            result => _ = result?,
        }
        if databases.get_opt(name).await?.is_none() {
            ignore_missing(secrets.delete(&names::server_secret(name), &DeleteParams::default()).await)?;
        }
        tracing::info!(namespace, name, "the volume of a deleted database has reached its time and is deleted");
        gone.push(name.to_owned());
    }
    Ok(gone)
}

fn ignore_missing<T>(result: kube::Result<T>) -> kube::Result<()> {
    match result {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        result => result.map(|_| ()),
    }
}
