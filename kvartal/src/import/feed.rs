//! Looks at files before they are sent: which there are, what they are, what they are called.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// The platform refuses more; see ImportWorkZonesRequest.
const SIZE_MAX: usize = 4_000_000;
/// Files of one import at most: a mistyped `/` should not send a whole disk.
const FILES_MAX: usize = 10_000;

/// What a file turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// A feed of road events, or something only the platform can judge.
    WorkZones,
    /// A feed of field devices, with the kinds it names.
    Devices(Vec<String>),
    /// Nothing that could be sent.
    Unreadable {
        /// Where in the file; empty for the file as a whole.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// The files to import, folders searched one level deep, in order of their names.
pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries =
                std::fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?;
            let mut inside: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).filter(|file| is_feed(file)).collect();
            inside.sort();
            files.append(&mut inside);
        } else {
            anyhow::ensure!(path.exists(), "there is no {}", path.display());
            files.push(path.clone());
        }
        anyhow::ensure!(files.len() <= FILES_MAX, "more than {FILES_MAX} files; import them in parts");
    }
    Ok(files)
}

fn is_feed(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.is_file() && (extension.eq_ignore_ascii_case("geojson") || extension.eq_ignore_ascii_case("json"))
}

/// The name of a file's feed: the file's own name, in the characters a source may have.
pub(super) fn source(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
    let name: String = stem.chars().map(|c| if allowed(c) { c } else { '-' }).take(190).collect();
    if name.trim_matches('-').is_empty() { "wzdx".to_owned() } else { format!("wzdx:{name}") }
}

/// Tells work zones from devices. What is right or wrong with work zones is for the platform to say.
pub(super) fn classify(content: &[u8]) -> Content {
    let unreadable = |place: String, reason: String| Content::Unreadable { place, reason };
    if content.len() > SIZE_MAX {
        return unreadable(String::new(), format!("{} bytes; at most {SIZE_MAX} are accepted", content.len()));
    }
    let feed: Value = match serde_json::from_slice(content) {
        Ok(feed) => feed,
        Err(error) => {
            return unreadable(
                format!("line {}, column {}", error.line(), error.column()),
                format!("is no JSON: {error}"),
            );
        }
    };
    let features = feed.get("features").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let detail = |feature: &Value, name: &str| {
        feature
            .pointer("/properties/core_details")
            .and_then(|core| core.get(name))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let kinds: BTreeSet<String> = features.iter().filter_map(|feature| detail(feature, "device_type")).collect();
    // A feed with both is left to the platform, which names the features that do not belong.
    let road_events = features.iter().any(|feature| detail(feature, "event_type").is_some());
    if kinds.is_empty() || road_events { Content::WorkZones } else { Content::Devices(kinds.into_iter().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_feeds_are_recognised() {
        let feed = br#"{"features":[{"properties":{"core_details":{"device_type":"arrow-board"}}}]}"#;
        assert_eq!(classify(feed), Content::Devices(vec!["arrow-board".to_owned()]));
    }

    #[test]
    fn road_events_are_left_to_the_platform() {
        assert_eq!(
            classify(br#"{"features":[{"properties":{"core_details":{"event_type":"work-zone"}}}]}"#),
            Content::WorkZones
        );
        assert_eq!(classify(br#"{"features":"none"}"#), Content::WorkZones);
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        let Content::Unreadable { place, .. } = classify(b"{\n \"a\": }") else { panic!("was taken") };
        assert_eq!(place, "line 2, column 7");
    }

    #[test]
    fn sources_use_only_what_the_contract_allows() {
        assert_eq!(source(Path::new("/x/feed 1.geojson")), "wzdx:feed-1");
        assert_eq!(source(Path::new("/x/дороги.json")), "wzdx");
    }
}
