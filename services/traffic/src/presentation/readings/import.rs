//! Files of readings, with progress.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::unfold;
use kvartal_kernel::Error;
use kvartal_mesh::stream::Reply;
use kvartal_mesh::to_status;
use kvartal_proto::time::from_proto;
use kvartal_proto::traffic::v1 as pb;
use tokio::sync::watch;

use crate::application::imports::{ImportDesk, Order, Phase, Report};
use crate::domain::readings_file::{Instructions, Layout, Measure};
use crate::messages::measuring::seconds;

/// Seconds from row to row when nobody says.
const STEP: u32 = 300;

/// Imports a file; progress comes first, the report last.
pub(super) fn stream(
    desk: Arc<ImportDesk>,
    request: pb::ImportReadingsRequest,
) -> Result<Reply<pb::ImportReadingsResponse>, Error> {
    let order = order(&desk, &request)?;
    let (progress, seen) = watch::channel((Phase::Reading, 0, 0));
    let work = async move { desk.import(&request.content, &order, &progress).await };
    // The work goes on only while somebody reads the stream: whoever leaves ends the import before it is kept.
    let running = Some((Box::pin(work), seen));
    let messages = unfold(running, |running| async move {
        let (mut work, mut seen) = running?;
        tokio::select! {
            biased;
            done = &mut work => Some((done.map(report).map_err(to_status), None)),
            Ok(()) = seen.changed() => {
                let (phase, done_count, total_count) = *seen.borrow_and_update();
                let phase = match phase {
                    Phase::Reading => pb::ImportPhase::Reading,
                    Phase::Storing => pb::ImportPhase::Storing,
                };
                let message = pb::ImportReadingsResponse { phase: phase.into(), done_count, total_count, report: None };
                Some((Ok(message), Some((work, seen))))
            }
        }
    });
    Ok(messages.boxed())
}

fn order(desk: &ImportDesk, request: &pb::ImportReadingsRequest) -> Result<Order, Error> {
    let layout = match pb::ReadingsLayout::try_from(request.layout) {
        Ok(pb::ReadingsLayout::Wide) => Some(Layout::Wide),
        Ok(pb::ReadingsLayout::Long) => Some(Layout::Long),
        _ => None,
    };
    let measure = match pb::Measure::try_from(request.measure) {
        Ok(pb::Measure::SpeedKmh) => Some(Measure::SpeedKmh),
        Ok(pb::Measure::SpeedMph) => Some(Measure::SpeedMph),
        Ok(pb::Measure::OccupancyPercent) => Some(Measure::Occupancy),
        Ok(pb::Measure::VehicleCount) => Some(Measure::Count),
        Ok(pb::Measure::TravelTimeSeconds) => Some(Measure::TravelTime),
        _ => None,
    };
    let step = if request.step_seconds == 0 { STEP } else { request.step_seconds };
    let how = Instructions {
        layout,
        measure,
        detector: request.detector_id.clone(),
        start: from_proto("start_time", request.start_time.as_ref())?.map(kvartal_kernel::Timestamp::seconds),
        step: step.into(),
        offset: i64::from(request.utc_offset_minutes) * 60,
        window: desk.readings().window(),
        expected_rows: request.expected_rows,
    };
    Ok(Order { how, create: request.create_detectors, validate_only: request.validate_only })
}

fn report(report: Report) -> pb::ImportReadingsResponse {
    let error = |error: crate::domain::readings_file::FileError| pb::ImportError {
        line: error.line,
        column: error.column,
        reason: error.reason.to_owned(),
        message: error.message,
    };
    let done = report.readings;
    let report = pb::ImportReport {
        imported: report.imported,
        line_count: report.lines,
        reading_count: report.readings,
        accepted_count: report.counts.accepted,
        duplicate_count: report.counts.duplicate,
        corrected_count: report.counts.corrected,
        created_detector_count: report.created,
        errors: report.errors.into_iter().map(error).collect(),
        error_count: report.error_count,
        first_time: report.times.map(|times| seconds(times.0)),
        last_time: report.times.map(|times| seconds(times.1)),
    };
    pb::ImportReadingsResponse {
        phase: pb::ImportPhase::Done.into(),
        done_count: done,
        total_count: done,
        report: Some(report),
    }
}
