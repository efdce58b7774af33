//! The browser app: installs what builds it, builds it when its sources have changed, checks and tests it.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::build;
use crate::packages::{self, Package};
use crate::steps::Done;

/// The oldest Node.js that will do.
const NODE_OLDEST: (u32, u32) = (20, 19);
/// What the build reads, besides what npm installs.
const SOURCES: [&str; 10] = [
    "proto",
    "third_party/proto/google/rpc/error_details.proto",
    "buf.yaml",
    "buf.gen.yaml",
    "web/scripts/deadlines.js",
    "web/src",
    "web/index.html",
    "web/package-lock.json",
    "web/tsconfig.json",
    "web/vite.config.ts",
];
/// Says what the build was made from.
const STAMP: &str = "web/dist/stamp";
/// Pages are looked at in the browser of the system.
const CHROMIUM: &[Package] = &[Package::new("chromium", &["chromium", "chromium-browser", "google-chrome"])];

/// Installs what npm delivers, unless it is there.
///
/// # Errors
/// When Node.js is missing or too old, or the registry cannot be reached.
pub(crate) fn install(sh: &Shell) -> anyhow::Result<()> {
    let version = cmd!(sh, "node --version").quiet().ignore_stderr().read().context("node is not installed")?;
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|part| part.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let (major, minor) = NODE_OLDEST;
    anyhow::ensure!(found >= NODE_OLDEST, "node {version} is too old; {major}.{minor} or newer is needed");
    // npm writes this copy when it is done; it is older than the lock file after a change of versions.
    let installed = Path::new("web/node_modules/.package-lock.json").metadata().and_then(|file| file.modified());
    let wanted = Path::new("web/package-lock.json").metadata().and_then(|file| file.modified())?;
    if !installed.is_ok_and(|installed| installed >= wanted) {
        let _web = sh.push_dir("web");
        cmd!(sh, "npm ci --ignore-scripts --no-audit --no-fund").quiet().run().context("npm ci failed")?;
    }
    Ok(())
}

/// Builds the app into `web/dist/app`, unless it was built from the same sources.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn build(sh: &Shell) -> anyhow::Result<()> {
    let stamp = stamp()?;
    if Path::new("web/dist/app/index.html").exists() && sh.read_file(STAMP).is_ok_and(|known| known == stamp) {
        eprintln!("the browser app is current");
        return Ok(());
    }
    eprintln!("building the browser app");
    install(sh)?;
    {
        let _web = sh.push_dir("web");
        cmd!(sh, "npm run --silent build").quiet().run().context("the browser app does not build")?;
    }
    Ok(sh.write_file(STAMP, stamp)?)
}

/// The same for whoever only wants to see the platform: without the app, a page stands in for it.
pub(crate) fn build_if_possible(sh: &Shell) {
    if let Err(error) = build(sh) {
        eprintln!(
            "the browser app is left out, the start page stands in for it: {error:#}\n\
             it is built with Node.js {}.{} or newer and npm: apt-get install nodejs npm, or https://nodejs.org",
            NODE_OLDEST.0, NODE_OLDEST.1
        );
    }
}

/// Types, words in both languages, lint, and the size of the first page.
///
/// # Errors
/// When one of them is not as it should be.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<Done> {
    packages::ensure(sh, packages::NODE)?;
    install(sh)?;
    {
        let _web = sh.push_dir("web");
        cmd!(sh, "npm run --silent check").quiet().run()?;
    }
    build(sh)?;
    let _web = sh.push_dir("web");
    cmd!(sh, "npm run --silent size").quiet().run()?;
    Ok(Done::Yes)
}

/// What browsers reach the platform through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// The edge inside the program.
    Edge,
    Envoy,
}

/// The stories in Chromium, against the program that `command` of Cargo builds; `rest` goes to Playwright.
///
/// # Errors
/// When one fails, or something is missing that cannot be installed.
pub(crate) fn test(sh: &Shell, command: &[&str], front: Front, rest: &[String]) -> anyhow::Result<Done> {
    packages::ensure(sh, packages::NODE)?;
    packages::ensure(sh, CHROMIUM)?;
    install(sh)?;
    build(sh)?;
    let program = build::program(sh, command, "kvartal")?;
    let _web = sh.push_dir("web");
    let mut npm = cmd!(sh, "npm test --silent -- {rest...}").env("KVARTAL_BIN", program);
    if front == Front::Envoy {
        npm = npm.env("KVARTAL_TEST_GATEWAY", "envoy");
    }
    npm.quiet().run()?;
    Ok(Done::Yes)
}

/// How good the pages are that the release build carries, by Lighthouse; `rest` says how often each is measured.
///
/// # Errors
/// When a page is not good enough, or something is missing that cannot be installed.
pub(crate) fn bench(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    packages::ensure(sh, packages::NODE)?;
    packages::ensure(sh, CHROMIUM)?;
    build(sh)?;
    let program = build::program(sh, &["build", "--release", "-p", "kvartal"], "kvartal")?;
    let _web = sh.push_dir("web");
    Ok(cmd!(sh, "npm run --silent lighthouse -- {rest...}").env("KVARTAL_BIN", program).quiet().run()?)
}

/// A digest of everything that the build reads.
fn stamp() -> anyhow::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        walk(Path::new(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files.iter().filter(|file| !file.starts_with("web/src/gen")) {
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write(&std::fs::read(file)?);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            walk(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_path_buf());
    }
    Ok(())
}
