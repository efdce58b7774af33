//! Compiles Envoy's rate-limit and authorization protocols without protoc, and takes in the browser app if it is built.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

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
    embed_app()
}

/// Takes the files of `web/dist/app`, where `cargo xtask up` and `test` build them; without them the list is empty. They
/// are copied, because another build of the app may replace them before the compiler comes to them.
#[expect(clippy::disallowed_methods, reason = "Cargo says in the environment where things go")]
fn embed_app() -> Result<(), Box<dyn Error>> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    let app = dist.join("app");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut list = String::from("static EMBEDDED: &[Embedded] = &[\n");
    if app.join("index.html").is_file() {
        let mut paths = Vec::new();
        walk(&app, &mut paths)?;
        paths.sort();
        for (number, path) in paths.iter().enumerate() {
            let name = path.strip_prefix(&app)?.to_string_lossy().replace('\\', "/");
            // What the build tells about itself is for no reader.
            if name != "manifest.json" {
                let copy = out.join(format!("app_{number}"));
                std::fs::write(&copy, std::fs::read(path)?)?;
                writeln!(list, "    ({name:?}, include_bytes!({copy:?})),")?;
            }
        }
    }
    list.push_str("];\n");
    Ok(std::fs::write(out.join("app_files.rs"), list)?)
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}
