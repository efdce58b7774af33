//! `kvartal import readings --replay`: the readings of a file, told as if they were measured now.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use kvartal_kernel::{Clock as _, SystemClock, Timestamp};
use kvartal_proto::traffic::v1 as pb;
use kvartal_traffic::domain::reading::Values;
use kvartal_traffic::domain::readings_file::{self, Instructions, ReadingsFile};
use kvartal_traffic::domain::typical::quantiles;
use tokio::time::{Instant, sleep_until};

use super::session::Session;
use crate::console::Console;

/// Readings of one request; the platform takes 50,000.
const TOGETHER: usize = 20_000;
/// Errors shown of a file that cannot be read.
const ERRORS_SHOWN: usize = 20;

/// How a file is told.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct ReplayArgs {
    /// Tell the readings one after another as if they were measured now, the first one at once: they move on the live map.
    #[arg(long, conflicts_with_all = ["dry_run", "json"])]
    replay: bool,
    /// How much faster than they were measured; an hour of the file passes in 60/N minutes.
    #[arg(long, value_name = "N", default_value_t = 1.0, requires = "replay")]
    speed: f64,
    /// Let the platform's own detectors tell them, in the order in which they were added, instead of those of the file: so
    /// real traffic of another city moves on this map. Speeds are scaled, because roads differ: what 85 % of a detector's
    /// values lie below becomes the speed limit. The demo's own traffic falls silent meanwhile.
    #[arg(long, requires = "replay")]
    onto_map: bool,
    /// Begin anew when the file is over, until it is stopped.
    #[arg(long, requires = "replay")]
    repeat: bool,
}

impl ReplayArgs {
    /// Whether files are to be told instead of imported.
    pub(super) fn wanted(self) -> bool {
        self.replay
    }
}

/// A file ready to be told.
struct Play {
    /// Who tells: an id for each detector of the file; `None` for those that nobody stands for.
    voices: Vec<Option<Voice>>,
    /// What is told together, by its time in the file.
    frames: BTreeMap<i64, Vec<(u32, Values)>>,
}

/// A detector of the platform that tells the values of one of the file.
struct Voice {
    id: String,
    /// What speeds are multiplied with.
    scale: f64,
}

/// Tells a file until it is over, or for ever.
pub(super) async fn run(
    args: ReplayArgs,
    how: Instructions,
    session: &mut Session,
    path: &Path,
    console: Console,
) -> anyhow::Result<()> {
    anyhow::ensure!(args.speed.is_finite() && args.speed > 0.0, "--speed must be a number above 0");
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = readings_file::read(&content, &how);
    check(&file, path)?;
    let play = play(&file, args, session).await?;
    let gaps = play.frames.keys().zip(play.frames.keys().skip(1)).map(|(a, b)| b - a);
    if let Some(least) = gaps.min() {
        // Readings are known by detector and second.
        anyhow::ensure!(
            least as f64 / args.speed >= 1.0,
            "--speed {} would tell more than one reading of a detector in a second; at most {least} for this file",
            args.speed
        );
    }
    let told = play.voices.iter().flatten().count();
    console.line(format!(
        "{}: {} detectors, {} moments, told {} times as fast as they were measured",
        path.display(),
        told,
        play.frames.len(),
        args.speed
    ));
    loop {
        tell(&play, args.speed, session, console).await?;
        if !args.repeat {
            return Ok(());
        }
    }
}

fn check(file: &ReadingsFile, path: &Path) -> anyhow::Result<()> {
    if file.error_count == 0 {
        return Ok(());
    }
    let mut lines = vec![format!("{}: {} errors; nothing was told", path.display(), file.error_count)];
    for error in file.errors.iter().take(ERRORS_SHOWN) {
        lines.push(format!("  line {}: {} ({})", error.line, error.message, error.reason));
    }
    anyhow::bail!(lines.join("\n"))
}

