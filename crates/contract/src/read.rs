//! Reads a descriptor set into the contract and says everything that is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use kvartal_kernel::{Role, Roles};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ServiceDescriptor};

use crate::options::{duration, extension, flag, list, message, number, text, texts};
use crate::{Access, Criticality, Engine, EventType, HttpRule, Idempotency, Method, RateClass, Service, Slo, Verb};

const OURS: &str = "kvartal.";
const SERVICE: &str = "kvartal.contract.v1.service";

/// Everything the .proto files promise.
#[derive(Debug)]
pub struct Contract {
    pool: DescriptorPool,
    methods: BTreeMap<String, Method>,
    services: BTreeMap<String, Service>,
    events: BTreeMap<String, EventType>,
}

/// What is wrong with the .proto files, one line each; every line names the place.
#[derive(Debug, PartialEq, Eq)]
pub struct ContractError(pub Vec<String>);

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ContractError {}

impl Contract {
    /// Reads an encoded `google.protobuf.FileDescriptorSet` that holds options and their definitions.
    pub fn from_descriptor_set(bytes: &[u8]) -> Result<Self, ContractError> {
        let pool = DescriptorPool::decode(bytes).map_err(|error| ContractError(vec![error.to_string()]))?;
        Self::from_pool(pool)
    }

    /// Reads the descriptors of a pool.
    pub fn from_pool(pool: DescriptorPool) -> Result<Self, ContractError> {
        let mut problems = Vec::new();
        let events = events(&pool);
        let mut methods = BTreeMap::new();
        let mut services = BTreeMap::new();
        for descriptor in pool.services().filter(is_ours) {
            for method in descriptor.methods() {
                match read_method(&method) {
                    Ok(method) => _ = methods.insert(method.path.clone(), method),
                    Err(problem) => problems.push(problem),
                }
            }
            match read_service(&descriptor, &events) {
                Ok(service) => _ = services.insert(service.full_name.clone(), service),
                Err(more) => problems.extend(more),
            }
        }
        for service in services.values() {
            for called in &service.calls {
                if pool.get_service_by_name(called).is_none() {
                    problems.push(format!("service {} calls {called}, which does not exist", service.full_name));
                }
            }
        }
        for method in methods.values().filter(|method| method.access != Access::Internal) {
            if services.get(&method.service).is_some_and(|service| service.every_service) {
                problems.push(format!("rpc {}: what every service offers is internal", method.path));
            }
        }
        if problems.is_empty() { Ok(Self { pool, methods, services, events }) } else { Err(ContractError(problems)) }
    }

    /// The descriptors behind the contract.
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The RPC at a path such as `/kvartal.identity.v1.IdentityService/SignIn`.
    pub fn method(&self, path: &str) -> Option<&Method> {
        self.methods.get(path)
    }

    /// Every RPC, by path.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.values()
    }

    /// Every RPC that the service of this domain answers: its own, and those that every service answers.
    pub fn methods_of(&self, domain: &str) -> impl Iterator<Item = &Method> {
        let every = |method: &Method| self.services.get(&method.service).is_some_and(|service| service.every_service);
        self.methods.values().filter(move |method| method.domain == domain || every(method))
    }

    /// The domains that have a service of their own, such as `identity`, by name.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        let own = self.services.values().filter(|service| !service.every_service);
        own.map(|service| service.domain.as_str()).collect::<BTreeSet<_>>().into_iter()
    }

    /// The service of a full name.
    pub fn service(&self, full_name: &str) -> Option<&Service> {
        self.services.get(full_name)
    }

    /// Every service, by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// Every published event type, by name.
    pub fn events(&self) -> impl Iterator<Item = &EventType> {
        self.events.values()
    }

    /// The event types that the services of a domain consume, without repetition.
    pub fn consumed_by(&self, domain: &str) -> Vec<String> {
        let kinds: BTreeSet<_> =
            self.services.values().filter(|s| s.domain == domain).flat_map(|s| s.consumes.iter().cloned()).collect();
        kinds.into_iter().collect()
    }

    /// Whether a field tells about a person or grants power: such fields are left out of logs and records.
    pub fn is_sensitive(field: &prost_reflect::FieldDescriptor) -> bool {
        extension(&field.options(), "kvartal.contract.v1.field")
            .is_some_and(|options| flag(&options, "personal") || flag(&options, "secret"))
    }
}

