//! Stops the node and removes every trace, also of a node whose processes were killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use xshell::Shell;

use crate::layout::Layout;
use crate::{network, parts, process};

/// How long what containers leave behind may take to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stops everything.
pub(crate) fn down(layout: &Layout) -> anyhow::Result<()> {
    // Kubelet first, or it starts again what ends.
    let mut parts = parts::all(layout);
    parts.sort_by_key(|part| part.name != "kubelet");
    let (kubelet, others) = parts.split_first().context("there are parts")?;
    process::stop(layout, kubelet.name)?;
    end_containers(layout)?;
    for part in others.iter().rev() {
        process::stop(layout, part.name)?;
    }
    unmount(layout.root())?;
    network::remove(&Shell::new()?);
    match fs::remove_dir_all(layout.root()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", layout.root().display()))
        }
        _ => Ok(()),
    }
}

/// Ends the containers: their shims carry containerd's socket on the command line, what runs inside is below the shim.
fn end_containers(layout: &Layout) -> anyhow::Result<()> {
    let socket = layout.containerd_socket();
    let socket = socket.to_string_lossy();
    let began = Instant::now();
    loop {
        let shims: Vec<i32> = processes().into_iter().filter(|id| command(*id).contains(&*socket) && command(*id).contains("containerd-shim")).collect();
        if shims.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "containers did not end: shims {shims:?}");
        for shim in shims {
            for child in processes().into_iter().filter(|id| parent(*id) == Some(shim)) {
                let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
            }
            let _ = kill(Pid::from_raw(shim), Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(50));
    }
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

/// Unmounts all below the folder, deepest first.
fn unmount(root: &Path) -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mut below: Vec<PathBuf> =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from).filter(|path| path.starts_with(root)).collect();
    below.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for path in below {
        umount2(&path, MntFlags::MNT_DETACH).with_context(|| format!("cannot unmount {}", path.display()))?;
    }
    Ok(())
}
