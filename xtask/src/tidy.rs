//! The rules of the architecture, read from the sources: who may depend on whom, and what no file may contain.

mod crates;
mod layers;
mod source;
#[cfg(test)]
mod tests;
mod text;

use std::path::{Path, PathBuf};

use source::Source;

/// Every breach of a rule under `root`, as `path:line: what is wrong`; empty when all is well.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    walk(root, Path::new(""), &mut files)?;
    files.sort();
    for file in &files {
        let Ok(text) = String::from_utf8(std::fs::read(root.join(file))?) else { continue };
        let path = file.to_string_lossy();
        text::everywhere(&path, &text, &mut problems);
        if path.ends_with(".rs") {
            let source = Source::new(&path, &text);
            text::rust(&source, &mut problems);
            layers::check(&source, &mut problems);
        }
    }
    crates::check(root, &files, &mut problems)?;
    Ok(problems)
}

/// Files of the project: all but what is built, installed or Git's own.
fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = folder.join(&name);
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir()
            && !["target", "node_modules", ".git", ".kvartal", "test-results"]
                .contains(&name.to_string_lossy().as_ref())
        {
            walk(root, &path, files)?;
        }
    }
    Ok(())
}
