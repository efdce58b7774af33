//! `cargo xtask generate`: everything that is derived from the contract, as files.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::build;

/// Where to.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder for the files; nothing generated is kept in the repository
    #[arg(long, value_name = "DIR", default_value = "target/generated")]
    output: PathBuf,
}

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
    Ok(())
}
