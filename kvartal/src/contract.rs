//! `kvartal contract`: what every RPC promises, for people, for programs, for Prometheus and for the charts.

mod helm;
mod rules;

use std::fmt::Write;

use kvartal_contract::{Access, Engine, Idempotency, Method, RateClass, Service, Verb};
use serde_json::{Value, json};

use crate::console::Console;

/// How the contract is printed.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  kvartal contract                          every RPC: who may call it, its deadline, rate class, audit
  kvartal contract --service incident       those of one service
  kvartal contract --json | jq '.methods[] | select(.access == \"public\") | .path'
  kvartal contract --markdown > CONTRACT.md
  kvartal contract --format prometheus-rules > kvartal-rules.yaml
                                            alerts on what every RPC promises; see `rule_files` of Prometheus")]
pub(crate) struct Args {
    /// Print JSON for programs.
    #[arg(long, conflicts_with_all = ["markdown", "format"])]
    json: bool,
    /// Print Markdown for documentation.
    #[arg(long, conflicts_with = "format")]
    markdown: bool,
    /// Print in this form.
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

/// The forms of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Format {
    /// For people, on a terminal.
    Table,
    /// For documentation.
    Markdown,
    /// For programs.
    Json,
    /// Recording rules and alerts on the burn rate of every objective.
    PrometheusRules,
    /// Who calls whom and who needs which server, for the charts.
    Helm,
}

impl Args {
    fn format(&self) -> Format {
        match self.format {
            Some(format) => format,
            None if self.json => Format::Json,
            None if self.markdown => Format::Markdown,
            None => Format::Table,
        }
    }
}

/// Prints it.
pub(crate) fn run(args: &Args, console: Console) -> anyhow::Result<()> {
    let contract = kvartal_proto::contract();
    let wanted = |domain: &str| args.service.as_deref().is_none_or(|name| name == domain);
    let methods: Vec<&Method> = contract.methods().filter(|method| wanted(&method.domain)).collect();
    let services: Vec<&Service> = contract.services().filter(|service| wanted(&service.domain)).collect();
    anyhow::ensure!(!methods.is_empty(), "there is no such service; `kvartal contract` shows all of them");
    let text = match args.format() {
        Format::Json => {
            let methods: Vec<Value> = methods.iter().map(|method| method_json(method)).collect();
            let services: Vec<Value> = services.iter().map(|service| service_json(service)).collect();
            serde_json::to_string_pretty(&json!({ "services": services, "methods": methods }))?
        }
        Format::Markdown => markdown(&services, &methods),
        Format::Table => table(&methods),
        Format::PrometheusRules => rules::rules(&methods),
        Format::Helm => helm::facts(contract, wanted)?,
    };
    console.line(text.trim_end());
    Ok(())
}

const COLUMNS: [&str; 8] = ["RPC", "Access", "Deadline", "Rate", "Audit", "Criticality", "Repeatable", "REST"];

fn row(method: &Method) -> [String; 8] {
    [
        format!("{}/{}", short(&method.service), method.name),
        access(method.access),
        deadline(method),
        rate(method.rate).to_owned(),
        if method.audit { "yes" } else { "" }.to_owned(),
        method.criticality.name().to_lowercase(),
        repeatable(method.idempotency).to_owned(),
        method.http.first().map(|rule| format!("{} {}", verb(rule.verb), rule.path)).unwrap_or_default(),
    ]
}

fn table(methods: &[&Method]) -> String {
    let rows: Vec<[String; 8]> = methods.iter().map(|method| row(method)).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([COLUMNS[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let mut text = String::new();
    let mut push = |cells: &[&str]| {
        let line: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    };
    push(&COLUMNS);
    for row in &rows {
        push(&row.each_ref().map(String::as_str));
    }
    text
}

fn markdown(services: &[&Service], methods: &[&Method]) -> String {
    let mut text = String::new();
    for service in services {
        let _ = writeln!(text, "## {}\n", short(&service.full_name));
        for (what, names) in
            [("Calls", &service.calls), ("Publishes", &service.publishes), ("Consumes", &service.consumes)]
        {
            if !names.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let _ = writeln!(text, "{what}: {}.\n", names.join(", "));
            }
        }
        let _ = writeln!(text, "| {} |\n|{}", COLUMNS.join(" | "), " --- |".repeat(COLUMNS.len()));
        for method in methods.iter().filter(|method| method.service == service.full_name) {
            let _ = writeln!(text, "| {} |", row(method).join(" | "));
        }
        text.push('\n');
    }
    text
}

fn method_json(method: &Method) -> Value {
    let http: Vec<Value> = method
        .http
        .iter()
        .map(|rule| json!({ "verb": verb(rule.verb), "path": rule.path, "body": rule.body }))
        .collect();
    json!({
        "path": method.path,
        "domain": method.domain,
        "service": method.service,
        "name": method.name,
        "access": access(method.access),
        "deadline_ms": u64::try_from(method.deadline.as_millis()).unwrap_or(u64::MAX),
        "rate": rate(method.rate),
        "audit": method.audit,
        "criticality": method.criticality.name().to_lowercase(),
        "repeatable": repeatable(method.idempotency),
        "server_streaming": method.server_streaming,
        "http": http,
        "input": method.input,
        "output": method.output,
        "slo": {
            "availability_permille": method.slo.availability_permille,
            "latency_p99_ms": u64::try_from(method.slo.latency_p99.as_millis()).unwrap_or(u64::MAX),
        },
        "comment": method.comment,
    })
}

fn service_json(service: &Service) -> Value {
    json!({
        "full_name": service.full_name,
        "domain": service.domain,
        "methods": service.methods,
        "calls": service.calls,
        "publishes": service.publishes,
        "consumes": service.consumes,
        "database": engine(service.database),
        "cache": service.cache,
        "pages": service.pages,
    })
}

fn engine(engine: Engine) -> &'static str {
    match engine {
        Engine::None => "none",
        Engine::Postgres => "postgres",
        Engine::Timescale => "timescaledb",
        Engine::ClickHouse => "clickhouse",
    }
}

/// `IncidentService` of `kvartal.incident.v1.IncidentService`.
fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

fn access(access: Access) -> String {
    match access {
        Access::Public => "public".to_owned(),
        Access::Authenticated => "signed in".to_owned(),
        Access::Roles(roles) => roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", "),
        Access::Internal => "internal".to_owned(),
    }
}

fn deadline(method: &Method) -> String {
    let seconds = method.deadline.as_secs();
    let text = if seconds >= 120 && seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{} s", method.deadline.as_secs_f64())
    };
    if method.server_streaming { format!("{text} stream") } else { text }
}

fn rate(rate: RateClass) -> &'static str {
    match rate {
        RateClass::Read => "read",
        RateClass::Write => "write",
        RateClass::Expensive => "expensive",
        RateClass::Sensitive => "sensitive",
        RateClass::Stream => "stream",
    }
}

fn repeatable(idempotency: Idempotency) -> &'static str {
    match idempotency {
        Idempotency::Unknown => "",
        Idempotency::Idempotent => "yes",
        Idempotency::NoSideEffects => "reads",
    }
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Put => "PUT",
        Verb::Post => "POST",
        Verb::Delete => "DELETE",
        Verb::Patch => "PATCH",
    }
}
