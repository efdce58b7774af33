//! Each rule fails on a tree that breaks it, and on nothing else.

use std::path::Path;

use xshell::{Shell, TempDir};

use super::source::Source;
use super::{check, layers};

const WORKSPACE: &str =
    "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"services/*\", \"xtask\", \"e2e\"]\n[workspace.lints]\n";
const RUST: &str = "//! A file.\n";

fn manifest(name: &str, dependencies: &str) -> String {
    format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[lints]\nworkspace = true\n{dependencies}")
}

/// A small workspace without a fault, then with these files written over it.
fn tree(sh: &Shell, changes: &[(&str, &str)]) -> TempDir {
    let root = sh.create_temp_dir().unwrap();
    let write = |path: &str, text: &str| sh.write_file(root.path().join(path), text).unwrap();
    write("Cargo.toml", WORKSPACE);
    for name in ["kernel", "contract", "proto", "store", "events", "mesh", "host", "testing", "trace"] {
        write(&format!("crates/{name}/Cargo.toml"), &manifest(&format!("kvartal-{name}"), ""));
        write(&format!("crates/{name}/src/lib.rs"), RUST);
    }
    for name in ["news", "chat"] {
        let dependencies = "[dependencies]\nkvartal-host = { path = \"../../crates/host\" }\n\
            [dev-dependencies]\nkvartal-testing = { path = \"../../crates/testing\" }\n";
        write(&format!("services/{name}/Cargo.toml"), &manifest(&format!("kvartal-{name}"), dependencies));
        write(&format!("services/{name}/README.md"), "News.\n");
        write(&format!("proto/kvartal/{name}/v1/{name}.proto"), "");
        let layers =
            ["domain", "application", "infrastructure/store", "presentation/grpc"].map(|l| format!("src/{l}.rs"));
        for file in layers.iter().map(String::as_str).chain(["src/lib.rs", "tests/it/main.rs"]) {
            write(&format!("services/{name}/{file}"), RUST);
        }
    }
    for name in ["xtask", "e2e"] {
        write(&format!("{name}/Cargo.toml"), &manifest(&format!("kvartal-{name}"), ""));
        write(&format!("{name}/src/lib.rs"), RUST);
    }
    for (path, text) in changes {
        match *text {
            "" => sh.remove_path(root.path().join(path)).unwrap(),
            text => write(path, text),
        }
    }
    root
}

fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    let sh = Shell::new().unwrap();
    check(tree(&sh, changes).path()).unwrap()
}

#[test]
fn this_workspace_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let problems = check(root).unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_tree_without_a_fault_passes() {
    let allowed = "//! tonic, dbg!(1)\n/* sea_orm::Set /* tokio */ tonic */\nfn f<'a>(s: &'a str) -> char {\n    \
        let _ = (\"tonic \\\" tokio::spawn(\", r#\"todo!(\" /ro\"#, b'\\'', '\"');\n    'x'\n}\nstruct Protonic;\n";
    assert_eq!(problems(&[("services/news/src/domain.rs", allowed)]), Vec::<String>::new());
}

#[test]
fn every_broken_arrow_between_packages_is_found() {
    let cases = [
        ("crates/kernel", "store", ""),
        ("crates/kernel", "testing", "dev-"),
        ("crates/contract", "proto", ""),
        ("crates/contract", "proto", "build-"),
        ("crates/proto", "mesh", ""),
        ("crates/store", "events", ""),
        ("crates/events", "mesh", ""),
        ("crates/mesh", "store", ""),
        ("crates/mesh", "host", "dev-"),
        ("crates/host", "testing", ""),
        ("crates/testing", "store", ""),
        ("services/news", "testing", ""),
        ("services/news", "chat", ""),
        ("services/news", "chat", "dev-"),
        ("xtask", "kernel", ""),
        ("xtask", "testing", "dev-"),
        ("e2e", "news", ""),
    ];
    for (folder, on, kind) in cases {
        let up = "../".repeat(folder.split('/').count());
        let place = if ["news", "chat"].contains(&on) { "services" } else { "crates" };
        let section = format!("[{kind}dependencies]\nkvartal-{on} = {{ path = \"{up}{place}/{on}\" }}\n");
        let name = format!("kvartal-{}", folder.rsplit('/').next().unwrap());
        let found = problems(&[(&format!("{folder}/Cargo.toml"), &manifest(&name, &section))]);
        let expected = format!("{folder}/Cargo.toml: {name} may not depend on kvartal-{on}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{expected}: {found:?}");
    }
}

#[test]
fn every_broken_arrow_between_layers_is_found() {
    let cases = [
        ("domain.rs", "use tonic::Status;", "tonic"),
        ("domain.rs", "use tonic_types::ErrorDetails;", "tonic_types"),
        ("domain.rs", "fn f(t: prost_types::Timestamp) {}", "prost_types"),
        ("domain.rs", "use kvartal_proto::event::v1::Envelope;", "kvartal_proto"),
        ("domain/rules.rs", "use tokio::sync::watch;", "tokio"),
        ("domain.rs", "use crate::application::News;", "application"),
        ("domain.rs", "use crate::{domain::Id, presentation};", "presentation"),
        ("domain.rs", "fn f() { super::infrastructure::open() }", "infrastructure"),
        ("application.rs", "use sea_orm::EntityTrait;", "sea_orm"),
        ("application.rs", "use kvartal_store::Store;", "kvartal_store"),
        (
            "application.rs",
            "use crate::{\n    domain::{Id, State},\n    infrastructure::StoredNews,\n};",
            "infrastructure",
        ),
        ("infrastructure/store.rs", "use tonic::Status;", "tonic"),
        ("infrastructure/store.rs", "use crate::presentation::grpc;", "presentation"),
        ("presentation/grpc.rs", "use sea_orm::Set;", "sea_orm"),
        ("presentation/grpc.rs", "use crate::infrastructure::store;", "infrastructure"),
    ];
    for (file, code, word) in cases {
        let path = format!("services/news/src/{file}");
        let text = format!("{RUST}\n{code}\n");
        let mut found = Vec::new();
        layers::check(&Source::new(&path, &text), &mut found);
        assert!(found.len() == 1 && found[0].ends_with(&format!("may not know {word}")), "{code}: {found:?}");
    }
    assert_eq!(problems(&[("services/news/src/domain.rs", "//! A file.\nuse tonic::Status;\n")]).len(), 1);
}

#[test]
fn every_forbidden_text_is_found() {
    let cases = [
        ("fn f() { dbg!(1); }", "dbg!"),
        ("fn f() { todo!() }", "todo!"),
        ("fn f() { unimplemented!() }", "unimplemented!"),
        ("#[test]\n#[ignore = \"slow\"]\nfn f() {}", "#[ignore"),
        ("#[should_panic(expected = \"x\")]\nfn f() {}", "#[should_panic"),
        ("fn f() { std::thread::sleep(d) }", "thread::sleep"),
        ("fn f() { tokio::spawn(g()); }", "tokio::spawn"),
        ("fn f() { std::env::var(\"HOME\"); }", "env::var"),
        ("fn f() { SystemTime::now(); }", "SystemTime::now"),
    ];
    for (code, words) in cases {
        let found = problems(&[("services/news/src/lib.rs", &format!("{RUST}{code}\n"))]);
        assert!(found.len() == 1 && found[0].contains(words), "{code}: {found:?}");
    }
    let places =
        [("crates/host/src/lib.rs", "tokio::spawn(f())"), ("crates/testing/src/lib.rs", "std::env::var(\"A\")")];
    for (path, code) in places {
        assert_eq!(problems(&[(path, &format!("{RUST}fn f() {{ {code}; }}\n"))]), Vec::<String>::new());
    }
}

#[test]
fn every_fault_of_form_is_found() {
    let long = RUST.to_owned() + &"// more\n".repeat(500);
    let home = format!("run it in /ro{}x\n", "ot/");
    let no_lints = "[package]\nname = \"kvartal-news\"\nedition = \"2024\"\n";
    let cases: &[(&str, &str, &str)] = &[
        ("crates/host/src/a.rs", "fn f() {}\n", "begin with `//!`"),
        ("crates/host/src/a.rs", &long, "501 lines"),
        ("docs/guide.md", &home, "a folder of one computer"),
        ("services/news/Cargo.toml", no_lints, "[lints] workspace = true"),
        ("services/news/Cargo.toml", &manifest("news", ""), "asks for kvartal-news"),
        ("crates/host/tests/more.rs", RUST, "move it to tests/it/"),
        ("services/news/README.md", "", "there is no README.md"),
        ("services/news/src/domain.rs", "", "there is no src/domain.rs"),
        ("services/news/tests/it/main.rs", "", "there is no tests/it/main.rs"),
        ("proto/kvartal/news", "", "there is no proto/kvartal/news/"),
    ];
    for (path, text, expected) in cases {
        let found = problems(&[(path, text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{path}: {expected}: {found:?}");
    }
}
