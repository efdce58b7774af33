//! Templates and paths: what is read matches what was meant.

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::super::matcher::{Found, Matcher};
use super::*;

/// The path of a template with these values, as a client writes it.
fn render(template: &Template, values: &[String]) -> String {
    let mut path = String::new();
    let mut at = 0;
    while at < template.segments.len() {
        path.push('/');
        let variable = template.variables.iter().position(|variable| variable.segments.start == at);
        match (variable, &template.segments[at]) {
            (Some(index), _) => {
                let parts: Vec<String> = values[index]
                    .split('/')
                    .map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string())
                    .collect();
                let whole = utf8_percent_encode(&values[index], NON_ALPHANUMERIC).to_string();
                let single = template.segments[template.variables[index].segments.clone()] == [Segment::One];
                path.push_str(&if single { whole } else { parts.join("/") });
                at = template.variables[index].segments.end;
                continue;
            }
            (None, Segment::Literal(text)) => path.push_str(text),
            (None, Segment::One | Segment::Rest) => path.push_str("anything"),
        }
        at += 1;
    }
    if let Some(verb) = &template.verb {
        path.push(':');
        path.push_str(verb);
    }
    path
}

fn values(template: &Template, path: &str) -> Option<Vec<(String, String)>> {
    let mut matcher = Matcher::default();
    matcher.insert(template, Method::GET, ()).unwrap();
    let Found::Rule((), segments) = matcher.find(&Method::GET, path) else { return None };
    let values = template.values(&segments).unwrap();
    Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[test]
fn the_grammar_is_read() {
    let template = Template::parse("/v1/{name=shelves/*}/books/{book.id}/**:sell").unwrap();
    let literal = |text: &str| Segment::Literal(text.to_owned());
    assert_eq!(
        template.segments,
        [literal("v1"), literal("shelves"), Segment::One, literal("books"), Segment::One, Segment::Rest]
    );
    assert_eq!(template.verb.as_deref(), Some("sell"));
    let variables: Vec<_> = template.variables.iter().map(|v| (v.field.as_str(), v.segments.clone())).collect();
    assert_eq!(variables, [("name", 1..3), ("book.id", 4..5)]);
}

#[test]
fn what_is_no_template_is_refused_with_the_reason() {
    for (text, reason) in [
        ("v1/users", "begins with /"),
        ("/", "empty"),
        ("/v1//users", "empty"),
        ("/v1/users/", "empty"),
        ("/v1/{user", "not closed"),
        ("/v1/{}", "names no field"),
        ("/v1/{a.}", "names no field"),
        ("/v1/{1a}", "names no field"),
        ("/v1/{a}/{a}", "twice"),
        ("/v1/{a}b", "expected /"),
        ("/v1/**/b", "only at the end"),
        ("/v1/{a=**}/b", "only at the end"),
        ("/v1/{a={b}}", "may not stand"),
        ("/v1/users:", "empty"),
        ("/v1/us ers", "may not stand"),
        ("/v1/users?x", "may not stand"),
    ] {
        let problem = Template::parse(text).unwrap_err();
        assert!(problem.contains(reason), "{text}: {problem}");
    }
}

#[test]
fn a_single_segment_is_decoded_and_several_keep_reserved_characters() {
    let one = Template::parse("/v1/files/{name}").unwrap();
    let value = |template: &Template, path: &str| values(template, path).map(|values| values[0].1.clone());
    assert_eq!(value(&one, "/v1/files/a%2Fb%3Ac%20d").as_deref(), Some("a/b:c d"));
    let many = Template::parse("/v1/files/{name=**}").unwrap();
    assert_eq!(value(&many, "/v1/files/a%2Fb/c%20d%C3%A9").as_deref(), Some("a%2Fb/c dé"));
    assert_eq!(value(&many, "/v1/files").as_deref(), Some(""), "** is nothing, too");
    assert_eq!(value(&one, "/v1/files/%ff"), None, "no text");
    assert_eq!(value(&one, "/v1/files/"), None, "an empty segment is none");
    assert_eq!(value(&one, "/v1/files/50%").as_deref(), Some("50%"), "a lone percent sign is one");
}

#[test]
fn what_is_said_exactly_comes_first_and_verbs_are_no_part_of_a_value() {
    let mut matcher = Matcher::default();
    for path in ["/v1/users/me", "/v1/users/{id}", "/v1/{rest=**}", "/v1/users/{id}:grant", "/v1/users:find"] {
        matcher.insert(&Template::parse(path).unwrap(), Method::GET, path).unwrap();
    }
    matcher.insert(&Template::parse("/v1/users/{id}").unwrap(), Method::DELETE, "delete").unwrap();
    let at = |method: Method, path: &str| match matcher.find(&method, path) {
        Found::Rule(rule, segments) => format!("{rule} {}", segments.last().unwrap()),
        Found::OtherMethods(methods) => methods.into_iter().collect::<Vec<_>>().join(","),
        Found::Nothing => String::new(),
    };
    assert_eq!(at(Method::GET, "/v1/users/me"), "/v1/users/me me");
    assert_eq!(at(Method::GET, "/v1/users/%6De"), "/v1/users/me %6De", "encoded or not");
    assert_eq!(at(Method::GET, "/v1/users/7"), "/v1/users/{id} 7");
    assert_eq!(at(Method::DELETE, "/v1/users/me"), "delete me", "back to the template that has the method");
    assert_eq!(at(Method::GET, "/v1/users/7:grant"), "/v1/users/{id}:grant 7");
    assert_eq!(at(Method::GET, "/v1/users/7:other"), "/v1/users/{id} 7:other", "no verb of ours");
    assert_eq!(at(Method::GET, "/v1/users/7%3Agrant"), "/v1/users/{id} 7%3Agrant", "meant as a value");
    assert_eq!(at(Method::GET, "/v1/users:find"), "/v1/users:find users");
    assert_eq!(at(Method::GET, "/v1/a/b/c"), "/v1/{rest=**} c");
    assert_eq!(at(Method::POST, "/v1/users/7"), "DELETE,GET");
    assert_eq!(at(Method::GET, "/v2"), "");
    assert_eq!(at(Method::GET, "*"), "");
}

#[test]
fn two_templates_for_the_same_paths_conflict() {
    let mut matcher = Matcher::default();
    let parse = |text| Template::parse(text).unwrap();
    matcher.insert(&parse("/v1/users/{id}"), Method::GET, "first").unwrap();
    matcher.insert(&parse("/v1/users/{id}"), Method::PUT, "other method").unwrap();
    matcher.insert(&parse("/v1/users/{id}:verb"), Method::GET, "other verb").unwrap();
    matcher.insert(&parse("/v1/users/me"), Method::GET, "more exact").unwrap();
    assert_eq!(matcher.insert(&parse("/v1/users/{name=*}"), Method::GET, "again"), Err(&"first"));
}

/// A template and values for its variables.
fn template_and_values() -> impl Strategy<Value = (String, Vec<String>)> {
    let literal = "[a-z][a-zA-Z0-9_.~-]{0,6}";
    let segment = prop_oneof![
        literal.prop_map(|text| (text, None)),
        ".{1,8}".prop_map(|value: String| ("{}".to_owned(), Some(value))),
        (literal, "[^/%]{1,8}").prop_map(|(text, value)| (format!("{{={text}/*}}"), Some(format!("{text}/{value}")))),
    ];
    let verb = proptest::option::of("[a-z]{1,6}");
    (proptest::collection::vec(segment, 1..6), verb).prop_map(|(segments, verb)| {
        let mut path = String::new();
        let mut values = Vec::new();
        for (index, (text, value)) in segments.into_iter().enumerate() {
            path.push('/');
            path.push_str(&text.replacen('{', &format!("{{f{index}"), 1));
            values.extend(value);
        }
        if let Some(verb) = verb {
            path.push(':');
            path.push_str(&verb);
        }
        (path, values)
    })
}

proptest! {
    #[test]
    fn a_rendered_path_gives_its_values_back((text, expected) in template_and_values()) {
        let template = Template::parse(&text).unwrap();
        let path = render(&template, &expected);
        let found = values(&template, &path).unwrap_or_else(|| panic!("{text} does not match {path}"));
        for (variable, (expected, (_, value))) in template.variables.iter().zip(expected.iter().zip(&found)) {
            if template.segments[variable.segments.clone()] == [Segment::One] {
                prop_assert_eq!(value, expected);
            } else {
                prop_assert_eq!(&decode(value).unwrap(), expected);
            }
        }
    }

    #[test]
    fn no_path_and_no_template_can_break_anything(text in ".*", path in "/.*") {
        if let Ok(template) = Template::parse(&text) {
            let _ = values(&template, &path);
        }
        let _ = values(&Template::parse("/{a=**}:v").unwrap(), &path);
    }
}
