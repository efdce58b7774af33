//! Every REST path answers like its RPC, and as the OpenAPI document says: generated from the contract.

mod compare;
mod sample;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kvartal_contract::{HttpRule, Idempotency, Method};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use self::compare::{Outcome, differences, rpc};
use self::sample::{Sample, rest_request};
use crate::platform::{ADMIN, PASSWORD, Platform};

/// RPCs that end the caller's session: called last, each time by somebody freshly signed in.
fn ends_the_session(method: &Method) -> bool {
    matches!(method.name.as_str(), "SignOut" | "SignOutEverywhere" | "ChangePassword")
}

/// A platform and both ways to it.
struct Both {
    platform: Platform,
    channel: Channel,
    http: Client<HttpConnector, Full<Bytes>>,
    document: Value,
}

impl Both {
    async fn start(folder: &std::path::Path) -> Self {
        let (data, file) = (folder.join("data"), folder.join("password"));
        std::fs::write(&file, PASSWORD).unwrap();
        let arguments = [
            "--data-dir",
            data.to_str().unwrap(),
            "--identity-admin-email",
            ADMIN,
            "--identity-admin-password-file",
            file.to_str().unwrap(),
            "--rate-factor",
            "1000",
        ];
        let platform = Platform::up(&arguments).await;
        let (status, text) = platform.get("/openapi.json").await;
        assert_eq!(status, StatusCode::OK);
        let channel = platform.channel().await;
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { platform, channel, http, document: serde_json::from_str(&text).unwrap() }
    }

    /// The value of the `authorization` header.
    async fn admin(&self) -> String {
        self.platform.sign_in(ADMIN, PASSWORD).await
    }

    async fn rest(&self, method: &Method, rule: &HttpRule, request: &Value, token: Option<&str>) -> Outcome {
        let mut call = rest_request(&self.platform.url(), method, rule, request);
        if let Some(token) = token {
            call.headers_mut().insert("authorization", token.parse().unwrap());
        }
        let (head, body) = self.http.request(call).await.unwrap().into_parts();
        if method.server_streaming && head.status == StatusCode::OK {
            return Outcome { http: Some(head.status), code: 0, answer: Value::Null };
        }
        let body = body.collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{}: {error}", method.path));
        self.validate(method, rule, head.status, &answer);
        let code = if head.status == StatusCode::OK { 0 } else { answer["code"].as_i64().unwrap() };
        Outcome { http: Some(head.status), code, answer }
    }

    /// Calls both ways; the code that REST answered with, and in what they differ. What is only read may change between two
    /// calls, such as the audit record, so it is read again before it counts as different.
    async fn compare(
        &self,
        method: &Method,
        rule: &HttpRule,
        request: &Value,
        token: Option<&String>,
    ) -> (i64, Vec<String>) {
        let contract = kvartal_proto::contract();
        // An audited call changes at least the record, which one of them is about.
        let reads = method.idempotency == Idempotency::NoSideEffects && !method.audit;
        let mut tries = if reads { 5 } else { 1 };
        loop {
            tries -= 1;
            let rpc = rpc(&self.channel, contract, method, request, self.fresh(method, token).await.as_deref()).await;
            let rest = self.rest(method, rule, request, self.fresh(method, token).await.as_deref()).await;
            // What the RPC has just removed is not there for REST.
            let gone = method.name.starts_with("Delete") && rpc.code == 0 && rest.code == Code::NotFound as i64;
            let found = if gone { Vec::new() } else { differences(&rpc, &rest, reads) };
            if found.is_empty() || tries == 0 {
                return (rest.code, found);
            }
        }
    }

    /// The token, or a new one where the call will end its session.
    async fn fresh(&self, method: &Method, token: Option<&String>) -> Option<String> {
        let token = token?;
        Some(if ends_the_session(method) { self.admin().await } else { token.clone() })
    }

    /// Checks the answer against the schema that the document has for it.
    fn validate(&self, method: &Method, rule: &HttpRule, status: StatusCode, answer: &Value) {
        let verb = format!("{:?}", rule.verb).to_lowercase();
        let kind = if status == StatusCode::OK { "200" } else { "default" };
        let operation = &self.document["paths"][&rule.path][&verb];
        let schema = &operation["responses"][kind]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{} {kind} is not described: {operation}", method.path);
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        if let Err(error) = validator.validate(answer) {
            panic!("{}: {error} in {answer}", method.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rest_path_answers_like_its_rpc() {
    let folder = tempfile::tempdir().unwrap();
    let both = Both::start(folder.path()).await;
    let contract = kvartal_proto::contract();
    let admin = both.admin().await;
    let (last, first): (Vec<&Method>, Vec<&Method>) = contract.methods().partition(|method| ends_the_session(method));
    let (mut calls, mut good, mut wrong) = (0, 0, Vec::new());
    for method in first.into_iter().chain(last) {
        for rule in &method.http {
            for (sample, token) in [
                (Sample::Empty, None),
                (Sample::Filled, None),
                (Sample::Empty, Some(&admin)),
                (Sample::Filled, Some(&admin)),
            ] {
                let request = sample.request(contract, method, rule);
                let (code, differences) = both.compare(method, rule, &request, token).await;
                calls += 1;
                good += usize::from(code == 0);
                let who = if token.is_some() { "admin" } else { "anonymous" };
                wrong.extend(differences.iter().map(|text| format!("{} {sample:?} as {who}: {text}", method.path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {calls} calls differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 200 && good > 40, "{good} of {calls} calls were good: too few to mean anything");
    both.platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_counts_and_is_no_way_around_access() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::with_admin(folder.path()).await;
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let post = async |path: &str, body: &str| {
        let request =
            http::Request::post(format!("{}{path}", platform.url())).header("content-type", "application/json");
        let answer = http.request(request.body(Full::from(body.to_owned())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let broken = async |path: &str| post(path, "{\"email\": }").await;
    let (status, body) = broken("/v1/sessions:signOut").await;
    assert!(status == StatusCode::UNAUTHORIZED && body.contains("SIGN_IN_REQUIRED"), "{status} {body}");
    let (status, body) = broken("/v1/sessions:signIn").await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("line 1 column 11"), "{status} {body}");
    let (status, body) = post("/v1/sessions:signIn", "{\"e-mial\": 1}").await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["details"][1]["field_violations"][0]["field"], "e-mial", "{status} {body}");
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(broken("/v1/sessions:signIn").await.0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 100, "guessing at what is read costs as much as guessing: {refused}");
    platform.stop().await;
}
