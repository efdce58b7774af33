//! The command line.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser, Subcommand};

use crate::{ca, completions, contract, doctor, gateway, import, migrate, serve, up};

/// Kvartal (квартал, "city block"): the open city platform.
#[derive(Parser, Debug)]
#[command(
    name = "kvartal",
    version,
    about,
    long_about = "Kvartal (квартал, \"city block\"): the open city platform – roads, citizens' reports, notifications,\nthe audit record. One program: everything in one process, or any services of your choice.",
    infer_subcommands = true,
    arg_required_else_help = true,
    propagate_version = true,
    after_help = "Examples:
  kvartal up --demo                    a living city on http://localhost:8080, nothing to install
  kvartal up --data-dir ./data         an empty city that is kept
  kvartal doctor                       is this machine fit?
  kvartal contract                     every RPC, who may call it, how often, how long it may take

`kvartal help COMMAND` explains a command and gives examples."
)]
pub(crate) struct Cli {
    /// No colour; the NO_COLOR variable says the same.
    #[arg(long, global = true, env = "NO_COLOR", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the whole platform in this process, with nothing else installed.
    Up(Box<up::Args>),
    /// Run chosen services with PostgreSQL, RabbitMQ and Redis.
    Serve(Box<serve::Args>),
    /// What Envoy needs at the edge: its configuration, rate limits and authorization.
    Gateway(gateway::Args),
    /// Prepare or update databases, and do nothing else.
    Migrate(Box<migrate::Args>),
    /// Bring data in from files, with a data-quality report.
    Import(import::Args),
    /// Make the certificates with which services of several processes prove their names.
    Ca(ca::Args),
    /// Check this machine and the servers you name; every failure comes with its cure.
    Doctor(doctor::Args),
    /// Show what every RPC promises.
    Contract(contract::Args),
    /// Print what a shell needs to complete commands and options.
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_explained_and_every_command_gives_examples() {
        fn look(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
            for argument in command.get_arguments() {
                if argument.get_help().is_none_or(|help| help.to_string().trim().is_empty()) {
                    missing.push(format!("{path} {}", argument.get_id()));
                }
            }
            if command.get_subcommands().next().is_none() && command.get_after_help().is_none() {
                missing.push(format!("{path} gives no examples"));
            }
            for inner in command.get_subcommands() {
                look(inner, &format!("{path} {}", inner.get_name()), missing);
            }
        }
        let mut missing = Vec::new();
        look(&Cli::command(), "kvartal", &mut missing);
        assert!(missing.is_empty(), "without help: {missing:#?}");
    }
}
