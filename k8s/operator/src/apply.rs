//! Taking a step: each is safe to be cut short anywhere and taken again.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::{DELETE_AFTER, FINALIZER, Moment, Operation, ROTATE, ServiceDatabase};
use crate::backup::{Kind, job};
use crate::context::{Context, MANAGER};
use crate::database::{Retired, Server};
use crate::decide::Step;
use crate::helm::{OVER, Verb};
use crate::observe::World;
use crate::rotation::{self, Turn};
use crate::secrets::{self, HANDLED, NEXT, PREVIOUS, SINCE, TOLD};
use crate::{names, status};

/// Takes a step.
pub(crate) async fn take(context: &Context, world: &World, step: Step) -> anyhow::Result<()> {
    match step {
        Step::AddFinalizer => finalizers(context, world, |all| all.push(FINALIZER.to_owned())).await,
        Step::RemoveFinalizer => {
            finalizers(context, world, |all| all.retain(|name| name != FINALIZER)).await?;
            context.drift.forget(&world.namespace, &world.release);
            context.metrics.forget(&world.namespace, &world.name);
            context.forget(&world.uid());
            Ok(())
        }
        Step::CreateCredentials => create_credentials(context, world).await,
        Step::Unlock => world.history.latest().context("there is no release")?.unlock(&context.client).await,
        Step::KeepVolume => annotate_volume(context, world, &Value::Null).await,
        Step::MarkVolume => {
            let keep = Duration::from_secs(u64::from(world.object.spec.deletion.keep_hours) * 3600);
            let at = Moment::from(context.now().plus(keep));
            annotate_volume(context, world, &json!(at)).await
        }
        Step::ExpandVolume => {
            let size = &world.object.spec.storage.size;
            let patch = json!({ "spec": { "resources": { "requests": { "storage": size } } } });
            patch_volume(context, world, &patch).await.with_context(|| {
                format!(
                    "{} cannot grow to {size}: its class must allow it (allowVolumeExpansion)",
                    names::volume(&world.name)
                )
            })
        }
        Step::ReplaceWorkload => delete(context, world, world.workload.as_ref(), DeleteParams::orphan()).await,
        Step::ReplacePod => delete(context, world, world.pod.as_ref(), DeleteParams::default()).await,
        Step::Apply => {
            let (values, digest) = (world.values.clone(), world.digest.clone());
            helm(context, world, Verb::Upgrade { values, digest }).await
        }
        Step::Rollback => {
            let earlier = world.history.earlier(&world.digest).context("there is no earlier revision")?;
            helm(context, world, Verb::Rollback { revision: earlier.number }).await
        }
        Step::Uninstall => helm(context, world, Verb::Uninstall).await,
        Step::Reject => {
            let mut now = world.object.status.clone().unwrap_or_default();
            now.rejected = Some(world.digest.clone());
            status::write(context, &world.object, &now).await?;
            let note = "the server did not become ready in time: what was before is put back";
            context.tell(&world.object, true, "Rejected", note).await;
            Ok(())
        }
        Step::Correct => {
            world.objects(context)?.correct(&world.drifted).await?;
            context.metrics.drifted(world.drifted.len());
            context.tell(&world.object, true, "DriftCorrected", &world.drifted.join(", ")).await;
            Ok(())
        }
        Step::Restore => {
            let from = world.object.spec.restore_from.as_ref().and_then(|from| from.backup.as_deref());
            job::start(context, world, Kind::Restore, from.unwrap_or_default(), None).await
        }
        Step::BackUp => job::start(context, world, Kind::Backup, &names::backup(context.now()), None).await,
        Step::Provision => provision(context, world, &rotation::current_user(world)).await.map(|()| {
            context.provisioned(&world.uid(), world.provision_key());
        }),
        Step::Publish => {
            let kept = world.service.as_ref().map(|secret| secret.annotations().clone()).unwrap_or_default();
            publish(context, world, &rotation::current_user(world), kept).await
        }
        Step::DeleteLeftovers => delete_leftovers(context, world).await,
        Step::Wait(_) | Step::Stall(_) | Step::Settled => Ok(()),
    }
}

