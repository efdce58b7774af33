//! The browser app: files that Vite has built, from within the program or from a folder.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

use anyhow::Context as _;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

/// As for our other pages; the app draws its map in a worker and shows pictures before they are sent.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
     worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
/// What every path of the app's own pages begins with.
const INDEX: &str = "index.html";
/// Names below carry a hash of their content, so it never changes.
const HASHED: &str = "assets/";
/// Largest file that is read from a folder.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Forms in which a file may be sent, best first; the ending is that of the file beside it.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// A file as the build made it: its path, its content.
type Embedded = (&'static str, &'static [u8]);
// `EMBEDDED: &[Embedded]`, written by build.rs; empty when the app had not been built.
include!(concat!(env!("OUT_DIR"), "/app_files.rs"));

/// Every file of the app.
#[derive(Clone, Debug)]
pub(crate) struct App(BTreeMap<String, File>);

#[derive(Clone, Debug)]
struct File {
    content: Bytes,
    content_type: &'static str,
    /// In the order of [`ENCODINGS`].
    encoded: [Option<Bytes>; 2],
    etag: HeaderValue,
}

impl App {
    /// The one within the program, if it was built with one.
    pub(crate) fn embedded() -> Option<Self> {
        let files = EMBEDDED.iter().map(|(path, content)| ((*path).to_owned(), Bytes::from_static(content)));
        Self::of(files.collect())
    }

    /// The one in a folder; it is read once.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no app.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        read_folder(folder, "", &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
        Self::of(files).with_context(|| format!("{} holds no {INDEX}; build the app first", folder.display()))
    }

    fn of(mut files: BTreeMap<String, Bytes>) -> Option<Self> {
        let plain: Vec<String> =
            files.keys().filter(|path| !ENCODINGS.iter().any(|(_, ending)| path.ends_with(ending))).cloned().collect();
        let app = plain.into_iter().filter_map(|path| {
            let encoded = ENCODINGS.map(|(_, ending)| files.remove(&format!("{path}{ending}")));
            let content = files.remove(&path)?;
            let file = File { etag: etag(&content)?, content_type: content_type(&path), content, encoded };
            Some((path, file))
        });
        let app = Self(app.collect());
        app.0.contains_key(INDEX).then_some(app)
    }

    /// The file at this path, if there is one: `/assets/index-4f2a.js`.
    pub(crate) fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let path = path.strip_prefix('/')?;
        if path == INDEX {
            return None;
        }
        self.0.get(path).map(|file| send(file, path, headers))
    }

    /// The page, which finds out by itself what its path means. `None` for whoever wants no page, and for what looks like
    /// a file.
    pub(crate) fn page(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        if path != "/" && (file || !accepts.contains("text/html")) {
            return None;
        }
        let mut response = send(self.0.get(INDEX)?, INDEX, headers);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
        Some(response)
    }
}

fn send(file: &File, path: &str, headers: &HeaderMap) -> Response {
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common = [
        (ETAG, file.etag.clone()),
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if headers.get(IF_NONE_MATCH) == Some(&file.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = ENCODINGS.iter().zip(&file.encoded).find_map(|((name, _), content)| {
        let content = content.as_ref()?;
        accepts(accepted, name).then(|| (*name, content.clone()))
    });
    let content_type = [(CONTENT_TYPE, file.content_type)];
    match encoded {
        Some((name, content)) => (common, content_type, [(CONTENT_ENCODING, name)], content).into_response(),
        None => (common, content_type, file.content.clone()).into_response(),
    }
}

/// Whether an Accept-Encoding header takes this coding (RFC 9110, section 12.5.3).
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let refused = |weight: &str| weight.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0_f32);
        parts.next() == Some(coding) && !parts.any(refused)
    })
}

/// The same content has the same tag in every process of a version.
fn etag(content: &[u8]) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).ok()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn read_folder(folder: &Path, below: &str, files: &mut BTreeMap<String, Bytes>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            anyhow::ensure!(metadata.len() <= FILE_BYTES_MAX, "{path} is larger than any file of the app");
            files.insert(path, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_taken_as_the_header_says() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip", "br") && !accepts("br;q=0, gzip", "br") && !accepts("", "gzip"));
    }

    #[test]
    fn a_folder_without_an_app_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = App::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds no index.html"), "{error}");
        let error = format!("{:#}", App::read(&folder.path().join("none")).unwrap_err());
        assert!(error.contains("cannot read"), "{error}");
    }
}
