//! Values of the charts, for a small node and for tests.

use serde_json::{Value, json};

use super::{Installation, Service};

/// Images are loaded into the node, so nothing has to be pulled.
const PULL: &str = "IfNotPresent";
/// Tests call more often than people.
const RATE_FACTOR: u32 = 1000;
/// Who may sign in at first.
const ADMIN: &str = "admin@city.example";

pub(super) fn operator(installation: &Installation) -> Value {
    json!({
        "image": {"pullPolicy": PULL},
        "replicas": 1,
        "watchNamespaces": [installation.namespace],
        "networkPolicy": {"backupStores": [outside(&installation.store)]},
    })
}

/// An object for the operator.
pub(super) fn database(installation: &Installation, service: &Service) -> Value {
    json!({
        "apiVersion": "kvartal.dev/v1alpha1",
        "kind": "ServiceDatabase",
        "metadata": {"name": service.name, "namespace": installation.namespace},
        "spec": {
            // TimescaleDB is no package of Debian; the services run without it too.
            "engine": "postgres",
            "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
            "storage": {"size": "1Gi"},
        },
    })
}

pub(super) fn platform() -> Value {
    json!({
        "image": {"pullPolicy": PULL},
        "gateway": {"replicas": 1},
        "edge": {"replicas": 1},
        "guard": {"replicas": 1, "rateFactor": RATE_FACTOR},
        "jaeger": {"enabled": true, "image": {"repository": "kvartal-jaeger", "pullPolicy": PULL}, "maxTraces": 5000},
        "tracing": {"sampledPercent": 100},
    })
}

pub(super) fn service(installation: &Installation, service: &Service) -> Value {
    let mut extra = vec![json!({"name": "KVARTAL_RATE_FACTOR", "value": RATE_FACTOR.to_string()})];
    let mut egress = Vec::new();
    match service.name.as_str() {
        "identity" => {
            extra.push(json!({"name": "KVARTAL_IDENTITY_ADMIN_EMAIL", "value": ADMIN}));
            extra.push(
                json!({"name": "KVARTAL_IDENTITY_ADMIN_PASSWORD_FILE", "value": "/run/secrets/keys/admin-password"}),
            );
            extra.push(json!({"name": "KVARTAL_IDENTITY_MASTER_KEY_FILE", "value": "/run/secrets/keys/master-key"}));
        }
        "notification" => {
            extra.push(json!({"name": "KVARTAL_SMTP_URL", "value": format!("smtp://{}", installation.mail)}));
            egress.push(outside(&installation.mail));
        }
        _ => {}
    }
    json!({
        "service": service.name,
        "replicas": 1,
        "image": {"pullPolicy": PULL},
        "extraEnv": extra,
        "otlpEndpoint": "http://jaeger:4318",
        // Tests look at single calls.
        "traceRatio": 1,
        "networkPolicy": {"egress": egress},
    })
}

/// Lets out to an address and port outside of the cluster.
fn outside(to: &str) -> Value {
    let (host, port) = to.rsplit_once(':').unwrap_or((to, "0"));
    json!({"to": [{"ipBlock": {"cidr": format!("{host}/32")}}], "ports": [{"port": port.parse::<u16>().unwrap_or(0)}]})
}
