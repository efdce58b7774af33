//! Certificates, by files that are read again when they change.

use std::path::Path;

use serde_json::{Value, json};

use super::json::{extension, typed};
use super::settings::{Settings, UpstreamTls};

const PUBLIC: &str = "public-certificate.yaml";
const CLIENT: &str = "client-certificate.yaml";
const AUTHORITY: &str = "authority.yaml";
const SECRET: &str = "envoy.extensions.transport_sockets.tls.v3.Secret";

/// Secrets may only change when they are in files of their own. Kubernetes replaces all files of a mounted secret by moving
/// a directory, so the directory is watched and key and certificate are read as a pair.
pub(super) fn files(settings: &Settings) -> Vec<(&'static str, Value)> {
    let mut files = Vec::new();
    if let Some(folder) = &settings.tls {
        files.push((PUBLIC, resource("public-certificate", "tls_certificate", certificate(folder))));
    }
    if let Some(tls) = &settings.upstream_tls {
        files.push((CLIENT, resource("client-certificate", "tls_certificate", certificate(&tls.folder))));
        let trusted = json!({
            "trusted_ca": { "filename": tls.folder.join("ca.crt") },
            "watched_directory": { "path": tls.folder },
        });
        files.push((AUTHORITY, resource("authority", "validation_context", trusted)));
    }
    files
}

fn certificate(folder: &Path) -> Value {
    json!({
        "certificate_chain": { "filename": folder.join("tls.crt") },
        "private_key": { "filename": folder.join("tls.key") },
        "watched_directory": { "path": folder },
    })
}

fn resource(name: &str, kind: &str, content: Value) -> Value {
    json!({ "resources": [typed(SECRET, json!({ "name": name, kind: content }))] })
}

/// The secret of a file beside the configuration.
fn secret(name: &str, folder: &Path, file: &str) -> Value {
    json!({ "name": name, "sds_config": {
        "resource_api_version": "V3",
        "path_config_source": { "path": folder.join(file) },
    }})
}

/// TLS at the public port.
pub(super) fn public(settings: &Settings) -> Value {
    let context = json!({ "common_tls_context": {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
        "tls_certificate_sds_secret_configs": [secret("public-certificate", &settings.folder, PUBLIC)],
    }});
    extension("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", context)
}

/// Mutual TLS to a service, which must be the one that was meant; a process of several is told which.
pub(super) fn upstream(settings: &Settings, tls: &UpstreamTls, service: &str) -> Value {
    let name = format!("spiffe://{}/{service}", tls.trust_domain);
    let context = json!({ "sni": service, "common_tls_context": {
        "alpn_protocols": ["h2"],
        "tls_params": { "tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3" },
        "tls_certificate_sds_secret_configs": [secret("client-certificate", &settings.folder, CLIENT)],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{ "san_type": "URI", "matcher": { "exact": name } }],
            },
            "validation_context_sds_secret_config": secret("authority", &settings.folder, AUTHORITY),
        },
    }});
    extension("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context)
}