/// Services of our packages need a contract; of others, those are meant that have one.
fn is_ours(service: &ServiceDescriptor) -> bool {
    service.full_name().starts_with(OURS) || extension(&service.options(), SERVICE).is_some()
}

/// Messages that some service publishes, with their options.
fn events(pool: &DescriptorPool) -> BTreeMap<String, EventType> {
    let published = pool
        .services()
        .filter_map(|s| extension(&s.options(), SERVICE))
        .flat_map(|options| texts(&options, "publishes"));
    published
        .filter_map(|name| {
            let message = pool.get_message_by_name(&name)?;
            let options = extension(&message.options(), "kvartal.contract.v1.event");
            let security = options.is_some_and(|options| flag(&options, "security"));
            Some((name.clone(), EventType { name, security }))
        })
        .collect()
}

fn read_method(descriptor: &MethodDescriptor) -> Result<Method, String> {
    let service = descriptor.parent_service();
    let path = format!("/{}/{}", service.full_name(), descriptor.name());
    let options = descriptor.options();
    let missing = |what: &str| format!("rpc {path}: {what} is missing from (kvartal.contract.v1.method)");
    if descriptor.is_client_streaming() {
        return Err(format!("rpc {path}: streams of the client do not reach a browser; use unary calls"));
    }
    let contract = extension(&options, "kvartal.contract.v1.method").ok_or_else(|| missing("access and deadline"))?;
    let access = read_access(&contract).ok_or_else(|| missing("access"))?;
    let deadline = duration(&contract, "deadline").ok_or_else(|| missing("deadline"))?;
    let idempotency = match number(&options, "idempotency_level") {
        1 => Idempotency::NoSideEffects,
        2 => Idempotency::Idempotent,
        _ => Idempotency::Unknown,
    };
    let rate = match number(&contract, "rate") {
        1 => RateClass::Read,
        2 => RateClass::Write,
        3 => RateClass::Expensive,
        4 => RateClass::Sensitive,
        5 => RateClass::Stream,
        _ if descriptor.is_server_streaming() => RateClass::Stream,
        _ if idempotency == Idempotency::NoSideEffects => RateClass::Read,
        _ => RateClass::Write,
    };
    Ok(Method {
        domain: domain(service),
        service: service.full_name().to_owned(),
        name: descriptor.name().to_owned(),
        access,
        deadline,
        rate,
        audit: flag(&contract, "audit"),
        idempotency,
        http: read_http(&path, &options)?,
        server_streaming: descriptor.is_server_streaming(),
        input: descriptor.input().full_name().to_owned(),
        output: descriptor.output().full_name().to_owned(),
        slo: read_slo(&contract, deadline),
        criticality: match number(&contract, "criticality") {
            1 => Criticality::Sheddable,
            2 => Criticality::SheddablePlus,
            4 => Criticality::CriticalPlus,
            _ => Criticality::Critical,
        },
        comment: comment(descriptor),
        path,
    })
}

fn read_access(contract: &DynamicMessage) -> Option<Access> {
    let access = message(contract, "access")?;
    if flag(&access, "public") {
        Some(Access::Public)
    } else if flag(&access, "authenticated") {
        Some(Access::Authenticated)
    } else if flag(&access, "internal") {
        Some(Access::Internal)
    } else {
        let roles = message(&access, "roles")?;
        let roles: Option<Roles> =
            list(&roles, "any_of").iter().map(|role| role.as_enum_number().and_then(Role::from_number)).collect();
        roles.filter(|roles| *roles != Roles::NONE).map(Access::Roles)
    }
}

