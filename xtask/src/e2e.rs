//! `cargo xtask e2e`: the platform on a real Kubernetes node, for tests and for developers.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Subcommand;
use kvartal_cluster::{Access, FOLDER, HOST_ADDRESS, Installation, Layout, Node};
use xshell::{Shell, cmd};

use crate::image;
use crate::packages::{self, variable};
use crate::steps::{Done, Steps};
use crate::tools;

/// The namespace of the platform.
const NAMESPACE: &str = "kvartal";
/// Where the tests take the platform's mail, on this machine.
const MAIL_PORT: u16 = 2525;
/// Where they take backups.
const STORE_PORT: u16 = 9000;

/// From nothing to the tests passing; or one step of it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the node keeps its files
    #[arg(long, value_name = "FOLDER", global = true, default_value = FOLDER)]
    folder: PathBuf,
    /// Use a cluster that is there, by its name in the kubeconfig; it must have the images
    #[arg(long, value_name = "NAME", global = true)]
    context: Option<String>,
    /// Where the pods of that cluster reach this machine, for mail and backups
    #[arg(long, value_name = "ADDRESS", global = true, default_value = HOST_ADDRESS)]
    host: String,
    /// What is installed, and the plugin of kubectl, is in this folder, such as target/debug; built in release mode when not given
    #[arg(long, value_name = "FOLDER", global = true)]
    programs: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Go to the tests: their names, `--nocapture`, …
    #[arg(last = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the node and wait until it is ready
    Up,
    /// Stop the node and remove every trace of it, also after a crash
    Down,
    /// Which parts of the node run
    Status,
    /// Build the programs of the node into target/tools: once, twelve minutes on two cores
    Tools,
    /// Install the platform, from images that are on the node
    Install,
    /// Run the operator's tests on an API server without a node: killed at every write, hundreds of times, …
    Operator,
    /// Bring images from archives (`docker save`, `buildah push … docker-archive:`) to the node
    Load {
        /// The archives
        #[arg(required = true, value_name = "FILE")]
        archives: Vec<PathBuf>,
    },
    /// Run kubectl on the node
    #[command(disable_help_flag = true)]
    Kubectl(Rest),
    /// Run Helm on the node
    #[command(disable_help_flag = true)]
    Helm(Rest),
}

#[derive(clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Does it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let node = Node::new(Layout::new(&options.folder, Path::new(tools::FOLDER))?);
    match &options.verb {
        None => everything(&sh, options, &node),
        Some(Verb::Up) => {
            packages::ensure(&sh, packages::NODE_PARTS)?;
            tools::cluster(&sh)?;
            node.up()?;
            println!("export KUBECONFIG={}", node.kubeconfig().display());
            Ok(())
        }
        Some(Verb::Down) => node.down(),
        Some(Verb::Status) => {
            for (part, runs) in node.status() {
                println!("{:8} {part}", if runs { "running" } else { "stopped" });
            }
            Ok(())
        }
        Some(Verb::Tools) => tools::cluster(&sh).map(|_| ()),
        Some(Verb::Install) => install(&sh, options, &node),
        Some(Verb::Operator) => operator(&sh, options),
        Some(Verb::Load { archives }) => node.load(archives),
        Some(Verb::Kubectl(rest)) => become_program(&node, &node.access().kubectl, rest),
        Some(Verb::Helm(rest)) => become_program(&node, &node.access().helm, rest),
    }
}

