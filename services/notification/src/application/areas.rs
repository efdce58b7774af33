//! What people follow, and the messages that tell what was gathered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Clock, Error, Timestamp, Uuid, Version};

use crate::domain::{FollowedArea, FollowedAreaId, Place, Topics, UserId, check_topics};

/// Where followed areas live.
#[async_trait]
pub(crate) trait FollowedAreas: Send + Sync {
    /// What a person follows, the oldest first.
    async fn of(&self, user: UserId) -> Result<Vec<FollowedArea>, Error>;

    /// Follows it; the same place again changes name and topics. Refuses more areas than a person may follow.
    async fn follow(&self, area: FollowedArea) -> Result<FollowedArea, Error>;

    /// Changes name and topics where they are given.
    async fn update(&self, user: UserId, id: FollowedAreaId, change: Change) -> Result<FollowedArea, Error>;

    /// Forgets it, with what was gathered.
    async fn unfollow(&self, user: UserId, id: FollowedAreaId) -> Result<(), Error>;
}

/// What changes of a followed area.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) topics: Option<Topics>,
    pub(crate) etag: String,
}

/// The areas that the incident service knows.
#[async_trait]
pub(crate) trait Atlas: Send + Sync {
    /// Name and boundary; `None` when there is no such area.
    async fn area(&self, id: Uuid) -> Result<Option<(String, Vec<LatLng>)>, Error>;
}

/// What was gathered for messages.
#[async_trait]
pub(crate) trait Gathered: Send + Sync {
    /// Makes the messages whose time has come, some at a time; returns how many.
    async fn tell(&self, now: Timestamp) -> Result<usize, Error>;
}

/// What somebody wants to follow.
pub(crate) struct Wish {
    pub(crate) user: UserId,
    pub(crate) staff: bool,
    pub(crate) name: String,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) topics: Topics,
}

/// Where that is.
pub(crate) enum Whereabouts {
    /// An area of the incident service.
    Area(Uuid),
    /// A box or a circle.
    Place(Place),
}

/// Answers those who follow areas.
pub(crate) struct AreaDesk {
    areas: Arc<dyn FollowedAreas>,
    atlas: Arc<dyn Atlas>,
    clock: Arc<dyn Clock>,
}

impl AreaDesk {
    pub(crate) fn new(areas: Arc<dyn FollowedAreas>, atlas: Arc<dyn Atlas>, clock: Arc<dyn Clock>) -> Self {
        Self { areas, atlas, clock }
    }

    /// What a person follows.
    pub(crate) async fn list(&self, user: UserId) -> Result<Vec<FollowedArea>, Error> {
        self.areas.of(user).await
    }

    /// Follows a part of the city.
    pub(crate) async fn follow(&self, wish: Wish) -> Result<FollowedArea, Error> {
        let Wish { user, staff, name, whereabouts, topics } = wish;
        check_topics(topics, staff)?;
        let (own_name, place) = match whereabouts {
            Whereabouts::Place(place) => (String::new(), place),
            Whereabouts::Area(id) => {
                let found = self.atlas.area(id).await?;
                let (name, ring) = found.ok_or_else(|| Error::not_found("AREA_NOT_FOUND", "area"))?;
                (name, Place::Area { id, ring })
            }
        };
        let name = if name.trim().is_empty() { own_name } else { name.trim().to_owned() };
        if name.is_empty() {
            return Err(Error::invalid("display_name", "a box or a circle needs a name"));
        }
        let id = FollowedAreaId::generate(&*self.clock);
        let created = self.clock.now();
        self.areas.follow(FollowedArea { id, user, name, place, topics, created, version: Version::FIRST }).await
    }

    /// Changes how it is called and what is told of it.
    pub(crate) async fn update(
        &self,
        user: UserId,
        staff: bool,
        id: FollowedAreaId,
        change: Change,
    ) -> Result<FollowedArea, Error> {
        check_topics(change.topics.unwrap_or_default(), staff)?;
        self.areas.update(user, id, change).await
    }

    /// Follows it no longer.
    pub(crate) async fn unfollow(&self, user: UserId, id: FollowedAreaId) -> Result<(), Error> {
        self.areas.unfollow(user, id).await
    }
}

/// Tells what was gathered, until `stop`: as often as `pace` says, here and in every replica.
pub(crate) async fn tell_gathered(
    gathered: Arc<dyn Gathered>,
    clock: Arc<dyn Clock>,
    pace: Duration,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let mut healthy = true;
    loop {
        let told = tokio::select! {
            () = &mut stop => return,
            told = gathered.tell(clock.now()) => told,
        };
        match told {
            Ok(0) => healthy = true,
            // There may be more.
            Ok(_) => {
                healthy = true;
                continue;
            }
            Err(error) => {
                if healthy {
                    tracing::warn!(error = error.chain(), "news of areas cannot be told");
                }
                healthy = false;
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(pace) => {}
        }
    }
}
