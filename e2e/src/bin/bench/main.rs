//! What a request costs: CPU per request of the platform, each beside a bare loop that does the same I/O, in one run.
//!
//! Two contestants alternate in blocks (ABBA); the figure is the median ratio of the pairs. Times on a shared machine
//! are rough: the ratios are what later work is compared with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot run ends"
)]

mod bus;
mod drive;
mod login;
mod mesh;
mod noop;
mod report;
mod store;
mod traffic;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use report::Report;

/// Measures what a request costs.
#[derive(Parser)]
struct Arguments {
    /// Seconds of each block.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Pairs of blocks of each comparison.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Rows of the large list.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Only benchmarks whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    #[command(subcommand)]
    what: Option<What>,
}

/// Something else than the comparisons; mostly what a child process of the benchmark does.
#[derive(Subcommand)]
enum What {
    /// The mesh on the wire: raw tonic, our stack, a pair of Envoys
    Mesh(mesh::Args),
    /// Readings: taking them in, asking for them, watching them
    Traffic(traffic::Args),
    /// A no-op RPC on a bare tonic server, its address on standard output.
    #[command(hide = true)]
    BareNoop,
    /// The same RPC behind the server stack.
    #[command(hide = true)]
    FullNoop,
    /// Answers calls of the mesh benchmark, its address on standard output.
    #[command(hide = true)]
    MeshServer {
        part: mesh::Part,
        #[arg(long)]
        identity: Option<PathBuf>,
    },
    /// Makes them: each line of standard input is a rate and a time.
    #[command(hide = true)]
    MeshCaller {
        part: mesh::Part,
        #[arg(long)]
        url: String,
        #[arg(long)]
        identity: Option<PathBuf>,
    },
    /// Makes so many calls through a layer, for valgrind to count.
    #[command(hide = true)]
    MeshLayer {
        layer: mesh::Layer,
        #[arg(long)]
        calls: u32,
    },
}

fn main() {
    let arguments = Arguments::parse();
    // What valgrind counts runs on one thread, or no two counts are alike.
    let mut runtime = match arguments.what {
        Some(What::MeshLayer { .. }) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    runtime.enable_all().build().unwrap().block_on(run(arguments));
}

async fn run(arguments: Arguments) {
    match arguments.what {
        Some(What::Mesh(args)) => return mesh::run(&args).await,
        Some(What::Traffic(args)) => return traffic::run(&args).await,
        Some(What::BareNoop) => return noop::serve_bare().await,
        Some(What::FullNoop) => return noop::serve_full().await,
        Some(What::MeshServer { part, identity }) => return mesh::answer(part, identity).await,
        Some(What::MeshCaller { part, url, identity }) => return mesh::call(part, &url, identity).await,
        Some(What::MeshLayer { layer, calls }) => return mesh::call_layer(layer, calls).await,
        None => {}
    }
    let mut report = Report::new(arguments.seconds, arguments.pairs, arguments.only);
    noop::run(&mut report).await;
    mesh::compare(&mut report).await;
    mesh::compare_refusals(&mut report).await;
    login::run(&mut report).await;
    store::run(&mut report, arguments.rows).await;
    bus::run(&mut report).await;
    report.print();
}
