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
            for sample in [Sample::Empty, Sample::Filled] {
                let request = sample.request(contract, method, rule);
                for signed_in in [false, true] {
                    let mut outcomes = Vec::new();
                    for way in ["rpc", "rest"] {
                        let token = match (signed_in, ends_the_session(method)) {
                            (false, _) => None,
                            (true, false) => Some(admin.clone()),
                            (true, true) => Some(both.admin().await),
                        };
                        outcomes.push(match way {
                            "rpc" => rpc(&both.channel, contract, method, &request, token.as_deref()).await,
                            _ => both.rest(method, rule, &request, token.as_deref()).await,
                        });
                    }
                    calls += 1;
                    good += usize::from(outcomes[1].code == 0);
                    let exact = method.idempotency == Idempotency::NoSideEffects;
                    for difference in differences(&outcomes[0], &outcomes[1], exact) {
                        let who = if signed_in { "admin" } else { "anonymous" };
                        wrong.push(format!("{} {sample:?} as {who}: {difference}", method.path));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {calls} calls differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 200 && good > 40, "{good} of {calls} calls were good: too few to mean anything");
    both.platform.stop().await;
}