/// A node, unless there is a cluster; images, the platform, its tests; at the end there is nothing left of the node.
fn everything(sh: &Shell, options: &Options, node: &Node) -> anyhow::Result<()> {
    // A developer's node that runs is used and stays.
    let theirs = options.context.is_some() || node.status().iter().all(|(_, runs)| *runs);
    let mut steps = Steps::new(None);
    let mut well = true;
    let mut step = |name: &str, cure: &str, work: &dyn Fn() -> anyhow::Result<()>| {
        if well {
            well = false;
            steps.step(name, cure, || {
                work()?;
                well = true;
                Ok(Done::Yes)
            });
        }
    };
    step("packages", "run the command as root", &|| packages::ensure(sh, packages::NODE_PARTS));
    step("Kubernetes, CoreDNS, Helm", "see above", &|| tools::cluster(sh).map(|_| ()));
    if !theirs {
        step("start the node", "see above; its logs are in its folder", &|| node.down().and_then(|()| node.up()));
    }
    if options.context.is_none() {
        step("images", "see above", &|| node.load(&image::of_node(programs(sh, options)?)?));
    }
    step("install the platform", "cargo xtask e2e kubectl get pods -A", &|| install(sh, options, node));
    step("tests", "see above; some of them: cargo xtask e2e -- NAME", &|| tests(sh, options, node));
    if !theirs {
        steps.step("stop the node", "cargo xtask e2e down", || node.down().map(|()| Done::Yes));
    }
    steps.finish()
}

fn install(sh: &Shell, options: &Options, node: &Node) -> anyhow::Result<()> {
    let installation = Installation {
        access: access(options, node),
        namespace: NAMESPACE.to_owned(),
        program: programs(sh, options)?.join("kvartal"),
        charts: "charts".into(),
        mail: format!("{}:{MAIL_PORT}", options.host),
        store: format!("{}:{STORE_PORT}", options.host),
    };
    installation.install(|what| eprintln!("{what}"))
}

fn programs(sh: &Shell, options: &Options) -> anyhow::Result<PathBuf> {
    image::programs(sh, options.programs.as_deref())
}

fn tests(sh: &Shell, options: &Options, node: &Node) -> anyhow::Result<()> {
    let access = access(options, node);
    let there = |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
    let rest = &options.rest;
    // One at a time: they end pods and machines.
    let mut command = cmd!(sh, "cargo test --workspace --locked --test node -- --test-threads=1 {rest...}")
        .env("KVARTAL_E2E_KUBECTL", there(&access.kubectl)?)
        .env("KVARTAL_E2E_HELM", there(&access.helm)?)
        .env("KVARTAL_E2E_PROGRAMS", programs(sh, options)?)
        .env("KVARTAL_E2E_MAIL", format!("{}:{MAIL_PORT}", options.host))
        .env("KVARTAL_E2E_STORE", format!("{}:{STORE_PORT}", options.host));
    if let Some(kubeconfig) = &access.kubeconfig {
        command = command.env("KUBECONFIG", kubeconfig);
    }
    command = match &options.context {
        Some(context) => command.env("KVARTAL_E2E_CONTEXT", context),
        None => command
            .env("KVARTAL_E2E_NODE", there(&options.folder)?)
            .env("KVARTAL_E2E_TOOLS", there(Path::new(tools::FOLDER))?),
    };
    Ok(command.quiet().run()?)
}

/// In one target with the other tests, so that dependencies are compiled once.
fn operator(sh: &Shell, options: &Options) -> anyhow::Result<()> {
    packages::ensure(sh, packages::NODE_PARTS)?;
    tools::cluster(sh)?;
    let rest = &options.rest;
    let command = cmd!(
        sh,
        "cargo test --workspace --locked --features kvartal-operator/cluster --test cluster -- --nocapture {rest...}"
    );
    Ok(command.quiet().run()?)
}

/// Of the named context with the kubeconfig of this shell, or of the node.
fn access(options: &Options, node: &Node) -> Access {
    match &options.context {
        None => node.access(),
        Some(context) => Access {
            kubeconfig: variable("KUBECONFIG").map(Into::into),
            context: Some(context.clone()),
            ..node.access()
        },
    }
}

/// Replaces this process by a program that talks to the node.
fn become_program(node: &Node, program: &Path, rest: &Rest) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(&rest.arguments).env("KUBECONFIG", node.kubeconfig());
    Err(command.exec()).with_context(|| format!("cannot start {}", program.display()))
}
