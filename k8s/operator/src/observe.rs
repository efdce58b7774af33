//! What there is of a database in the cluster, read anew for every step: copies may be old.

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, ListParams};
use kube::{Resource as _, ResourceExt as _};

use crate::api::{ADOPT, DATABASE, DELETE_AFTER, DeletionPolicy, FINALIZER, ServiceDatabase};
use crate::backup;
use crate::context::Context;
use crate::decide::{FinalBackup, Leaving, Operation, Release, Restore, Seen, Volume, Workload};
use crate::drift::Objects;
use crate::release::History;
use crate::rotation;
use crate::{names, quantity, validate, values};

/// Failed upgrades in a row after which what is asked for counts as not working.
const TRIES: usize = 3;

/// What there is.
pub struct World {
    /// The object, as it is now.
    pub object: ServiceDatabase,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// The name of its release, its StatefulSet, its Service.
    pub release: String,
    /// The revisions of its release.
    pub history: History,
    /// Values it asks for, and the digest of all the release is made from.
    pub values: String,
    /// See above.
    pub digest: String,
    /// The server's Secret.
    pub server: Option<Secret>,
    /// The service's Secret.
    pub service: Option<Secret>,
    /// The volume.
    pub volume: Option<PersistentVolumeClaim>,
    /// The StatefulSet.
    pub workload: Option<StatefulSet>,
    /// Its pod.
    pub pod: Option<Pod>,
    /// Jobs of backups, checks and restores.
    pub jobs: Vec<Job>,
    /// Objects that differ from the release.
    pub drifted: Vec<String>,
}

