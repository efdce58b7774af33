//! Logs, traces and metrics of the process. They are global: the first runtime of a process sets them up.

mod log;
mod tail;

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use prometheus::{Registry, TextEncoder};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;
use tail::{Recorded, Tail};

/// What a process of several services calls itself, and what all services belong to.
const PLATFORM: &str = "kvartal";

/// Libraries that tell too much at `info`.
const NOISY: &str = "sqlx=warn,sea_orm=warn,sea_orm_migration=warn,lapin=warn,fred=warn,hyper=warn,hyper_util=warn,\
                     h2=warn,tower=warn,tonic=warn,reqwest=warn,rustls=warn,opentelemetry=warn,opentelemetry_sdk=warn";

/// Where spans of SQL statements come from.
const STATEMENTS: &str = "sea_orm";

/// Seconds, fine where people feel it.
const SECONDS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Spans waiting to be sent; more are dropped.
const SPANS_WAITING_MAX: usize = 4096;
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the process tells about itself.
pub(crate) struct Telemetry {
    registry: Registry,
    tracer: SdkTracerProvider,
    /// Kept alive: instruments stop counting when their provider goes.
    _meters: SdkMeterProvider,
}

static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
static STARTING: std::sync::Mutex<()> = std::sync::Mutex::new(());

impl Telemetry {
    /// Sets everything up, once for each process; later configurations change nothing.
    pub(crate) fn start(config: &Config) -> anyhow::Result<&'static Self> {
        let _one = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(telemetry) = TELEMETRY.get() {
            return Ok(telemetry);
        }
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone().unwrap_or_else(|| PLATFORM.to_owned()))
            .with_attributes([
                KeyValue::new("service.namespace", PLATFORM),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("deployment.environment.name", config.environment.clone()),
            ])
            .build();
        let registry = Registry::new();
        let meters = meters(&registry, resource.clone())?;
        opentelemetry::global::set_meter_provider(meters.clone());
        let tracer = tracer(config, resource)?;
        opentelemetry::global::set_tracer_provider(tracer.clone());
        let log = log::Log::new(config.log_format).with_filter(filter(&config.log)?);
        let otel = tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_tracer(tracer.tracer("kvartal"))
            .with_filter(traced(config.otlp_endpoint.is_some()));
        // Tests may have a subscriber of their own already.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(otel).with(log));
        process_metrics();
        Ok(TELEMETRY.get_or_init(|| Self { registry, tracer, _meters: meters }))
    }

    /// Every metric in Prometheus' text format.
    pub(crate) fn metrics(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::warn!(%error, "metrics cannot be written");
            String::new()
        })
    }

    /// Sends the spans that wait; gives up after a few seconds.
    pub(crate) async fn flush(&'static self) {
        let flush = tokio::task::spawn_blocking(|| self.tracer.force_flush());
        if let Ok(Ok(Err(error))) = tokio::time::timeout(EXPORT_TIMEOUT, flush).await {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// What is traced. That does not depend on what is logged: ids are made and handed on in any case.
fn traced<S: Subscriber + for<'a> LookupSpan<'a>>(sent: bool) -> impl Filter<S> + Send + Sync {
    let quiet = ["sqlx", "lapin", "fred", "hyper", "h2", "tower", "opentelemetry"];
    let statements = if sent { LevelFilter::INFO } else { LevelFilter::WARN };
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(quiet.map(|name| (name, LevelFilter::WARN)))
        .with_target(STATEMENTS, statements)
        .and(statements_of_traces())
}

/// A statement is a span where it belongs to a call that is recorded: it costs nothing elsewhere, and the loops that look
/// for work make no traces of their own.
fn statements_of_traces<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Filter<S> + Send + Sync {
    let of_statement = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target().starts_with(STATEMENTS);
    dynamic_filter_fn(move |metadata, _| {
        !of_statement(metadata) || opentelemetry::Context::map_current(|context| context.span().is_recording())
    })
    .with_callsite_filter(
        move |metadata| {
            if of_statement(metadata) { Interest::sometimes() } else { Interest::always() }
        },
    )
}

/// What is logged: as asked for, but for libraries that nobody asked to be so talkative.
fn filter(asked: &str) -> anyhow::Result<EnvFilter> {
    let level = asked.split(',').filter_map(|directive| directive.trim().parse::<LevelFilter>().ok()).next_back();
    let quiet = level.is_some_and(|level| level <= LevelFilter::WARN);
    let directives = if quiet { asked.to_owned() } else { format!("{NOISY},{asked}") };
    EnvFilter::try_new(directives).context("--log cannot be read")
}

fn meters(registry: &Registry, resource: Resource) -> anyhow::Result<SdkMeterProvider> {
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .build()
        .context("metrics cannot be exported")?;
    let bounds = bounds();
    let seconds = move |instrument: &Instrument| {
        let wanted = instrument.kind() == InstrumentKind::Histogram && instrument.unit() == "s";
        let buckets = || Aggregation::ExplicitBucketHistogram { boundaries: bounds.clone(), record_min_max: false };
        if wanted { Stream::builder().with_aggregation(buckets()).build().ok() } else { None }
    };
    Ok(SdkMeterProvider::builder().with_reader(exporter).with_resource(resource).with_view(seconds).build())
}

/// The usual bounds and every latency that the contract promises: whether a promise is kept is read off at its bound.
fn bounds() -> Vec<f64> {
    let timed = kvartal_proto::contract().methods().filter(|method| !method.server_streaming);
    let mut bounds: Vec<f64> = timed.map(|method| method.slo.latency_p99.as_secs_f64()).chain(SECONDS).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// Without an endpoint nothing is recorded, but every call still gets its ids.
fn tracer(config: &Config, resource: Resource) -> anyhow::Result<SdkTracerProvider> {
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/').trim_end_matches("/v1/traces")))
        .with_timeout(EXPORT_TIMEOUT)
        .with_headers(std::collections::HashMap::new())
        .build()
        .context("--otlp-endpoint cannot be used")?;
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_WAITING_MAX)
        .with_scheduled_delay(Duration::from_secs(2))
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio)));
    Ok(builder.with_sampler(Recorded(sampler)).with_span_processor(Tail::new(processor, tail::limits())).build())
}

/// What the process costs.
fn process_metrics() {
    let meter = opentelemetry::global::meter("kvartal.process");
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_description("Resident memory")
        .with_unit("By")
        .with_callback(|memory| {
            if let Some(bytes) = resident_bytes() {
                memory.observe(bytes, &[]);
            }
        })
        .build();
    let Ok(handle) = tokio::runtime::Handle::try_current() else { return };
    meter
        .u64_observable_gauge("tokio.tasks.alive")
        .with_description("Tasks that have not ended")
        .with_callback(move |tasks| {
            tasks.observe(u64::try_from(handle.metrics().num_alive_tasks()).unwrap_or(0), &[]);
        })
        .build();
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests;
