//! Readings from callers: judged one by one, kept together.

use kvartal_kernel::{Error, Timestamp};
use kvartal_proto::traffic::v1 as pb;

use crate::application::readings::{Judged, ReadingDesk};
use crate::application::registry::Directory;
use crate::domain::reading::{Outcome, Raw, Refusal, Window};

/// Refusals named in the answer to columns.
const REJECTED_NAMED: usize = 1_000;

/// Readings as rows.
pub(super) async fn rows(
    desk: &ReadingDesk,
    request: pb::IngestReadingsRequest,
) -> Result<pb::IngestReadingsResponse, Error> {
    let ids = request.readings.iter().map(|reading| reading.detector_id.as_str());
    let (directory, window) = (desk.directory(ids).await?, desk.window());
    let judged = request.readings.iter().map(|reading| judge(reading, &directory, window)).collect();
    let (counts, verdicts) = desk.ingest(judged, request.validate_only).await?;
    let results = verdicts.into_iter().map(|verdict| match verdict {
        Ok(outcome) => pb::ReadingResult { outcome: number(outcome), ..pb::ReadingResult::default() },
        Err(refusal) => pb::ReadingResult {
            outcome: pb::ReadingOutcome::Rejected.into(),
            reason: refusal.reason().to_owned(),
            message: refusal.message().to_owned(),
        },
    });
    Ok(pb::IngestReadingsResponse {
        results: results.collect(),
        accepted_count: counts.accepted,
        duplicate_count: counts.duplicate,
        corrected_count: counts.corrected,
        rejected_count: counts.rejected,
    })
}

fn number(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Accepted => pb::ReadingOutcome::Accepted,
        Outcome::Duplicate => pb::ReadingOutcome::Duplicate,
        Outcome::Corrected => pb::ReadingOutcome::Corrected,
    }
    .into()
}

fn judge(reading: &pb::NewReading, directory: &Directory, window: Window) -> Result<Judged, Refusal> {
    let detector = directory.number(&reading.detector_id)?;
    let time = reading.time.as_ref().ok_or(Refusal::NoTime)?;
    // The contract has checked that the time is one.
    let time = Timestamp::from_parts(time.seconds, time.nanos).ok_or(Refusal::NoTime)?.seconds();
    window.check(time)?;
    let raw = Raw {
        speed_kmh: reading.speed_kmh,
        occupancy_percent: reading.occupancy_percent,
        count: reading.vehicle_count.map(i64::from),
        travel_time_s: reading.travel_time_seconds,
    };
    Ok((detector, time, raw.values()?))
}

/// Readings as columns.
pub(super) async fn columns(
    desk: &ReadingDesk,
    request: pb::IngestReadingColumnsRequest,
) -> Result<pb::IngestReadingColumnsResponse, Error> {
    check_lengths(&request)?;
    let (directory, window) = (desk.directory(request.detector_ids.iter().map(String::as_str)).await?, desk.window());
    let numbers: Vec<_> = request.detector_ids.iter().map(|id| directory.number(id)).collect();
    let judged = (0..request.unix_seconds.len()).map(|row| {
        let place = usize::try_from(request.detector_indexes[row]).unwrap_or(usize::MAX);
        let detector = numbers.get(place).copied().unwrap_or(Err(Refusal::UnknownDetector))?;
        let time = request.unix_seconds[row];
        window.check(time)?;
        let real = |column: &[f32]| column.get(row).filter(|value| **value != ABSENT).map(|value| f64::from(*value));
        let raw = Raw {
            speed_kmh: real(&request.speeds_kmh),
            occupancy_percent: real(&request.occupancies_percent),
            count: request.vehicle_counts.get(row).filter(|count| **count != -1).map(|count| i64::from(*count)),
            travel_time_s: real(&request.travel_times_seconds),
        };
        Ok((detector, time, raw.values()?))
    });
    let judged = judged.collect();
    let (counts, verdicts) = desk.ingest(judged, request.validate_only).await?;
    let rejected = (0_u32..).zip(&verdicts).filter_map(|(index, verdict)| {
        let refusal = verdict.err()?;
        Some(pb::RejectedReading { index, reason: refusal.reason().to_owned(), message: refusal.message().to_owned() })
    });
    Ok(pb::IngestReadingColumnsResponse {
        rejected: rejected.take(REJECTED_NAMED).collect(),
        accepted_count: counts.accepted,
        duplicate_count: counts.duplicate,
        corrected_count: counts.corrected,
        rejected_count: counts.rejected,
    })
}

/// Stands where a reading has no value.
const ABSENT: f32 = -1.0;

fn check_lengths(request: &pb::IngestReadingColumnsRequest) -> Result<(), Error> {
    let rows = request.unix_seconds.len();
    let optional = [
        ("speeds_kmh", request.speeds_kmh.len()),
        ("occupancies_percent", request.occupancies_percent.len()),
        ("vehicle_counts", request.vehicle_counts.len()),
        ("travel_times_seconds", request.travel_times_seconds.len()),
    ];
    let wrong = |name: &str, length: usize| {
        let message = format!("has {length} entries, but unix_seconds has {rows}; each reading needs one");
        Err(Error::invalid(name, message))
    };
    if request.detector_indexes.len() != rows {
        return wrong("detector_indexes", request.detector_indexes.len());
    }
    if let Some((name, length)) = optional.into_iter().find(|(_, length)| *length != 0 && *length != rows) {
        return wrong(name, length);
    }
    let known = request.detector_ids.len();
    match request.detector_indexes.iter().position(|index| usize::try_from(*index).is_ok_and(|index| index >= known)) {
        Some(row) => {
            let message = format!("there are only {known} detector_ids");
            Err(Error::invalid(format!("detector_indexes[{row}]"), message))
        }
        None => Ok(()),
    }
}
