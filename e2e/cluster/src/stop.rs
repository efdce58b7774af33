//! Stops the node and removes every trace, also of a node whose processes were killed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xshell::Shell;

use crate::layout::Layout;
use crate::{machine, network, parts, process, wait};

/// How long what containers leave behind may take to go.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the kernel keeps groups of processes; kubelet makes this one in each hierarchy.
const GROUPS: (&str, &str) = ("/sys/fs/cgroup", "kubepods");

/// Stops everything and removes it.
pub(crate) fn down(layout: &Layout) -> anyhow::Result<()> {
    stop(layout)?;
    remove_groups()?;
    // The kernel takes the mounts of the last process away a moment after the process.
    removed(|| fs::remove_dir_all(layout.root())).with_context(|| format!("cannot remove {}", layout.root().display()))
}

/// Removes what may be busy for a moment, or gone.
fn removed(mut remove: impl FnMut() -> std::io::Result<()>) -> anyhow::Result<()> {
    let done = wait::until(PATIENCE, || match remove() {
        Err(error) if error.kind() == ErrorKind::ResourceBusy => Ok(None),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(Some(())),
    })?;
    done.context("it stays busy")
}

/// Stops everything and leaves the data.
pub(crate) fn stop(layout: &Layout) -> anyhow::Result<()> {
    // Kubelet first, or it starts again what ends.
    let mut parts = parts::all(layout);
    parts.sort_by_key(|part| part.name != "kubelet");
    let (kubelet, others) = parts.split_first().context("there are parts")?;
    process::stop(layout, kubelet.name)?;
    end_containers(layout)?;
    for part in others.iter().rev() {
        process::stop(layout, part.name)?;
    }
    process::stop(layout, machine::NAME)?;
    network::remove(&Shell::new()?);
    Ok(())
}

/// Ends the containers: their shims carry containerd's socket on the command line, what runs inside is below the shim.
fn end_containers(layout: &Layout) -> anyhow::Result<()> {
    let socket = layout.containerd_socket();
    let socket = socket.to_string_lossy();
    let ended = wait::until(PATIENCE, || {
        let is_shim = |id: &i32| {
            let command = command(*id);
            command.contains(&*socket) && command.contains("containerd-shim")
        };
        let shims: Vec<i32> = processes().into_iter().filter(is_shim).collect();
        for shim in &shims {
            for child in processes().into_iter().filter(|id| parent(*id) == Some(*shim)) {
                let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
            }
            let _ = kill(Pid::from_raw(*shim), Signal::SIGKILL);
        }
        Ok(shims.is_empty().then_some(()))
    })?;
    ended.context("containers did not end")
}

fn processes() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn command(id: i32) -> String {
    fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default()
}

fn parent(id: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in brackets, may hold anything; the parent is the second word behind it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Removes the groups of pods: in the one hierarchy, or in each of several.
fn remove_groups() -> anyhow::Result<()> {
    let (root, name) = GROUPS;
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([root.into()]) {
        let group = hierarchy.join(name);
        if group.is_dir() {
            remove_group(&group).with_context(|| format!("cannot remove {}", group.display()))?;
        }
    }
    Ok(())
}

/// A group goes by `rmdir` once it has no processes; its files cannot be removed.
fn remove_group(group: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_group(&entry.path())?;
        }
    }
    // Processes that were killed are in it until they are gone.
    removed(|| fs::remove_dir(group))
}
