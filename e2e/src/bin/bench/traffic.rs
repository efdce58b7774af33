//! Readings: what one costs, validated only and durable, beside bare SQL in the same run; how long questions take as the
//! data grows; what subscribers of the live map cost.
//!
//! The load is that of the TSBS suite in form: many detectors that all report each minute, in batches. CPU is that of the
//! platform's process and, on PostgreSQL, of the server's processes; so "per core" means 1 ÷ CPU per reading.

mod bare;
mod feed;
mod queries;
mod roads;
mod subscribers;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kvartal_e2e::{Adapter, Options, Platform};
use kvartal_testing::PostgresServer;

use feed::{Feed, Kind};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Detectors that report each minute.
    #[arg(long, default_value_t = 10_000)]
    detectors: usize,
    /// Readings of each measurement, at least; 0 leaves them out.
    #[arg(long, default_value_t = 2_000_000)]
    readings: usize,
    /// Largest number of stored readings for the questions; each step is ten times the one before; 0
    /// leaves them out.
    #[arg(long, default_value_t = 10_000_000)]
    rows: usize,
    /// Segments of the network that boxes and tiles are asked of; 0 leaves them out.
    #[arg(long, default_value_t = 100_000)]
    segments: usize,
    /// Subscribers of the live map; 0 leaves them out.
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// Leave PostgreSQL out.
    #[arg(long)]
    sqlite_only: bool,
}

/// Measures and prints tables in Markdown.
pub(crate) async fn run(args: &Args) {
    if args.readings > 0 {
        println!("| readings ({} detectors) | CPU/reading | readings/s per core | readings/s seen |", args.detectors);
        println!("| --- | ---: | ---: | ---: |");
        on_sqlite(args).await;
        if !args.sqlite_only {
            on_postgres(args).await;
        }
    }
    if args.rows > 0 {
        queries::run(args).await;
    }
    if args.segments > 0 {
        roads::run(args.segments).await;
    }
    if args.subscribers > 0 {
        subscribers::run(args.subscribers).await;
    }
}

/// The kinds of load, the cheapest first.
const KINDS: [Kind; 5] = [
    Kind { columns: true, validate_only: true, minutes: 5 },
    Kind { columns: false, validate_only: true, minutes: 1 },
    Kind { columns: true, validate_only: false, minutes: 60 },
    Kind { columns: true, validate_only: false, minutes: 5 },
    Kind { columns: false, validate_only: false, minutes: 1 },
];

async fn on_sqlite(args: &Args) {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let mut feed = Feed::new(&platform, args.detectors).await;
    for kind in KINDS {
        feed.measure("SQLite", kind, args.readings, None).await;
    }
    bare::sqlite(args.detectors, args.readings).await;
}

async fn on_postgres(args: &Args) {
    let server = PostgresServer::start_durable().await;
    let database = server.database().await;
    // Whoever shares a database brings the key of identity.
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), STANDARD.encode([7; 32])).unwrap();
    let key_file = key.path().to_str().unwrap().to_owned();
    let url = database.url_for_schema("{service}");
    let words = ["--database-url".to_owned(), url, "--identity-master-key-file".to_owned(), key_file];
    let options = Options { args: words.to_vec(), ..Options::default() };
    let platform = Platform::start(Adapter::Embedded, options).await;
    let folder = database.sql("SHOW data_directory").await.trim().to_owned();
    let mut feed = Feed::new(&platform, args.detectors).await;
    for kind in KINDS.into_iter().filter(|kind| !kind.validate_only) {
        feed.measure("PostgreSQL", kind, args.readings, Some(&folder)).await;
    }
    bare::postgres(&database.url(), &folder, args.detectors, args.readings).await;
}

/// One line of the table.
pub(super) fn line(name: &str, readings: usize, cpu: std::time::Duration, wall: std::time::Duration) {
    let count = readings as f64;
    println!(
        "| {name} | {:.2} µs | {:.0} | {:.0} |",
        cpu.as_secs_f64() * 1e6 / count,
        count / cpu.as_secs_f64(),
        count / wall.as_secs_f64()
    );
}
