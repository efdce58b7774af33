//! Detectors: what can be done with them, and where they are kept.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Clock, Error, Kind, Page, PageRequest, Timestamp, Uuid};

use super::registry::Registry;
use crate::domain::detector::{Detector, DetectorFacts, DetectorKind, Health, not_found};
use crate::domain::health::{Rule, Rules};
use crate::domain::reading::DetectorNo;

/// Which detectors; what is empty does not restrict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DetectorFilter {
    /// South, west, north, east, degrees.
    pub bounds: Option<[f64; 4]>,
    /// On this segment.
    pub segment: String,
    /// In one of these states.
    pub healths: Vec<Health>,
    /// Of one of these kinds.
    pub kinds: Vec<DetectorKind>,
}

/// What a put came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PutCounts {
    /// New ones.
    pub created: u32,
    /// Changed ones.
    pub updated: u32,
    /// The same already.
    pub unchanged: u32,
}

/// A rule was broken, or kept again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthEvent {
    /// Its id.
    pub id: Uuid,
    /// The detector.
    pub detector: DetectorNo,
    /// The rule.
    pub rule: Rule,
    /// Whether it is broken from then on.
    pub broken: bool,
    /// Since when, by the readings.
    pub since: Timestamp,
    /// When it was found.
    pub found: Timestamp,
    /// What was seen.
    pub detail: String,
}

/// A new verdict about a detector.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// Of which.
    pub detector: Detector,
    /// What it was; `None` when it was not judged.
    pub before: Option<Rules>,
    /// What it is.
    pub after: Option<Rules>,
    /// What changed.
    pub events: Vec<HealthEvent>,
    /// When.
    pub time: Timestamp,
}

/// Where detectors live.
#[async_trait]
pub trait Detectors: Send + Sync {
    /// Id, number and whether it is retired, of every detector.
    async fn numbers(&self) -> Result<Vec<(String, DetectorNo, bool)>, Error>;

    /// One.
    async fn get(&self, id: &str) -> Result<Option<Detector>, Error>;

    /// A page, in the order of numbers.
    async fn page(&self, filter: &DetectorFilter, request: PageRequest) -> Result<Page<Detector>, Error>;

    /// At most `limit` that are in service, after a number, in the order of numbers.
    async fn after(&self, number: DetectorNo, limit: u64) -> Result<Vec<Detector>, Error>;

    /// Adds or replaces, all or none. A retired one is in service again.
    async fn put(&self, new: Vec<(String, DetectorFacts)>, now: Timestamp) -> Result<PutCounts, Error>;

    /// Writes a detector back; `Aborted` unless it still has the version before.
    async fn save(&self, detector: Detector) -> Result<(), Error>;

    /// Writes verdicts with their findings and tells the other services; one whose detector has changed since is left
    /// out.
    async fn judge(&self, verdicts: Vec<Verdict>) -> Result<(), Error>;

    /// Findings, newest first.
    async fn health_events(&self, of: Option<DetectorNo>, request: PageRequest) -> Result<Page<HealthEvent>, Error>;
}

/// What an update changes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DetectorPatch {
    /// What people would say.
    pub name: Option<String>,
    /// How it measures.
    pub kind: Option<DetectorKind>,
    /// Where.
    pub location: Option<Option<(f64, f64)>>,
    /// On which segment.
    pub segment: Option<String>,
    /// How far from its beginning, metres.
    pub segment_offset_m: Option<f64>,
    /// The lane.
    pub lane: Option<u32>,
    /// How often it reports, seconds.
    pub period: Option<u32>,
}

impl DetectorPatch {
    fn apply(self, old: DetectorFacts) -> DetectorFacts {
        DetectorFacts {
            name: self.name.unwrap_or(old.name),
            kind: self.kind.unwrap_or(old.kind),
            location: self.location.unwrap_or(old.location),
            segment: self.segment.unwrap_or(old.segment),
            segment_offset_m: self.segment_offset_m.unwrap_or(old.segment_offset_m),
            lane: self.lane.unwrap_or(old.lane),
            period: self.period.unwrap_or(old.period),
        }
    }
}

/// What can be done with detectors.
pub struct DetectorDesk {
    detectors: Arc<dyn Detectors>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
}

impl DetectorDesk {
    /// Over these.
    pub fn new(detectors: Arc<dyn Detectors>, registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        Self { detectors, registry, clock }
    }

    /// One.
    pub async fn get(&self, id: &str) -> Result<Detector, Error> {
        self.detectors.get(id).await?.ok_or_else(not_found)
    }

    /// A page.
    pub async fn list(&self, filter: &DetectorFilter, request: PageRequest) -> Result<Page<Detector>, Error> {
        self.detectors.page(filter, request).await
    }

    /// Adds one; an equal one that exists is given back.
    pub async fn create(&self, id: String, facts: DetectorFacts) -> Result<Detector, Error> {
        if let Some(there) = self.detectors.get(&id).await? {
            let same = there.facts == facts && !there.retired;
            let exists = || Error::new(Kind::AlreadyExists, "DETECTOR_EXISTS", "another detector has this id");
            return if same { Ok(there) } else { Err(exists()) };
        }
        self.detectors.put(vec![(id.clone(), facts)], self.clock.now()).await?;
        self.registry.refresh().await?;
        self.get(&id).await
    }

    /// Adds or replaces, all or none.
    pub async fn put(&self, new: Vec<(String, DetectorFacts)>) -> Result<PutCounts, Error> {
        let mut seen = HashSet::new();
        if let Some((place, (id, _))) = new.iter().enumerate().find(|(_, (id, _))| !seen.insert(id.as_str())) {
            return Err(Error::invalid(format!("detectors[{place}].detector_id"), format!("{id} comes twice")));
        }
        let counts = self.detectors.put(new, self.clock.now()).await?;
        self.registry.refresh().await?;
        Ok(counts)
    }

    /// Changes one.
    pub async fn update(&self, id: &str, patch: DetectorPatch, etag: &str) -> Result<Detector, Error> {
        let old = self.get(id).await?;
        old.version.check(etag)?;
        let facts = patch.apply(old.facts.clone());
        if facts == old.facts {
            return Ok(old);
        }
        let new = Detector { facts, updated: self.clock.now(), version: old.version.next(), ..old };
        self.detectors.save(new.clone()).await?;
        Ok(new)
    }

    /// Takes one out of service; again changes nothing.
    pub async fn retire(&self, id: &str, etag: &str) -> Result<Detector, Error> {
        let old = self.get(id).await?;
        if old.retired {
            return Ok(old);
        }
        old.version.check(etag)?;
        let new = Detector { retired: true, updated: self.clock.now(), version: old.version.next(), ..old };
        self.detectors.save(new.clone()).await?;
        self.registry.refresh().await?;
        Ok(new)
    }

    /// Findings about one detector, or about all.
    pub async fn health_events(&self, id: &str, request: PageRequest) -> Result<Page<(HealthEvent, String)>, Error> {
        let of = if id.is_empty() { None } else { Some(self.get(id).await?.number) };
        let page = self.detectors.health_events(of, request).await?;
        let mut directory = self.registry.knowing(std::iter::once(id).filter(|id| !id.is_empty())).await?;
        if page.items.iter().any(|event| directory.id(event.detector).is_none()) {
            directory = self.registry.refresh().await?;
        }
        Ok(page.map(|event| {
            let name = directory.id(event.detector).unwrap_or_default().to_owned();
            (event, name)
        }))
    }
}
