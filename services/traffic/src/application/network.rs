//! What can be done with roads and districts, and the atlas that everybody else reads.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Kind, Version};

use crate::domain::network::district::District;
use crate::domain::network::segment::{SegmentFacts, SegmentPatch};
use crate::domain::network::{Network, Segment, SegmentId};

/// What has happened to a part of the network.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit<T> {
    /// It is new or different.
    Put(Arc<T>),
    /// It is gone.
    Remove(String),
}

/// What has changed since a revision.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Edits {
    /// The revision after it.
    pub revision: i64,
    /// Segments.
    pub segments: Vec<Edit<Segment>>,
    /// Districts.
    pub districts: Vec<Edit<District>>,
}

/// Decides what to do, given what is stored under the names that were asked for; runs while others wait, so it must not.
pub type DecideSegments = Box<dyn FnOnce(HashMap<String, Segment>) -> Result<Vec<Edit<Segment>>, Error> + Send>;

/// The same for a district.
pub type DecideDistrict = Box<dyn FnOnce(Option<District>) -> Result<Option<Edit<District>>, Error> + Send>;

/// Where the network is kept. Changes come one after another, each with a revision of its own.
#[async_trait]
pub trait Roads: Send + Sync {
    /// The revision now.
    async fn revision(&self) -> Result<i64, Error>;

    /// Everything that has changed after a revision; everything there is after 0.
    async fn since(&self, revision: i64) -> Result<Edits, Error>;

    /// Reads segments by name, decides, stores; all of it or nothing. `ResourceExhausted` when there would be too many
    /// segments, `FailedPrecondition` when something stands on one that is to be removed.
    async fn change_segments(&self, names: Vec<String>, decide: DecideSegments) -> Result<(), Error>;

    /// The same for a district.
    async fn change_district(&self, name: String, decide: DecideDistrict) -> Result<(), Error>;
}

/// The network as this process knows it.
pub struct Atlas {
    roads: Arc<dyn Roads>,
    known: Mutex<Known>,
    /// One reader at a time.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    revision: i64,
    segments: HashMap<SegmentId, Arc<Segment>>,
    districts: HashMap<String, Arc<District>>,
    /// Made from the above when somebody asks.
    network: Option<Arc<Network>>,
}

impl Atlas {
    /// Over this storage, with everything that is in it.
    pub async fn open(roads: Arc<dyn Roads>) -> Result<Self, Error> {
        let atlas = Self { roads, known: Mutex::default(), reading: tokio::sync::Mutex::new(()) };
        atlas.refresh().await?;
        Ok(atlas)
    }

    /// The network at this moment.
    pub fn network(&self) -> Arc<Network> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = &known.network {
            return network.clone();
        }
        let (segments, districts) = (known.segments.values().cloned(), known.districts.values().cloned());
        let network = Arc::new(Network::new(known.revision, segments.collect(), districts.collect()));
        known.network = Some(network.clone());
        network
    }

    /// Reads what has changed since the last time.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _reading = self.reading.lock().await;
        let revision = self.known.lock().unwrap_or_else(PoisonError::into_inner).revision;
        if self.roads.revision().await? == revision {
            return Ok(());
        }
        let edits = self.roads.since(revision).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.revision = edits.revision;
        for edit in edits.segments {
            match edit {
                Edit::Put(segment) => known.segments.insert(segment.id, segment),
                Edit::Remove(name) => known.segments.remove(&SegmentId::named(&name)),
            };
        }
        for edit in edits.districts {
            match edit {
                Edit::Put(district) => known.districts.insert(district.name.clone(), district),
                Edit::Remove(name) => known.districts.remove(&name),
            };
        }
        known.network = None;
        Ok(())
    }

    /// Looks every `period` for what other replicas changed, until it is dropped.
    pub async fn follow(&self, period: Duration) {
        let mut away = false;
        loop {
            tokio::time::sleep(period).await;
            match self.refresh().await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    tracing::warn!(
                        error = error.chain(),
                        "the road network cannot be read; the last known one is used"
                    );
                    away = true;
                }
                Err(_) => {}
            }
        }
    }
}

/// A segment as somebody puts it.
#[derive(Clone, PartialEq, Debug)]
pub struct NewSegment {
    /// What the outside world calls it.
    pub name: String,
    /// Checked facts.
    pub facts: SegmentFacts,
}

/// What putting many segments did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PutCounts {
    /// New ones.
    pub created: u32,
    /// Changed ones.
    pub updated: u32,
    /// Those that were the same already.
    pub unchanged: u32,
}

/// Changes of the network.
pub struct NetworkDesk {
    roads: Arc<dyn Roads>,
    atlas: Arc<Atlas>,
    clock: Arc<dyn Clock>,
}

impl NetworkDesk {
    /// Over this storage.
    pub fn new(roads: Arc<dyn Roads>, atlas: Arc<Atlas>, clock: Arc<dyn Clock>) -> Self {
        Self { roads, atlas, clock }
    }

    /// The network at this moment.
    pub fn network(&self) -> Arc<Network> {
        self.atlas.network()
    }

    /// One segment.
    pub fn segment(&self, name: &str) -> Result<Arc<Segment>, Error> {
        self.network().segment(SegmentId::named(name)).cloned().ok_or_else(no_segment)
    }

