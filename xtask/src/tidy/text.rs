//! What a file may and may not contain.

use super::source::Source;

/// A file longer than this is two files.
const LONGEST: usize = 500;

/// What no code contains, and what to do instead.
const NOWHERE: &[(&str, &str)] = &[
    ("dbg!", "remove it, or log with tracing"),
    ("todo!", "write it"),
    ("unimplemented!", "write it"),
    ("#[ignore", "a test that does not run is no test: make it run, or delete it"),
    ("#[should_panic", "return an error and assert on it"),
];

/// What only some folders contain: the words, whether tests anywhere may, the folders, and what to do instead.
const SOMEWHERE: &[(&[&str], bool, &[&str], &str)] = &[
    (
        &["tokio::spawn", "tokio::task::spawn"],
        true,
        &["crates/store/", "crates/events/", "crates/mesh/", "crates/host/", "crates/testing/", "e2e/"],
        "nobody waits for such a task at shutdown: use `Runtime::spawn`",
    ),
    (
        &["env::var", "env::var_os", "env::vars", "env::set_var", "env::remove_var"],
        false,
        &[
            "crates/testing/",
            "crates/proto/build",
            "gateway-grpc-web/build.rs",
            "k8s/operator/src/helm.rs",
            "xtask/",
            "e2e/",
        ],
        "settings come in through clap",
    ),
    (
        &["thread::sleep"],
        false,
        &["e2e/cluster/src/wait.rs"],
        "wait for what you need: a notification, a stream, `kvartal_testing::eventually`",
    ),
    (
        &["SystemTime::now", "OffsetDateTime::now_utc", "UtcDateTime::now"],
        true,
        &["crates/kernel/src/clock.rs", "e2e/"],
        "read the time through `Clock`",
    ),
];

/// Folders of one computer, in two halves so that this file passes its own rule.
const MACHINE: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/")];

/// Rules for every file.
pub(super) fn everywhere(path: &str, text: &str, problems: &mut Vec<String>) {
    for (start, end) in MACHINE {
        let folder = format!("{start}{end}");
        for (line, content) in text.lines().enumerate() {
            // `node-work/`, `~/root/` and `https://example.org/home/` are not folders of a computer.
            let absolute = content
                .match_indices(&folder)
                .any(|(at, _)| !content[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}".contains(c)));
            if absolute {
                problems.push(format!("{path}:{}: names {folder}, a folder of one computer", line + 1));
            }
        }
    }
}

/// Rules for Rust files.
pub(super) fn rust(source: &Source<'_>, problems: &mut Vec<String>) {
    let path = source.path;
    if !source.text.starts_with("//!") && !source.text.starts_with("#![doc = include_str!") {
        problems.push(format!("{path}:1: begin with `//!` and one sentence: what this file is"));
    }
    let length = source.text.lines().count();
    if length > LONGEST {
        problems.push(format!("{path}:{length}: {length} lines; split it, {LONGEST} is the limit"));
    }
    for (words, instead) in NOWHERE {
        for line in source.lines_with(words) {
            problems.push(format!("{path}:{line}: {words}: {instead}"));
        }
    }
    for (alternatives, tests, folders, instead) in SOMEWHERE {
        if (*tests && source.is_test()) || folders.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        for words in *alternatives {
            for line in source.lines_with(words) {
                problems.push(format!("{path}:{line}: {words} is for {} only: {instead}", folders.join(", ")));
            }
        }
    }
}
