//! `kvartal gateway`: what Envoy needs at the edge of the platform.

mod config;
mod serve;

use clap::Subcommand;

use crate::console::Console;
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

/// True when all went well.
pub(crate) async fn run(args: Args, console: Console) -> anyhow::Result<bool> {
    match args.command {
        Command::Config(args) => config::run(&args, console),
        Command::Serve(args) => serve::run(*args, console).await,
    }
}
