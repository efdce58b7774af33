//! Pages of other origins.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use kvartal_gateway_grpc_web::Options;

use crate::platform::{Front, Platform, frame};

const HEALTH: &str = "/grpc.health.v1.Health/Check";

async fn preflight(platform: &Platform, origin: &str) -> Response<Bytes> {
    let request = platform
        .request("OPTIONS", HEALTH)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-grpc-web,authorization")
        .body(Full::default())
        .unwrap();
    platform.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_are_not_invited() {
    for front in Front::BOTH {
        let platform = Platform::start(front).await;
        let answer = preflight(&platform, "https://elsewhere.example").await;
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        assert_ne!(answer.status(), StatusCode::OK);
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_origin_may_call_and_read_rich_errors() {
    for front in Front::BOTH {
        let allow_origin = vec!["https://app.example".to_owned()];
        let platform = Platform::start_with(front, Options { allow_origin, ..Options::default() }).await;
        let answer = preflight(&platform, "https://app.example").await;
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example");
        let allowed = answer.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.contains("authorization") && allowed.contains("x-grpc-web"), "{allowed}");
        assert!(
            !preflight(&platform, "https://other.example").await.headers().contains_key("access-control-allow-origin")
        );

        let request = platform
            .request("POST", HEALTH)
            .header("origin", "https://app.example")
            .header("content-type", "application/grpc-web")
            .body(Full::new(frame(b"")))
            .unwrap();
        let answer = platform.send(request).await;
        let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
        for header in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
            assert!(exposed.contains(header), "{exposed}");
        }
        platform.stop().await;
    }
}
