//! Judges detectors by their readings, again and again.

use std::sync::Arc;

use kvartal_kernel::{Clock, Error, Timestamp};

use super::detectors::{Detectors, HealthEvent, Verdict};
use super::readings::Readings;
use crate::domain::block::hour_of;
use crate::domain::detector::Detector;
use crate::domain::health::{Case, Finding, HORIZON, Rules, judge};
use crate::domain::reading::{DetectorNo, Reading};

/// Detectors judged at a time.
const BATCH: u64 = 500;

/// Judges all detectors.
pub struct HealthWatch {
    detectors: Arc<dyn Detectors>,
    readings: Arc<dyn Readings>,
    clock: Arc<dyn Clock>,
}

impl HealthWatch {
    /// Over these.
    pub fn new(detectors: Arc<dyn Detectors>, readings: Arc<dyn Readings>, clock: Arc<dyn Clock>) -> Self {
        Self { detectors, readings, clock }
    }

    /// Judges every detector by the last day of its readings.
    pub async fn judge_all(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut after = DetectorNo(0);
        loop {
            let detectors = self.detectors.after(after, BATCH).await?;
            let (Some(first), Some(last)) = (detectors.first(), detectors.last()) else { return Ok(()) };
            let ends = (first.number, last.number);
            after = last.number;
            let verdicts = self.judge(detectors, ends, now).await?;
            if !verdicts.is_empty() {
                self.detectors.judge(verdicts).await?;
            }
        }
    }

    async fn judge(
        &self,
        detectors: Vec<Detector>,
        ends: (DetectorNo, DetectorNo),
        now: Timestamp,
    ) -> Result<Vec<Verdict>, Error> {
        let numbers: Vec<DetectorNo> = detectors.iter().map(|detector| detector.number).collect();
        let newest = self.readings.newest(&numbers).await?;
        // Those that report are read together, the stragglers one by one: their day is another one.
        let present = hour_of(now.seconds());
        let day = i32::try_from(HORIZON / 3_600).unwrap_or(24) + 1;
        let mut live = self.readings.blocks_of(ends, present - day, present).await?;
        let mut verdicts = Vec::new();
        for detector in detectors {
            let Some(last) = newest.get(&detector.number) else { continue };
            let hour = hour_of(last.time);
            let readings = match live.remove(&detector.number) {
                Some(readings) if hour >= present - 1 => readings,
                _ => {
                    let blocks = self.readings.blocks(detector.number, hour - day, hour).await?;
                    blocks.iter().flat_map(|block| block.readings().iter().copied()).collect()
                }
            };
            verdicts.extend(verdict(detector, &readings, now));
        }
        Ok(verdicts)
    }
}

/// The verdict, if it differs from the last one.
fn verdict(detector: Detector, readings: &[Reading], now: Timestamp) -> Option<Verdict> {
    let case = Case {
        detector: detector.number,
        period: detector.facts.period,
        lane: detector.facts.lane,
        readings,
        now: now.seconds(),
    };
    let findings = judge(&case);
    let after = findings.as_ref().map(|found| found.iter().fold(Rules::default(), |rules, it| rules.with(it.rule)));
    let before = detector.broken;
    if before == after {
        return None;
    }
    let newest = readings.last().map_or(now.seconds(), |reading| reading.time);
    let (was, is) = (before.unwrap_or_default(), after.unwrap_or_default());
    let event = |rule, broken, since: i64, detail: String| HealthEvent {
        id: now.uuid(),
        detector: detector.number,
        rule,
        broken,
        since: Timestamp(since.saturating_mul(1_000_000)),
        found: now,
        detail,
    };
    let found = findings.unwrap_or_default();
    let broken = found.iter().filter(|finding| !was.contains(finding.rule));
    let mut events: Vec<_> =
        broken.map(|Finding { rule, since, detail }| event(*rule, true, *since, detail.clone())).collect();
    events.extend(was.iter().filter(|rule| !is.contains(*rule)).map(|rule| event(rule, false, newest, String::new())));
    Some(Verdict { detector, before, after, events, time: now })
}
