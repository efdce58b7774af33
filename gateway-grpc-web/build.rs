//! Compiles Envoy's rate-limit and authorization protocols without protoc.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../third_party/proto");
    for folder in ["envoy", "google"] {
        println!("cargo:rerun-if-changed={}", include.join(folder).display());
    }
    let files = ["envoy/service/auth/v3/external_auth.proto", "envoy/service/ratelimit/v3/rls.proto"];
    let set = protox::compile(files.map(|file| include.join(file)), [&include])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .extern_path(".google.rpc", "::tonic_types::pb")
        .include_file("protocol.rs")
        .compile_fds(set)?;
    Ok(())
}
