//! What an import did and what it thinks of the data.

use std::path::{Path, PathBuf};

use kvartal_proto::incident::v1 as pb;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::console::{Console, Glyph};

/// Something to say about a place in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finding {
    /// JSON pointer, or a line; empty for the file as a whole.
    pub(super) place: String,
    /// What is wrong there.
    pub(super) reason: String,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Taken.
    Imported(pb::ImportWorkZonesResponse),
    /// Not taken, for these reasons.
    Refused(Vec<Finding>),
    /// Left out: it is about field devices of these kinds.
    Devices(Vec<String>),
}

/// All files of an import.
#[derive(Debug)]
pub(super) struct Report {
    dry_run: bool,
    files: Vec<(PathBuf, String, Outcome)>,
}

/// Findings shown of each file at most; JSON has all of them.
const FINDINGS_SHOWN: usize = 20;

impl Report {
    /// Nothing yet.
    pub(super) fn new(dry_run: bool) -> Self {
        Self { dry_run, files: Vec::new() }
    }

    /// One more file.
    pub(super) fn add(&mut self, path: &Path, source: String, outcome: Outcome) {
        self.files.push((path.to_path_buf(), source, outcome));
    }

    /// How many files were not taken.
    pub(super) fn refused(&self) -> usize {
        self.files.iter().filter(|(_, _, outcome)| matches!(outcome, Outcome::Refused(_))).count()
    }

    /// Shows it.
    pub(super) fn print(&self, console: Console, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            console.line(serde_json::to_string_pretty(&self.to_json())?);
            return Ok(());
        }
        for (path, source, outcome) in &self.files {
            console.line(format_args!("{}  ({source})", console.strong(&path.display().to_string())));
            print_outcome(outcome, console);
        }
        let total = self.total();
        let kept = if self.dry_run { " (dry run: nothing was changed)" } else { "" };
        let glyph = if self.refused() == 0 { Glyph::Good } else { Glyph::Bad };
        console.say(
            glyph,
            format_args!(
                "{} files: {} imported, {} refused, {} left out; work zones: {}; {} warnings{kept}",
                self.files.len(),
                self.imported().count(),
                self.refused(),
                self.files.len() - self.imported().count() - self.refused(),
                counts(&total),
                total.warnings.len()
            ),
        );
        Ok(())
    }

    fn imported(&self) -> impl Iterator<Item = &pb::ImportWorkZonesResponse> {
        self.files.iter().filter_map(|(_, _, outcome)| match outcome {
            Outcome::Imported(answer) => Some(answer),
            _ => None,
        })
    }

    fn total(&self) -> pb::ImportWorkZonesResponse {
        let mut total = pb::ImportWorkZonesResponse::default();
        for answer in self.imported() {
            total.created_count += answer.created_count;
            total.updated_count += answer.updated_count;
            total.unchanged_count += answer.unchanged_count;
            total.closed_count += answer.closed_count;
            total.warnings.extend(answer.warnings.iter().cloned());
        }
        total
    }

    fn to_json(&self) -> Value {
        let files: Vec<Value> =
            self.files.iter().map(|(path, source, outcome)| file_json(path, source, outcome)).collect();
        json!({ "dry_run": self.dry_run, "refused": self.refused(), "files": files })
    }
}

fn print_outcome(outcome: &Outcome, console: Console) {
    match outcome {
        Outcome::Imported(answer) => {
            console.say(Glyph::Good, counts(answer));
            let findings = answer.warnings.iter().map(|w| Finding { place: w.path.clone(), reason: w.message.clone() });
            print_findings(Glyph::Warning, &findings.collect::<Vec<_>>(), console);
        }
        Outcome::Refused(findings) => {
            console.say(Glyph::Bad, format_args!("refused, nothing of it was imported: {} errors", findings.len()));
            print_findings(Glyph::Bad, findings, console);
        }
        Outcome::Devices(kinds) => {
            console.say(Glyph::Skipped, format_args!("left out: device feed ({}), not work zones", kinds.join(", ")));
        }
    }
}

fn print_findings(glyph: Glyph, findings: &[Finding], console: Console) {
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        let place = if finding.place.is_empty() { "whole file" } else { &finding.place };
        console.line(format_args!("    {} {place}: {}", console.glyph(glyph), finding.reason));
    }
    if findings.len() > FINDINGS_SHOWN {
        console.line(format_args!("      … and {} more; --json shows all", findings.len() - FINDINGS_SHOWN));
    }
}

fn counts(answer: &pb::ImportWorkZonesResponse) -> String {
    format!(
        "{} created, {} updated, {} unchanged, {} closed",
        answer.created_count, answer.updated_count, answer.unchanged_count, answer.closed_count
    )
}

fn file_json(path: &Path, source: &str, outcome: &Outcome) -> Value {
    let mut file = json!({ "file": path.display().to_string(), "source": source });
    let facts = match outcome {
        Outcome::Imported(answer) => json!({
            "outcome": "imported",
            "created": answer.created_count,
            "updated": answer.updated_count,
            "unchanged": answer.unchanged_count,
            "closed": answer.closed_count,
            "warnings": answer.warnings.iter().map(|w| json!({ "place": w.path, "message": w.message })).collect::<Vec<_>>(),
        }),
        Outcome::Refused(findings) => json!({
            "outcome": "refused",
            "errors": findings.iter().map(|f| json!({ "place": f.place, "message": f.reason })).collect::<Vec<_>>(),
        }),
        Outcome::Devices(kinds) => json!({ "outcome": "device feed", "devices": kinds }),
    };
    if let (Value::Object(file), Value::Object(facts)) = (&mut file, facts) {
        file.extend(facts);
    }
    file
}

/// What a failed call says about the file; an error when it says something about all files.
pub(super) fn refusal(status: Status) -> anyhow::Result<Outcome> {
    let reason = match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::ResourceExhausted | Code::OutOfRange => {
            status.message()
        }
        Code::PermissionDenied => {
            anyhow::bail!("not allowed: {} (a dispatcher or administrator may import)", status.message())
        }
        _ => anyhow::bail!("{}: {}", status.code(), status.message()),
    };
    let error = kvartal_mesh::from_status(&status);
    let mut findings: Vec<Finding> = error
        .field_violations()
        .iter()
        .map(|violation| Finding { place: violation.field.clone(), reason: violation.description.clone() })
        .collect();
    if findings.is_empty() {
        findings.push(Finding { place: String::new(), reason: reason.to_owned() });
    }
    Ok(Outcome::Refused(findings))
}
