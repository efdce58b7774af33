//! A cluster as its users reach it: with kubectl and Helm.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::Context as _;
use serde_json::Value;

/// Which cluster, and with which programs.
#[derive(Clone, Debug)]
pub struct Access {
    /// Not given: the one that kubectl finds by itself.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; not given: its current one.
    pub context: Option<String>,
    /// The program kubectl.
    pub kubectl: PathBuf,
    /// The program Helm.
    pub helm: PathBuf,
}

impl Access {
    /// Runs kubectl and gives what it printed.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        read(self.command(&self.kubectl, "--context").args(arguments), None)
    }

    /// Applies objects, server-side.
    ///
    /// # Errors
    /// When one is refused.
    pub fn apply(&self, objects: &[Value]) -> anyhow::Result<()> {
        // kubectl takes no objects for a mistake.
        if objects.is_empty() {
            return Ok(());
        }
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        // Through the input: secrets do not belong on a command line.
        let mut command = self.command(&self.kubectl, "--context");
        read(command.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]), Some(&list.to_string()))
            .map(|_| ())
    }

    /// Runs Helm and gives what it printed; `values` are its values, besides those of the chart.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn helm(&self, arguments: &[&str], values: Option<&Value>) -> anyhow::Result<String> {
        let mut command = self.command(&self.helm, "--kube-context");
        command.args(arguments);
        // The last word counts.
        if values.is_some() {
            command.args(["--values", "-"]);
        }
        read(&mut command, values.map(Value::to_string).as_deref())
    }

    /// kubectl, for what has to be told to it besides.
    pub fn kubectl_command(&self) -> Command {
        self.command(&self.kubectl, "--context")
    }

    fn command(&self, program: &PathBuf, context_option: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        if let Some(context) = &self.context {
            command.args([context_option, context]);
        }
        command
    }
}

fn read(command: &mut Command, input: Option<&str>) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = outcome(command, input).with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&stderr);
    anyhow::ensure!(status.success(), "{command:?}: {}", said.trim());
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

fn outcome(command: &mut Command, input: Option<&str>) -> anyhow::Result<Output> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // It may have failed before it read everything; its own words say more than ours.
        let _ = pipe.write_all(input.as_bytes());
    }
    Ok(child.wait_with_output()?)
}
