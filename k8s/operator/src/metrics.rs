//! What the operator counts, for Prometheus.

use std::collections::HashSet;
use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::proto::LabelPair;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// Counters and gauges. A clone counts into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    seconds: HistogramVec,
    helm: IntCounterVec,
    helm_seconds: HistogramVec,
    drift: IntCounter,
    steps: IntCounterVec,
    backup: GaugeVec,
    verified: GaugeVec,
    identity: GaugeVec,
    ready: GaugeVec,
}

const DATABASE: &[&str] = &["namespace", "name"];

impl Metrics {
    /// New ones, all at zero.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            prometheus::Result::Ok(made)
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            let buckets = vec![0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
            let made = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels)?;
            registry.register(Box::new(made.clone()))?;
            prometheus::Result::Ok(made)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let made = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            prometheus::Result::Ok(made)
        };
        let drift = IntCounter::new("kvartal_operator_drift_corrected_total", "Objects put back")?;
        registry.register(Box::new(drift.clone()))?;
        Ok(Self {
            reconciles: counters("kvartal_operator_reconciles_total", "Looks at an object", &["result"])?,
            seconds: histograms("kvartal_operator_reconcile_seconds", "How long a look takes", &[])?,
            helm: counters("kvartal_operator_helm_runs_total", "Helm processes", &["verb", "result"])?,
            helm_seconds: histograms("kvartal_operator_helm_seconds", "How long Helm takes", &["verb"])?,
            steps: counters("kvartal_operator_steps_total", "Steps taken", &["step"])?,
            backup: gauges("kvartal_database_backup_timestamp_seconds", "When the newest backup was made", DATABASE)?,
            verified: gauges(
                "kvartal_database_backup_verified_timestamp_seconds",
                "When a backup was last restored and found whole",
                DATABASE,
            )?,
            identity: gauges(
                "kvartal_identity_expiry_timestamp_seconds",
                "When the certificate of a service ends",
                &["namespace", "service"],
            )?,
            ready: gauges("kvartal_database_ready", "Whether a database is as asked for", DATABASE)?,
            drift,
            registry,
        })
    }

    pub(crate) fn reconciled(&self, result: &str, took: Duration) {
        self.reconciles.with_label_values(&[result]).inc();
        self.seconds.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    pub(crate) fn helm(&self, verb: &str, success: bool, took: Duration) {
        self.helm.with_label_values(&[verb, if success { "ok" } else { "failed" }]).inc();
        self.helm_seconds.with_label_values(&[verb]).observe(took.as_secs_f64());
    }

    pub(crate) fn step(&self, step: &str) {
        self.steps.with_label_values(&[step]).inc();
    }

    pub(crate) fn drifted(&self, objects: usize) {
        self.drift.inc_by(objects.try_into().unwrap_or(0));
    }

    pub(crate) fn ready(&self, namespace: &str, name: &str, ready: bool) {
        self.ready.with_label_values(&[namespace, name]).set(if ready { 1.0 } else { 0.0 });
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    pub(crate) fn backups(&self, namespace: &str, name: &str, made: Option<i64>, verified: Option<i64>) {
        for (gauge, at) in [(&self.backup, made), (&self.verified, verified)] {
            if let Some(at) = at {
                gauge.with_label_values(&[namespace, name]).set(at as f64);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    pub(crate) fn identity(&self, namespace: &str, service: &str, expires: i64) {
        self.identity.with_label_values(&[namespace, service]).set(expires as f64);
    }

    /// Forgets the other identities of the namespace.
    pub(crate) fn keep_identities(&self, namespace: &str, services: &HashSet<&str>) {
        for family in self.identity.collect() {
            for metric in family.get_metric() {
                let label = |name| metric.get_label().iter().find(|label| label.name() == name).map(LabelPair::value);
                let (of, service) = (label("namespace"), label("service").unwrap_or_default());
                if of == Some(namespace) && !services.contains(service) {
                    let _ = self.identity.remove_label_values(&[namespace, service]);
                }
            }
        }
    }

    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        for gauge in [&self.backup, &self.verified, &self.ready] {
            // It may never have been set.
            let _ = gauge.remove_label_values(&[namespace, name]);
        }
    }

    /// How often Helm ran, all verbs and results.
    pub fn helm_runs(&self) -> u64 {
        let families = self.registry.gather();
        let runs = families.iter().filter(|family| family.name() == "kvartal_operator_helm_runs_total");
        let counts = runs.flat_map(|family| family.get_metric().iter().map(|metric| metric.get_counter().get_value()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let sum = counts.sum::<f64>() as u64;
        sum
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}
