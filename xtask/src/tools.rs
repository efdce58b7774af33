//! Programs of others that the tests run and Debian does not have: built once, into `target/tools`.

use std::path::Path;

use xshell::{Shell, cmd};

use crate::steps::Done;

/// Its version stands in the modules file and in the name of the program, so that another version is another program.
const JAEGER: &str = "target/tools/bin/jaeger-1.76.0";
const JAEGER_MODULES: &str = "e2e/tools/jaeger";
const JAEGER_PACKAGE: &str = "github.com/jaegertracing/jaeger/cmd/all-in-one";

/// What the modules file asks for; Debian 12 has 1.19.
const GO: (u32, u32) = (1, 25);

/// Builds Jaeger from its Go module, at exactly the versions in `go.sum`.
pub(crate) fn jaeger(sh: &Shell) -> anyhow::Result<Done> {
    if Path::new(JAEGER).exists() {
        eprintln!("{JAEGER} is there");
        return Ok(Done::Yes);
    }
    let version = cmd!(sh, "go env GOVERSION").quiet().ignore_stderr().read().unwrap_or_default();
    let (major, minor) = GO;
    anyhow::ensure!(
        release(&version).is_some_and(|release| release >= GO),
        "Jaeger is built with Go {major}.{minor} or newer, and {}; install it from https://go.dev/dl and put its bin on PATH",
        if version.is_empty() { "there is no Go here".to_owned() } else { format!("here is {version}") }
    );
    eprintln!("building {JAEGER_PACKAGE}: five minutes on two cores, only this once");
    let output = sh.current_dir().join(JAEGER);
    let _there = sh.push_dir(JAEGER_MODULES);
    let _static = sh.push_env("CGO_ENABLED", "0");
    // No other Go than the one that is installed, and no versions but those that are written down.
    let _this_go = sh.push_env("GOTOOLCHAIN", "local");
    let smaller = "-ldflags=-s -w";
    cmd!(sh, "nice go build -mod=readonly -trimpath -buildvcs=false {smaller} -o {output} {JAEGER_PACKAGE}")
        .quiet()
        .run()?;
    Ok(Done::Yes)
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
