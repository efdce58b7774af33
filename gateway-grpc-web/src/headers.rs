//! Headers that must not come in, and headers that must go out.

use http::Method;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Headers that the platform's own processes speak to each other with begin so.
pub(crate) const PRIVATE_PREFIX: &str = "x-kvartal-";

/// Our pages use nothing but files of their own origin, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every answer says, pages or not.
pub(crate) const ALWAYS: [(HeaderName, &str); 2] =
    [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];

/// With what pages of other origins may call.
pub(crate) const CORS_METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// Headers that such pages may send.
pub(crate) const CORS_REQUEST_HEADERS: [&str; 8] = [
    "accept-language",
    "authorization",
    "content-type",
    "grpc-timeout",
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-user-agent",
];
/// Headers that such pages may read. The third is what rich errors arrive in; without it browsers see only a code. The last
/// is for REST.
pub(crate) const CORS_RESPONSE_HEADERS: [&str; 4] =
    ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"];
/// How long browsers remember what they may.
pub(crate) const CORS_MAX_AGE: std::time::Duration = std::time::Duration::from_secs(7200);

/// Removes what only our own processes may say.
pub(crate) fn strip_private(headers: &mut HeaderMap) {
    // Most requests have none: look before collecting.
    if headers.keys().any(|name| name.as_str().starts_with(PRIVATE_PREFIX)) {
        let private: Vec<HeaderName> =
            headers.keys().filter(|name| name.as_str().starts_with(PRIVATE_PREFIX)).cloned().collect();
        for name in private {
            headers.remove(name);
        }
    }
}

/// Says how browsers are to treat an answer. What a service has said itself stays.
pub(crate) fn protect(headers: &mut HeaderMap) {
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    ALWAYS.into_iter().for_each(|(name, value)| say(name, value));
    if is_html(headers) {
        let policy = HeaderValue::from_static(POLICY);
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with("text/html"))
}

/// Lets pages of these origins call. Tokens travel in a header, not in a cookie, so no credentials are allowed.
pub(crate) fn cors(origins: &[String]) -> anyhow::Result<CorsLayer> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let exact: Result<Vec<HeaderValue>, _> = origins.iter().map(|origin| HeaderValue::from_str(origin)).collect();
        AllowOrigin::list(exact?)
    };
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(CORS_METHODS)
        .allow_headers(CORS_REQUEST_HEADERS.map(HeaderName::from_static))
        .expose_headers(CORS_RESPONSE_HEADERS.map(HeaderName::from_static))
        .max_age(CORS_MAX_AGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_headers_are_removed_and_others_kept() {
        let mut headers = HeaderMap::new();
        headers.append("x-kvartal-mesh", HeaderValue::from_static("forged"));
        headers.append("x-kvartal-mesh", HeaderValue::from_static("twice"));
        headers.append("x-kvartal", HeaderValue::from_static("kept"));
        headers.append("authorization", HeaderValue::from_static("Bearer x"));
        strip_private(&mut headers);
        assert_eq!(headers.len(), 2);
        assert!(!headers.contains_key("x-kvartal-mesh"));
    }

    #[test]
    fn only_pages_carry_a_policy_and_their_own_stays() {
        let mut json = HeaderMap::new();
        json.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        protect(&mut json);
        assert!(!json.contains_key(CONTENT_SECURITY_POLICY));
        assert_eq!(json["x-content-type-options"], "nosniff");
        let mut page = HeaderMap::new();
        page.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        page.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        protect(&mut page);
        assert_eq!(page[CONTENT_SECURITY_POLICY], "default-src 'self'");
    }
}
