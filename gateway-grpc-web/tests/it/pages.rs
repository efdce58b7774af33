//! What browsers and programs find on the port without gRPC.

use http::StatusCode;
use http_body_util::Full;
use kvartal_gateway_grpc_web::{Account, Options};
use serde_json::Value;

use crate::platform::{Front, Platform};

#[tokio::test(flavor = "multi_thread")]
async fn private_headers_never_reach_a_service_and_the_address_is_the_connections() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let request = platform
            .request("GET", "/test/headers")
            .header("x-kvartal-mesh", "forged")
            .header("X-Kvartal-Anything", "forged")
            .header("x-forwarded-for", "203.0.113.9")
            .header("user-agent", "test")
            .body(Full::default())
            .unwrap();
        let answer = platform.send(request).await;
        let seen: Value = serde_json::from_slice(answer.body()).unwrap();
        let names = seen["headers"].as_array().unwrap();
        assert!(!names.iter().any(|name| name.as_str().unwrap().starts_with("x-kvartal-")), "{seen}");
        assert_eq!(seen["address"], "127.0.0.1", "nobody was told to trust a proxy");
        assert_eq!(seen["user_agent"], "test");
        platform.stop().await;

        let platform = Platform::start_with(front, Options { trusted_proxies: 1, ..Options::default() }).await;
        let request = platform
            .request("GET", "/test/headers")
            .header("x-forwarded-for", "10.0.0.1, 203.0.113.9")
            .body(Full::default())
            .unwrap();
        let seen: Value = serde_json::from_slice(platform.send(request).await.body()).unwrap();
        assert_eq!(seen["address"], "203.0.113.9", "the proxy's entry, not the client's invention");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_speaks_both_languages_and_runs_no_foreign_script() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let request = platform
            .request("GET", "/start")
            .header("accept-language", "en-GB, ru;q=0.5")
            .body(Full::default())
            .unwrap();
        let answer = platform.send(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-language"], "en");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let page = String::from_utf8(answer.into_body().to_vec()).unwrap();
        assert!(page.contains("lang=\"en\"") && page.contains("All services are up"), "{page}");
        assert!(!page.contains("style=\"") && !page.contains("onclick"), "the policy would stop it");
        let (_, russian) = platform.get("/start?lang=ru").await;
        assert!(russian.contains("Все службы работают"), "{russian}");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_accounts_are_shown_where_there_are_any() {
    let platform = Platform::start(Front::InProcess).await;
    assert!(!platform.get("/start?lang=en").await.1.contains("Demo accounts"));
    platform.stop().await;
    let account = Account {
        role: "dispatcher".to_owned(),
        email: "dispatcher@demo.kvartal.example".to_owned(),
        password: "<known>".to_owned(),
    };
    let platform =
        Platform::start_with(Front::InProcess, Options { accounts: vec![account], ..Options::default() }).await;
    let (_, page) = platform.get("/start?lang=en").await;
    assert!(page.contains("dispatcher@demo.kvartal.example") && page.contains("&lt;known&gt;"), "{page}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_come_as_json_with_the_parts_of_the_page() {
    let platform = Platform::start(Front::InProcess).await;
    let (status, text) = platform.get("/start.json?lang=en").await;
    assert_eq!(status, StatusCode::OK);
    let numbers: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(numbers["ready"], true);
    assert_eq!(numbers["services"][0]["name"], "audit");
    assert!(numbers["requests"].as_u64().unwrap() >= 1);
    for part in ["state", "tiles", "map", "incidents", "reports", "latest", "services"] {
        assert!(numbers["fragments"][part].is_string(), "{part}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_page_health_and_metrics_are_there() {
    for front in Front::BOTH {
        let platform = Platform::start_with(front, Options { metrics: true, ..Options::default() }).await;
        for (path, content) in
            [("/start.js", "fetch"), ("/start.css", "color-scheme"), ("/livez", "alive"), ("/metrics", "# TYPE")]
        {
            let (status, text) = platform.get(path).await;
            assert!(status == StatusCode::OK && text.contains(content), "{path}: {status} {text}");
        }
        let (status, text) = platform.get("/healthz").await;
        let health: Value = serde_json::from_str(&text).unwrap();
        assert!(status == StatusCode::OK && health["status"] == "ready", "{text}");
        let icon = platform.send(platform.request("GET", "/favicon.ico").body(Full::default()).unwrap()).await;
        assert_eq!(icon.headers()["content-type"], "image/x-icon");
        // Nobody who could give the keys runs here: said so, not hidden.
        assert_eq!(platform.get("/.well-known/jwks.json").await.0, StatusCode::SERVICE_UNAVAILABLE);
        platform.stop().await;
        let platform = Platform::start(front).await;
        assert_eq!(platform.get("/metrics").await.0, StatusCode::NOT_FOUND, "not offered unless asked for");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_told_in_the_readers_own_terms() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let (status, text) = platform.get("/no/such/page").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["error"]["code"], 404);
        let request = platform
            .request("GET", "/no/such/page")
            .header("accept", "text/html,application/xhtml+xml")
            .header("accept-language", "en")
            .body(Full::default())
            .unwrap();
        let answer = platform.send(request).await;
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        let page = String::from_utf8_lossy(answer.body());
        // The app, where this program was built with it, finds out by itself what a path means.
        let told = if answer.status() == StatusCode::OK { "<div id=\"root\">" } else { "There is no such page" };
        assert!(answer.status() == StatusCode::OK || answer.status() == StatusCode::NOT_FOUND);
        assert!(page.contains(told), "{page}");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_services_are_protected_too() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let answer = platform.send(platform.request("GET", "/test/page").body(Full::default()).unwrap()).await;
        assert!(answer.headers().contains_key("content-security-policy"));
        platform.stop().await;
    }
}