async fn play(file: &ReadingsFile, args: ReplayArgs, session: &mut Session) -> anyhow::Result<Play> {
    let mut frames: BTreeMap<i64, Vec<(u32, Values)>> = BTreeMap::new();
    let mut speeds: Vec<Vec<f64>> = vec![Vec::new(); file.detectors.len()];
    for (place, time, values) in &file.readings {
        frames.entry(*time).or_default().push((*place, *values));
        if let (Some(speed), Some(of)) = (values.speed, speeds.get_mut(*place as usize)) {
            of.push(f64::from(speed) / 1_000.0);
        }
    }
    if !args.onto_map {
        let voice = |id: &String| Some(Voice { id: id.clone(), scale: 1.0 });
        return Ok(Play { voices: file.detectors.iter().map(voice).collect(), frames });
    }
    let limits = session.speed_limits().await?;
    let mut places = session
        .detectors()
        .await?
        .into_iter()
        .filter(|detector| detector.health() != pb::DetectorHealth::Retired)
        .filter_map(|detector| Some((detector.detector_id, *limits.get(&detector.segment_id)?)));
    let voices: Vec<Option<Voice>> = speeds
        .into_iter()
        .map(|speeds| {
            let (id, limit) = places.next()?;
            let usual = quantiles(speeds).map(|usual| usual.high).filter(|usual| *usual > 0.0);
            Some(Voice { id, scale: usual.map_or(1.0, |usual| limit / usual) })
        })
        .collect();
    anyhow::ensure!(
        voices.iter().any(Option::is_some),
        "--onto-map needs detectors on segments, and the platform has none; does it run with --demo?"
    );
    Ok(Play { voices, frames })
}

async fn tell(play: &Play, speed: f64, session: &mut Session, console: Console) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (play.frames.keys().next(), play.frames.keys().next_back()) else { return Ok(()) };
    let bar = console.progress(play.frames.len() as u64, "");
    let began = Instant::now();
    for (time, frame) in &play.frames {
        sleep_until(began + Duration::from_secs_f64((time - first) as f64 / speed)).await;
        let seconds = Timestamp(time.saturating_mul(1_000_000));
        bar.set_message(seconds.to_string());
        let now = SystemClock.now().seconds();
        for part in frame.chunks(TOGETHER) {
            let request = columns(play, part, now);
            if request.detector_indexes.is_empty() {
                continue;
            }
            let answer = session.ingest(request).await?;
            if let Some(rejected) = answer.rejected.first() {
                let count = answer.rejected_count;
                anyhow::bail!("{count} readings were not taken; of the first it is said: {}", rejected.message);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    // The last moment lasts as long as those before it.
    let moments = i64::try_from(play.frames.len().saturating_sub(1)).unwrap_or(1).max(1);
    let length = (last - first) as f64 / moments as f64 / speed;
    sleep_until(began + Duration::from_secs_f64((last - first) as f64 / speed + length)).await;
    Ok(())
}

fn columns(play: &Play, frame: &[(u32, Values)], now: i64) -> pb::IngestReadingColumnsRequest {
    let mut request = pb::IngestReadingColumnsRequest::default();
    let (mut speeds, mut occupancies, mut counts, mut travels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, values) in frame {
        let Some(Some(voice)) = play.voices.get(*place as usize) else { continue };
        let index = u32::try_from(request.detector_ids.len()).unwrap_or(u32::MAX);
        request.detector_ids.push(voice.id.clone());
        request.detector_indexes.push(index);
        request.unix_seconds.push(now);
        let thousandths = |value: Option<u32>| value.map_or(-1.0, |value| f64::from(value) / 1_000.0);
        let speed = values.speed.map_or(-1.0, |speed| (f64::from(speed) / 1_000.0 * voice.scale).min(300.0));
        speeds.push(speed as f32);
        occupancies.push(thousandths(values.occupancy) as f32);
        counts.push(values.count.and_then(|count| i32::try_from(count).ok()).unwrap_or(-1));
        travels.push(thousandths(values.travel_time) as f32);
    }
    request.speeds_kmh = speeds;
    request.occupancies_percent = occupancies;
    request.vehicle_counts = counts;
    request.travel_times_seconds = travels;
    request
}