impl World {
    /// Looks.
    pub async fn look(context: &Context, object: ServiceDatabase) -> anyhow::Result<Self> {
        let (name, namespace) = (object.name_any(), object.namespace().context("a database is in a namespace")?);
        let client = &context.client;
        let release = names::release(&name);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
        let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &namespace);
        let workloads: Api<StatefulSet> = Api::namespaced(client.clone(), &namespace);
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
        let (server_name, volume_name, pod_name) =
            (names::server_secret(&name), names::volume(&name), format!("{release}-0"));
        let of_database = ListParams::default().labels(&format!("{DATABASE}={name}"));
        let (history, server, service, volume, workload, pod, jobs) = futures::try_join!(
            History::read(client, &namespace, &release),
            secrets.get_opt(&server_name),
            secrets.get_opt(&release),
            volumes.get_opt(&volume_name),
            workloads.get_opt(&release),
            pods.get_opt(&pod_name),
            jobs.list(&of_database),
        )?;
        let values = values::values(&name, &object.spec, &context.defaults);
        let digest = context.helm.digest(&values);
        let problem = validate::problem(&object);
        let jobs = jobs.items;
        let mut world = Self {
            object,
            name,
            namespace,
            problem,
            release,
            history,
            values,
            digest,
            server,
            service,
            volume,
            workload,
            pod,
            jobs,
            drifted: Vec::new(),
        };
        if world.state() == Release::Current && world.object.meta().deletion_timestamp.is_none() {
            world.drifted = world.objects(context)?.drifted(&context.drift).await?;
        }
        Ok(world)
    }

    /// The objects of the latest revision.
    pub fn objects<'a>(&'a self, context: &'a Context) -> anyhow::Result<Objects<'a>> {
        let latest = self.history.latest().context("there is no release")?;
        let (client, manifest) = (&context.client, latest.manifest()?);
        let (namespace, release) = (&self.namespace, &self.release);
        Ok(Objects { client, namespace, release, revision: latest.number, manifest })
    }

    /// The release, in one word.
    pub fn state(&self) -> Release {
        let Some(latest) = self.history.latest() else { return Release::Missing };
        let ours = latest.digest.is_some() || latest.status == "uninstalled";
        match latest.status.as_str() {
            // Whoever's it is: Helm is at work on it, or was.
            "pending-install" => Release::PendingInstall,
            "pending-upgrade" => Release::PendingUpgrade,
            "pending-rollback" => Release::PendingRollback,
            _ if !ours => Release::Foreign,
            "uninstalling" => Release::Uninstalling,
            "uninstalled" => Release::Uninstalled,
            "failed" => Release::Failed,
            "superseded" => Release::Superseded,
            "deployed" if latest.digest.as_deref() == Some(&self.digest) => Release::Current,
            "deployed" => Release::Outdated,
            _ => Release::Unknown,
        }
    }

    /// For an object that is to be there.
    pub fn seen(&self, context: &Context) -> Seen {
        let status = self.object.status.clone().unwrap_or_default();
        let spec = &self.object.spec;
        let annotated = |key: &str, value: &str| self.object.annotations().get(key).is_some_and(|found| found == value);
        let rejected = status.rejected.as_deref() == Some(&self.digest);
        let restored = spec.restore_from.is_none() || status.restored.is_some();
        Seen {
            finalizer: self.has_finalizer(),
            paused: spec.paused,
            invalid: self.problem.is_some(),
            adopt: annotated(ADOPT, "true"),
            credentials: self.server.is_some(),
            volume: self.volume_state(),
            doomed: self.is_doomed(),
            small_template: self.template_is_small(),
            release: self.state(),
            earlier: self.history.earlier(&self.digest).is_some(),
            operation: self.operation(context),
            workload: self.workload_state(context),
            stuck_pod: self.pod_is_stuck(),
            drifted: !self.drifted.is_empty(),
            irreversible: self.is_irreversible(),
            rejected: rejected || self.history.failures(&self.digest) >= TRIES,
            provisioned: context.is_provisioned(&self.uid(), &self.provision_key()),
            restore: if restored { Restore::Done } else { backup::restore_state(&self.jobs) },
            published: rotation::is_published(self),
        }
    }

    /// For an object that is to go.
    pub fn leaving(&self, context: &Context) -> Leaving {
        let spec = &self.object.spec;
        let wanted = spec.deletion.final_backup && spec.backup.is_some() && self.server.is_some();
        let answers = self.workload.is_some();
        Leaving {
            finalizer: self.has_finalizer(),
            release: self.state(),
            operation: self.operation(context),
            // Without a server nothing can be read; the volume stays for as long as it is asked to.
            backup: if wanted && answers { backup::final_state(self) } else { FinalBackup::Done },
            leftovers: self.workload.is_some() || self.pod.is_some() || self.service.is_some() || !self.jobs.is_empty(),
            delete_volume: spec.deletion.policy == DeletionPolicy::Delete,
            volume: self.volume.is_some(),
            marked: self.is_doomed(),
        }
    }

    /// What keeps the pod from running, in the kubelet's words.
    pub fn pod_trouble(&self) -> Option<String> {
        let status = self.pod.as_ref()?.status.as_ref()?;
        let waiting = status.container_statuses.iter().flatten().find_map(|container| {
            let waiting = container.state.as_ref()?.waiting.as_ref()?;
            let (reason, message) = (waiting.reason.clone()?, waiting.message.clone().unwrap_or_default());
            Some(format!("{reason} {message}").trim().to_owned())
        });
        let unscheduled = || {
            let conditions = status.conditions.iter().flatten();
            let mut unscheduled =
                conditions.filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
            unscheduled.next().and_then(|condition| condition.message.clone())
        };
        waiting.or_else(unscheduled)
    }

    /// The object's own number.
    pub fn uid(&self) -> String {
        self.object.uid().unwrap_or_default()
    }

    /// Roles and database are made once for each of these.
    pub fn provision_key(&self) -> String {
        let pod = self.pod.as_ref().and_then(|pod| pod.uid()).unwrap_or_default();
        format!("{pod} {}", rotation::current_user(self))
    }

    fn has_finalizer(&self) -> bool {
        self.object.finalizers().iter().any(|name| name == FINALIZER)
    }

    fn is_doomed(&self) -> bool {
        self.volume.as_ref().is_some_and(|volume| volume.annotations().contains_key(DELETE_AFTER))
    }

    fn operation(&self, context: &Context) -> Operation {
        match self.object.status.as_ref().and_then(|status| status.operation.as_ref()) {
            None => Operation::None,
            // Our own are waited for, so this one is of a life before: its child died with it.
            Some(operation) if operation.holder == context.identity => Operation::Over,
            Some(operation) if operation.deadline.0 > context.now() => Operation::Running,
            Some(_) => Operation::Over,
        }
    }

    fn volume_state(&self) -> Volume {
        let Some(volume) = &self.volume else { return Volume::Missing };
        let spec = volume.spec.as_ref().and_then(|spec| spec.resources.as_ref());
        let size = spec.and_then(|resources| resources.requests.as_ref()).and_then(|requests| requests.get("storage"));
        if smaller(size.map(|size| size.0.as_str()), &self.object.spec.storage.size) {
            Volume::Small
        } else {
            Volume::Fits
        }
    }

    fn template_is_small(&self) -> bool {
        let spec = self.workload.as_ref().and_then(|workload| workload.spec.as_ref());
        let template =
            spec.and_then(|spec| spec.volume_claim_templates.as_ref()).and_then(|templates| templates.first());
        let claim = template.and_then(|template| template.spec.as_ref()).and_then(|claim| claim.resources.as_ref());
        let size = claim.and_then(|resources| resources.requests.as_ref()).and_then(|requests| requests.get("storage"));
        smaller(size.map(|size| size.0.as_str()), &self.object.spec.storage.size)
    }

    fn workload_state(&self, context: &Context) -> Workload {
        let Some(workload) = &self.workload else { return Workload::Missing };
        let (generation, status) = (workload.meta().generation, workload.status.as_ref());
        let current = status.is_some_and(|status| {
            status.observed_generation >= generation
                && status.ready_replicas == Some(1)
                && status.updated_replicas.unwrap_or(status.replicas) == 1
                && (status.update_revision.is_none() || status.update_revision == status.current_revision)
        });
        let since = self.object.status.as_ref().and_then(|status| status.progressing_since);
        let deadline = std::time::Duration::from_secs(self.object.spec.progress_deadline_seconds.into());
        match since {
            _ if current => Workload::Ready,
            Some(since) if since.0.plus(deadline) <= context.now() => Workload::Late,
            _ => Workload::Progressing,
        }
    }

    /// StatefulSets wait for a pod to become ready before they exchange it, even when it never will.
    fn pod_is_stuck(&self) -> bool {
        let wanted = self.workload.as_ref().and_then(|workload| workload.status.as_ref()?.update_revision.clone());
        let Some((pod, wanted)) = self.pod.as_ref().zip(wanted) else { return false };
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.clone().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let old = pod.labels().get("controller-revision-hash") != Some(&wanted);
        old && !ready && pod.meta().deletion_timestamp.is_none()
    }

    /// Another version may have changed what is on the disk.
    fn is_irreversible(&self) -> bool {
        let before = self.history.earlier(&self.digest).and_then(|revision| revision.config().ok());
        before.is_some_and(|config| config["image"]["tag"] != self.object.spec.version.as_str())
    }
}

/// Whether what is there is less than what is asked for.
pub(crate) fn smaller(found: Option<&str>, asked: &str) -> bool {
    match (found.and_then(quantity::bytes), quantity::bytes(asked)) {
        (Some(found), Some(asked)) => found < asked,
        _ => false,
    }
}
