//! Starts the node and waits until pods can run on it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::layout::{Layout, NODE, NODE_ADDRESS};
use crate::{configuration, images, machine, parts, pki, process, wait};

/// The longest that the node may take, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the node and the platform's images take on the disk, in bytes, and as much again for what pods write.
const ROOM: u64 = 6 << 30;

/// Volumes as folders of this machine, for claims that name no class.
fn storage() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/host-path", "reclaimPolicy": "Delete",
    })
}

/// Starts what does not run.
pub(crate) fn up(layout: &Layout) -> anyhow::Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "a node needs root: run this as root, or give a cluster with --context"
    );
    for program in [layout.coredns(), layout.kube_router(), layout.kubernetes("kubectl")] {
        anyhow::ensure!(program.exists(), "{} is missing: run cargo xtask e2e tools", program.display());
    }
    let began = Instant::now();
    // Certificates are made once in the life of a node: a restart of its processes must find those of before.
    if !layout.kubeconfig().exists() {
        room(layout)?;
        pki::write(layout)?;
        configuration::write(layout)?;
    }
    machine::start(layout)?;
    for part in parts::all(layout) {
        part.start(layout)?;
        match part.name {
            "apiserver" => ready(layout, "the API server", part.name, &["get", "--raw", "/readyz"], "ok", began)?,
            "containerd" => sandbox(layout, began)?,
            _ => {}
        }
    }
    layout.access().apply(&[storage()]).context("the storage class")?;
    let conditions = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
    ready(layout, "the node", "kubelet", &["get", "node", NODE, "-o", conditions], "True", began)?;
    // No service account, no pod: the first appears a moment after its controller.
    let account = ["get", "serviceaccount", "default", "-n", "default", "-o", "name"];
    ready(layout, "service accounts", "controller-manager", &account, "serviceaccount/default", began)?;
    eprintln!("ready in {:.1} s at {NODE_ADDRESS}", began.elapsed().as_secs_f64());
    Ok(())
}

/// A full disk shows itself late, and in many ways.
fn room(layout: &Layout) -> anyhow::Result<()> {
    let root = layout.root();
    fs::create_dir_all(root)?;
    let disk = nix::sys::statvfs::statvfs(root).with_context(|| root.display().to_string())?;
    let free = disk.blocks_available() * disk.fragment_size();
    anyhow::ensure!(
        free >= ROOM,
        "{} has {} MiB left, a node needs {}: make room, or give another folder with --folder",
        root.display(),
        free >> 20,
        ROOM >> 20,
    );
    Ok(())
}

/// containerd answers once its socket is there; the first image is the sign.
fn sandbox(layout: &Layout, began: Instant) -> anyhow::Result<()> {
    until_ready(layout, "containerd", "containerd", began, || {
        layout.containerd_socket().exists() && images::pause(layout).is_ok()
    })
}

fn ready(
    layout: &Layout,
    what: &str,
    part: &str,
    question: &[&str],
    answer: &str,
    began: Instant,
) -> anyhow::Result<()> {
    eprintln!("waiting for {what}");
    let access = layout.access();
    until_ready(layout, what, part, began, || access.kubectl(question).is_ok_and(|text| text.trim() == answer))
}

fn until_ready(
    layout: &Layout,
    what: &str,
    part: &str,
    began: Instant,
    is_ready: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let words = || process::last_words(layout, part);
    let there = wait::until(PATIENCE.saturating_sub(began.elapsed()), || {
        anyhow::ensure!(process::runs(layout, part), "{part} has ended:\n{}", words());
        Ok(is_ready().then_some(()))
    })?;
    there.with_context(|| format!("{what} was not ready in {} s:\n{}", PATIENCE.as_secs(), words()))
}
