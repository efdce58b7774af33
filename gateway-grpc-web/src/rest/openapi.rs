//! The REST paths as an OpenAPI 3.1 document, derived from the contract.

mod comments;
mod schema;

use kvartal_contract::{Access, Contract, Method};
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use self::comments::Comments;
use self::schema::{ERROR, Schemas};
use super::binding::{Binding, Body, field, http_method};
use super::query::is_textual;
use super::{CONTENT, EVENTS, field_name};

/// The document. `url` is where people reach the platform.
pub(crate) fn document(contract: &'static Contract, url: &str) -> Result<Value, String> {
    let comments = Comments::read(contract.pool());
    let mut schemas = Schemas::new(&comments);
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for service in contract.services() {
        let described = contract.pool().get_service_by_name(&service.full_name);
        let about = described.map(|service| comments.of(&service.parent_file(), service.path())).unwrap_or_default();
        tags.push(json!({ "name": short(&service.full_name), "description": about }));
    }
    for method in contract.methods() {
        for (index, rule) in method.http.iter().enumerate() {
            let binding = Binding::new(contract, method, rule)?;
            let mut operation = operation(&binding, &mut schemas);
            let suffix = if index == 0 { String::new() } else { format!("_{}", index + 1) };
            operation["operationId"] = json!(format!("{}_{}{suffix}", short(&method.service), method.name));
            let path = paths.entry(without_patterns(&rule.path)).or_insert_with(|| json!({}));
            path[http_method(rule.verb).as_str().to_lowercase()] = operation;
        }
    }
    let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kvartal",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The open city platform. Every path is also an RPC, over gRPC and gRPC-Web on the same port.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": url }],
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas.finish(), "securitySchemes": { "bearer": bearer } },
    }))
}

fn operation(binding: &Binding, schemas: &mut Schemas<'_>) -> Value {
    let method = binding.method;
    let comment = method.comment.trim();
    let summary = comment.split_once(". ").map_or(comment, |(first, _)| first).trim_end_matches('.');
    let mut operation = json!({
        "tags": [short(&method.service)],
        "summary": summary.replace('\n', " "),
        "description": format!("{comment}\n\n{}", terms(method)),
        "parameters": parameters(binding, schemas),
        "responses": {
            "200": { "description": schemas.about(&binding.output), "content": content(binding, schemas) },
            "default": {
                "description": "An error. `retry-after` says when to try again, if that makes sense.",
                "content": { CONTENT: { "schema": schema::reference(ERROR) } },
            },
        },
        "security": security(method.access),
    });
    let body = match &binding.body {
        Body::None => None,
        Body::Message => Some(schemas.message(&binding.input)),
        Body::Field(field) => Some(schemas.field(field)),
    };
    if let Some(schema) = body {
        operation["requestBody"] = json!({ "content": { CONTENT: { "schema": schema } } });
    }
    operation
}

/// What is answered. A stream is described by one of its messages.
fn content(binding: &Binding, schemas: &mut Schemas<'_>) -> Value {
    let message = schemas.message(&binding.output);
    if !binding.method.server_streaming {
        return json!({ CONTENT: { "schema": message } });
    }
    let about = |how: &str| json!({ "description": how, "type": "string", "contentSchema": message });
    let lines = "One message in each line, as long as the stream lives. An error ends it: `{\"error\": …}`.";
    let events = "One message in the data of each event. An error ends it, as the event `error`.";
    json!({ CONTENT: { "schema": about(lines) }, EVENTS: { "schema": about(events) } })
}

/// Fields in the path, and in the query what neither path nor body holds.
fn parameters(binding: &Binding, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut parameters = Vec::new();
    let mut taken = Vec::new();
    for variable in &binding.template.variables {
        if let Ok(field) = field(&binding.input, &variable.field) {
            let about = schemas.about_field(&field);
            let schema = schemas.bare_field(&field);
            parameters.push(json!({
                "name": variable.field, "in": "path", "required": true, "description": about, "schema": schema,
            }));
            taken.push(variable.field.clone());
        }
    }
    match &binding.body {
        Body::Message => return parameters,
        Body::Field(field) => taken.push(field.name().to_owned()),
        Body::None => {}
    }
    query(&binding.input, "", &taken, &mut Vec::new(), schemas, &mut parameters);
    parameters
}

fn query(
    message: &MessageDescriptor,
    at: &str,
    taken: &[String],
    above: &mut Vec<MessageDescriptor>,
    schemas: &mut Schemas<'_>,
    parameters: &mut Vec<Value>,
) {
    above.push(message.clone());
    for field in message.fields() {
        let path = format!("{at}{}", field.name());
        let name = format!("{at}{}", field_name(&field));
        if taken.contains(&path) || field.is_map() {
            continue;
        }
        if is_textual(&field.kind()) {
            let about = schemas.about_field(&field);
            let schema = schemas.bare_field(&field);
            parameters.push(json!({ "name": name, "in": "query", "description": about, "schema": schema }));
        } else if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !above.contains(&inner)
        {
            query(&inner, &format!("{name}."), taken, above, schemas, parameters);
        }
    }
    above.pop();
}

/// Who may call, and how.
fn terms(method: &Method) -> String {
    let who = match method.access {
        Access::Public => "Anyone may call it.".to_owned(),
        Access::Authenticated => "For whoever is signed in.".to_owned(),
        Access::Roles(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
            format!("For the roles {}.", roles.join(", "))
        }
        Access::Internal => String::new(),
    };
    let seconds = method.deadline.as_secs_f64();
    let time = if method.server_streaming { "The stream lives" } else { "It takes" };
    let audit = if method.audit { " Calls are kept in the audit record." } else { "" };
    format!("{who} {time} at most {seconds} s.{audit}")
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([{}, { "bearer": [] }]),
        _ => json!([{ "bearer": [] }]),
    }
}

/// `/v1/{name}` of `/v1/{name=files/**}`: OpenAPI knows no patterns.
fn without_patterns(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '=' => inside = true,
            '}' => inside = false,
            _ => {}
        }
        if !inside {
            plain.push(c);
        }
    }
    plain
}

/// `IncidentService` of `kvartal.incident.v1.IncidentService`.
fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}
