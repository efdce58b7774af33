//! Images on the node: those of archives, and the sandbox, which cannot be pulled from anywhere here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use xshell::{Shell, cmd};

use crate::configuration::PAUSE;
use crate::layout::Layout;

/// Holds a pod's namespaces: reaps what is orphaned, ends when told to.
const PAUSE_SOURCE: &str = include_str!("pause.c");

/// Brings images to the node.
pub(crate) fn load(layout: &Layout, archives: &[PathBuf]) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let socket = layout.containerd_socket();
    for archive in archives {
        cmd!(sh, "ctr --address {socket} --namespace k8s.io images import {archive}")
            .quiet()
            .ignore_stdout()
            .run()
            .with_context(|| format!("cannot import {}", archive.display()))?;
    }
    Ok(())
}

/// Builds the sandbox image and imports it.
pub(crate) fn pause(layout: &Layout) -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let folder = layout.path("pause");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("pause.c"), PAUSE_SOURCE)?;
    let _there = sh.push_dir(&folder);
    cmd!(sh, "cc -static -Os -s -o pause pause.c").quiet().run()?;
    cmd!(sh, "tar --owner=0 --group=0 -cf layer.tar pause").quiet().run()?;
    let digest = cmd!(sh, "sha256sum layer.tar").quiet().read()?;
    let digest = digest.split_whitespace().next().context("sha256sum printed nothing")?;
    let config = json!({
        "architecture": architecture(), "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]);
    write(&folder.join("config.json"), &config)?;
    write(&folder.join("manifest.json"), &manifest)?;
    cmd!(sh, "tar -cf pause.tar manifest.json config.json layer.tar").quiet().run()?;
    load(layout, &[folder.join("pause.tar")])
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn write(path: &Path, value: &serde_json::Value) -> anyhow::Result<()> {
    fs::write(path, serde_json::to_vec(value)?).with_context(|| path.display().to_string())
}
