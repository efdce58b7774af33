//! A single-node Kubernetes cluster on this machine, without Docker.
//!
//! The parts are the ordinary ones: etcd, containerd and runc from Debian, Kubernetes and CoreDNS as the pinned Go tools under
//! `e2e/tools`. They run as plain processes with their files under one folder, in namespaces for mounts and network that go
//! with them; `down` ends them by process id, also after a crash.

#![expect(clippy::disallowed_methods, reason = "waits for processes of others, which tell nobody when they are ready")]

mod access;
mod configuration;
mod images;
mod installation;
mod layout;
mod machine;
mod network;
mod parts;
mod pki;
mod process;
mod start;
mod stop;
mod wait;

use std::path::PathBuf;

pub use access::Access;
pub use installation::Installation;
pub use layout::{COREDNS, FOLDER, HELM, HOST_ADDRESS, KUBE_ROUTER, KUBERNETES, Layout, NODE_ADDRESS};

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    layout: Layout,
}

impl Node {
    /// The node whose files are in the folder of `layout`.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Starts what does not run and waits until pods can run.
    ///
    /// # Errors
    /// When a part ends or takes too long; the message holds its last words.
    pub fn up(&self) -> anyhow::Result<()> {
        start::up(&self.layout)
    }

    /// Stops everything and removes every trace, also after a crash.
    ///
    /// # Errors
    /// When something cannot be ended, unmounted or removed.
    pub fn down(&self) -> anyhow::Result<()> {
        stop::down(&self.layout)
    }

    /// Stops every process, containers included, and keeps the data: as a machine that is switched off.
    ///
    /// # Errors
    /// When something cannot be ended or unmounted.
    pub fn stop(&self) -> anyhow::Result<()> {
        stop::stop(&self.layout)
    }

    /// The parts, and whether they run.
    pub fn status(&self) -> Vec<(&'static str, bool)> {
        parts::status(&self.layout)
    }

    /// Brings images from archives (`docker save`, `buildah push … docker-archive:`) to the node.
    ///
    /// # Errors
    /// When containerd refuses one.
    pub fn load(&self, archives: &[PathBuf]) -> anyhow::Result<()> {
        images::load(&self.layout, archives)
    }

    /// The administrator's way in.
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// kubectl and Helm, as the administrator.
    pub fn access(&self) -> Access {
        self.layout.access()
    }
}
