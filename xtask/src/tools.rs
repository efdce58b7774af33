//! Programs of others that the tests run and Debian does not have: built once, into `target/tools`.

use std::path::Path;

use kvartal_cluster::{COREDNS, KUBE_ROUTER, KUBERNETES};
use xshell::{Shell, cmd};

use crate::steps::Done;

/// A program in Go, built from its module at exactly the versions in the `go.sum` of `e2e/tools`.
pub(crate) struct Tool<'a> {
    pub(crate) name: &'a str,
    /// It stands in the modules file and in the name of the program, so that another version is another program.
    pub(crate) version: &'a str,
    pub(crate) modules: &'a str,
    pub(crate) package: &'a str,
    /// What the modules file asks for; Debian 12 has 1.19.
    pub(crate) go: (u32, u32),
    /// How long it takes on two cores.
    pub(crate) takes: &'a str,
}

/// Where they lie; the tests look there.
pub(crate) const FOLDER: &str = "target/tools/bin";

/// Keeps and shows traces.
pub(crate) const JAEGER: Tool<'_> = Tool {
    name: "jaeger",
    version: "1.76.0",
    modules: "e2e/tools/jaeger",
    package: "github.com/jaegertracing/jaeger/cmd/all-in-one",
    go: (1, 25),
    takes: "five minutes",
};

/// Installs charts, and judges them.
pub(crate) const HELM: Tool<'_> = Tool {
    name: "helm",
    version: kvartal_cluster::HELM,
    modules: "e2e/tools/helm",
    package: "helm.sh/helm/v4/cmd/helm",
    go: (1, 26),
    takes: "two and a half minutes",
};

/// Whether we speak HTTP/2, gRPC and gRPC-Web as they are written down.
const CONFORMANCE: [Tool<'_>; 2] = [
    Tool {
        name: "connectconformance",
        version: "1.0.6",
        modules: "e2e/tools/conformance",
        package: "connectrpc.com/conformance/cmd/connectconformance",
        go: (1, 26),
        takes: "a minute",
    },
    Tool {
        name: "h2spec",
        version: "2.2.1",
        modules: "e2e/tools/conformance",
        package: "github.com/summerwind/h2spec/cmd/h2spec",
        go: (1, 26),
        takes: "ten seconds",
    },
];

/// Of one module; the first compiles what the others use too.
const KUBERNETES_PROGRAMS: [(&str, &str); 6] = [
    ("kube-apiserver", "four and a half minutes"),
    ("kube-controller-manager", "eighty seconds"),
    ("kubelet", "half a minute"),
    ("kube-scheduler", "ten seconds"),
    ("kube-proxy", "ten seconds"),
    ("kubectl", "half a minute"),
];

/// Builds Jaeger.
pub(crate) fn jaeger(sh: &Shell) -> anyhow::Result<Done> {
    JAEGER.build(sh)
}

/// Builds the conformance suites.
pub(crate) fn conformance(sh: &Shell) -> anyhow::Result<Done> {
    for tool in &CONFORMANCE {
        tool.build(sh)?;
    }
    Ok(Done::Yes)
}

/// Builds what a node consists of, and what installs things on it.
pub(crate) fn cluster(sh: &Shell) -> anyhow::Result<Done> {
    for (name, takes) in KUBERNETES_PROGRAMS {
        let package = format!("k8s.io/kubernetes/cmd/{name}");
        Tool { name, version: KUBERNETES, modules: "e2e/tools/kubernetes", package: &package, go: (1, 24), takes }
            .build(sh)?;
    }
    let package = "github.com/coredns/coredns";
    let takes = "three minutes";
    Tool { name: "coredns", version: COREDNS, modules: "e2e/tools/coredns", package, go: (1, 26), takes }.build(sh)?;
    let package = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router";
    let takes = "two minutes";
    Tool { name: "kube-router", version: KUBE_ROUTER, modules: "e2e/tools/kube-router", package, go: (1, 24), takes }
        .build(sh)?;
    HELM.build(sh)
}

impl Tool<'_> {
    /// Where it lies.
    pub(crate) fn program(&self) -> String {
        format!("{FOLDER}/{}-{}", self.name, self.version)
    }

    /// Makes sure that it is there.
    pub(crate) fn build(&self, sh: &Shell) -> anyhow::Result<Done> {
        let Self { name, version, modules, package, go, takes } = *self;
        let program = self.program();
        if Path::new(&program).exists() {
            eprintln!("{program} is there");
            return Ok(Done::Yes);
        }
        let here = cmd!(sh, "go env GOVERSION").quiet().ignore_stderr().read().unwrap_or_default();
        let (major, minor) = go;
        anyhow::ensure!(
            release(&here).is_some_and(|release| release >= go),
            "{name} is built with Go {major}.{minor} or newer, and {}; install it from https://go.dev/dl and put its bin on PATH",
            if here.is_empty() { "there is no Go here".to_owned() } else { format!("here is {here}") }
        );
        eprintln!("building {package}: {takes} on two cores, only this once");
        let output = sh.current_dir().join(program);
        let _there = sh.push_dir(modules);
        let _static = sh.push_env("CGO_ENABLED", "0");
        // No other Go than the one that is installed, and no versions but those that are written down.
        let _this_go = sh.push_env("GOTOOLCHAIN", "local");
        // Programs of Kubernetes have the version from the linker, and compare it with each other's.
        let linker = format!("-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v{version}");
        cmd!(sh, "nice go build -mod=readonly -trimpath -buildvcs=false {linker} -o {output} {package}")
            .quiet()
            .run()?;
        Ok(Done::Yes)
    }
}

/// `(1, 26)` of `go1.26.8`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(['.', '-', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases_of_go_are_read() {
        assert_eq!(release("go1.26.8"), Some((1, 26)));
        assert_eq!(release("go1.19"), Some((1, 19)));
        assert_eq!(release(""), None);
    }
}