/// Takes a step of a rotation; false when it has to wait for the user before.
pub(crate) async fn turn(context: &Context, world: &World, turn: Turn) -> anyhow::Result<bool> {
    match turn {
        Turn::Rest(_) => Ok(false),
        Turn::Prepare(user) => {
            let mut server = world.server.clone().context("there is no Secret of the server")?;
            let password = secrets::password()?;
            server.data.get_or_insert_default().insert(user.clone(), ByteString(password.as_bytes().to_vec()));
            server.annotations_mut().insert(NEXT.to_owned(), user);
            api::<Secret>(context, world).replace(&server.name_any(), &PostParams::default(), &server).await?;
            Ok(true)
        }
        Turn::Switch(user) => {
            provision(context, world, &user).await?;
            let mut annotations = BTreeMap::from([
                (SINCE.to_owned(), Moment::from(context.now()).to_string()),
                (PREVIOUS.to_owned(), rotation::current_user(world)),
            ]);
            let request = world.object.annotations().get(ROTATE);
            annotations.extend(request.map(|request| (HANDLED.to_owned(), request.clone())));
            publish(context, world, &user, annotations).await?;
            context.tell(&world.object, false, "Rotated", &format!("the service signs in as {user} now")).await;
            Ok(true)
        }
        Turn::Retire(user) => match server(context, world)?.retire(&user).await? {
            Retired::Sessions(count) => {
                tracing::info!(object = %world.name, user, count, "the user before still has sessions");
                Ok(false)
            }
            Retired::Yes => {
                let patch = json!({ "metadata": { "annotations": { PREVIOUS: null } } });
                let secrets = api::<Secret>(context, world);
                secrets.patch(&world.release, &PatchParams::default(), &Patch::Merge(&patch)).await?;
                context.tell(&world.object, false, "Retired", &format!("{user} cannot sign in any more")).await;
                Ok(true)
            }
        },
    }
}

fn api<K>(context: &Context, world: &World) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(context.client.clone(), &world.namespace)
}

