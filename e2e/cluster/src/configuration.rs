//! The configuration files of the parts.

use std::fs;

use serde_json::json;

use crate::layout::{API_PORT, Layout, NODE_ADDRESS, PODS};

/// Name of the sandbox image, which `images` makes.
pub(crate) const PAUSE: &str = "kvartal.local/pause:1";

/// Writes all of them.
pub(crate) fn write(layout: &Layout) -> anyhow::Result<()> {
    for folder in ["logs", "run", "cni", "etcd", "containerd", "kubelet", "volumes"] {
        fs::create_dir_all(layout.path(folder))?;
    }
    for (file, whom) in [
        ("admin", "admin"),
        ("controller-manager", "controller-manager"),
        ("scheduler", "scheduler"),
        ("proxy", "proxy"),
        ("kubelet", "kubelet"),
        ("coredns", "coredns"),
        ("policies", "policies"),
    ] {
        kubeconfig(layout, file, whom)?;
    }
    fs::write(layout.path("containerd.toml"), containerd(layout))?;
    fs::write(layout.path("cni/10-pods.conflist"), serde_json::to_vec_pretty(&cni())?)?;
    fs::write(layout.path("kubelet.yaml"), kubelet(layout))?;
    fs::write(layout.path("proxy.yaml"), proxy(layout))?;
    fs::write(layout.path("Corefile"), corefile(layout))?;
    Ok(())
}

fn kubeconfig(layout: &Layout, file: &str, whom: &str) -> anyhow::Result<()> {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "kvartal-node",
        "clusters": [{"name": "kvartal-node", "cluster": {
            "server": format!("https://{NODE_ADDRESS}:{API_PORT}"), "certificate-authority": layout.certificate("ca")}}],
        "users": [{"name": whom, "user": {
            "client-certificate": layout.certificate(whom), "client-key": layout.key(whom)}}],
        "contexts": [{"name": "kvartal-node", "context": {"cluster": "kvartal-node", "user": whom}}],
    });
    // JSON is YAML.
    fs::write(layout.path(&format!("{file}.kubeconfig")), serde_json::to_vec_pretty(&config)?)?;
    Ok(())
}

/// `restrict_oom_score_adj`: without CAP_SYS_RESOURCE runc cannot lower a score, and says so in a riddle.
fn containerd(layout: &Layout) -> String {
    format!(
        r#"version = 2
root = "{root}"
state = "{state}"
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cni}"
"#,
        root = layout.text("containerd"),
        state = layout.text("run/containerd"),
        socket = layout.containerd_socket().display(),
        cni = layout.text("cni"),
    )
}

fn cni() -> serde_json::Value {
    json!({
        "cniVersion": "1.0.0", "name": "pods", "plugins": [
            // Not a bridge: what one pod sends to another passes the node's firewall too.
            {"type": "ptp", "ipMasq": true,
             "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

fn kubelet(layout: &Layout) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {ca}}}
authorization: {{mode: Webhook}}
tlsCertFile: {certificate}
tlsPrivateKeyFile: {key}
containerRuntimeEndpoint: unix://{socket}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [{NODE_ADDRESS}]
enforceNodeAllocatable: []
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
imageGCHighThresholdPercent: 100
maxPods: 100
nodeStatusUpdateFrequency: 5s
fileCheckFrequency: 5s
registryPullQPS: 0
podLogsDir: {pod_logs}
volumePluginDir: {plugins}
eventRecordQPS: 0
",
        pod_logs = layout.text("pod-logs"),
        plugins = layout.text("volume-plugins"),
        ca = layout.certificate("ca"),
        certificate = layout.certificate("kubelet"),
        key = layout.key("kubelet"),
        socket = layout.containerd_socket().display(),
    )
}

fn proxy(layout: &Layout) -> String {
    format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {{kubeconfig: {kubeconfig}}}
mode: nftables
clusterCIDR: {PODS}
bindAddress: {NODE_ADDRESS}
healthzBindAddress: {NODE_ADDRESS}:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
",
        kubeconfig = layout.text("proxy.kubeconfig"),
    )
}

fn corefile(layout: &Layout) -> String {
    format!(
        ".:53 {{
    bind {NODE_ADDRESS}
    errors
    health {NODE_ADDRESS}:8181
    ready {NODE_ADDRESS}:8182
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig} kvartal-node
        pods insecure
        ttl 5
    }}
    cache 5
}}
",
        kubeconfig = layout.text("coredns.kubeconfig"),
    )
}
