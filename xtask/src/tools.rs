//! Programs of others that the tests run and Debian does not have: built once, into `target/tools`.

use std::path::Path;

use xshell::{Shell, cmd};

use crate::steps::Done;

/// A program in Go, built from its module at exactly the versions in the `go.sum` of `e2e/tools`.
pub(crate) struct Tool {
    /// Its version stands in the modules file and in the name of the program, so that another version is another program.
    pub(crate) name: &'static str,
    pub(crate) modules: &'static str,
    pub(crate) package: &'static str,
    /// What the modules file asks for; Debian 12 has 1.19.
    pub(crate) go: (u32, u32),
    /// How long it takes on two cores.
    pub(crate) takes: &'static str,
}

/// Where they lie; the tests look there.
const FOLDER: &str = "target/tools/bin";

/// Keeps and shows traces.
const JAEGER: Tool = Tool {
    name: "jaeger-1.76.0",
    modules: "e2e/tools/jaeger",
    package: "github.com/jaegertracing/jaeger/cmd/all-in-one",
    go: (1, 25),
    takes: "five minutes",
};

/// Whether we speak HTTP/2, gRPC and gRPC-Web as they are written down.
const CONFORMANCE: [Tool; 2] = [
    Tool {
        name: "connectconformance-1.0.6",
        modules: "e2e/tools/conformance",
        package: "connectrpc.com/conformance/cmd/connectconformance",
        go: (1, 26),
        takes: "a minute",
    },
    Tool {
        name: "h2spec-2.2.1",
        modules: "e2e/tools/conformance",
        package: "github.com/summerwind/h2spec/cmd/h2spec",
        go: (1, 26),
        takes: "ten seconds",
    },
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

impl Tool {
    /// Where it lies.
    pub(crate) fn program(&self) -> String {
        format!("{FOLDER}/{}", self.name)
    }

    /// Makes sure that it is there.
    pub(crate) fn build(&self, sh: &Shell) -> anyhow::Result<Done> {
        let Self { name, modules, package, go, takes } = *self;
        let program = self.program();
        if Path::new(&program).exists() {
            eprintln!("{program} is there");
            return Ok(Done::Yes);
        }
        let version = cmd!(sh, "go env GOVERSION").quiet().ignore_stderr().read().unwrap_or_default();
        let (major, minor) = go;
        anyhow::ensure!(
            release(&version).is_some_and(|release| release >= go),
            "{name} is built with Go {major}.{minor} or newer, and {}; install it from https://go.dev/dl and put its bin on PATH",
            if version.is_empty() { "there is no Go here".to_owned() } else { format!("here is {version}") }
        );
        eprintln!("building {package}: {takes} on two cores, only this once");
        let output = sh.current_dir().join(program);
        let _there = sh.push_dir(modules);
        let _static = sh.push_env("CGO_ENABLED", "0");
        // No other Go than the one that is installed, and no versions but those that are written down.
        let _this_go = sh.push_env("GOTOOLCHAIN", "local");
        let smaller = "-ldflags=-s -w";
        cmd!(sh, "nice go build -mod=readonly -trimpath -buildvcs=false {smaller} -o {output} {package}")
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
