//! `cargo xtask test`: every test, against servers that are started once.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::build;
use crate::envoy;
use crate::packages::{self, variable};
use crate::steps::{Done, Steps};
use crate::tools;
use crate::web::{self, Front};

/// The browser app is no package of Cargo.
const WEB: &str = "web";
const STORIES: &str = "stories in the browser";
const BEHIND_ENVOY: &str = "stories behind Envoy";
/// Those that are told with the other tests: of citizens, and one of each other role.
const SHORT: [&str; 2] = ["--project=stories", r"--grep=(account|citizen|map)\.spec|@role"];
/// Those that are told once more with Envoy before the services: one of each role.
const ROLES: [&str; 2] = ["--project=stories", "--grep=@role"];

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this package, with or without `kvartal-`, or `web`, the browser app; may be given several times
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
    /// Only the tests inside the libraries, which start no server
    #[arg(long)]
    fast: bool,
    /// Go to the test programs: names of tests, `--nocapture`, …
    #[arg(last = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// Runs them; an error when one fails.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    if options.package == [WEB] {
        let mut steps = Steps::new(None);
        steps.step(STORIES, "see above", || web::test(&sh, &["build", "-p", "kvartal"], Front::Edge, &options.rest));
        return steps.finish();
    }
    let mut selection: Vec<String> = options
        .package
        .iter()
        .filter(|name| *name != WEB)
        .flat_map(|name| ["-p".to_owned(), full_name(name)])
        .collect();
    if selection.is_empty() {
        selection.push("--workspace".to_owned());
    }
    let rest = &options.rest;
    let mut steps = Steps::new(None);
    if options.fast {
        steps.step("tests inside the libraries", "see above", || {
            cmd!(sh, "cargo test {selection...} --locked --lib --bins -- {rest...}").quiet().run()?;
            Ok(Done::Yes)
        });
        return steps.finish();
    }

    let browser = options.package.is_empty() || options.package.iter().any(|name| name == WEB);
    if browser {
        // Before the program that takes it in is compiled.
        steps.step("build the browser app", "see above", || {
            packages::ensure(&sh, packages::NODE)?;
            web::build(&sh)?;
            Ok(Done::Yes)
        });
    }
    let mut ready = false;
    steps.step("packages and Envoy", "run the command as root", || {
        packages::ensure(&sh, packages::SERVERS)?;
        envoy::ensure(&sh)?;
        ready = true;
        Ok(Done::Yes)
    });
    if options.package.is_empty() || options.package.iter().any(|name| full_name(name) == "kvartal-e2e") {
        steps.step("Jaeger", "the tests of traces fail without it", || tools::jaeger(&sh));
        steps.step("conformance suites", "the tests of conformance fail without them", || tools::conformance(&sh));
    }
    let mut program = None;
    if ready {
        steps.step("build the tests", "see the compiler's messages above", || {
            program = Some(test_servers(&sh, &selection)?);
            Ok(Done::Yes)
        });
    }
    if let Some(program) = program {
        let data = data();
        let mut servers = None;
        steps.step("start PostgreSQL, Redis and RabbitMQ", "see above; `cargo xtask doctor` may know why", || {
            servers = Some(Servers::start(&program)?);
            Ok(Done::Yes)
        });
        if let Some(servers) = servers {
            steps.step("tests", "see above; one package: cargo xtask test -p NAME", || {
                let mut command = cmd!(sh, "cargo test {selection...} --locked --no-fail-fast -- {rest...}");
                for (name, value) in &servers.variables {
                    command = command.env(name, value);
                }
                // The tests run in other folders: what is relative here is not there.
                if let Ok(folder) = &data {
                    command = command.env("KVARTAL_DATA", folder);
                }
                command.quiet().run()?;
                Ok(Done::Yes)
            });
            if options.package.is_empty() {
                steps.step("tests on real data", "", || Ok(real_data(&data)));
            }
        }
    }
    if browser {
        // The program of the tests: with other features most of it would be compiled again.
        let all = !options.package.is_empty();
        let tested = if all { &["build", "-p", "kvartal"][..] } else { &["test", "--workspace", "--no-run"] };
        // Looking at every page in every look takes as long as all other tests: `-p web` does it.
        let told: Vec<String> = if all { Vec::new() } else { SHORT.map(str::to_owned).to_vec() };
        steps.step(STORIES, "see above; all of them: cargo xtask test -p web", || {
            web::test(&sh, tested, Front::Edge, &told)
        });
        if ready {
            let told = ROLES.map(str::to_owned);
            steps.step(BEHIND_ENVOY, "see above", || web::test(&sh, tested, Front::Envoy, &told));
        }
    }
    steps.finish()
}

fn full_name(package: &str) -> String {
    if package == "kvartal" || package.starts_with("kvartal-") {
        package.to_owned()
    } else {
        format!("kvartal-{package}")
    }
}

/// The folder of real data, or the path where there is none.
fn data() -> Result<PathBuf, PathBuf> {
    let folder = variable("KVARTAL_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    folder.canonicalize().map_err(|_| folder)
}

/// They are part of the step before; this says whether they had their data.
fn real_data(folder: &Result<PathBuf, PathBuf>) -> Done {
    match folder {
        Ok(folder) => {
            eprintln!("ran among the tests, on {}", folder.display());
            Done::Yes
        }
        Err(folder) => Done::Skipped(format!("there is no folder {}; name another in KVARTAL_DATA", folder.display())),
    }
}

/// Compiles the selected tests and, with the same features, the program that starts the servers; where that is.
fn test_servers(sh: &Shell, selection: &[String]) -> anyhow::Result<PathBuf> {
    let servers = (!selection.iter().any(|word| word == "--workspace")).then_some("-pkvartal-testing");
    let selection = selection.iter().map(String::as_str).chain(servers);
    let command: Vec<&str> = std::iter::once("test").chain(selection).chain(["--no-run"]).collect();
    build::program(sh, &command, "test-servers")
}

/// The servers of this run. They end with this value, and with this process however it ends.
struct Servers {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Servers {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("its output is a pipe")?;
        let mut servers = Self { child, variables: Vec::new() };
        for line in BufReader::new(output).lines() {
            let line = line?;
            match line.split_once('=') {
                Some((name, value)) => servers.variables.push((name.to_owned(), value.to_owned())),
                None if line == "ready" => return Ok(servers),
                None => {}
            }
        }
        anyhow::bail!("the servers did not start ({})", servers.child.wait()?)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
