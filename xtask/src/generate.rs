//! `cargo xtask generate`: everything that is derived from the contract, as files.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::{build, charts};

/// Where to.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder for the files; only what the charts carry is kept in the repository
    #[arg(long, value_name = "DIR", default_value = "target/generated")]
    output: PathBuf,
}

/// What the charts carry, so that they can be installed from the repository as it is.
const CHARTS: [(&str, &str); 2] =
    [("charts/domain-service/contract.yaml", "helm"), ("charts/platform/rules.yaml", "prometheus-rules")];

/// Writes the files, each by the command that prints it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let kvartal = build::program(&sh, &["build", "-p", "kvartal"], "kvartal")?;
    let folder = &options.output;
    let envoy = folder.join("envoy");
    sh.create_dir(&envoy)?;
    cmd!(sh, "{kvartal} gateway config --output {envoy}").quiet().run()?;
    let printed: [(&str, &[&str]); 3] = [
        ("prometheus-rules.yaml", &["contract", "--format", "prometheus-rules"]),
        ("contract.md", &["contract", "--format", "markdown"]),
        ("contract.json", &["contract", "--format", "json"]),
    ];
    for (name, command) in printed {
        let path: &Path = &folder.join(name);
        sh.write_file(path, cmd!(sh, "{kvartal} {command...}").quiet().read()? + "\n")?;
        eprintln!("written: {}", path.display());
    }
    for (path, format) in CHARTS {
        sh.write_file(path, cmd!(sh, "{kvartal} contract --format {format}").quiet().read()? + "\n")?;
        eprintln!("written: {path}");
    }
    charts::describe(&sh)
}
