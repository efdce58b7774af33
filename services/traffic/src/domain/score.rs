//! The score of a city or a district, 0 to 10.
//!
//! Each segment weighs its length × lanes. Its time is what it takes now (never less than at free flow), beside the time at
//! free flow:
//!
//! ```text
//! q     = Σ weight · free time / Σ weight · present time        (1: all free; 0: nothing moves)
//! score = 10 · (1 − q) / (1 − 1/4), at most 10
//! ```
//!
//! So 10 means that the same ways take four times as long as at night, 0 that nobody loses time. Times of segments are
//! capped at [`SLOWEST_RATIO`], because one closed lane must not outweigh a city. Segments about which nothing is known do
//! not count; below [`COVERAGE_MIN`] of the weight there is no score.

/// The share of the free-flow speed below which a segment counts no worse.
pub const SLOWEST_RATIO: f64 = 0.05;
/// The part of the weight that has to be known.
pub const COVERAGE_MIN: f64 = 0.05;
/// The ratio of times that is 10.
const WORST: f64 = 4.0;

/// One segment for the score.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weighed {
    /// Metres.
    pub length_m: f64,
    /// Lanes.
    pub lanes: u32,
    /// Speed at free flow, km/h.
    pub free_flow_kmh: f64,
    /// Speed as a share of it; `None` when nothing is known.
    pub speed_ratio: Option<f64>,
}

/// A score.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Score {
    /// 0 to 10.
    pub value: f64,
    /// The part of the weight about which something is known, 0 to 1.
    pub coverage: f64,
}

/// Scores segments; `None` when too little is known.
pub fn score(segments: impl IntoIterator<Item = Weighed>) -> Option<Score> {
    let (mut all, mut known, mut free, mut present) = (0.0, 0.0, 0.0, 0.0);
    for segment in segments {
        let weight = segment.length_m * f64::from(segment.lanes.max(1));
        all += weight;
        let Some(ratio) = segment.speed_ratio else { continue };
        known += weight;
        let time = segment.length_m / segment.free_flow_kmh.max(1.0);
        free += weight * time;
        present += weight * time / ratio.clamp(SLOWEST_RATIO, 1.0);
    }
    let coverage = if all > 0.0 { known / all } else { 0.0 };
    if coverage < COVERAGE_MIN || present <= 0.0 {
        return None;
    }
    let lost = (1.0 - free / present) / (1.0 - 1.0 / WORST);
    Some(Score { value: (10.0 * lost).clamp(0.0, 10.0), coverage })
}

#[cfg(test)]
mod tests;
