//! `kvartal import`: reads files and sends them to a running platform, with a data-quality report at the end.

mod feed;
mod readings;
mod replay;
mod report;
mod session;

use std::path::PathBuf;

use anyhow::Context as _;
use indicatif::ProgressBar;
use kvartal_proto::incident::v1 as pb;

use crate::console::Console;

/// What to import.
#[derive(clap::Args, Clone, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Kind {
    /// Work zones: WZDx 4.2 feeds (GeoJSON).
    Wzdx(WzdxArgs),
    /// Readings of traffic detectors: CSV with a column for each detector, or a row for each reading.
    Readings(readings::ReadingsArgs),
}

/// Which platform, and as whom.
#[derive(clap::Args, Clone, Debug)]
struct Login {
    /// Address of the platform's public port.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    server: String,
    /// E-mail address of a dispatcher or administrator to sign in as.
    #[arg(long, value_name = "EMAIL", requires = "password_file", required_unless_present = "token_file")]
    user: Option<String>,
    /// File with the password; - reads standard input.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// File with an access token, instead of signing in; - reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,
}

/// Which files, to which platform, as whom.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  printf kvartal-demo-2026 > password
  kvartal import wzdx feeds/ --user dispatcher@demo.kvartal.example --password-file password
  kvartal import wzdx feed.geojson --dry-run --user … --password-file …     check, change nothing
  kvartal import wzdx feed.geojson --server https://city.example --token-file token --json

A feed is known by its source (the file's name unless --source is given): importing it again updates its work zones and
closes those that are gone. A feed with an error is refused as a whole. The exit code is 1 when a file was refused.
Feeds of field devices (arrow boards, cameras) are recognised and left out.")]
struct WzdxArgs {
    /// Feeds, or folders of feeds (*.json, *.geojson).
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    login: Login,
    /// Name of the feed, for a single file.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Check and count, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Imports; true when nothing was refused.
pub(crate) async fn run(args: &Args, console: Console) -> anyhow::Result<bool> {
    match &args.kind {
        Kind::Wzdx(args) => wzdx(args, console).await,
        Kind::Readings(args) => readings::run(args, console).await,
    }
}

async fn wzdx(args: &WzdxArgs, console: Console) -> anyhow::Result<bool> {
    let files = feed::find(&args.paths)?;
    anyhow::ensure!(!files.is_empty(), "no *.json or *.geojson file there");
    anyhow::ensure!(
        args.source.is_none() || files.len() == 1,
        "--source needs a single file; there are {}",
        files.len()
    );
    let session = session::Session::open(&args.login).await?;
    let progress = if args.json { ProgressBar::hidden() } else { console.progress(files.len() as u64, "") };
    let mut report = report::Report::new(args.dry_run);
    for path in files {
        progress.set_message(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let source = args.source.clone().unwrap_or_else(|| feed::source(&path));
        let outcome = import_file(&session, &path, &source, args.dry_run).await?;
        report.add(&path, source, outcome);
        progress.inc(1);
    }
    progress.finish_and_clear();
    session.close().await;
    report.print(console, args.json)?;
    Ok(report.refused() == 0)
}

/// Sends one file. Only what concerns every file (nobody answers, not allowed) is an error.
async fn import_file(
    session: &session::Session,
    path: &std::path::Path,
    source: &str,
    validate_only: bool,
) -> anyhow::Result<report::Outcome> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match feed::classify(&content) {
        feed::Content::WorkZones => {}
        feed::Content::Devices(kinds) => return Ok(report::Outcome::Devices(kinds)),
        feed::Content::Unreadable { place, reason } => {
            return Ok(report::Outcome::Refused(vec![report::Finding { place, reason }]));
        }
    }
    let request = pb::ImportWorkZonesRequest { source: source.to_owned(), content: content.into(), validate_only };
    match session.import(request).await {
        Ok(answer) => Ok(report::Outcome::Imported(answer)),
        Err(status) => report::refusal(status),
    }
}
