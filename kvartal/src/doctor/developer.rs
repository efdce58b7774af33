//! Checks of the tools for building and testing.

use std::path::Path;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::process::Command;
use tokio::time::timeout;

use super::Check;

const GROUP: &str = "Developer";
const PATIENCE: Duration = Duration::from_secs(3);

/// A tool, the oldest version that will do, what is lost without it, and how to get it.
struct Tool {
    name: &'static str,
    command: &'static [&'static str],
    oldest: (u32, u32),
    needed: bool,
    purpose: &'static str,
    fix: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "rustc",
        command: &["rustc", "--version"],
        oldest: (1, 95),
        needed: true,
        purpose: "compiles everything",
        fix: "rustup toolchain install stable",
    },
    Tool {
        name: "cargo",
        command: &["cargo", "--version"],
        oldest: (1, 95),
        needed: true,
        purpose: "builds everything",
        fix: "rustup toolchain install stable",
    },
    Tool {
        name: "rustfmt",
        command: &["rustfmt", "--version"],
        oldest: (1, 0),
        needed: true,
        purpose: "cargo fmt",
        fix: "rustup component add rustfmt",
    },
    Tool {
        name: "clippy",
        command: &["cargo-clippy", "--version"],
        oldest: (0, 1),
        needed: true,
        purpose: "cargo clippy",
        fix: "rustup component add clippy",
    },
    Tool {
        name: "C compiler",
        command: &["cc", "--version"],
        oldest: (0, 0),
        needed: true,
        purpose: "SQLite and cryptography",
        fix: "apt-get install build-essential",
    },
    Tool {
        name: "cmake",
        command: &["cmake", "--version"],
        oldest: (3, 10),
        needed: true,
        purpose: "cryptography",
        fix: "apt-get install cmake",
    },
    Tool {
        name: "git",
        command: &["git", "--version"],
        oldest: (2, 30),
        needed: true,
        purpose: "history",
        fix: "apt-get install git",
    },
    Tool {
        name: "node",
        command: &["node", "--version"],
        oldest: (20, 19),
        needed: false,
        purpose: "the browser app, buf lint",
        fix: "apt-get install nodejs, or https://nodejs.org",
    },
    Tool {
        name: "npm",
        command: &["npm", "--version"],
        oldest: (9, 0),
        needed: false,
        purpose: "installs what builds the browser app",
        fix: "apt-get install npm",
    },
    Tool {
        name: "redis-server",
        command: &["redis-server", "--version"],
        oldest: (6, 0),
        needed: true,
        purpose: "tests of limits and revocations",
        fix: "apt-get install redis-server",
    },
    Tool {
        name: "grpcurl",
        command: &["grpcurl", "--version"],
        oldest: (0, 0),
        needed: false,
        purpose: "calls by hand",
        fix: "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4",
    },
];

/// Looks at every tool, all at once.
pub(super) async fn checks() -> Vec<Check> {
    let tools = TOOLS.iter().map(|tool| Box::pin(look(tool)) as BoxFuture<'_, Check>);
    let mut checks = join_all(tools).await;
    checks.push(postgres());
    checks.push(rabbitmq());
    checks
}

async fn look(tool: &Tool) -> Check {
    let missing = |detail: String| {
        let detail = format!("{detail}: needed for {}", tool.purpose);
        if tool.needed {
            Check::failure(GROUP, tool.name, detail, tool.fix)
        } else {
            Check::warning(GROUP, tool.name, detail, tool.fix)
        }
    };
    let Some((program, arguments)) = tool.command.split_first() else {
        return missing("not found".to_owned());
    };
    let output = timeout(PATIENCE, Command::new(program).args(arguments).kill_on_drop(true).output()).await;
    let text = match output {
        Ok(Ok(output)) => {
            let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
            String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
        }
        Ok(Err(_)) => return missing("not found".to_owned()),
        Err(_) => return missing("does not answer".to_owned()),
    };
    match version(&text) {
        Some(found) if found < tool.oldest => {
            missing(format!("{}.{} is older than {}.{}", found.0, found.1, tool.oldest.0, tool.oldest.1))
        }
        _ => Check::good(GROUP, tool.name, text),
    }
}

/// The first `12.34` in the text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

/// Debian keeps the server's programs out of the search path.
fn postgres() -> Check {
    let name = "postgresql";
    let found = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|versions| {
        versions.flatten().map(|version| version.path()).filter(|path| path.join("bin/postgres").exists()).max()
    });
    match found {
        Some(path) => Check::good(GROUP, name, path.display().to_string()),
        None => Check::failure(GROUP, name, "not found: needed for the repository tests", "apt-get install postgresql"),
    }
}

fn rabbitmq() -> Check {
    let name = "rabbitmq-server";
    let found = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server"];
    match found.iter().find(|path| Path::new(path).exists()) {
        Some(path) => Check::good(GROUP, name, *path),
        None => Check::failure(GROUP, name, "not found: needed for the bus tests", "apt-get install rabbitmq-server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        assert_eq!(version("rustc 1.95.0 (abc 2026-03-01)"), Some((1, 95)));
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert_eq!(version("Redis server v=7.0.15 sha=0"), Some((7, 0)));
        assert_eq!(version("git version 2.39.5"), Some((2, 39)));
        assert_eq!(version("no digits"), None);
    }
}
