//! Values of the charts, for a small node and for tests.

use serde_json::{Value, json};

use super::{Installation, Service};

/// Images are loaded into the node, so nothing has to be pulled.
const PULL: &str = "IfNotPresent";
/// Tests call more often than people.
const RATE_FACTOR: u32 = 1000;
/// Who may sign in at first.
const ADMIN: &str = "admin@city.example";

pub(super) fn database(service: &Service) -> Value {
    json!({
        "service": service.name,
        // TimescaleDB is no package of Debian; the services run without it too.
        "engine": "postgres",
        "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
        "storage": {"size": "1Gi"},
    })
}

pub(super) fn platform() -> Value {
    json!({
        "image": {"pullPolicy": PULL},
        "gateway": {"replicas": 1},
        "edge": {"replicas": 1},
        "guard": {"replicas": 1, "rateFactor": RATE_FACTOR},
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
            egress.push(mail(&installation.mail));
        }
        _ => {}
    }
    json!({
        "service": service.name,
        "replicas": 1,
        "image": {"pullPolicy": PULL},
        "extraEnv": extra,
        "networkPolicy": {"egress": egress},
    })
}

/// Lets mail out to where it goes.
fn mail(to: &str) -> Value {
    let (host, port) = to.rsplit_once(':').unwrap_or((to, "25"));
    json!({"to": [{"ipBlock": {"cidr": format!("{host}/32")}}], "ports": [{"port": port.parse::<u16>().unwrap_or(25)}]})
}
