//! From path, query and body to the message, on a contract of its own.

use http::Method;
use kvartal_contract::Contract;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::binding::{Binding, bindings};
use super::matcher::{Found, Matcher};
use super::{problem, query, request};

/// Rules of the sample contract, with more RPCs in it.
fn rules(more: &str) -> Result<Matcher<Binding>, Vec<String>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sample.proto"), include_str!("sample.proto").replace("// MORE", more)).unwrap();
    let includes =
        [folder.path().to_str().unwrap().to_owned(), format!("{root}/proto"), format!("{root}/third_party/proto")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_imports(true).open_file("sample.proto").unwrap();
    bindings(Box::leak(Box::new(Contract::from_pool(compiler.descriptor_pool()).unwrap())))
}

fn read_message(method: Method, uri: &str, body: &[u8]) -> Result<DynamicMessage, Status> {
    let rules = rules("").unwrap();
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    match rules.find(&method, path) {
        Found::Rule(binding, segments) => request::read(binding, &segments, query, body),
        other => panic!("{uri}: {other:?}"),
    }
}

/// The message in canonical JSON, what is not set left out.
fn read(method: Method, uri: &str, body: &Value) -> Value {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let message = read_message(method, uri, &body).unwrap_or_else(|status| panic!("{uri}: {status:?}"));
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

/// The wrong fields, each with what is wrong.
fn wrong(method: Method, uri: &str, body: &str) -> Vec<(String, String)> {
    let status = read_message(method, uri, body.as_bytes()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{uri}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "INVALID_ARGUMENT");
    let violations = details.bad_request().unwrap().field_violations.iter();
    violations.map(|violation| (violation.field.clone(), violation.description.clone())).collect()
}

#[test]
fn parameters_become_fields_of_every_kind() {
    let message = read(
        Method::GET,
        "/v1/things/a%2Fb?big=9007199254740993&page_size=7&hidden=true&content=AQI%3D&colour=COLOUR_RED&ratio=0.5\
         &filter.colours=COLOUR_RED&filter.colours=0&filter.near_point.latitude=59.9&names=x+y&names=%D1%8F\
         &time=2026-01-02T03:04:05Z&wait=1.5s&update_mask=pageSize,filter.areaId&maybe=false&perhaps=-1",
        &Value::Null,
    );
    assert_eq!(
        message,
        json!({
            "thing_id": "a/b", "big": "9007199254740993", "page_size": 7, "hidden": true, "content": "AQI=",
            "colour": "COLOUR_RED", "ratio": 0.5, "names": ["x y", "я"],
            "filter": {
                "colours": ["COLOUR_RED", "COLOUR_UNSPECIFIED"],
                "near_point": { "latitude": 59.9 },
            },
            "time": "2026-01-02T03:04:05Z", "wait": "1.500s", "update_mask": "pageSize,filter.areaId",
            "maybe": false, "perhaps": "-1",
        })
    );
    let camel = read(Method::GET, "/v1/things/t?pageSize=1&filter.nearPoint.latitude=1", &Value::Null);
    assert_eq!(camel, json!({ "thing_id": "t", "page_size": 1, "filter": { "near_point": { "latitude": 1.0 } } }));
}

#[test]
fn parameters_that_are_no_fields_or_do_not_fit_are_named_all_at_once() {
    let wrong = wrong(
        Method::GET,
        "/v1/things/t?nothing=1&filter.nothing=1&names.x=1&labels=1&points=1&filter=1&page_size=1&page_size=2\
         &thing_id=other&hidden=%ff",
        "",
    );
    let text = |field: &str| {
        wrong.iter().find(|(name, _)| name == field).unwrap_or_else(|| panic!("{field} in {wrong:?}")).1.as_str()
    };
    assert_eq!(text("nothing"), "ThingRequest has no such field");
    assert_eq!(text("filter.nothing"), "Filter has no such field");
    assert_eq!(text("names.x"), "names has no fields of its own");
    for message in ["labels", "points", "filter"] {
        assert_eq!(text(message), "has no form as a parameter");
    }
    assert_eq!(text("page_size"), "stands more than once");
    assert_eq!(text("thing_id"), "is in the path already");
    assert_eq!(text("hidden"), "is no text");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_place() {
    for (uri, field) in [
        ("/v1/things/t?page_size=-1", "page_size"),
        ("/v1/things/t?page_size=x", "page_size"),
        ("/v1/things/t?hidden=1", "hidden"),
        ("/v1/things/t?colour=BLUE", "colour"),
        ("/v1/things/t?filter.colours=COLOUR_RED&filter.colours=BLUE", "filter.colours[1]"),
        ("/v1/things/t?time=yesterday", "time"),
        ("/v1/things/t?content=%21", "content"),
        ("/v1/things/t?big=9223372036854775808", "big"),
    ] {
        assert_eq!(wrong(Method::GET, uri, "")[0].0, field, "{uri}");
    }
    let body = r#"{"filter": {"near_point": {"latitude": "north"}}}"#;
    assert_eq!(wrong(Method::POST, "/v1/things/t:whole", body)[0].0, "filter.near_point.latitude");
    assert_eq!(wrong(Method::POST, "/v1/things/t:whole", r#"{"points": [{}, 7]}"#)[0].0, "points[1]");
    assert_eq!(wrong(Method::POST, "/v1/things/t:whole", r#"{"labels": {"a": 1}}"#)[0].0, "labels.a");
    assert_eq!(wrong(Method::PUT, "/v1/numbers/seven", "{}")[0].0, "big");
}

#[test]
fn there_are_not_endlessly_many_parameters() {
    let uri = |count: usize| format!("/v1/things/t?{}", vec!["names=x"; count].join("&"));
    let most = read(Method::GET, &uri(query::PARAMETERS_MAX), &Value::Null);
    assert_eq!(most["names"].as_array().unwrap().len(), query::PARAMETERS_MAX);
    let wrong = wrong(Method::GET, &uri(query::PARAMETERS_MAX + 1), "");
    assert_eq!(wrong[0].0, "(query)");
}

#[test]
fn the_body_is_the_message_or_one_field_of_it() {
    let body = json!({ "pageSize": 3, "labels": { "a": "b" }, "points": [{ "latitude": 1 }], "big": 5, "time": null });
    let whole = read(Method::POST, "/v1/things/t:whole", &body);
    let expected = json!({
        "thing_id": "t", "page_size": 3, "labels": { "a": "b" }, "points": [{ "latitude": 1.0 }], "big": "5",
    });
    assert_eq!(whole, expected);
    assert_eq!(read(Method::POST, "/v1/things/t:whole", &Value::Null), json!({ "thing_id": "t" }), "none is {{}}");

    let uri = "/v1/areas/north/things?thing_id=t&filter.colours=1";
    let field = read(Method::PATCH, uri, &json!([{ "longitude": 2 }]));
    let filter = json!({ "area_id": "north", "colours": ["COLOUR_RED"] });
    assert_eq!(field, json!({ "thing_id": "t", "filter": filter, "points": [{ "longitude": 2.0 }] }));
    assert_eq!(wrong(Method::PATCH, "/v1/areas/n/things?points=1", "[]")[0].1, "belongs into the body");
    assert_eq!(wrong(Method::POST, "/v1/things/t:whole?page_size=1", "{}")[0].1, "belongs into the body");
    assert_eq!(wrong(Method::GET, "/v1/things/t", "{}")[0], ("(body)".into(), "this request takes none".into()));
}

#[test]
fn path_and_body_may_agree_but_not_contradict_each_other() {
    let same = read(Method::POST, "/v1/things/t:whole", &json!({ "thingId": "t", "hidden": true }));
    assert_eq!(same, json!({ "thing_id": "t", "hidden": true }));
    assert_eq!(read(Method::PUT, "/v1/numbers/7", &json!({ "big": 7 })), json!({ "big": "7" }));
    let other = wrong(Method::POST, "/v1/things/t:whole", r#"{"thing_id": "u"}"#);
    assert_eq!(other[0], ("thing_id".into(), "the body says something else than the path".into()));
}

#[test]
fn members_that_are_no_fields_are_named_all_at_once() {
    let body = r#"{"no": 1, "filter": {"no": {"x": 1}}, "points": [{}, {"no": 1}], "labels": {"any": "x"},
                   "page_size": 1, "pageSize": 2}"#;
    let mut names: Vec<String> =
        wrong(Method::POST, "/v1/things/t:whole", body).into_iter().map(|(field, _)| field).collect();
    names.sort();
    assert_eq!(names, ["filter.no", "no", "pageSize", "points[1].no"]);
}

#[test]
fn what_is_no_json_is_told_with_its_position() {
    let text = wrong(Method::POST, "/v1/things/t:whole", "{\n  \"names\": [1,, 2]\n}")[0].1.clone();
    assert!(text.contains("line 2 column 15"), "{text}");
    assert_eq!(wrong(Method::POST, "/v1/things/t:whole", "[]")[0].1, "must be a JSON object, not a list");
    let text = wrong(Method::POST, "/v1/things/t:whole", "{} {}")[0].1.clone();
    assert!(text.contains("trailing characters"), "{text}");
    let many = format!("{{\"names\": [{}]}}", vec!["\"\""; request::VALUES_MAX + 1].join(","));
    let text = wrong(Method::POST, "/v1/things/t:whole", &many)[0].1.clone();
    assert_eq!(text, "holds more than 100000 values");
    let deep = format!("{{\"labels\": {}1{}}}", "[".repeat(90_000), "]".repeat(90_000));
    let text = wrong(Method::POST, "/v1/things/t:whole", &deep)[0].1.clone();
    assert!(text.contains("recursion limit"), "{text}");
}

/// An RPC with a rule, for what is wrong with the rule.
fn rpc(name: &str, rule: &str, access: &str) -> String {
    format!(
        "rpc {name}(ThingRequest) returns (ThingResponse) {{ option (google.api.http) = {{{rule}}}; \
         option (kvartal.contract.v1.method) = {{access: {{{access}}} deadline: {{seconds: 1}}}}; }}"
    )
}

#[test]
fn rules_that_cannot_be_used_are_named_all_at_once() {
    let rules = rules(
        &[
            rpc("Twice", r#"get: "/v1/things/{names_are_free}""#, "public: true").replace("names_are_free", "colour"),
            rpc("NoField", r#"get: "/v1/a/{nothing}""#, "public: true"),
            rpc("Message", r#"get: "/v1/b/{filter}""#, "public: true"),
            rpc("Many", r#"get: "/v1/c/{names}""#, "public: true"),
            rpc("Body", r#"post: "/v1/d" body: "nothing""#, "public: true"),
            rpc("GetBody", r#"get: "/v1/e" body: "*""#, "public: true"),
            rpc("Template", r#"get: "/v1/f/{""#, "public: true"),
            rpc("Inside", r#"get: "/v1/g""#, "internal: true"),
        ]
        .join("\n"),
    );
    let problems = rules.unwrap_err().join("\n");
    for (rpc, problem) in [
        ("Twice: GET /v1/things/{colour}", "the same paths lead to /kvartal.sample.v1.SampleService/Thing"),
        ("NoField: GET /v1/a/{nothing}", "nothing: ThingRequest has no such field"),
        ("Message: GET /v1/b/{filter}", "only single values"),
        ("Many: GET /v1/c/{names}", "only single values"),
        ("Body: POST /v1/d", "nothing, the body, is no field"),
        ("GetBody: GET /v1/e", "have no body"),
        ("Template: GET /v1/f/{", "not closed"),
        ("Inside: GET /v1/g", "internal RPCs"),
    ] {
        let line = problems.lines().find(|line| line.contains(rpc)).unwrap_or_else(|| panic!("{rpc} in\n{problems}"));
        assert!(line.contains(problem), "{line}");
    }
    assert_eq!(problems.lines().count(), 8, "{problems}");
}

#[test]
fn every_rule_of_the_platform_can_be_used() {
    assert!(bindings(kvartal_proto::contract()).is_ok());
}

#[test]
fn an_error_keeps_its_details() {
    let mut details = tonic_types::ErrorDetails::with_error_info("OVERLOADED", "kvartal", []);
    details.set_retry_info(Some(std::time::Duration::from_millis(1500)));
    details.add_bad_request_violation("page_size", "too much");
    let status = Status::with_error_details(Code::Unavailable, "later", details);
    let response = problem::response(&status);
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2", "in whole seconds, and not too early");
    let body = problem::body(&status);
    assert_eq!((&body["code"], &body["message"]), (&json!(14), &json!("later")));
    let detail = |name: &str| {
        let details = body["details"].as_array().unwrap().iter();
        let name = format!("type.googleapis.com/google.rpc.{name}");
        details.clone().find(|detail| detail["@type"] == *name).unwrap_or_else(|| panic!("{name} in {body}"))
    };
    assert_eq!(detail("ErrorInfo")["reason"], "OVERLOADED");
    assert_eq!(detail("RetryInfo")["retry_delay"], "1.500s");
    assert_eq!(detail("BadRequest")["field_violations"][0]["field"], "page_size");
    assert_eq!(problem::response(&Status::unauthenticated("who?")).headers()["www-authenticate"], "Bearer");
}
