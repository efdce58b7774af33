//! The arrows inside a service: domain ← application ← {infrastructure, presentation}.

use super::source::{Source, is_word};

/// A layer, the libraries it may not name (nor their companions `name_…`), and the other layers it may not name.
struct Layer {
    name: &'static str,
    libraries: &'static [&'static str],
    layers: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        name: "domain",
        libraries: &[
            "tonic",
            "prost",
            "sea_orm",
            "sqlx",
            "tokio",
            "axum",
            "hyper",
            "lettre",
            "kvartal_proto",
            "kvartal_store",
            "kvartal_events",
            "kvartal_mesh",
            "kvartal_host",
            "kvartal_trace",
        ],
        layers: &["application", "infrastructure", "presentation"],
    },
    Layer {
        name: "application",
        libraries: &["tonic", "prost", "sea_orm", "sqlx", "axum", "hyper", "lettre", "kvartal_proto", "kvartal_store"],
        layers: &["infrastructure", "presentation"],
    },
    Layer { name: "infrastructure", libraries: &["tonic"], layers: &["presentation"] },
    Layer { name: "presentation", libraries: &["sea_orm", "sqlx", "kvartal_store"], layers: &["infrastructure"] },
];

/// Looks at one file of a service.
pub(super) fn check(source: &Source<'_>, problems: &mut Vec<String>) {
    let Some(layer) = layer_of(source.path) else { return };
    for (line, name) in names(source) {
        let library = layer
            .libraries
            .iter()
            .find(|library| name.strip_prefix(**library).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')));
        if library.is_some() {
            problems.push(format!("{}:{line}: {} may not know {name}", source.path, layer.name));
        }
    }
    for (line, module) in own_modules(source) {
        if layer.layers.contains(&module) {
            problems.push(format!("{}:{line}: {} may not know {module}", source.path, layer.name));
        }
    }
}

/// `services/news/src/domain.rs` and everything in `services/news/src/domain/`.
fn layer_of(path: &str) -> Option<&'static Layer> {
    let (_service, inside) = path.strip_prefix("services/")?.split_once("/src/")?;
    let first = inside.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    LAYERS.iter().find(|layer| layer.name == name)
}

/// Every name in the code with its line.
fn names<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (usize, &'a str)> {
    source.code.lines().enumerate().flat_map(|(line, text)| {
        text.split(|c| !is_word(c)).filter(|name| !name.is_empty()).map(move |name| (line + 1, name))
    })
}

/// The modules named right after `crate::` and `super::`, alone or in braces.
fn own_modules<'a>(source: &'a Source<'_>) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for prefix in ["crate::", "super::"] {
        for (at, _) in source.code.match_indices(prefix) {
            let rest = &source.code[at + prefix.len()..];
            let line = source.line(at);
            match rest.strip_prefix('{') {
                Some(group) => found.extend(heads(group).into_iter().map(|name| (line, name))),
                None => found.push((line, word(rest))),
            }
        }
    }
    found
}

/// `a, b::{c, d}, e}` gives a, b, e.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut heads) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(group[start..at].trim_start()));
                return heads;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}
