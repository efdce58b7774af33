//! The one binary: `up` runs the whole platform in this process, `serve` the named services; the other commands help.
//!
//! One module for each command. `services.rs` is the one list of services; `demo` is the city that `up --demo` shows.

mod ca;
mod cli;
mod completions;
mod console;
mod contract;
mod demo;
mod doctor;
mod envoy;
mod gateway;
mod import;
mod migrate;
mod port;
mod process;
mod serve;
mod services;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use cli::{Cli, Command};
use console::Console;
use process::Ended;

/// Reads the command line and does what it says. The exit code is 0 when all went well, 1 when it did not, 2 when the
/// command line could not be understood, 130 when it was interrupted twice.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let console = Console::new(cli.no_color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot start threads")),
    };
    let done = runtime.block_on(run(cli.command, &matches, console));
    // What still runs here has had its time: calls and tasks are drained by the commands themselves.
    runtime.shutdown_background();
    match done {
        Ok(ended) => ended.into(),
        Err(error) => failed(&error),
    }
}

async fn run(command: Command, matches: &clap::ArgMatches, console: Console) -> anyhow::Result<Ended> {
    // Boxed: the commands' futures are large, and only one of them runs.
    match command {
        Command::Up(args) => {
            let given = up::Given::read(matches.subcommand_matches("up"));
            Box::pin(up::run(*args, given, console)).await
        }
        Command::Serve(args) => Box::pin(serve::run(*args, console)).await,
        Command::Gateway(args) => Box::pin(gateway::run(args, console)).await,
        Command::Migrate(args) => Box::pin(migrate::run(*args, console)).await.map(|()| Ended::Well),
        Command::Import(args) => Box::pin(import::run(&args, console)).await.map(Ended::from),
        Command::Ca(args) => ca::run(&args, console).map(|()| Ended::Well),
        Command::Doctor(args) => Box::pin(doctor::run(&args, console)).await.map(Ended::from),
        Command::Contract(args) => contract::run(&args, console).map(|()| Ended::Well),
        Command::Completions(args) => {
            completions::run(&args, Cli::command());
            Ok(Ended::Well)
        }
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "kvartal: {error:#}");
    ExitCode::FAILURE
}
