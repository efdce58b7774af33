//! The table of values in a chart's README: written from `values.yaml` and its comments, where they are said once.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::Value;
use xshell::Shell;

const BEGIN: &str = "<!-- values: written by `cargo xtask generate` -->\n";
const END: &str = "<!-- end of values -->\n";

/// Writes the table where its marks are.
pub(super) fn write(sh: &Shell, chart: &str) -> anyhow::Result<()> {
    let (path, text) = current(sh, chart)?;
    sh.write_file(&path, text)?;
    eprintln!("written: {path}");
    Ok(())
}

/// Whether the table is current, and whether the schema and `values.yaml` know the same values.
pub(super) fn check(sh: &Shell, chart: &str) -> anyhow::Result<Vec<String>> {
    let (path, text) = current(sh, chart)?;
    let mut problems = Vec::new();
    if sh.read_file(&path)? != text {
        problems.push(format!("{path} is not current; run: cargo xtask generate"));
    }
    let schema: Value = serde_json::from_str(&sh.read_file(format!("charts/{chart}/values.schema.json"))?)?;
    let values: Value = serde_saphyr::from_str(&sh.read_file(format!("charts/{chart}/values.yaml"))?)?;
    undocumented(&schema, &schema, &values, "", &mut |name| {
        problems.push(format!("charts/{chart}/values.yaml: {name} is in values.schema.json and not here"));
    });
    Ok(problems)
}

fn current(sh: &Shell, chart: &str) -> anyhow::Result<(String, String)> {
    let path = format!("charts/{chart}/README.md");
    let text = sh.read_file(&path)?;
    let marks = || format!("{path} has no marks for the table of values");
    let (before, rest) = text.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    let table = table(&sh.read_file(format!("charts/{chart}/values.yaml"))?);
    Ok((path, format!("{before}{BEGIN}\n{table}\n{END}{after}")))
}

/// One row for each value, and for each group that has a comment.
fn table(values: &str) -> String {
    let mut table = "| value | default | what it is |\n| --- | --- | --- |\n".to_owned();
    let mut comment = String::new();
    // The keys around a line, with their indentation.
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut lines = values.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(words) = text.strip_prefix('#') {
            comment = format!("{comment} {}", words.trim()).trim().to_owned();
            continue;
        }
        let Some((key, default)) = text.split_once(':').filter(|(key, _)| !key.starts_with('-')) else {
            comment.clear();
            continue;
        };
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, key));
        let name: Vec<&str> = path.iter().map(|(_, key)| *key).collect();
        let mut default = default.trim().to_owned();
        let inside = |next: &&str| !next.trim().is_empty() && next.len() - next.trim_start().len() > indent;
        if default.is_empty() && lines.peek().is_some_and(|next| next.trim_start().starts_with("- ")) {
            default = "see values.yaml".to_owned();
            // What is in a list is no value of its own.
            while lines.next_if(inside).is_some() {}
        }
        if !default.is_empty() || !comment.is_empty() {
            let default = if default.is_empty() { default } else { format!("`{default}`") };
            let _ = writeln!(table, "| `{}` | {} | {} |", name.join("."), cell(&default), cell(&comment));
        }
        comment.clear();
    }
    table
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// Calls `tell` with the name of each property that the values lack. Resources are Kubernetes' own.
fn undocumented(root: &Value, schema: &Value, values: &Value, path: &str, tell: &mut impl FnMut(String)) {
    let schema = match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap_or(schema),
        None => schema,
    };
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if name == "resources" || name == "global" {
            continue;
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match values.get(name) {
            None => tell(path),
            Some(value) => undocumented(root, inner, value, &path, tell),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{table, undocumented};

    #[test]
    fn comments_become_words_and_nested_keys_become_paths() {
        let values = "# Who.\n# Really.\nservice: \"\"\ngroup:\n  # How many.\n  count: 2\n  list:\n    - {a: 1}\nlast: {a: <b>}\n";
        let rows: Vec<String> = table(values).lines().skip(2).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "| `service` | `\"\"` | Who. Really. |",
                "| `group.count` | `2` | How many. |",
                "| `group.list` | `see values.yaml` |  |",
                "| `last` | `{a: &lt;b>}` |  |",
            ]
        );
    }

    #[test]
    fn a_value_of_the_schema_that_nobody_describes_is_told() {
        let schema = json!({
            "properties": { "a": { "$ref": "#/definitions/a" }, "b": {} },
            "definitions": { "a": { "properties": { "c": {} } } },
        });
        let mut told = Vec::new();
        undocumented(&schema, &schema, &json!({ "a": {} }), "", &mut |name| told.push(name));
        assert_eq!(told, ["a.c", "b"]);
    }
}
