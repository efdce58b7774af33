//! `kvartal gateway`: what Envoy needs at the edge of the platform.

mod config;
mod serve;

use clap::Subcommand;

use crate::console::Console;
use crate::process::Ended;
pub(crate) use config::write;

/// What to do for Envoy.
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
enum Command {
    /// Print Envoy's configuration, derived from the contract of every RPC.
    Config(Box<config::Args>),
    /// Serve rate limits and authorization to Envoy.
    Serve(Box<serve::Args>),
}

/// Does it.
pub(crate) async fn run(args: Args, console: Console) -> anyhow::Result<Ended> {
    match args.command {
        Command::Config(args) => config::run(&args, console).map(Ended::from),
        Command::Serve(args) => serve::run(*args, console).await,
    }
}
