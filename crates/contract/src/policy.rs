//! The policy types: what one RPC, service or event promises.

use std::time::Duration;

use kvartal_kernel::Roles;

/// Who may call an RPC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anyone.
    Public,
    /// Any signed-in person or machine client.
    Authenticated,
    /// Whoever holds one of the roles.
    Roles(Roles),
    /// Other services of the platform, never the edge.
    Internal,
}

/// How often one caller may call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RateClass {
    /// Cheap reads.
    Read,
    /// Ordinary writes.
    Write,
    /// Costs much computation or storage.
    Expensive,
    /// Guessing would pay.
    Sensitive,
    /// Opening of a stream.
    Stream,
}

/// How much it hurts when a call is dropped for want of capacity: the four classes of the SRE book, the most dispensable
/// first. Who is short of capacity drops from the low end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Criticality {
    /// May fail often: batch work that is repeated anyway.
    Sheddable,
    /// May fail at times: batch work that somebody waits for.
    SheddablePlus,
    /// A person waits; what a method is when it declares nothing.
    #[default]
    Critical,
    /// Its failure is seen by many at once: signing in, alarms.
    CriticalPlus,
}

impl Criticality {
    /// Every class, in order.
    pub const ALL: [Self; 4] = [Self::Sheddable, Self::SheddablePlus, Self::Critical, Self::CriticalPlus];

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|criticality| criticality.name() == name)
    }

    /// Its name, for headers and metrics: `SHEDDABLE_PLUS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sheddable => "SHEDDABLE",
            Self::SheddablePlus => "SHEDDABLE_PLUS",
            Self::Critical => "CRITICAL",
            Self::CriticalPlus => "CRITICAL_PLUS",
        }
    }
}

/// Whether a call may be repeated: `idempotency_level` of the method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idempotency {
    /// Must not be repeated blindly.
    Unknown,
    /// Repeating has the effect of calling once.
    Idempotent,
    /// Reads only.
    NoSideEffects,
}

/// HTTP verbs a rule may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// GET.
    Get,
    /// PUT.
    Put,
    /// POST.
    Post,
    /// DELETE.
    Delete,
    /// PATCH.
    Patch,
}

/// How an RPC appears over HTTP: one rule of `google.api.http`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpRule {
    /// The verb.
    pub verb: Verb,
    /// The path template, such as `/v1/users/{user_id}:grantRole`.
    pub path: String,
    /// The request field in the body; `*` for all that the path does not name; empty for none.
    pub body: String,
}

/// What an RPC is measured against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slo {
    /// Share of calls that succeed, in per mille.
    pub availability_permille: u32,
    /// Time within which 99 % of calls are answered.
    pub latency_p99: Duration,
}

/// The contract of one RPC.
#[derive(Clone, Debug)]
pub struct Method {
    /// `/kvartal.identity.v1.IdentityService/SignIn`.
    pub path: String,
    /// `identity`: the folder of the service that answers.
    pub domain: String,
    /// `kvartal.identity.v1.IdentityService`.
    pub service: String,
    /// `SignIn`.
    pub name: String,
    /// Who may call.
    pub access: Access,
    /// The longest a call may take; for a stream, the longest it lives.
    pub deadline: Duration,
    /// How often.
    pub rate: RateClass,
    /// Whether each call becomes an audit record.
    pub audit: bool,
    /// Whether it may be repeated.
    pub idempotency: Idempotency,
    /// Its REST paths; the first is the main one.
    pub http: Vec<HttpRule>,
    /// Whether it answers with a stream.
    pub server_streaming: bool,
    /// Full name of the request message.
    pub input: String,
    /// Full name of the response message.
    pub output: String,
    /// What it is measured against.
    pub slo: Slo,
    /// What a call is worth whose caller does not say so.
    pub criticality: Criticality,
    /// The leading comment in the .proto file, or empty where comments were left out.
    pub comment: String,
}

/// Database engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// No database.
    None,
    /// PostgreSQL; SQLite when embedded.
    Postgres,
    /// PostgreSQL with TimescaleDB; SQLite when embedded.
    Timescale,
    /// ClickHouse.
    ClickHouse,
}

/// The contract of one service.
#[derive(Clone, Debug)]
pub struct Service {
    /// `kvartal.identity.v1.IdentityService`.
    pub full_name: String,
    /// `identity`.
    pub domain: String,
    /// Paths of its RPCs.
    pub methods: Vec<String>,
    /// Full names of the services it calls.
    pub calls: Vec<String>,
    /// Event types it publishes.
    pub publishes: Vec<String>,
    /// Event types it consumes, `@security` written out.
    pub consumes: Vec<String>,
    /// The engine of its database.
    pub database: Engine,
    /// Whether it needs Redis in more than one process.
    pub cache: bool,
    /// Prefixes of the paths that it answers over plain HTTP; each begins and ends with `/`.
    pub pages: Vec<String>,
    /// Whether every service of the platform offers it beside its own RPCs.
    pub every_service: bool,
}

/// An event message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventType {
    /// Full name of the message.
    pub name: String,
    /// Whether the audit record keeps it.
    pub security: bool,
}
