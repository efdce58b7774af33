//! Which of several operators works: the holder of a Lease. Who cannot renew it in time stops at once.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp as Moment;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;
use kube::{Client, ResourceExt as _};
use kvartal_kernel::{Clock, Timestamp};

/// For how long a lease holds after it was renewed.
pub const HOLDS: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(4);
/// How often it is looked at by those who wait for it.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait when somebody wrote it at the same time.
const CROSSED: Duration = Duration::from_millis(200);
/// Who could not renew for so long stops: well before another may begin.
const GIVE_UP: Duration = Duration::from_secs(10);

/// What the lease says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// By whom; nobody when empty.
    pub holder: String,
    /// Renewed last.
    pub renewed: Timestamp,
    /// How long it holds.
    pub holds: Duration,
}

/// What to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is free: take it.
    Acquire,
    /// It is ours: renew it.
    Renew,
    /// Somebody else works.
    Yield,
}

/// What came of an attempt to have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    /// It is ours.
    Ours,
    /// Somebody else works.
    Theirs,
    /// Somebody wrote it at the same time: who has it, is to be read again.
    Crossed,
}

/// What to do, `seen` being when the lease was first seen as it is: another machine's clock proves nothing.
pub fn evaluate(lease: Option<&Held>, identity: &str, seen: Timestamp, now: Timestamp) -> Verdict {
    match lease {
        None => Verdict::Acquire,
        Some(lease) if lease.holder == identity => Verdict::Renew,
        Some(lease) if lease.holder.is_empty() => Verdict::Acquire,
        Some(lease) if now.since(seen) >= lease.holds => Verdict::Acquire,
        Some(_) => Verdict::Yield,
    }
}

/// A candidate.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    clock: Arc<dyn Clock>,
    /// The lease as it was when it last changed, and when that was seen.
    seen: Option<(Held, Timestamp)>,
}

impl Candidate {
    /// For the lease `name` in `namespace`.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String, clock: Arc<dyn Clock>) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned(), identity, clock, seen: None }
    }

    /// Waits until it is ours.
    pub async fn acquire(&mut self) {
        let mut told = false;
        loop {
            match tokio::time::timeout(GIVE_UP, self.attempt()).await {
                Ok(Ok(Attempt::Ours)) => return,
                Ok(Ok(Attempt::Theirs)) if !told => {
                    told = true;
                    let holder = self.seen.as_ref().map(|(held, _)| held.holder.clone());
                    tracing::info!(holder, "another operator works; waiting");
                }
                Ok(Ok(Attempt::Theirs | Attempt::Crossed)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be read"),
                Err(_) => tracing::warn!("the lease cannot be read: the API server does not answer"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Keeps it; returns when it is lost, or may be.
    pub async fn keep(&mut self) {
        let (mut renewed, mut pause) = (self.clock.now(), RENEW);
        loop {
            tokio::time::sleep(pause).await;
            let began = self.clock.now();
            let left = GIVE_UP.saturating_sub(began.since(renewed));
            let attempt = tokio::time::timeout(left, self.attempt()).await;
            // An answer that took its time does not make the next renewal later.
            pause = RENEW.saturating_sub(self.clock.now().since(began)).max(CROSSED);
            match attempt {
                // Since it was asked for, not since the answer: others count from the moment it was written.
                Ok(Ok(Attempt::Ours)) => renewed = began,
                Ok(Ok(Attempt::Theirs)) => return,
                Ok(Ok(Attempt::Crossed)) => pause = CROSSED,
                Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be renewed"),
                Err(_) => tracing::warn!("the lease cannot be renewed: the API server does not answer"),
            }
            if self.clock.now().since(renewed) >= GIVE_UP {
                return;
            }
        }
    }

    /// Gives it back, so that the next one need not wait.
    pub async fn release(&mut self) -> anyhow::Result<()> {
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = Some(String::new());
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    async fn attempt(&mut self) -> anyhow::Result<Attempt> {
        let now = self.clock.now();
        let found = self.api.get_opt(&self.name).await?;
        let held = found.as_ref().and_then(held);
        let seen = match (&held, &self.seen) {
            (Some(held), Some((before, at))) if held == before => *at,
            _ => now,
        };
        self.seen = held.clone().map(|held| (held, seen));
        let verdict = evaluate(held.as_ref(), &self.identity, seen, now);
        if verdict == Verdict::Yield {
            return Ok(Attempt::Theirs);
        }
        let time = MicroTime(Moment::from_microsecond(now.0).context("a time of day")?);
        let mut lease = found.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: None,
        });
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if verdict == Verdict::Acquire {
            spec.acquire_time = Some(time.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
        }
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = Some(i32::try_from(HOLDS.as_secs())?);
        spec.renew_time = Some(time);
        // The version that was read goes along: of two that take it at once, one is refused.
        let params = PostParams::default();
        let written = match found {
            Some(_) => self.api.replace(&lease.name_any(), &params, &lease).await,
            None => self.api.create(&params, &lease).await,
        };
        match written {
            Ok(_) => Ok(Attempt::Ours),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(Attempt::Crossed),
            Err(error) => Err(error.into()),
        }
    }
}

fn held(lease: &Lease) -> Option<Held> {
    let spec = lease.spec.as_ref()?;
    Some(Held {
        holder: spec.holder_identity.clone().unwrap_or_default(),
        renewed: Timestamp(spec.renew_time.as_ref().map_or(0, |at| at.0.as_microsecond())),
        holds: Duration::from_secs(u64::try_from(spec.lease_duration_seconds?).unwrap_or(0)),
    })
}
