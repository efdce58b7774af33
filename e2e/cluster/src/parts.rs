//! The parts of the node: programs and their arguments.

use std::path::PathBuf;

use crate::layout::{API_PORT, Layout, NODE, NODE_ADDRESS, PODS, SERVICES, VOLUMES};
use crate::{machine, process};

/// A process of the node.
pub(crate) struct Part {
    /// Its name, also of its log.
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Part {
    /// Starts it, unless it runs.
    pub(crate) fn start(&self, layout: &Layout) -> anyhow::Result<()> {
        if process::runs(layout, self.name) {
            return Ok(());
        }
        let mut command = machine::inside(layout, &self.program)?;
        command.args(&self.arguments);
        process::spawn(layout, self.name, &self.program, command)?;
        process::settle(layout, self.name)
    }
}

/// All parts, in the order of their start.
pub(crate) fn all(layout: &Layout) -> Vec<Part> {
    vec![
        etcd(layout),
        api_server(layout),
        controller_manager(layout),
        scheduler(layout),
        volumes(layout),
        containerd(layout),
        kubelet(layout),
        proxy(layout),
        policies(layout),
        coredns(layout),
    ]
}

/// Which of them run.
pub(crate) fn status(layout: &Layout) -> Vec<(&'static str, bool)> {
    all(layout).into_iter().map(|part| (part.name, process::runs(layout, part.name))).collect()
}

fn arguments<const N: usize>(list: [String; N]) -> Vec<String> {
    list.into()
}

fn etcd(layout: &Layout) -> Part {
    Part {
        name: "etcd",
        program: "/usr/bin/etcd".into(),
        arguments: arguments([
            format!("--data-dir={}", layout.text("etcd")),
            "--listen-client-urls=http://127.0.0.1:2379".into(),
            "--advertise-client-urls=http://127.0.0.1:2379".into(),
            "--listen-peer-urls=http://127.0.0.1:2380".into(),
            // The cluster lives for a test or a day: losing its last writes with the power is no loss.
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
        ]),
    }
}

fn api_server(layout: &Layout) -> Part {
    Part {
        name: "apiserver",
        program: layout.kubernetes("kube-apiserver"),
        arguments: arguments([
            "--etcd-servers=http://127.0.0.1:2379".into(),
            format!("--advertise-address={NODE_ADDRESS}"),
            format!("--bind-address={NODE_ADDRESS}"),
            format!("--secure-port={API_PORT}"),
            format!("--service-cluster-ip-range={SERVICES}"),
            format!("--tls-cert-file={}", layout.certificate("apiserver")),
            format!("--tls-private-key-file={}", layout.key("apiserver")),
            format!("--client-ca-file={}", layout.certificate("ca")),
            format!("--kubelet-client-certificate={}", layout.certificate("apiserver-kubelet")),
            format!("--kubelet-client-key={}", layout.key("apiserver-kubelet")),
            format!("--kubelet-certificate-authority={}", layout.certificate("ca")),
            // The node's name does not resolve.
            "--kubelet-preferred-address-types=InternalIP".into(),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={}", layout.text("pki/tokens.pub")),
            format!("--service-account-signing-key-file={}", layout.text("pki/tokens.key")),
            "--authorization-mode=Node,RBAC".into(),
            "--enable-admission-plugins=NodeRestriction".into(),
            "--allow-privileged=true".into(),
            "--profiling=false".into(),
            "--v=0".into(),
        ]),
    }
}

fn controller_manager(layout: &Layout) -> Part {
    Part {
        name: "controller-manager",
        program: layout.kubernetes("kube-controller-manager"),
        arguments: arguments([
            format!("--kubeconfig={}", layout.text("controller-manager.kubeconfig")),
            format!("--service-account-private-key-file={}", layout.text("pki/tokens.key")),
            format!("--root-ca-file={}", layout.certificate("ca")),
            format!("--cluster-signing-cert-file={}", layout.certificate("ca")),
            format!("--cluster-signing-key-file={}", layout.key("ca")),
            format!("--cluster-cidr={PODS}"),
            "--use-service-account-credentials=true".into(),
            // Volumes are folders of this machine.
            "--enable-hostpath-provisioner=true".into(),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
        ]),
    }
}

fn scheduler(layout: &Layout) -> Part {
    Part {
        name: "scheduler",
        program: layout.kubernetes("kube-scheduler"),
        arguments: arguments([
            format!("--kubeconfig={}", layout.text("scheduler.kubeconfig")),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
        ]),
    }
}

/// The controller manager makes a volume that only root may write to, and kubelet leaves folders of this machine as they are.
fn volumes(layout: &Layout) -> Part {
    let folder = layout.text(VOLUMES);
    let script = format!(
        "inotifywait --quiet --monitor --event create --format %f {folder} | while read -r name; do chmod 0777 {folder}/$name; done"
    );
    Part { name: "volumes", program: "/bin/sh".into(), arguments: arguments(["-c".into(), script]) }
}

fn containerd(layout: &Layout) -> Part {
    Part {
        name: "containerd",
        program: "/usr/bin/containerd".into(),
        arguments: arguments(["--config".into(), layout.text("containerd.toml")]),
    }
}

fn kubelet(layout: &Layout) -> Part {
    Part {
        name: "kubelet",
        program: layout.kubernetes("kubelet"),
        arguments: arguments([
            format!("--config={}", layout.text("kubelet.yaml")),
            format!("--kubeconfig={}", layout.text("kubelet.kubeconfig")),
            format!("--root-dir={}", layout.text("kubelet")),
            format!("--hostname-override={NODE}"),
            format!("--node-ip={NODE_ADDRESS}"),
        ]),
    }
}

fn proxy(layout: &Layout) -> Part {
    Part {
        name: "proxy",
        program: layout.kubernetes("kube-proxy"),
        arguments: arguments([
            format!("--config={}", layout.text("proxy.yaml")),
            format!("--hostname-override={NODE}"),
        ]),
    }
}

/// Only what keeps network policies: routes and services are others' business. It ends when it cannot have the firewall's tables
/// to itself for a moment, and counts on being started again, as kubelet does with it elsewhere.
fn policies(layout: &Layout) -> Part {
    Part {
        name: "policies",
        program: "/bin/sh".into(),
        arguments: arguments([
            "-c".into(),
            r#"until "$0" "$@"; do echo "it is started again"; sleep 1; done"#.into(),
            layout.kube_router().display().to_string(),
            format!("--kubeconfig={}", layout.text("policies.kubeconfig")),
            format!("--hostname-override={NODE}"),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--run-firewall=true".into(),
            "--run-router=false".into(),
            "--run-service-proxy=false".into(),
            "--run-loadbalancer=false".into(),
            "--enable-cni=false".into(),
            "--health-port=0".into(),
        ]),
    }
}

fn coredns(layout: &Layout) -> Part {
    Part { name: "coredns", program: layout.coredns(), arguments: arguments(["-conf".into(), layout.text("Corefile")]) }
}
