//! The arrows between packages, and the shape of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

/// A folder and the shared crates its package may depend on.
const SHARED: &[(&str, &[&str])] = &[
    ("crates/kernel", &[]),
    ("crates/contract", &["kernel"]),
    ("crates/proto", &["contract", "kernel"]),
    ("crates/trace", &[]),
    ("crates/store", &["kernel"]),
    ("crates/events", &["kernel", "proto", "store", "trace"]),
    ("crates/mesh", &["contract", "kernel", "proto", "trace"]),
    ("crates/host", &["contract", "events", "kernel", "mesh", "proto", "store", "trace"]),
    ("crates/testing", &["kernel"]),
    ("crates/stage", &["events", "host", "kernel", "mesh", "proto", "testing"]),
];
const ALL_SHARED: &[&str] = &["contract", "events", "host", "kernel", "mesh", "proto", "store", "trace"];
/// What only tests may depend on.
const FOR_TESTS: &[&str] = &["stage", "testing"];

/// A member of the workspace.
struct Member {
    name: String,
    folder: String,
    /// Name and kind (`null`, `dev`, `build`) of each dependency on another member.
    dependencies: Vec<(String, Option<String>)>,
}

/// Looks at all members; `files` are all files of the project.
pub(super) fn check(root: &Path, files: &[PathBuf], problems: &mut Vec<String>) -> anyhow::Result<()> {
    for member in members(root)? {
        let manifest = format!("{}/Cargo.toml", member.folder);
        names(&member, &manifest, problems);
        dependencies(&member, &manifest, problems);
        let text = std::fs::read_to_string(root.join(&manifest))?;
        if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{manifest}: write `[lints] workspace = true`"));
        }
        shape(&member, files, problems);
    }
    Ok(())
}

fn members(root: &Path) -> anyhow::Result<Vec<Member>> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version=1", "--offline", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let root = root.canonicalize()?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    packages.iter().map(|package| member(package, &root).context("cargo metadata describes a package")).collect()
}

fn member(package: &Value, root: &Path) -> Option<Member> {
    let manifest = PathBuf::from(package["manifest_path"].as_str()?);
    let folder = manifest.parent()?.strip_prefix(root).ok()?.to_string_lossy().into_owned();
    let ours = package["dependencies"].as_array()?.iter().filter(|dependency| dependency["path"].is_string());
    let dependency = |d: &Value| Some((d["name"].as_str()?.to_owned(), d["kind"].as_str().map(str::to_owned)));
    let dependencies = ours.filter_map(dependency).collect();
    Some(Member { name: package["name"].as_str()?.to_owned(), folder, dependencies })
}

fn names(member: &Member, manifest: &str, problems: &mut Vec<String>) {
    let last = member.folder.rsplit('/').next().unwrap_or(&member.folder);
    let expected = if last == "kvartal" { "kvartal".to_owned() } else { format!("kvartal-{last}") };
    if member.name != expected {
        problems.push(format!("{manifest}: the package is called {}, its folder asks for {expected}", member.name));
    }
}

fn dependencies(member: &Member, manifest: &str, problems: &mut Vec<String>) {
    for (name, kind) in &member.dependencies {
        let short = name.strip_prefix("kvartal-").unwrap_or(name);
        let for_tests = kind.as_deref() == Some("dev");
        if !allowed(&member.folder, short, for_tests) {
            let how = if for_tests { "for its tests" } else { "" };
            problems.push(format!("{manifest}: {} may not depend on {name} {how}", member.name).trim_end().to_owned());
        }
    }
}

fn allowed(folder: &str, dependency: &str, for_tests: bool) -> bool {
    if folder == "xtask" {
        return dependency == "cluster";
    }
    let of_tests = FOR_TESTS.contains(&dependency);
    if let Some((_, list)) = SHARED.iter().find(|(shared, _)| *shared == folder) {
        return list.contains(&dependency) || (for_tests && of_tests && folder != "crates/kernel");
    }
    let shared = ALL_SHARED.contains(&dependency);
    match folder {
        // It puts a service of its own behind the edge.
        "e2e" => shared || of_tests || ["cluster", "gateway-grpc-web"].contains(&dependency),
        // The binary puts everything together.
        "kvartal" => !["e2e", "xtask"].contains(&dependency) && (for_tests || !of_tests),
        // A service, or the gateway: they meet others through `proto` and `mesh` only.
        _ => shared || (for_tests && of_tests),
    }
}

fn shape(member: &Member, files: &[PathBuf], problems: &mut Vec<String>) {
    let folder = &member.folder;
    let has = |name: &str| files.iter().any(|file| file.starts_with(Path::new(folder).join(name)));
    let tests = Path::new(folder).join("tests");
    for file in files.iter().filter(|file| file.parent() == Some(&tests) && file.extension().is_some_and(|e| e == "rs"))
    {
        problems.push(format!("{}: every file here links a program of its own: move it to tests/it/", file.display()));
    }
    let Some(service) = folder.strip_prefix("services/") else { return };
    let lacks = |layer: &&str| !has(&format!("src/{layer}.rs")) && !has(&format!("src/{layer}"));
    let inner = ["domain", "application", "infrastructure"];
    // A service with neither rules nor data passes questions on: it is one layer.
    let inner = if inner.iter().all(lacks) { &[][..] } else { &inner[..] };
    for layer in inner.iter().copied().chain(["presentation"]).filter(|layer| lacks(layer)) {
        problems.push(format!("{folder}: there is no src/{layer}.rs nor src/{layer}/"));
    }
    for file in ["README.md", "src/lib.rs", "tests/it/main.rs"] {
        if !has(file) {
            problems.push(format!("{folder}: there is no {file}"));
        }
    }
    if !files.iter().any(|file| file.starts_with(format!("proto/kvartal/{service}"))) {
        problems.push(format!("{folder}: there is no proto/kvartal/{service}/"));
    }
}
