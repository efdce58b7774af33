//! Log lines: text for people, JSON for machines, both with the trace they belong to.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};

use kvartal_kernel::{Clock, SystemClock};
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;

/// Writes one line to standard error for each event.
pub(super) struct Log {
    json: bool,
    colour: bool,
}

impl Log {
    pub(super) fn new(format: LogFormat) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let json = match format {
            LogFormat::Auto => !terminal,
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        if json {
            log_panics();
        }
        Self { json, colour: terminal && !json }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let active = opentelemetry::Context::current();
        let trace = active.span().span_context().clone();
        let entry = Entry {
            time: SystemClock.now().to_string(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            span: context.event_span(event).map(|span| span.name()),
            trace: trace.is_valid().then(|| (trace.trace_id().to_string(), trace.span_id().to_string())),
            fields,
        };
        let mut line = if self.json { entry.json() } else { entry.text(self.colour) };
        line.push('\n');
        // Where standard error is gone there is nobody left to tell.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Panics in the form of all other lines. Only where machines read: people and test runners expect the usual message.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(location, panic = text, "panic");
    }));
}

/// One event, ready to be written.
struct Entry<'a> {
    time: String,
    level: Level,
    target: &'a str,
    span: Option<&'static str>,
    trace: Option<(String, String)>,
    fields: Fields,
}

impl Entry<'_> {
    fn json(self) -> String {
        let mut line = Map::new();
        line.insert("time".to_owned(), self.time.into());
        line.insert("level".to_owned(), self.level.as_str().into());
        line.insert("target".to_owned(), self.target.into());
        line.insert("message".to_owned(), self.fields.message.into());
        if let Some(span) = self.span {
            line.insert("span".to_owned(), span.into());
        }
        if let Some((trace, span)) = self.trace {
            line.insert("trace_id".to_owned(), trace.into());
            line.insert("span_id".to_owned(), span.into());
        }
        for (name, value) in self.fields.others {
            line.entry(name).or_insert(value);
        }
        Value::Object(line).to_string()
    }

    fn text(self, colour: bool) -> String {
        let level = self.level;
        let (on, off) = match level {
            _ if !colour => ("", ""),
            Level::ERROR => ("\x1b[31m", "\x1b[0m"),
            Level::WARN => ("\x1b[33m", "\x1b[0m"),
            Level::INFO => ("\x1b[32m", "\x1b[0m"),
            _ => ("\x1b[34m", "\x1b[0m"),
        };
        // Hours to milliseconds: on a terminal the date is known.
        let time = self.time.get(11..23).unwrap_or(&self.time);
        let mut line = format!("{time} {on}{level:5}{off} {}: {}", self.target, printable(&self.fields.message));
        for (name, value) in &self.fields.others {
            let value = value.as_str().map_or_else(|| value.to_string(), printable);
            let _ = write!(line, " {name}={value}");
        }
        if let Some((trace, _)) = &self.trace {
            let _ = write!(line, " trace={trace}");
        }
        line
    }
}

/// Control characters could forge lines or move the terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        let mut others = Map::new();
        others.insert("job".to_owned(), "a\nb".into());
        Entry {
            time: "2026-11-20T09:30:00.123456Z".to_owned(),
            level: Level::INFO,
            target: "kvartal",
            span: Some("call"),
            trace: Some(("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), "00f067aa0ba902b7".to_owned())),
            fields: Fields { message: "ready".to_owned(), others },
        }
    }

    #[test]
    fn machines_get_one_object_with_the_trace() {
        let line: Value = serde_json::from_str(&entry().json()).unwrap();
        assert_eq!(line["message"], "ready");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(line["job"], "a\nb");
    }

    #[test]
    fn people_get_one_line_whatever_a_field_holds() {
        let line = entry().text(false);
        assert_eq!(line, "09:30:00.123 INFO  kvartal: ready job=a b trace=4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
