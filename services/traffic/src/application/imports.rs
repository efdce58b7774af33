//! Imports of files: read as a whole, kept as a whole or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use kvartal_kernel::Error;
use tokio::sync::watch;

use super::detectors::DetectorDesk;
use super::readings::{Batch, Judged, ReadingDesk};
use crate::domain::detector::{DetectorFacts, DetectorKind};
use crate::domain::reading::{Counts, Refusal};
use crate::domain::readings_file::{ERRORS_KEPT, FileError, Instructions, Measure, ReadingsFile, read};

/// How far an import is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Reading and judging.
    Reading,
    /// Storing.
    Storing,
}

/// Told while an import runs: phase, readings behind it, readings in all.
pub type Progress = watch::Sender<(Phase, u32, u32)>;

/// What to do with a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// How to read it.
    pub how: Instructions,
    /// Add detectors that are not known.
    pub create: bool,
    /// Keep nothing.
    pub validate_only: bool,
}

/// What became of a file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// Whether everything was taken.
    pub imported: bool,
    /// Lines without the header.
    pub lines: u32,
    /// Readings in the file.
    pub readings: u32,
    /// What became of them.
    pub counts: Counts,
    /// Detectors that were added.
    pub created: u32,
    /// The first errors.
    pub errors: Vec<FileError>,
    /// How many there are.
    pub error_count: u32,
    /// Of the first and the last reading.
    pub times: Option<(i64, i64)>,
}

/// Imports files.
pub struct ImportDesk {
    detectors: Arc<DetectorDesk>,
    readings: Arc<ReadingDesk>,
}

impl ImportDesk {
    /// Over these.
    pub fn new(detectors: Arc<DetectorDesk>, readings: Arc<ReadingDesk>) -> Self {
        Self { detectors, readings }
    }

    /// Which times are taken now.
    pub fn readings(&self) -> &ReadingDesk {
        &self.readings
    }

    /// Imports a file.
    pub async fn import(&self, content: &[u8], order: &Order, progress: &Progress) -> Result<Report, Error> {
        let file = tokio::task::block_in_place(|| read(content, &order.how));
        let total = u32::try_from(file.readings.len()).unwrap_or(u32::MAX);
        progress.send_replace((Phase::Reading, total, total));
        let mut report = Report {
            lines: file.lines,
            readings: total,
            errors: file.errors.clone(),
            error_count: file.error_count,
            times: span(&file),
            ..Report::default()
        };
        let unknown = self.unknown(&file, &mut report, order.create).await?;
        if report.error_count > 0 {
            return Ok(report);
        }
        report.created = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
        if order.validate_only {
            report.counts.accepted = total;
            return Ok(report);
        }
        let kind = if order.how.measure == Some(Measure::TravelTime) {
            DetectorKind::TravelTime
        } else {
            DetectorKind::Unknown
        };
        let period = u32::try_from(order.how.step).unwrap_or(crate::domain::detector::PERIOD);
        if !unknown.is_empty() {
            let facts = DetectorFacts { kind, period, ..DetectorFacts::default() };
            self.detectors.put(unknown.into_iter().map(|id| (id, facts.clone())).collect()).await?;
        }
        let directory = self.readings.directory(file.detectors.iter().map(String::as_str)).await?;
        let numbers: Vec<_> = file.detectors.iter().map(|id| directory.any(id)).collect();
        let judged = file.readings.iter().filter_map(|(place, time, values)| {
            let number = usize::try_from(*place).ok().and_then(|place| numbers.get(place).copied().flatten())?;
            Some((number, *time, *values))
        });
        let readings: Vec<Judged> = judged.collect();
        for outcome in self.keep(readings, total, progress).await? {
            report.counts.add(outcome);
        }
        report.imported = true;
        Ok(report)
    }

    async fn keep(
        &self,
        readings: Vec<Judged>,
        total: u32,
        progress: &Progress,
    ) -> Result<super::readings::Outcomes, Error> {
        let (stored, mut storing) = watch::channel(0);
        let commit = self.readings.commit(Arc::new(Batch { readings, progress: Some(stored) }));
        tokio::pin!(commit);
        loop {
            tokio::select! {
                outcomes = &mut commit => return outcomes,
                Ok(()) = storing.changed() => {
                    progress.send_replace((Phase::Storing, *storing.borrow_and_update(), total));
                }
            }
        }
    }

    /// Detectors of the file that nobody knows: an error each, unless they may be added.
    async fn unknown(&self, file: &ReadingsFile, report: &mut Report, create: bool) -> Result<HashSet<String>, Error> {
        let directory = self.readings.directory(file.detectors.iter().map(String::as_str)).await?;
        let mut unknown = HashSet::new();
        for id in &file.detectors {
            let refusal = match directory.number(id) {
                Ok(_) => continue,
                Err(Refusal::UnknownDetector) if create => {
                    unknown.insert(id.clone());
                    continue;
                }
                Err(refusal) => refusal,
            };
            report.error_count += 1;
            if report.errors.len() < ERRORS_KEPT {
                let message = format!("{id}: {}", refusal.message());
                report.errors.push(FileError { line: 1, column: id.clone(), reason: refusal.reason(), message });
            }
        }
        Ok(unknown)
    }
}

fn span(file: &ReadingsFile) -> Option<(i64, i64)> {
    let first = file.readings.iter().map(|(_, time, _)| *time).min()?;
    let last = file.readings.iter().map(|(_, time, _)| *time).max()?;
    Some((first, last))
}
