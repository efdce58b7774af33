//! `cargo xtask check`: everything that can be judged without running a test.

use std::path::Path;

use xshell::{Shell, cmd};

use crate::charts;
use crate::packages;
use crate::steps::{Done, Steps};
use crate::tidy;
use crate::tilt;
use crate::web;

/// Built from source once, into `target/tools`.
const CARGO_DENY: &str = "0.20.2";
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what needs a tool that is not installed with Rust: dependencies, API definitions, the browser app, charts
    #[arg(long)]
    offline: bool,
    /// Only the steps that have this in their names, such as charts
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Runs all checks; an error when one fails.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let mut steps = Steps::new(options.only.as_deref());
    steps.step("architecture", "every line says what to change", || {
        let problems = tidy::check(root)?;
        problems.iter().for_each(|problem| eprintln!("{problem}"));
        anyhow::ensure!(problems.is_empty(), "{} problems", problems.len());
        Ok(Done::Yes)
    });
    steps.step("format", "run: cargo fmt --all", || {
        // The names of the files only: the cure is the same for every difference.
        cmd!(sh, "cargo fmt --all -- --check -l").quiet().run()?;
        Ok(Done::Yes)
    });
    if !options.offline {
        steps.step("API definitions (buf lint)", "see proto/ and buf.yaml", || {
            packages::ensure(&sh, packages::NODE)?;
            buf(&sh)
        });
        steps.step("browser app", "see above; npm run format in web/ mends what it can", || web::check(&sh));
        steps.step("charts (helm, kubeconform, helm-unittest)", "see charts/ and k8s/overlays", || charts::check(&sh));
        steps.step("Tiltfile and compose file", "see Tiltfile and k8s/", || tilt::check(&sh));
        steps.step("dependencies (cargo deny)", "see deny.toml", || {
            install_deny(&sh)?;
            let deny = "target/tools/bin/cargo-deny";
            cmd!(sh, "{deny} --locked check -A duplicate --hide-inclusion-graph bans licenses sources")
                .quiet()
                .run()?;
            Ok(Done::Yes)
        });
        steps.step("advisories (cargo deny)", "update the crate: cargo update -p NAME", || advisories(&sh));
    }
    steps.step("lints (clippy)", "see above", || {
        // Tests that need a cluster are no targets by themselves.
        let hidden = ["--test", "node", "--features", "kvartal-operator/cluster"];
        cmd!(sh, "cargo clippy --workspace --all-targets {hidden...} --locked --keep-going -- -D warnings")
            .quiet()
            .run()?;
        Ok(Done::Yes)
    });
    steps.finish()
}

fn buf(sh: &Shell) -> anyhow::Result<Done> {
    web::install(sh)?;
    cmd!(sh, "web/node_modules/.bin/buf lint").quiet().run()?;
    Ok(Done::Yes)
}

/// A debug build takes a minute on two cores; the published profile would take many.
fn install_deny(sh: &Shell) -> anyhow::Result<()> {
    let installed = cmd!(sh, "target/tools/bin/cargo-deny --version").quiet().ignore_stderr().read();
    if !installed.is_ok_and(|version| version.ends_with(CARGO_DENY)) {
        let _without_debug_info = sh.push_env("CARGO_PROFILE_DEV_DEBUG", "0");
        let _apart = sh.push_env("CARGO_TARGET_DIR", "target/tools/build");
        let version = CARGO_DENY;
        cmd!(sh, "cargo install cargo-deny --version {version} --locked --debug --root target/tools").quiet().run()?;
        sh.remove_path("target/tools/build")?;
    }
    Ok(())
}

/// The database is fetched from GitHub; deny.toml keeps the floors we know of where it cannot be had.
fn advisories(sh: &Shell) -> anyhow::Result<Done> {
    let _no_questions = sh.push_env("GIT_TERMINAL_PROMPT", "0");
    let url = ADVISORIES;
    if cmd!(sh, "timeout 30 git ls-remote --exit-code {url} HEAD")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_err()
    {
        return Ok(Done::Skipped(format!("{url} cannot be reached; the version floors of deny.toml were checked")));
    }
    cmd!(sh, "target/tools/bin/cargo-deny --locked check --hide-inclusion-graph advisories").quiet().run()?;
    Ok(Done::Yes)
}
