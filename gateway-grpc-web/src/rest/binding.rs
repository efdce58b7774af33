//! One HTTP rule of one RPC, checked against the RPC's messages.

use http::Method as HttpMethod;
use kvartal_contract::{Access, Contract, HttpRule, Method, Verb};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::matcher::Matcher;
use super::template::Template;

/// A rule, ready to be used.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) method: &'static Method,
    pub(crate) rule: &'static HttpRule,
    pub(crate) template: Template,
    pub(crate) body: Body,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
}

/// What the body of a request is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Body {
    /// Nothing; fields that the path does not name are query parameters.
    None,
    /// The whole message.
    Message,
    /// One field of it; the others are query parameters.
    Field(FieldDescriptor),
}

/// Every rule of the contract. The error names every rule that cannot be used, and why.
pub(crate) fn bindings(contract: &'static Contract) -> Result<Matcher<Binding>, Vec<String>> {
    let mut matcher = Matcher::default();
    let mut problems = Vec::new();
    for method in contract.methods() {
        for rule in &method.http {
            let at = |problem: String| format!("rpc {}: {} {}: {problem}", method.path, name(rule.verb), rule.path);
            match Binding::new(contract, method, rule) {
                Ok(binding) => {
                    let template = binding.template.clone();
                    if let Err(other) = matcher.insert(&template, http_method(rule.verb), binding) {
                        problems
                            .push(at(format!("the same paths lead to {} ({})", other.method.path, other.rule.path)));
                    }
                }
                Err(problem) => problems.push(at(problem)),
            }
        }
    }
    if problems.is_empty() { Ok(matcher) } else { Err(problems) }
}

impl Binding {
    pub(crate) fn new(contract: &Contract, method: &'static Method, rule: &'static HttpRule) -> Result<Self, String> {
        if method.access == Access::Internal {
            return Err("internal RPCs have no REST path".to_owned());
        }
        let message =
            |name: &str| contract.pool().get_message_by_name(name).ok_or_else(|| format!("there is no message {name}"));
        let (input, output) = (message(&method.input)?, message(&method.output)?);
        let template = Template::parse(&rule.path)?;
        for variable in &template.variables {
            let field = field(&input, &variable.field).map_err(|problem| format!("{}: {problem}", variable.field))?;
            if field.is_list() || field.is_map() || matches!(field.kind(), Kind::Message(_)) {
                return Err(format!("{}: only single values stand in a path", variable.field));
            }
        }
        let body = match rule.body.as_str() {
            "" => Body::None,
            _ if matches!(rule.verb, Verb::Get | Verb::Delete) => {
                return Err(format!("{} requests have no body", name(rule.verb)));
            }
            "*" => Body::Message,
            name => {
                let field = input.get_field_by_name(name);
                Body::Field(field.ok_or_else(|| format!("{name}, the body, is no field of {}", input.full_name()))?)
            }
        };
        Ok(Self { method, rule, template, body, input, output })
    }
}

/// The field at a path such as `filter.area_id`, by its name in the .proto file or by its name in JSON.
pub(crate) fn field(message: &MessageDescriptor, path: &str) -> Result<FieldDescriptor, String> {
    let mut message = message.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = named(&message, name).ok_or_else(|| format!("{} has no such field", message.name()))?;
        if names.peek().is_none() {
            return Ok(field);
        }
        message = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => inner,
            _ => return Err(format!("{name} has no fields of its own")),
        };
    }
    Err("names no field".to_owned())
}

/// A field by its name in the .proto file or by its name in JSON.
pub(crate) fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

/// The method of HTTP.
pub(crate) fn http_method(verb: Verb) -> HttpMethod {
    match verb {
        Verb::Get => HttpMethod::GET,
        Verb::Put => HttpMethod::PUT,
        Verb::Post => HttpMethod::POST,
        Verb::Delete => HttpMethod::DELETE,
        Verb::Patch => HttpMethod::PATCH,
    }
}

fn name(verb: Verb) -> String {
    http_method(verb).to_string()
}
