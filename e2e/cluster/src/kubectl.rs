//! kubectl on the node's own kubeconfig.

use std::process::{Command, Stdio};
use std::io::Write as _;

use anyhow::Context as _;

use crate::layout::Layout;

/// Runs kubectl and gives what it printed.
pub(crate) fn read(layout: &Layout, arguments: &[&str]) -> anyhow::Result<String> {
    let output = command(layout, arguments).stdin(Stdio::null()).output().context("cannot start kubectl")?;
    anyhow::ensure!(
        output.status.success(),
        "kubectl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Applies objects.
pub(crate) fn apply(layout: &Layout, objects: &str) -> anyhow::Result<()> {
    let mut child = command(layout, &["apply", "--server-side", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start kubectl")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(objects.as_bytes())?;
    }
    anyhow::ensure!(child.wait()?.success(), "kubectl apply failed");
    Ok(())
}

fn command(layout: &Layout, arguments: &[&str]) -> Command {
    let mut command = Command::new(layout.kubernetes("kubectl"));
    command.arg("--kubeconfig").arg(layout.kubeconfig()).args(arguments);
    command
}