async fn finalizers(context: &Context, world: &World, change: impl FnOnce(&mut Vec<String>)) -> anyhow::Result<()> {
    let mut all = world.object.finalizers().to_vec();
    change(&mut all);
    let patch = json!({ "metadata": { "finalizers": all, "resourceVersion": world.object.resource_version() } });
    let objects = api::<ServiceDatabase>(context, world);
    match objects.patch(&world.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        // Gone since: nothing keeps it.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}

async fn create_credentials(context: &Context, world: &World) -> anyhow::Result<()> {
    let secret = secrets::server(&world.name)?;
    match api::<Secret>(context, world).create(&PostParams::default(), &secret).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}

/// Says what is going to be done before it is: whoever comes after knows until when a process may be at work.
async fn helm(context: &Context, world: &World, verb: Verb) -> anyhow::Result<()> {
    let slot = context.helm.slot().await;
    let id = context.now().uuid().to_string();
    let mut now = world.object.status.clone().unwrap_or_default();
    let deadline = context.now().plus(OVER).into();
    now.operation =
        Some(Operation { id: id.clone(), verb: verb.name().to_owned(), holder: context.identity.clone(), deadline });
    now.progressing_since = (verb != Verb::Uninstall).then(|| context.now().into());
    status::write(context, &world.object, &now).await?;
    context.helm.run(slot, &world.namespace, &world.release, &id, verb).await?;
    Ok(())
}

async fn annotate_volume(context: &Context, world: &World, at: &Value) -> anyhow::Result<()> {
    patch_volume(context, world, &json!({ "metadata": { "annotations": { DELETE_AFTER: at } } })).await
}

async fn patch_volume(context: &Context, world: &World, patch: &Value) -> anyhow::Result<()> {
    let volumes = api::<PersistentVolumeClaim>(context, world);
    volumes.patch(&names::volume(&world.name), &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Deletes exactly what was seen, not what has come in its place.
async fn delete<K>(context: &Context, world: &World, seen: Option<&K>, params: DeleteParams) -> anyhow::Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let Some(seen) = seen else { return Ok(()) };
    let params = params.preconditions(Preconditions { uid: seen.uid(), resource_version: None });
    match api::<K>(context, world).delete(&seen.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}

async fn delete_leftovers(context: &Context, world: &World) -> anyhow::Result<()> {
    delete::<StatefulSet>(context, world, world.workload.as_ref(), DeleteParams::foreground()).await?;
    delete::<Secret>(context, world, world.service.as_ref(), DeleteParams::default()).await?;
    for one in &world.jobs {
        delete::<Job>(context, world, Some(one), DeleteParams::background()).await?;
    }
    if world.workload.is_none() && world.pod.as_ref().is_some_and(|pod| pod.meta().deletion_timestamp.is_none()) {
        delete::<Pod>(context, world, world.pod.as_ref(), DeleteParams::default()).await?;
    }
    Ok(())
}

/// Deletes a Job and its pods.
pub(crate) async fn delete_job(context: &Context, world: &World, name: &str) -> anyhow::Result<()> {
    let job = world.jobs.iter().find(|job| job.name_any() == name);
    delete::<Job>(context, world, job, DeleteParams::background()).await
}

fn server(context: &Context, world: &World) -> anyhow::Result<Server> {
    let secret = world.server.as_ref().context("there is no Secret of the server")?;
    let password = secrets::value(secret, "superuser-password")
        .with_context(|| format!("{} has no superuser-password: put it back", names::server_secret(&world.name)))?;
    let at_home = || format!("{}:5432", secrets::host(&world.name, &world.namespace));
    let address = context.database_address.as_ref().map(|address| address.replace("{database}", &world.name));
    Ok(Server { address: address.unwrap_or_else(at_home), password, owner: names::owner(&world.name) })
}

async fn provision(context: &Context, world: &World, user: &str) -> anyhow::Result<()> {
    let mut secret = world.server.clone().context("there is no Secret of the server")?;
    if let Some(completed) = secrets::complete(&secret, &world.name)? {
        // One made by hand, for a database that was taken over.
        secret =
            api::<Secret>(context, world).replace(&completed.name_any(), &PostParams::default(), &completed).await?;
    }
    let password = secrets::value(&secret, user).context("the Secret of the server knows its users")?;
    server(context, world)?.provision(user, &password).await
}

/// Tells the service how to sign in, and lets its pods start anew when that has changed.
async fn publish(
    context: &Context,
    world: &World,
    user: &str,
    mut annotations: BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let server = world.server.as_ref().context("there is no Secret of the server")?;
    let password = secrets::value(server, user).context("the Secret of the server knows its users")?;
    annotations.retain(|key, _| [SINCE, PREVIOUS, HANDLED].contains(&key.as_str()));
    let since = annotations.entry(SINCE.to_owned()).or_insert_with(|| Moment::from(context.now()).to_string()).clone();
    let secret = secrets::service(&world.name, &world.namespace, user, &password, annotations);
    let secrets = api::<Secret>(context, world);
    secrets.patch(&world.release, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&secret)).await?;
    let template = json!({ "metadata": { "annotations": { "kvartal.dev/credentials": format!("{user} {since}") } } });
    let patch = json!({ "spec": { "template": template } });
    let deployments = api::<Deployment>(context, world);
    let user = world.object.spec.service.as_ref().unwrap_or(&world.name);
    match deployments.patch(user, &PatchParams::default(), &Patch::Merge(&patch)).await {
        // The service is yet to be installed.
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        result => _ = result?,
    }
    // Last: until it stands there, all of this is done again.
    let told = json!({ "metadata": { "annotations": { TOLD: since } } });
    secrets.patch(&world.release, &PatchParams::default(), &Patch::Merge(&told)).await?;
    Ok(())
}
