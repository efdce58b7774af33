//! The command runner: everything a developer or the build server runs, by name. `cargo xtask` alone prints the list.

mod build;
mod charts;
mod check;
mod e2e;
mod envoy;
mod generate;
mod image;
mod packages;
mod steps;
mod test;
mod tidy;
mod tilt;
mod tools;
mod web;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use xshell::Shell;

/// Builds, runs and checks Kvartal.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build and start the whole platform in one process; arguments go to `kvartal up`
    #[command(disable_help_flag = true)]
    Up(Rest),
    /// Run the tests against real servers
    Test(test::Options),
    /// Format, lints, architecture, licences, API definitions: everything that is not a test
    Check(check::Options),
    /// Install what the tests use besides packages of the system: Envoy, Jaeger, conformance suites; into target/tools
    Tools,
    /// Write what is derived from the contract: Envoy's configuration, alerts, the reference of RPCs
    Generate(generate::Options),
    /// Build the images of an installation, with Docker, Podman or Buildah, into target/images
    Image(image::Options),
    /// A Kubernetes node of its own for tests and developers, without Docker
    E2e(e2e::Options),
    /// Is everything needed present on this computer? Arguments go to `kvartal doctor --developer`
    #[command(disable_help_flag = true)]
    Doctor(Rest),
    /// Measure, in release mode; arguments go to the benchmark; `web` is Lighthouse on the main pages
    #[command(disable_help_flag = true)]
    Bench(Rest),
}

#[derive(clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Cargo says where it is now; a checkout that was moved is where it was not compiled.
    let folder = packages::variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&folder).parent().context("xtask lies in the workspace")?;
    std::env::set_current_dir(root)?;
    match arguments.verb {
        // The dev profile: its first build takes a third of the time of a release build.
        Verb::Up(rest) => {
            web::build_if_possible(&Shell::new()?);
            become_cargo(&["run", "--locked", "-p", "kvartal", "--", "up"], rest)
        }
        Verb::Doctor(rest) => become_cargo(&["run", "--locked", "-p", "kvartal", "--", "doctor", "--developer"], rest),
        Verb::Bench(rest) if rest.arguments.first().is_some_and(|first| first == "web") => {
            web::bench(&Shell::new()?, rest.arguments.get(1..).unwrap_or_default())
        }
        Verb::Bench(rest) => {
            // The benchmark runs the platform's own program, which lies beside it.
            let command = ["build", "--release", "-p", "kvartal", "-p", "kvartal-e2e", "--bins"];
            let bench = build::program(&Shell::new()?, &command, "bench")?;
            Err(Command::new(bench).args(rest.arguments).exec()).context("cannot start the benchmark")
        }
        Verb::Test(options) => test::run(&options),
        Verb::Tools => {
            let sh = Shell::new()?;
            envoy::ensure(&sh)?;
            tools::jaeger(&sh)?;
            tools::conformance(&sh).map(|_| ())
        }
        Verb::Image(options) => image::run(&options).map(|_| ()),
        Verb::E2e(options) => e2e::run(&options),
        Verb::Generate(options) => generate::run(&options),
        Verb::Check(options) => check::run(root, &options),
    }
}

/// Replaces this process, so that signals and the exit code are those of what runs.
fn become_cargo(arguments: &[&str], rest: Rest) -> anyhow::Result<()> {
    Err(Command::new("cargo").args(arguments).args(rest.arguments).exec()).context("cannot start cargo")
}
