//! The cluster's certificates: one authority, one certificate for each part, made once in the life of a node.

use std::fs;

use xshell::{Shell, cmd};

use crate::layout::{API_SERVICE, Layout, NODE, NODE_ADDRESS};

/// Who gets a certificate: name of the file, user, group.
const PARTS: &[(&str, &str, Option<&str>)] = &[
    ("admin", "kubernetes-admin", Some("system:masters")),
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("proxy", "system:kube-proxy", None),
    ("kubelet", "system:node:kvartal", Some("system:nodes")),
    ("apiserver-kubelet", "kube-apiserver-kubelet-client", Some("system:masters")),
    ("coredns", "coredns", Some("system:masters")),
    ("policies", "kube-router", Some("system:masters")),
    ("apiserver", "kube-apiserver", None),
];

/// Long enough for any run of tests and for a developer's month.
const DAYS: &str = "30";

/// Writes all of them, with elliptic-curve keys that only root reads.
pub(crate) fn write(layout: &Layout) -> anyhow::Result<()> {
    fs::create_dir_all(layout.path("pki"))?;
    let sh = Shell::new()?;
    let (authority, authority_key) = (layout.certificate("ca"), layout.key("ca"));
    key(&sh, &authority_key)?;
    cmd!(sh, "openssl req -x509 -new -key {authority_key} -out {authority} -days {DAYS} -subj /CN=kvartal-node")
        .quiet()
        .run()?;
    for (file, user, group) in PARTS {
        let (certificate, own_key, extensions) =
            (layout.certificate(file), layout.key(file), layout.path("pki/extensions"));
        key(&sh, &own_key)?;
        let subject = group.map_or_else(|| format!("/CN={user}"), |group| format!("/O={group}/CN={user}"));
        fs::write(
            &extensions,
            format!("keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\nsubjectAltName={}\n", names()),
        )?;
        let request = cmd!(sh, "openssl req -new -key {own_key} -subj {subject}").quiet().read()?;
        cmd!(sh, "openssl x509 -req -CA {authority} -CAkey {authority_key} -days {DAYS} -extfile {extensions} -out {certificate}")
            .stdin(request)
            .quiet()
            .ignore_stderr()
            .run()?;
    }
    // Signs the tokens of service accounts; the API server reads both halves.
    let (tokens, public) = (layout.text("pki/tokens.key"), layout.text("pki/tokens.pub"));
    key(&sh, &tokens)?;
    cmd!(sh, "openssl pkey -in {tokens} -pubout -out {public}").quiet().run()?;
    Ok(())
}

/// openssl makes key files that only their owner reads.
fn key(sh: &Shell, file: &str) -> anyhow::Result<()> {
    Ok(cmd!(sh, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {file}")
        .quiet()
        .ignore_stderr()
        .run()?)
}

fn names() -> String {
    let cluster = "kubernetes.default.svc.cluster.local";
    let names = [NODE, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", cluster];
    let addresses = [NODE_ADDRESS, API_SERVICE, "127.0.0.1"];
    names
        .map(|name| format!("DNS:{name}"))
        .into_iter()
        .chain(addresses.map(|a| format!("IP:{a}")))
        .collect::<Vec<_>>()
        .join(",")
}
