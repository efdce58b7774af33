//! A single-node Kubernetes cluster on this machine, without Docker: `up`, `down`, `status`, `load`.
//!
//! The parts are the ordinary ones: etcd, containerd and runc from Debian, Kubernetes and CoreDNS as the pinned Go tools under
//! `e2e/tools`. They run as plain processes with their files under one folder; `down` ends them by process id and unmounts
//! what kubelet and containerd left, also after a crash.

mod configuration;
mod images;
mod kubectl;
mod layout;
mod network;
mod parts;
mod pki;
mod process;
mod start;
mod stop;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use layout::Layout;

/// Starts and stops a Kubernetes node for tests and developers.
#[derive(Parser)]
#[command(name = "cargo xtask e2e", arg_required_else_help = true)]
struct Arguments {
    /// Where the node keeps its files
    #[arg(long, value_name = "FOLDER", global = true, default_value = layout::FOLDER)]
    folder: PathBuf,
    /// Where the pinned programs are
    #[arg(long, value_name = "FOLDER", global = true, default_value = "target/tools/bin")]
    tools: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the node and wait until it is ready
    Up,
    /// Stop everything and remove every trace
    Down,
    /// Which parts run
    Status,
    /// Bring images from archives (`docker save`, `buildah push … docker-archive:`) to the node
    Load {
        /// The archives
        #[arg(required = true, value_name = "FILE")]
        archives: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let layout = Layout::new(&arguments.folder, &arguments.tools)?;
    match &arguments.verb {
        Verb::Up => start::up(&layout),
        Verb::Down => stop::down(&layout),
        Verb::Status => parts::status(&layout),
        Verb::Load { archives } => images::load(&layout, archives),
    }
}
