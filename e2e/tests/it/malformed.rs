//! Every RPC × malformed input gives a precise client error, never INTERNAL.

use bytes::Bytes;
use kvartal_contract::{Access, Method};
use kvartal_e2e::{Adapter, Options, Platform, RawOutcome, User};
use kvartal_kernel::Role;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use tonic::Code;

/// One bad input: what is bad about it, its bytes, and whether it must be refused.
struct Bad {
    what: String,
    bytes: Bytes,
    refused: bool,
}

fn bad(what: impl Into<String>, bytes: impl Into<Bytes>, refused: bool) -> Bad {
    Bad { what: what.into(), bytes: bytes.into(), refused }
}

/// Bytes that no message of the kind is, and messages whose fields hold nonsense, one field at a time.
fn bad_inputs(message: &MessageDescriptor) -> Vec<Bad> {
    let mut inputs = vec![
        bad("bytes that are no message", vec![0xff; 32], true),
        bad("a field cut short", vec![0x0a, 0x7f, 0x01], true),
        bad("a group that never ends", vec![0x0b], true),
        bad("nothing", Vec::new(), false),
    ];
    // Field 1 nested in itself a thousand times, past prost's limit where the field is a message.
    let mut nested = Vec::new();
    for _ in 0..1_000 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(nested);
        nested = outer;
    }
    inputs.push(bad("a thousand messages in one another", nested, false));
    for field in message.fields() {
        for (what, value, refused) in bad_values(&field) {
            let mut request = DynamicMessage::new(message.clone());
            request.set_field(&field, value);
            inputs.push(bad(format!("{}: {what}", field.name()), request.encode_to_vec(), refused));
        }
        if matches!(field.kind(), Kind::String) && !field.is_map() {
            let mut bytes = Vec::new();
            prost::encoding::encode_key(field.number(), prost::encoding::WireType::LengthDelimited, &mut bytes);
            bytes.extend([3, 0xf0, 0x28, 0x8c]);
            inputs.push(bad(format!("{}: text that is not UTF-8", field.name()), bytes, true));
        }
    }
    inputs
}

fn bad_values(field: &FieldDescriptor) -> Vec<(&'static str, Value, bool)> {
    if field.is_map() {
        let pairs = (0..1_000).map(|n| (MapKey::String(n.to_string()), Value::String("x".repeat(100)))).collect();
        return vec![("a thousand pairs", Value::Map(pairs), true)];
    }
    let single = match field.kind() {
        Kind::String => vec![
            ("nonsense", Value::String("\u{0}'\"; DROP TABLE users; --\u{202e}".into()), false),
            ("a very long text", Value::String("я".repeat(200_000)), true),
            ("a negative number", Value::String("-1".into()), false),
        ],
        Kind::Bytes => vec![("short garbage", Value::Bytes(Bytes::from_static(&[0; 20])), false)],
        Kind::Double => [f64::NAN, f64::INFINITY, -1e300, 91.5, 1e18]
            .into_iter()
            .map(|number| ("a number out of range", Value::F64(number), false))
            .collect(),
        Kind::Float => [f32::NAN, f32::INFINITY, -1e30]
            .into_iter()
            .map(|number| ("a number out of range", Value::F32(number), false))
            .collect(),
        Kind::Uint32 => vec![("the largest number", Value::U32(u32::MAX), true)],
        Kind::Uint64 => vec![("the largest number", Value::U64(u64::MAX), false)],
        Kind::Int32 => vec![("the smallest number", Value::I32(i32::MIN), false)],
        Kind::Int64 => vec![("the smallest number", Value::I64(i64::MIN), false)],
        Kind::Enum(_) => vec![
            ("an unknown value", Value::EnumNumber(9_999), true),
            ("a negative value", Value::EnumNumber(-1), true),
        ],
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, i32::MAX), (253_402_300_800, 0)]
                .into_iter()
                .map(|(seconds, nanos)| {
                    let mut time = DynamicMessage::new(message.clone());
                    time.set_field_by_name("seconds", Value::I64(seconds));
                    time.set_field_by_name("nanos", Value::I32(nanos));
                    ("a time that never is", Value::Message(time), true)
                })
                .collect()
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => {
            let mut mask = DynamicMessage::new(message.clone());
            mask.set_field_by_name("paths", Value::List(vec![Value::String("no.such.field".into())]));
            vec![("a field that does not exist", Value::Message(mask), true)]
        }
        Kind::Message(message) => {
            let mut values = vec![("an empty message", Value::Message(DynamicMessage::new(message.clone())), false)];
            for field in message.fields() {
                for (what, value, refused) in bad_values(&field) {
                    let mut inner = DynamicMessage::new(message.clone());
                    inner.set_field(&field, value);
                    values.push((what, Value::Message(inner), refused));
                }
            }
            values
        }
        Kind::Bool => Vec::new(),
        other => panic!("{}: no bad values for {other:?}", field.full_name()),
    };
    if !field.is_list() {
        return single;
    }
    let mut lists: Vec<_> =
        single.into_iter().map(|(what, value, refused)| (what, Value::List(vec![value]), refused)).collect();
    if let Some((_, Value::List(first), _)) = lists.first().cloned() {
        let many = std::iter::repeat_n(first[0].clone(), 10_000).collect();
        lists.push(("ten thousand items", Value::List(many), true));
    }
    lists
}

