//! `kvartal import readings`: CSV files of detectors' readings, with progress and a report.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kvartal_kernel::Timestamp;
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;
use kvartal_traffic::domain::reading::{OLDEST, Window};
use kvartal_traffic::domain::readings_file::{Instructions, Measure};
use serde_json::{Value, json};

use super::Login;
use super::replay::{self, ReplayArgs};
use super::session::Session;
use crate::console::Console;

/// The platform refuses more; see ImportReadingsRequest.
const SIZE_MAX: u64 = 8_000_000;
/// Errors shown of each file; JSON has as many as the platform tells.
const ERRORS_SHOWN: usize = 20;

/// Which files, and what is in them.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  kvartal import readings los_speed.csv --measure speed-mph --start 2012-03-01T00:00:00Z --create-detectors \\
      --user dispatcher@demo.kvartal.example --password-file password
  kvartal import readings speed_6005.csv --measure speed-mph --detector 6005 --create-detectors --user …
  kvartal import readings week.csv --user … --password-file …     detector_id,timestamp,speed_kmh,…
  kvartal import readings week.csv --dry-run …                    check, change nothing
  kvartal import readings los_speed.csv --measure speed-mph --start 2012-03-01T00:00:00Z --replay --onto-map \\
      --speed 12 --user …                                         real traffic moves on the demo's map, an hour in 5 minutes

With --replay nothing is kept under the file's own times. A file with an error is refused as a whole, with the line of each error. Importing a file again changes nothing. The exit
code is 1 when a file was refused.")]
pub(super) struct ReadingsArgs {
    /// CSV files, at most 8 MB each.
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    login: Login,
    /// What the values are, where the header does not say.
    #[arg(long, value_enum)]
    measure: Option<MeasureArg>,
    /// Whose the values are, for files with the columns timestamp,value.
    #[arg(long, value_name = "ID", default_value = "")]
    detector: String,
    /// Time of the first row, for files with a column for each detector; RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,
    /// Seconds from row to row, for files with a column for each detector.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    step: u32,
    /// How many minutes the clock of times without a zone is ahead of UTC.
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true)]
    utc_offset: i32,
    /// How many rows a file with a column for each detector must have.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    expected_rows: u32,
    /// Add detectors that are not known.
    #[arg(long)]
    create_detectors: bool,
    #[command(flatten)]
    replay: ReplayArgs,
    /// Check and count, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl ReadingsArgs {
    /// How a file is read here, as the platform would.
    fn instructions(&self) -> Instructions {
        Instructions {
            layout: None,
            measure: self.measure.map(Into::into),
            detector: self.detector.clone(),
            start: self.start.map(Timestamp::seconds),
            step: i64::from(self.step),
            offset: i64::from(self.utc_offset) * 60,
            window: Window { oldest: OLDEST, newest: i64::MAX },
            expected_rows: self.expected_rows,
        }
    }
}

/// What values are.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MeasureArg {
    SpeedKmh,
    SpeedMph,
    Occupancy,
    Count,
    TravelTime,
}

impl From<MeasureArg> for pb::Measure {
    fn from(measure: MeasureArg) -> Self {
        match measure {
            MeasureArg::SpeedKmh => Self::SpeedKmh,
            MeasureArg::SpeedMph => Self::SpeedMph,
            MeasureArg::Occupancy => Self::OccupancyPercent,
            MeasureArg::Count => Self::VehicleCount,
            MeasureArg::TravelTime => Self::TravelTimeSeconds,
        }
    }
}

impl From<MeasureArg> for Measure {
    fn from(measure: MeasureArg) -> Self {
        match measure {
            MeasureArg::SpeedKmh => Self::SpeedKmh,
            MeasureArg::SpeedMph => Self::SpeedMph,
            MeasureArg::Occupancy => Self::Occupancy,
            MeasureArg::Count => Self::Count,
            MeasureArg::TravelTime => Self::TravelTime,
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| format!("{text} is no time such as 2012-03-01T00:00:00Z"))
}

/// Imports; true when nothing was refused.
pub(super) async fn run(args: &ReadingsArgs, console: Console) -> anyhow::Result<bool> {
    let mut session = Session::open(&args.login).await?;
    if args.replay.wanted() {
        for path in &args.paths {
            replay::run(args.replay, args.instructions(), &mut session, path, console).await?;
        }
        session.close().await;
        return Ok(true);
    }
    let (mut reports, mut refused) = (Vec::new(), 0);
    for path in &args.paths {
        let report = import(args, &session, path, console).await?;
        refused += usize::from(report.error_count > 0);
        if args.json {
            reports.push(to_json(path, &report));
        } else {
            print(console, path, &report, args.dry_run);
        }
    }
    session.close().await;
    if args.json {
        console.line(serde_json::to_string_pretty(&json!({"files": reports, "dry_run": args.dry_run}))?);
    }
    Ok(refused == 0)
}

async fn import(
    args: &ReadingsArgs,
    session: &Session,
    path: &Path,
    console: Console,
) -> anyhow::Result<pb::ImportReport> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    anyhow::ensure!(size <= SIZE_MAX, "{} has {size} bytes; send at most {SIZE_MAX} at once, in parts", path.display());
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let request = pb::ImportReadingsRequest {
        content: content.into(),
        layout: pb::ReadingsLayout::Unspecified.into(),
        measure: args.measure.map_or(pb::Measure::Unspecified, Into::into).into(),
        detector_id: args.detector.clone(),
        start_time: args.start.map(to_proto),
        step_seconds: args.step,
        utc_offset_minutes: args.utc_offset,
        create_detectors: args.create_detectors,
        validate_only: args.dry_run,
        expected_rows: args.expected_rows,
    };
    let bar = if args.json { indicatif::ProgressBar::hidden() } else { console.progress(1, "") };
    let report = session
        .import_readings(request, |message| {
            bar.set_length(message.total_count.max(1).into());
            bar.set_position(message.done_count.into());
        })
        .await
        .map_err(|status| anyhow::anyhow!("{} was not imported: {}", path.display(), status.message()))?;
    bar.finish_and_clear();
    Ok(report)
}

fn print(console: Console, path: &Path, report: &pb::ImportReport, dry_run: bool) {
    if report.error_count > 0 {
        console.line(format!("{}: refused, {} errors; nothing was kept", path.display(), report.error_count));
        for error in report.errors.iter().take(ERRORS_SHOWN) {
            let column = if error.column.is_empty() { String::new() } else { format!(", column {}", error.column) };
            console.line(format!("  line {}{column}: {} ({})", error.line, error.message, error.reason));
        }
        return;
    }
    let verb = if dry_run { "would be taken" } else { "taken" };
    console.line(format!(
        "{}: {} readings, {} {verb}, {} known already, {} corrected, {} detectors added",
        path.display(),
        report.reading_count,
        report.accepted_count,
        report.duplicate_count,
        report.corrected_count,
        report.created_detector_count
    ));
}

fn to_json(path: &Path, report: &pb::ImportReport) -> Value {
    let error = |error: &pb::ImportError| json!({"line": error.line, "column": error.column, "reason": error.reason, "message": error.message});
    json!({
        "file": path.display().to_string(),
        "imported": report.imported,
        "readings": report.reading_count,
        "accepted": report.accepted_count,
        "duplicate": report.duplicate_count,
        "corrected": report.corrected_count,
        "created_detectors": report.created_detector_count,
        "error_count": report.error_count,
        "errors": report.errors.iter().map(error).collect::<Vec<_>>(),
    })
}
