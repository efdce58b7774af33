//! `kvartal doctor`: is this machine, and are these servers, fit for the platform? Every failure comes with its cure.

mod developer;
mod machine;
mod servers;

use std::path::PathBuf;

use serde_json::json;

use crate::console::{Console, Glyph};

/// What to look at.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  kvartal doctor                                         this machine, before `kvartal up`
  kvartal doctor --port 8080 --data-dir ./data           with the port and folder you will use
  kvartal doctor --developer                             and the tools for building and testing
  kvartal doctor --database-url postgres://db/identity --bus-url amqp://bus --redis-url redis://cache
  kvartal doctor --json | jq '.checks[] | select(.state == \"failure\")'

Nothing is changed, installed or kept. The exit code is 1 when a check fails; warnings do not count.")]
pub(crate) struct Args {
    /// Port of the page that `up` or `serve --edge` will use.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Folder that will hold the data; a temporary one when not given.
    #[arg(long, env = "KVARTAL_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Check this PostgreSQL.
    #[arg(long, env = "KVARTAL_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Check this RabbitMQ.
    #[arg(long, env = "KVARTAL_BUS_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) bus_url: Option<String>,
    /// Check this Redis.
    #[arg(long, env = "KVARTAL_REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    /// Check this mail server: HOST:PORT or smtp://HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) smtp: Option<String>,
    /// Check this OpenTelemetry collector.
    #[arg(long, env = "KVARTAL_OTLP_ENDPOINT", value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Check the tools for building and testing too.
    #[arg(long)]
    pub(crate) developer: bool,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Works, but not as well as it could.
    Warning,
    /// Does not work.
    Failure,
    /// Not asked for, or not possible here.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    group: &'static str,
    name: String,
    state: State,
    detail: String,
    fix: String,
}

impl Check {
    /// As it should be.
    pub(crate) fn good(group: &'static str, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { group, name: name.into(), state: State::Good, detail: detail.into(), fix: String::new() }
    }

    /// Works, but not well.
    pub(crate) fn warning(
        group: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { group, name: name.into(), state: State::Warning, detail: detail.into(), fix: fix.into() }
    }

    /// Does not work; `fix` is a command where there is one.
    pub(crate) fn failure(
        group: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { group, name: name.into(), state: State::Failure, detail: detail.into(), fix: fix.into() }
    }

    /// Cannot be looked at here.
    pub(crate) fn skipped(group: &'static str, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { group, name: name.into(), state: State::Skipped, detail: detail.into(), fix: String::new() }
    }
}

/// Looks at everything; true when nothing failed.
pub(crate) async fn run(args: &Args, console: Console) -> anyhow::Result<bool> {
    let mut checks = machine::checks(args).await;
    checks.extend(servers::checks(args).await);
    if args.developer {
        checks.extend(developer::checks().await);
    }
    let failures = checks.iter().filter(|check| check.state == State::Failure).count();
    let warnings = checks.iter().filter(|check| check.state == State::Warning).count();
    if args.json {
        console.line(serde_json::to_string_pretty(&json!({
            "ok": failures == 0,
            "failures": failures,
            "warnings": warnings,
            "checks": checks.iter().map(to_json).collect::<Vec<_>>(),
        }))?);
        return Ok(failures == 0);
    }
    let mut group = "";
    for check in &checks {
        if check.group != group {
            group = check.group;
            console.line(console.strong(group));
        }
        print(check, console);
    }
    let summary = format!("{} checks: {failures} failed, {warnings} warnings", checks.len());
    console.say(if failures == 0 { Glyph::Good } else { Glyph::Bad }, summary);
    Ok(failures == 0)
}

fn print(check: &Check, console: Console) {
    let glyph = match check.state {
        State::Good => Glyph::Good,
        State::Warning => Glyph::Warning,
        State::Failure => Glyph::Bad,
        State::Skipped => Glyph::Skipped,
    };
    console.say(glyph, format_args!("{:<22} {}", check.name, check.detail));
    if !check.fix.is_empty() {
        console.line(format_args!("    {:<22} fix: {}", "", check.fix));
    }
}

fn to_json(check: &Check) -> serde_json::Value {
    let state = match check.state {
        State::Good => "good",
        State::Warning => "warning",
        State::Failure => "failure",
        State::Skipped => "skipped",
    };
    json!({ "group": check.group, "name": check.name, "state": state, "detail": check.detail, "fix": check.fix })
}