/// Somebody whom the contract admits.
async fn admitted<'a>(method: &Method, admin: &'a User, staff: &'a User) -> Option<&'a User> {
    match method.access {
        Access::Public => None,
        Access::Roles(roles) if roles.contains(Role::Admin) => Some(admin),
        _ => Some(staff),
    }
}

fn is_client_error(outcome: &RawOutcome) -> bool {
    !matches!(
        outcome.code,
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_input_is_refused_with_the_reason_and_never_as_our_fault() {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let staff = platform
        .user(&admin, &[Role::Dispatcher, Role::Moderator, Role::Patrol, Role::Support, Role::Editor, Role::Analyst])
        .await;
    let contract = kvartal_proto::contract();
    let raw = platform.raw();
    let mut wrong = Vec::new();
    let mut calls = 0;
    for method in contract.methods().filter(|method| method.access != Access::Internal) {
        if matches!(method.name.as_str(), "SignOut" | "SignOutEverywhere" | "RotateSigningKey") {
            continue; // They take nothing, and end what the rest of the test needs.
        }
        let message = contract.pool().get_message_by_name(&method.input).unwrap();
        let token = admitted(method, &admin, &staff).await.map(User::access_token);
        for input in bad_inputs(&message) {
            calls += 1;
            let outcome = raw.call(method, token, input.bytes).await;
            let precise = outcome.code != Code::InvalidArgument || !outcome.reason.is_empty();
            let refused = !input.refused || outcome.code != Code::Ok;
            if !is_client_error(&outcome) || !precise || !refused {
                wrong.push(format!("{} with {}: {outcome:?}", method.path, input.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {calls} calls:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 500, "only {calls} calls were generated");
    let oversized = raw
        .call(
            contract.method("/kvartal.incident.v1.IncidentService/CreateIncident").unwrap(),
            Some(staff.access_token()),
            Bytes::from(vec![0; 12 << 20]),
        )
        .await;
    assert_eq!(oversized.code, Code::ResourceExhausted, "{oversized:?}");
}

/// A time, as a field has it.
fn time(seconds: i64) -> Value {
    let contract = kvartal_proto::contract();
    let mut time = DynamicMessage::new(contract.pool().get_message_by_name("google.protobuf.Timestamp").unwrap());
    time.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(time)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_of_another_list_is_refused_by_every_list() {
    let platform = Platform::start(Adapter::Embedded, Options::default()).await;
    let admin = platform.admin().await;
    let staff = platform.user(&admin, &[Role::Dispatcher, Role::Moderator, Role::Patrol]).await;
    let contract = kvartal_proto::contract();
    let foreign = kvartal_kernel::Cursor { key: 1, id: uuid::Uuid::nil() }.encode("another list");
    let mut lists = 0;
    for method in contract.methods().filter(|method| method.access != Access::Internal) {
        let message = contract.pool().get_message_by_name(&method.input).unwrap();
        if message.get_field_by_name("page_token").is_none() {
            continue;
        }
        lists += 1;
        let token = admitted(method, &admin, &staff).await.map(User::access_token);
        for page_token in [foreign.as_str(), "%%%", "AAAA"] {
            let mut request = DynamicMessage::new(message.clone());
            request.set_field_by_name("page_token", Value::String(page_token.to_owned()));
            // Nothing else may be wrong with it.
            for (name, value) in [
                ("incident_id", Value::String(uuid::Uuid::nil().to_string())),
                ("service", Value::String("audit".to_owned())),
                ("segment_id", Value::String("S1".to_owned())),
                ("detector_id", Value::String("D1".to_owned())),
                ("interval", Value::EnumNumber(1)),
                ("horizon_minutes", Value::U32(15)),
                ("time", time(1_600_000_000)),
                ("start_time", time(1_600_000_000)),
                ("end_time", time(1_600_003_600)),
            ] {
                if message.get_field_by_name(name).is_some() {
                    request.set_field_by_name(name, value);
                }
            }
            let outcome = platform.raw().call(method, token, request.encode_to_vec().into()).await;
            assert_eq!(outcome.code, Code::InvalidArgument, "{} with {page_token}: {outcome:?}", method.path);
            assert_eq!(outcome.fields, ["page_token"], "{}", method.path);
        }
    }
    assert!(lists >= 6);
}