    /// Adds a segment. An equal one that exists is given back.
    pub async fn create(&self, new: NewSegment) -> Result<Arc<Segment>, Error> {
        let (name, now) = (new.name.clone(), self.clock.now());
        let decide = move |stored: HashMap<String, Segment>| match stored.get(&new.name) {
            Some(old) if old.facts == new.facts => Ok(Vec::new()),
            Some(_) => {
                let message = "a segment with this id exists and differs; change it instead";
                Err(Error::new(Kind::AlreadyExists, "SEGMENT_EXISTS", message))
            }
            None => Ok(vec![Edit::Put(Arc::new(Segment::new(new.name, new.facts, now)))]),
        };
        self.roads.change_segments(vec![name.clone()], Box::new(decide)).await?;
        self.atlas.refresh().await?;
        self.segment(&name)
    }

    /// Changes a segment. The same again changes nothing, whatever the etag: a repeated call finds its own work done.
    pub async fn update(&self, name: String, patch: SegmentPatch, etag: String) -> Result<Arc<Segment>, Error> {
        let (key, now) = (name.clone(), self.clock.now());
        let decide = move |stored: HashMap<String, Segment>| {
            let old = stored.get(&key).ok_or_else(no_segment)?;
            let facts = patch.apply(old.facts.clone()).checked(&key, "")?;
            if facts == old.facts {
                return Ok(Vec::new());
            }
            old.version.check(&etag)?;
            Ok(vec![Edit::Put(Arc::new(old.changed(facts, now)))])
        };
        self.roads.change_segments(vec![name.clone()], Box::new(decide)).await?;
        self.atlas.refresh().await?;
        self.segment(&name)
    }

    /// Removes a segment on which nothing stands.
    pub async fn delete(&self, name: String, etag: String) -> Result<(), Error> {
        let key = name.clone();
        let decide = move |stored: HashMap<String, Segment>| {
            let old = stored.get(&key).ok_or_else(no_segment)?;
            old.version.check(&etag)?;
            Ok(vec![Edit::Remove(key)])
        };
        self.roads.change_segments(vec![name], Box::new(decide)).await?;
        self.atlas.refresh().await
    }

    /// Adds or replaces segments, all of them or none.
    pub async fn put(&self, segments: Vec<NewSegment>) -> Result<PutCounts, Error> {
        let names: Vec<String> = segments.iter().map(|segment| segment.name.clone()).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().position(|name| !seen.insert(name)) {
            return Err(Error::invalid(format!("segments[{twice}].segment_id"), "must not be there twice"));
        }
        let now = self.clock.now();
        let counts = Arc::new(Mutex::new(PutCounts::default()));
        let counted = counts.clone();
        let decide = move |stored: HashMap<String, Segment>| {
            let mut counts = PutCounts::default();
            let mut edits = Vec::new();
            for NewSegment { name, facts } in segments {
                let segment = match stored.get(&name) {
                    Some(old) if old.facts == facts => {
                        counts.unchanged += 1;
                        continue;
                    }
                    Some(old) => {
                        counts.updated += 1;
                        old.changed(facts, now)
                    }
                    None => {
                        counts.created += 1;
                        Segment::new(name, facts, now)
                    }
                };
                edits.push(Edit::Put(Arc::new(segment)));
            }
            *counted.lock().unwrap_or_else(PoisonError::into_inner) = counts;
            Ok(edits)
        };
        self.roads.change_segments(names, Box::new(decide)).await?;
        self.atlas.refresh().await?;
        let counts = *counts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(counts)
    }

    /// Adds or replaces a district; the same again changes nothing.
    pub async fn put_district(&self, new: District, etag: String) -> Result<Arc<District>, Error> {
        let name = new.name.clone();
        let decide = move |old: Option<District>| {
            let version = match old {
                Some(old) if old.same_as(&new) => return Ok(None),
                Some(old) => {
                    old.version.check(&etag)?;
                    old.version.next()
                }
                None => {
                    // An etag speaks of a district that was seen; that one is gone.
                    if !etag.is_empty() {
                        return Err(Error::conflict());
                    }
                    Version::FIRST
                }
            };
            Ok(Some(Edit::Put(Arc::new(new.versioned(version)))))
        };
        self.roads.change_district(name.clone(), Box::new(decide)).await?;
        self.atlas.refresh().await?;
        let network = self.network();
        let found = network.districts().iter().find(|district| district.name == name);
        found.cloned().ok_or_else(no_district)
    }

    /// Removes a district.
    pub async fn delete_district(&self, name: String, etag: String) -> Result<(), Error> {
        let key = name.clone();
        let decide = move |old: Option<District>| {
            let old = old.ok_or_else(no_district)?;
            old.version.check(&etag)?;
            Ok(Some(Edit::Remove(key)))
        };
        self.roads.change_district(name, Box::new(decide)).await?;
        self.atlas.refresh().await
    }
}

fn no_segment() -> Error {
    Error::not_found("SEGMENT_NOT_FOUND", "segment")
}

fn no_district() -> Error {
    Error::not_found("DISTRICT_NOT_FOUND", "district")
}
