//! Parts as processes that outlive the command that starts them: a log and a process id each.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::layout::Layout;
use crate::wait;

/// How long a part may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// How long a command may take to become the program that it starts.
const START: Duration = Duration::from_secs(5);

/// Starts a part: a command that becomes `program`.
pub(crate) fn spawn(layout: &Layout, name: &str, program: &Path, mut command: Command) -> anyhow::Result<()> {
    let log = File::options().create(true).append(true).open(layout.path(&format!("logs/{name}.log")))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .current_dir(layout.root())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    fs::write(layout.path(&format!("run/{name}.pid")), format!("{}\n{}\n", child.id(), program.display()))?;
    Ok(())
}

/// Waits until the command has become the program.
pub(crate) fn settle(layout: &Layout, name: &str) -> anyhow::Result<()> {
    let started = wait::until(START, || Ok(runs(layout, name).then_some(())))?;
    started.with_context(|| format!("{name} did not start:\n{}", last_words(layout, name)))
}

/// Whether the part runs.
pub(crate) fn runs(layout: &Layout, name: &str) -> bool {
    running(layout, name).is_some()
}

/// Ends the part, gently first.
pub(crate) fn stop(layout: &Layout, name: &str) -> anyhow::Result<()> {
    if let Some(pid) = running(layout, name) {
        // Each leads a group of its own. One that has gone meanwhile is what we want.
        let _ = killpg(pid, Signal::SIGTERM);
        let gone = || wait::until(GRACE, || Ok((!runs(layout, name)).then_some(())));
        if gone()?.is_none() {
            let _ = killpg(pid, Signal::SIGKILL);
            gone()?.with_context(|| format!("{name} cannot be killed"))?;
        }
    }
    match fs::remove_file(layout.path(&format!("run/{name}.pid"))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The last lines of what the part said.
pub(crate) fn last_words(layout: &Layout, name: &str) -> String {
    let log = fs::read_to_string(layout.path(&format!("logs/{name}.log"))).unwrap_or_default();
    let lines: Vec<_> = log.lines().rev().take(12).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// The process, if it still is the program that was started: ids are used again.
pub(crate) fn running(layout: &Layout, name: &str) -> Option<Pid> {
    let note = fs::read_to_string(layout.path(&format!("run/{name}.pid"))).ok()?;
    let (pid, program) = note.trim_end().split_once('\n')?;
    let program = fs::canonicalize(program).ok()?;
    let id: i32 = pid.parse().ok()?;
    // A child that has ended and that nobody waited for has no program any more.
    (fs::read_link(format!("/proc/{id}/exe")).ok()? == program).then(|| Pid::from_raw(id))
}
