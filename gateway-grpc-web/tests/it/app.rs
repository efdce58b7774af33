//! The browser app as browsers get it: from a folder here, as from within the program.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use http_body_util::Full;
use kvartal_gateway_grpc_web::{Account, Line, LineClass, Options};
use serde_json::Value;

use crate::platform::{Front, Platform};

/// A folder as Vite leaves it.
fn dist() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, content) in [
        ("index.html", "<!doctype html><title>the app</title>"),
        ("assets/index-4f2a.js", "console.log('plain')"),
        ("assets/index-4f2a.js.br", "brotli"),
        ("assets/index-4f2a.js.gz", "gzip"),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

async fn start(front: Front, folder: &tempfile::TempDir) -> Platform {
    Platform::start_with(front, Options { web_dir: Some(folder.path().to_path_buf()), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_the_app_for_who_reads_html_and_unknown_for_programs() {
    let folder = dist();
    for front in Front::BOTH {
        let platform = start(front, &folder).await;
        for path in ["/", "/map?zoom=12", "/reports/KV-7F3K-92"] {
            let request =
                platform.request("GET", path).header("accept", "text/html,*/*").body(Full::default()).unwrap();
            let answer = platform.send(request).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-cache", "a new version is seen at once");
            let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("script-src 'self'") && policy.contains("worker-src 'self'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            assert!(answer.body().starts_with(b"<!doctype html><title>the app"), "{path}");
        }
        assert_eq!(platform.get("/reports/KV-7F3K-92").await.0, StatusCode::NOT_FOUND, "a program asked");
        let request =
            platform.request("GET", "/assets/gone-1.js").header("accept", "text/html").body(Full::default()).unwrap();
        assert_eq!(platform.send(request).await.status(), StatusCode::NOT_FOUND, "a file is no page");
        let request = platform.request("POST", "/map").header("accept", "text/html").body(Full::default()).unwrap();
        assert_eq!(platform.send(request).await.status(), StatusCode::NOT_FOUND, "nobody posts to a page");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_in_the_best_form_that_the_browser_takes_and_kept_for_good() {
    let folder = dist();
    for front in Front::BOTH {
        let platform = start(front, &folder).await;
        for (accepted, coding, content) in [
            ("gzip, deflate, br", Some("br"), "brotli"),
            ("gzip", Some("gzip"), "gzip"),
            ("", None, "console.log('plain')"),
        ] {
            let request = platform
                .request("GET", "/assets/index-4f2a.js")
                .header("accept-encoding", accepted)
                .body(Full::default())
                .unwrap();
            let answer = platform.send(request).await;
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert_eq!(answer.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap()), coding);
            assert_eq!(answer.body(), content.as_bytes());
        }
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let folder = dist();
    let platform = start(Front::InProcess, &folder).await;
    let answer = platform.send(platform.request("GET", "/").body(Full::default()).unwrap()).await;
    let tag = answer.headers()[ETAG].clone();
    let request = platform.request("GET", "/").header("if-none-match", &tag).body(Full::default()).unwrap();
    let again = platform.send(request).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.body().is_empty());
    platform.stop().await;
    std::fs::write(folder.path().join("index.html"), "<!doctype html><title>another</title>").unwrap();
    let platform = start(Front::InProcess, &folder).await;
    let request = platform.request("GET", "/").header("if-none-match", &tag).body(Full::default()).unwrap();
    assert_eq!(platform.send(request).await.status(), StatusCode::OK, "another version has another tag");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_is_told_of_accounts_only_where_they_are_known_to_everybody() {
    let platform = Platform::start(Front::InProcess).await;
    let told: Value = serde_json::from_str(&platform.get("/app.json").await.1).unwrap();
    assert_eq!(told["demoAccounts"], Value::Array(Vec::new()));
    assert_eq!(told["mailPage"], "");
    platform.stop().await;
    let account =
        Account { role: "admin".to_owned(), email: "admin@demo.example".to_owned(), password: "known".to_owned() };
    let river =
        Line { name: "Сева".to_owned(), class: LineClass::Water, points: vec![(62.5, 54.25), (62.6, 54.3)] };
    let options = Options { accounts: vec![account], scenery: vec![river], mail_page: true, ..Options::default() };
    let platform = Platform::start_with(Front::InProcess, options).await;
    let told: Value = serde_json::from_str(&platform.get("/app.json").await.1).unwrap();
    assert_eq!(told["demoAccounts"][0]["email"], "admin@demo.example");
    assert_eq!(told["mailPage"], "/_dev/mail");
    let plan: Value = serde_json::from_str(&platform.get("/scenery.json").await.1).unwrap();
    assert_eq!(plan["features"][0]["properties"]["class"], "water");
    assert_eq!(plan["features"][0]["geometry"]["coordinates"][0], serde_json::json!([54.25, 62.5]), "longitude first");
    platform.stop().await;
}
