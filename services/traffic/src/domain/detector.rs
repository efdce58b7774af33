//! Detectors: what they are, where they stand, whether they can be believed.

use kvartal_kernel::{Error, Timestamp, Version};

use super::health::{Rule, Rules};
use super::reading::DetectorNo;

/// How a detector measures; the numbers are those of `kvartal.traffic.v1.DetectorKind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetectorKind {
    /// Nobody said.
    Unknown,
    /// Wire in the road.
    Loop,
    /// Radar.
    Radar,
    /// Video.
    Video,
    /// Recognises vehicles at two places.
    TravelTime,
    /// Anything else.
    Other,
}

impl DetectorKind {
    const ALL: [Self; 6] = [Self::Unknown, Self::Loop, Self::Radar, Self::Video, Self::TravelTime, Self::Other];

    /// The number in the contract.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// From the number in the contract.
    pub fn from_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|place| Self::ALL.get(place).copied())
    }
}

/// Whether a detector can be believed; the numbers are those of `kvartal.traffic.v1.DetectorHealth`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Not judged.
    Unknown = 0,
    /// Yes.
    Good = 1,
    /// No.
    Failed = 2,
    /// Out of service.
    Retired = 3,
}

/// What can be changed about a detector.
#[derive(Clone, PartialEq, Debug)]
pub struct DetectorFacts {
    /// What people would say.
    pub name: String,
    /// How it measures.
    pub kind: DetectorKind,
    /// Degrees north and east; `None` when nobody said.
    pub location: Option<(f64, f64)>,
    /// On which segment; empty for none.
    pub segment: String,
    /// How far from its beginning, metres.
    pub segment_offset_m: f64,
    /// 0 for all lanes together.
    pub lane: u32,
    /// How often it reports, seconds.
    pub period: u32,
}

/// How often a detector reports when nobody said, seconds.
pub const PERIOD: u32 = 300;

impl Default for DetectorFacts {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: DetectorKind::Unknown,
            location: None,
            segment: String::new(),
            segment_offset_m: 0.0,
            lane: 0,
            period: PERIOD,
        }
    }
}

/// A detector.
#[derive(Clone, PartialEq, Debug)]
pub struct Detector {
    /// The number of its readings.
    pub number: DetectorNo,
    /// Stable, chosen by whoever added it.
    pub id: String,
    /// What can be changed.
    pub facts: DetectorFacts,
    /// Out of service.
    pub retired: bool,
    /// Which rules it breaks; `None` before it was judged.
    pub broken: Option<Rules>,
    /// Since when its health is what it is.
    pub health_time: Option<Timestamp>,
    /// When it was added.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Changes with every change.
    pub version: Version,
}

impl Detector {
    /// Whether it can be believed.
    pub fn health(&self) -> Health {
        match &self.broken {
            _ if self.retired => Health::Retired,
            None => Health::Unknown,
            Some(broken) if broken.is_empty() => Health::Good,
            Some(_) => Health::Failed,
        }
    }

    /// Rules it breaks.
    pub fn broken_rules(&self) -> impl Iterator<Item = Rule> {
        self.broken.unwrap_or_default().iter()
    }
}

/// Longest id.
pub const ID_MAX: usize = 64;

/// Whether a text can be a detector's id: letters, digits, `.`, `_`, `:`, `-`, the first one a letter or a digit.
pub fn is_id(text: &str) -> bool {
    text.len() <= ID_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// There is no such detector.
pub fn not_found() -> Error {
    Error::not_found("DETECTOR_NOT_FOUND", "detector")
}