fn read_slo(contract: &DynamicMessage, deadline: Duration) -> Slo {
    let slo = message(contract, "slo");
    let permille = slo.as_ref().and_then(|slo| slo.get_field_by_name("availability_permille")?.as_u32());
    Slo {
        availability_permille: permille.filter(|p| *p > 0).unwrap_or(999),
        latency_p99: slo.and_then(|slo| duration(&slo, "latency_p99")).unwrap_or(deadline / 10),
    }
}

fn read_http(path: &str, options: &DynamicMessage) -> Result<Vec<HttpRule>, String> {
    let Some(first) = extension(options, "google.api.http") else { return Ok(Vec::new()) };
    let more = list(&first, "additional_bindings").into_iter().filter_map(|rule| rule.as_message().cloned());
    std::iter::once(first.clone())
        .chain(more)
        .map(|rule| {
            let verbs = [
                ("get", Verb::Get),
                ("put", Verb::Put),
                ("post", Verb::Post),
                ("delete", Verb::Delete),
                ("patch", Verb::Patch),
            ];
            let (field, verb) = verbs
                .into_iter()
                .find(|(field, _)| !text(&rule, field).is_empty())
                .ok_or_else(|| format!("rpc {path}: google.api.http names no path"))?;
            Ok(HttpRule { verb, path: text(&rule, field), body: text(&rule, "body") })
        })
        .collect()
}

fn read_service(descriptor: &ServiceDescriptor, events: &BTreeMap<String, EventType>) -> Result<Service, Vec<String>> {
    let name = descriptor.full_name();
    let contract = extension(&descriptor.options(), SERVICE)
        .ok_or_else(|| vec![format!("service {name}: option (kvartal.contract.v1.service) is missing")])?;
    let mut problems = Vec::new();
    let publishes = texts(&contract, "publishes");
    for event in publishes.iter().filter(|event| !events.contains_key(*event)) {
        problems.push(format!("service {name} publishes {event}, which is no message"));
    }
    let mut consumes = BTreeSet::new();
    for event in texts(&contract, "consumes") {
        if event == "@security" {
            consumes.extend(events.values().filter(|event| event.security).map(|event| event.name.clone()));
        } else if events.contains_key(&event) {
            consumes.insert(event);
        } else {
            problems.push(format!("service {name} consumes {event}, which nobody publishes"));
        }
    }
    let pages = texts(&contract, "pages");
    for page in pages.iter().filter(|page| page.len() < 3 || !page.starts_with('/') || !page.ends_with('/')) {
        problems.push(format!("service {name}: the prefix {page:?} of its pages must look like /photos/"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let engine = message(&contract, "database").map_or(0, |database| number(&database, "engine"));
    Ok(Service {
        full_name: name.to_owned(),
        domain: domain(descriptor),
        methods: descriptor.methods().map(|method| format!("/{name}/{}", method.name())).collect(),
        calls: texts(&contract, "calls"),
        publishes,
        consumes: consumes.into_iter().collect(),
        database: match engine {
            1 => Engine::Postgres,
            2 => Engine::Timescale,
            3 => Engine::ClickHouse,
            _ => Engine::None,
        },
        cache: flag(&contract, "cache"),
        pages,
        every_service: flag(&contract, "every_service"),
    })
}

/// `kvartal.traffic_analytics.v1` → `traffic-analytics`: the folder under services/.
fn domain(service: &ServiceDescriptor) -> String {
    service.package_name().split('.').nth(1).unwrap_or_default().replace('_', "-")
}

fn comment(method: &MethodDescriptor) -> String {
    let file = method.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == method.path()));
    location.map(|location| location.leading_comments().trim().replace("\n ", "\n")).unwrap_or_default()
}
