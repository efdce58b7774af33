//! Where the node keeps its files, and its addresses.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::access::Access;

/// Short, because sockets have paths of at most 108 bytes; outside the checkout, because root owns what is in it.
pub const FOLDER: &str = "/var/lib/kvartal-node";

/// Version of Kubernetes, as the names of its programs end.
pub const KUBERNETES: &str = "1.34.4";
/// Version of CoreDNS.
pub const COREDNS: &str = "1.15.0";

/// Version of kube-router, which keeps network policies.
pub const KUBE_ROUTER: &str = "2.1.0";
/// Version of Helm.
pub const HELM: &str = "4.3.1";

/// The name of the only node.
pub(crate) const NODE: &str = "kvartal";
/// The node's end of the wire to this machine; the node has a network of its own.
pub(crate) const NODE_WIRE: &str = "node0";
/// The node's address.
pub const NODE_ADDRESS: &str = "10.243.0.1";
/// This machine's end of the wire.
pub(crate) const HOST_WIRE: &str = "kvartal-node";
/// This machine's address, as the node and its pods see it.
pub const HOST_ADDRESS: &str = "10.243.0.2";
/// Addresses of pods.
pub(crate) const PODS: &str = "10.244.0.0/16";
/// Addresses of services.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The first of them, which the API server takes for itself.
pub(crate) const API_SERVICE: &str = "10.96.0.1";
/// The folder of the volumes.
pub(crate) const VOLUMES: &str = "volumes";
/// Port of the API server.
pub(crate) const API_PORT: u16 = 6443;

/// The node's files.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    tools: PathBuf,
}

impl Layout {
    /// In `root`, with the programs in `tools`.
    ///
    /// # Errors
    /// When a path is empty.
    pub fn new(root: &Path, tools: &Path) -> anyhow::Result<Self> {
        let absolute = |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
        Ok(Self { root: absolute(root)?, tools: absolute(tools)? })
    }

    /// The folder of everything.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of a part.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The same as text for a command line.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The pinned program of Kubernetes.
    pub(crate) fn kubernetes(&self, program: &str) -> PathBuf {
        self.tools.join(format!("{program}-{KUBERNETES}"))
    }

    /// The pinned CoreDNS.
    pub(crate) fn coredns(&self) -> PathBuf {
        self.tools.join(format!("coredns-{COREDNS}"))
    }

    /// The pinned kube-router.
    pub(crate) fn kube_router(&self) -> PathBuf {
        self.tools.join(format!("kube-router-{KUBE_ROUTER}"))
    }

    /// kubectl and Helm, as the administrator.
    pub(crate) fn access(&self) -> Access {
        Access {
            kubeconfig: Some(self.kubeconfig()),
            context: None,
            kubectl: self.kubernetes("kubectl"),
            helm: self.tools.join(format!("helm-{HELM}")),
        }
    }

    /// The administrator's way in.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("admin.kubeconfig")
    }

    /// containerd's socket.
    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.path("containerd.sock")
    }

    /// A certificate, by the name of whom it is for.
    pub(crate) fn certificate(&self, whom: &str) -> String {
        self.text(&format!("pki/{whom}.crt"))
    }

    /// Its key.
    pub(crate) fn key(&self, whom: &str) -> String {
        self.text(&format!("pki/{whom}.key"))
    }
}
