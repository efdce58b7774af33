//! Programs of this workspace, built by Cargo and found wherever it puts them.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use xshell::{Shell, cmd};

/// Runs a command of Cargo that builds the program `name`; where it is.
pub(crate) fn program(sh: &Shell, command: &[&str], name: &str) -> anyhow::Result<PathBuf> {
    let format = "--message-format=json-render-diagnostics";
    let messages = cmd!(sh, "cargo {command...} --locked {format}").quiet().read()?;
    let mut executables = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        // Its own tests are a program of the same name.
        let wanted = message["target"]["name"] == name && message["profile"]["test"] == false;
        wanted.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executables.next_back().with_context(|| format!("cargo did not build {name}"))
}
