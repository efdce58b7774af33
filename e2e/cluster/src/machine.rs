//! What makes the node a machine of its own: namespaces for mounts and network that every part joins. When the last process in
//! them has gone, the kernel takes away what was mounted and configured there, however the node ended.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use nix::unistd::Pid;
use xshell::Shell;

use crate::layout::{Layout, VOLUMES};
use crate::{network, process};

/// The name of the process that holds the namespaces.
pub(crate) const NAME: &str = "machine";
const PROGRAM: &str = "/usr/bin/sleep";

/// Folders that programs have for themselves in a fixed place, and what stands for them.
const OWN: [(&str, &str); 6] = [
    ("/var/lib/cni", "cni-state"),
    ("/var/lib/kubelet", "kubelet-state"),
    ("/var/log/containers", "container-logs"),
    ("/tmp/hostpath_pv", VOLUMES),
    ("/run/netns", "run/netns"),
    ("/run/containerd", "run/shims"),
];

/// Starts it with its network, unless it runs.
pub(crate) fn start(layout: &Layout) -> anyhow::Result<()> {
    if process::runs(layout, NAME) {
        return Ok(());
    }
    let mut script = "set -e\n".to_owned();
    for (place, own) in OWN {
        let own = layout.path(own);
        for folder in [Path::new(place), &own] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        script += &format!("mount --bind {} {place}\n", own.display());
    }
    script += &format!("exec {PROGRAM} infinity\n");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--propagation", "private", "sh", "-c", &script]);
    process::spawn(layout, NAME, Path::new(PROGRAM), command)?;
    process::settle(layout, NAME)?;
    network::set_up(&Shell::new()?, id(layout)?)
}

/// A command that runs in it.
pub(crate) fn inside(layout: &Layout, program: &Path) -> anyhow::Result<Command> {
    let machine = id(layout)?.to_string();
    let mut command = Command::new("nsenter");
    command.args(["--target", &machine, "--mount", "--net", "--"]).arg(program);
    Ok(command)
}

/// Its process.
pub(crate) fn id(layout: &Layout) -> anyhow::Result<Pid> {
    process::running(layout, NAME).context("the node does not run: cargo xtask e2e up")
}
