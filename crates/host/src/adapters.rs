//! What is inside the process or outside, as configured: the bus, and what processes share through Redis.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use kvartal_events::{Bus, DeadLetter, Event, Handler, LocalBus, RabbitBus};
use kvartal_kernel::{Clock, Error};
use kvartal_mesh::auth::{LocalRevocations, MeshKey, Revocations, Revoke};
use kvartal_mesh::rate::{Limiter, LocalLimiter, RateNumbers};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::health::Health;
use crate::patience::wait_for;
use crate::redis::{Redis, RedisLimiter, RedisRevocations};
use crate::tasks::{Phase, Tasks};

/// What is inside the process or outside, as configured.
pub(crate) struct Adapters {
    pub(crate) bus: AnyBus,
    pub(crate) redis: Option<Redis>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) revocations: Arc<dyn Revocations>,
    pub(crate) revoke: Arc<dyn Revoke>,
    pub(crate) mesh_key: Option<MeshKey>,
}

/// The buses, for what is not part of their common port.
pub(crate) enum AnyBus {
    /// The process has nothing to do with events.
    None,
    Local(LocalBus),
    Rabbit(RabbitBus),
}

impl AnyBus {
    pub(crate) async fn open(config: &Config, health: &Health) -> anyhow::Result<Self> {
        let bus = match config.bus_url()? {
            Some(url) => {
                let limit = config.wait_for_servers;
                AnyBus::Rabbit(wait_for("RabbitMQ (--bus-url)", limit, || RabbitBus::connect(&url)).await?)
            }
            None => {
                let file = config.data_dir.join("bus.sqlite");
                AnyBus::Local(LocalBus::open(Some(&file)).await.context("the bus cannot be opened")?)
            }
        };
        if let AnyBus::Rabbit(rabbit) = &bus {
            let rabbit = rabbit.clone();
            health.watch("bus", None, move || {
                let rabbit = rabbit.clone();
                Box::pin(async move { rabbit.ping().await })
            });
        }
        Ok(bus)
    }

    /// What services see of it.
    pub(crate) fn port(&self) -> Arc<dyn Bus> {
        match self {
            Self::None => Arc::new(NoBus),
            Self::Local(bus) => Arc::new(bus.clone()),
            Self::Rabbit(bus) => Arc::new(bus.clone()),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::None => {}
            Self::Local(bus) => bus.clone().close().await,
            Self::Rabbit(bus) => bus.clone().close().await,
        }
    }
}

/// Where events would go in a process that has none.
struct NoBus;

#[async_trait]
impl Bus for NoBus {
    fn system(&self) -> &'static str {
        "none"
    }

    async fn declare(&self, _: &str, _: &[String]) -> Result<(), Error> {
        Err(no_bus())
    }

    async fn consume(&self, _: &str, _: Arc<dyn Handler>, _: CancellationToken) -> Result<(), Error> {
        Err(no_bus())
    }

    async fn publish(&self, _: &[Event]) -> Result<(), Error> {
        Err(no_bus())
    }

    async fn ping(&self) -> Result<(), Error> {
        Err(no_bus())
    }

    async fn dead_letters(&self, _: &str) -> Result<Vec<DeadLetter>, Error> {
        Err(no_bus())
    }

    async fn replay(&self, _: &str) -> Result<u64, Error> {
        Err(no_bus())
    }
}

fn no_bus() -> Error {
    Error::internal("this process was started without events")
}

impl Adapters {
    pub(crate) async fn connect(
        bus: AnyBus,
        config: &Config,
        clock: &Arc<dyn Clock>,
        health: &Health,
        tasks: &Tasks,
        background: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mesh_key = config.mesh_key()?;
        let Some(url) = config.redis_url()? else {
            let revocations = Arc::new(LocalRevocations::new(clock.clone()));
            let limiter = Arc::new(LocalLimiter::new(clock.clone(), RateNumbers::default().times(config.rate_factor)));
            return Ok(Self {
                bus,
                redis: None,
                limiter,
                revocations: revocations.clone(),
                revoke: revocations,
                mesh_key,
            });
        };
        let redis = wait_for("Redis (--redis-url)", config.wait_for_servers, || Redis::connect(&url)).await?;
        let probed = redis.clone();
        health.watch("redis", None, move || {
            let redis = probed.clone();
            Box::pin(async move { redis.ping().await })
        });
        let limiter =
            Arc::new(RedisLimiter::new(redis.clone(), clock.clone(), RateNumbers::default().times(config.rate_factor)));
        let start = || RedisRevocations::start(redis.clone(), clock.clone());
        let revocations = wait_for("Redis (--redis-url)", config.wait_for_servers, start).await?;
        tasks.spawn("revocations", Phase::Background, revocations.clone().run(background.clone()));
        Ok(Self { bus, redis: Some(redis), limiter, revocations: revocations.clone(), revoke: revocations, mesh_key })
    }
}
