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
mod noop;
mod report;
mod store;

use clap::{Parser, Subcommand};

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
    role: Option<Role>,
}

/// What a child process of the benchmark does.
#[derive(Subcommand)]
enum Role {
    /// A no-op RPC on a bare tonic server, its address on standard output.
    #[command(hide = true)]
    BareNoop,
    /// The same RPC behind the server stack.
    #[command(hide = true)]
    FullNoop,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::BareNoop) => return noop::serve_bare().await,
        Some(Role::FullNoop) => return noop::serve_full().await,
        None => {}
    }
    let mut report = Report::new(arguments.seconds, arguments.pairs, arguments.only);
    noop::run(&mut report).await;
    login::run(&mut report).await;
    store::run(&mut report, arguments.rows).await;
    bus::run(&mut report).await;
    report.print();
}
