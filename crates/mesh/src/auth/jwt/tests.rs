//! Good and forged access tokens.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use kvartal_kernel::{Kind, ManualClock};
use serde_json::{Value, json};

use super::*;
use crate::auth::{LocalRevocations, Revoke as _, SigningKey};

const NOW: i64 = 1_800_000_000;
const LIFE: i64 = 600;

/// A source whose keys can be changed, withheld and counted.
struct Source {
    keys: Mutex<Option<Vec<PublicKey>>>,
    reads: AtomicUsize,
}

#[async_trait]
impl KeySource for Source {
    async fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.keys.lock().unwrap().clone().ok_or_else(|| Error::unavailable("AWAY", "identity is away"))
    }
}

struct World {
    clock: Arc<ManualClock>,
    source: Arc<Source>,
    revocations: Arc<LocalRevocations>,
    verifier: JwtVerifier,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000_000)));
    let source =
        Arc::new(Source { keys: Mutex::new(Some(vec![key("k1").public().clone()])), reads: AtomicUsize::new(0) });
    let revocations = Arc::new(LocalRevocations::new(clock.clone()));
    let verifier = JwtVerifier::new(source.clone(), revocations.clone(), clock.clone());
    World { clock, source, revocations, verifier }
}

impl World {
    async fn kind(&self, token: &str) -> Option<Kind> {
        self.verifier.verify(token).await.err().map(|error| error.kind())
    }

    fn set_keys(&self, keys: Option<&[&SigningKey]>) {
        *self.source.keys.lock().unwrap() = keys.map(|keys| keys.iter().map(|key| key.public().clone()).collect());
    }
}

fn key(kid: &str) -> SigningKey {
    let mut seed = [1; 32];
    seed[..kid.len()].copy_from_slice(kid.as_bytes());
    SigningKey::from_seed(kid, &seed).unwrap()
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: Uuid::from_u128(1),
        sid: Some(Uuid::from_u128(2)),
        generation: 7,
        kind: TokenKind::User,
        roles: vec!["citizen".into(), "admin".into(), "role of the future".into()],
        iat: NOW,
        nbf: NOW,
        exp: NOW + LIFE,
        jti: Uuid::from_u128(3),
    }
}

/// A token of any header and claims, signed by the good key.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(b"k1");
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes())))
}

const HEADER: &str = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1"}"#;

fn text(claims: &Claims) -> String {
    serde_json::to_string(claims).unwrap()
}

#[tokio::test]
async fn a_good_token_says_who_calls() {
    let world = world();
    let identity = world.verifier.verify(&key("k1").sign(&claims()).unwrap()).await.unwrap();
    let roles = [Role::Citizen, Role::Admin].into_iter().collect();
    assert_eq!(identity.actor, Actor::User { id: Uuid::from_u128(1), session: Uuid::from_u128(2), roles });
    assert_eq!((identity.generation, identity.expires.seconds()), (7, NOW + LIFE));

    let machine = Claims { sid: None, kind: TokenKind::Machine, roles: vec!["service".into()], ..claims() };
    let identity = world.verifier.verify(&key("k1").sign(&machine).unwrap()).await.unwrap();
    assert_eq!(identity.actor, Actor::Machine { id: Uuid::from_u128(1), roles: [Role::Service].into_iter().collect() });
}

#[tokio::test]
async fn forged_headers_are_refused() {
    let world = world();
    let good = text(&claims());
    assert_eq!(world.kind(&signed(HEADER, &good)).await, None);
    for header in [
        r#"{"typ":"at+jwt","alg":"none","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"None","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"NONE","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":null,"kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":["EdDSA"],"kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"eddsa","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"HS512","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"RS256","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"ES256","kid":"k1"}"#,
        r#"{"typ":"at+jwt","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":null}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":""}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k2"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"K1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1 "}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"../../k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1' OR '1'='1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":["k1"]}"#,
        r#"{"typ":"JWT","alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"mesh+jwt","alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"AT+JWT","alg":"EdDSA","kid":"k1"}"#,
        r#"{"alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","crit":["exp"]}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","jku":"https://evil.example/keys"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","x5u":"https://evil.example/cert"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","x5c":["AAAA"]}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","zip":"DEF"}"#,
        r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k2","kid":"k1"}"#,
        r#"{"typ":"JWT","typ":"at+jwt","alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1"} "x""#,
        r#"["EdDSA"]"#,
        "null",
        "",
        "{",
    ] {
        assert_eq!(world.kind(&signed(header, &good)).await, Some(Kind::Unauthenticated), "{header}");
    }
}

#[tokio::test]
async fn forged_claims_are_refused() {
    let world = world();
    let with = |name: &str, value: Value| {
        let mut claims = serde_json::to_value(claims()).unwrap();
        claims[name] = value;
        claims.to_string()
    };
    for (name, value) in [
        ("iss", json!("")),
        ("iss", json!("Kvartal")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(["kvartal"])),
        ("iss", Value::Null),
        ("aud", json!("")),
        ("aud", json!("other")),
        ("aud", json!(["kvartal"])),
        ("aud", json!(["other", "kvartal"])),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("sub", json!("not a uuid")),
        ("sub", json!(Uuid::nil())),
        ("sub", json!(1)),
        ("sid", Value::Null),
        ("sid", json!(Uuid::nil())),
        ("sid", json!("x")),
        ("gen", json!("7")),
        ("gen", json!(7.5)),
        ("gen", Value::Null),
        ("kind", json!("service")),
        ("kind", json!("machine")),
        ("kind", json!("User")),
        ("roles", json!("admin")),
        ("roles", json!([1])),
        ("roles", Value::Null),
        ("iat", json!(NOW + 60)),
        ("iat", json!(NOW + LIFE)),
        ("iat", json!(i64::MAX)),
        ("nbf", json!(NOW + 60)),
        ("nbf", json!("now")),
        ("exp", json!(NOW - 6)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!("never")),
        ("exp", Value::Null),
        ("jti", json!("x")),
    ] {
        let token = signed(HEADER, &with(name, value.clone()));
        assert_eq!(world.kind(&token).await, Some(Kind::Unauthenticated), "{name}: {value}");
    }
    let good = text(&claims());
    for (what, claims) in [
        ("a claim twice", good.replacen('{', r#"{"sub":"00000000-0000-0000-0000-000000000009","#, 1)),
        ("no claims", "{}".to_owned()),
        ("no object", "[]".to_owned()),
        ("something behind", format!("{good}{{}}")),
    ] {
        assert_eq!(world.kind(&signed(HEADER, &claims)).await, Some(Kind::Unauthenticated), "{what}");
    }
}

#[tokio::test]
async fn forged_shapes_and_signatures_are_refused() {
    let world = world();
    let good = key("k1").sign(&claims()).unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let other = SigningKey::from_seed("k1", &[9; 32]).unwrap().sign(&claims()).unwrap();
    let admin = text(&Claims { roles: vec!["admin".into()], sub: Uuid::from_u128(99), ..claims() });
    let mut last_bits = signature.to_owned();
    let last = last_bits.pop().unwrap();
    last_bits.push(if last == 'A' { 'B' } else { 'A' });
    let unsafe_alphabet = STANDARD_NO_PAD.encode([0xfb, 0xff, 0xfe]);
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        good.replace('.', ""),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{header}.{payload}.{}", "A".repeat(86)),
        format!("{header}.{payload}.{last_bits}"),
        format!("{header}.{payload}.{}", &signature[..signature.len() - 2]),
        format!("{header}.{payload}.{unsafe_alphabet}"),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(admin)),
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)),
        format!("{payload}.{header}.{signature}"),
        other,
        "a".repeat(TOKEN_BYTES_MAX + 1),
        format!("{header}.{}.{signature}", "A".repeat(TOKEN_BYTES_MAX)),
        "é.é.é".into(),
    ] {
        assert_eq!(world.kind(&token).await, Some(Kind::Unauthenticated), "{token}");
    }
    let nested = format!(r#"{{"x":{}{},"typ":"at+jwt","alg":"EdDSA","kid":"k1"}}"#, "[".repeat(400), "]".repeat(400));
    assert_eq!(world.kind(&signed(&nested, &text(&claims()))).await, Some(Kind::Unauthenticated));
    // A symmetric token signed with the public key's bytes.
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    (header.typ, header.kid) = (Some(ACCESS_TOKEN_TYPE.into()), Some("k1".into()));
    let secret = jsonwebtoken::EncodingKey::from_secret(&key("k1").public().x);
    let confused = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
    assert_eq!(world.kind(&confused).await, Some(Kind::Unauthenticated));
}

#[tokio::test]
async fn time_counts_also_for_remembered_tokens() {
    let world = world();
    let token = key("k1").sign(&claims()).unwrap();
    assert_eq!(world.kind(&token).await, None);
    world.clock.advance(Duration::from_secs(u64::try_from(LIFE).unwrap() + 4));
    assert_eq!(world.kind(&token).await, None, "leeway");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.kind(&token).await, Some(Kind::Unauthenticated));
    let early = key("k1").sign(&Claims { nbf: NOW + LIFE + 11, exp: NOW + 2 * LIFE, ..claims() }).unwrap();
    assert_eq!(world.kind(&early).await, Some(Kind::Unauthenticated));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.kind(&early).await, None);
}

#[tokio::test]
async fn revocation_counts_at_once_also_for_remembered_tokens() {
    let world = world();
    let token = key("k1").sign(&claims()).unwrap();
    let identity = world.verifier.verify(&token).await.unwrap();
    world.revocations.revoke_session(Uuid::from_u128(2), Timestamp::MAX).await.unwrap();
    assert_eq!(world.kind(&token).await, Some(Kind::Unauthenticated));
    assert!(world.verifier.recheck(&identity).is_err());

    let next = key("k1").sign(&Claims { sid: Some(Uuid::from_u128(4)), ..claims() }).unwrap();
    assert_eq!(world.kind(&next).await, None);
    world.revocations.revoke_before(Uuid::from_u128(1), 8, Timestamp::MAX).await.unwrap();
    assert_eq!(world.kind(&next).await, Some(Kind::Unauthenticated));
    let newer = key("k1").sign(&Claims { sid: Some(Uuid::from_u128(4)), generation: 8, ..claims() }).unwrap();
    assert_eq!(world.kind(&newer).await, None);
}

#[tokio::test]
async fn keys_rotate_and_withdrawn_keys_die() {
    let world = world();
    let (old, new) = (key("k1"), key("k2"));
    let (old_token, new_token) = (old.sign(&claims()).unwrap(), new.sign(&claims()).unwrap());
    assert_eq!(world.kind(&old_token).await, None);

    world.set_keys(Some(&[&old, &new]));
    world.clock.advance(KEYS_PAUSE);
    assert_eq!(world.kind(&new_token).await, None, "an unknown name makes it ask");
    assert_eq!(world.kind(&old_token).await, None);

    world.set_keys(Some(&[&new]));
    world.clock.advance(KEYS_FRESH);
    assert_eq!(world.kind(&old_token).await, Some(Kind::Unauthenticated), "withdrawn");
    assert_eq!(world.kind(&new_token).await, None);
}

#[tokio::test]
async fn invented_names_do_not_wear_out_the_source() {
    let world = world();
    for n in 0..50 {
        let kid = format!("x{n}");
        assert_eq!(world.kind(&key(&kid).sign(&claims()).unwrap()).await, Some(Kind::Unauthenticated));
    }
    assert_eq!(world.source.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_absent_source_is_bridged_for_an_hour_and_no_longer() {
    let world = world();
    world.set_keys(None);
    let forever = key("k1").sign(&Claims { exp: NOW + 100_000, ..claims() }).unwrap();
    assert_eq!(world.kind(&forever).await, Some(Kind::Unavailable), "never had a key");
    world.set_keys(Some(&[&key("k1")]));
    world.clock.advance(KEYS_PAUSE);
    assert_eq!(world.kind(&forever).await, None);
    world.set_keys(None);
    world.clock.advance(KEYS_LIFE - Duration::from_secs(1));
    assert_eq!(world.kind(&forever).await, None);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.kind(&forever).await, Some(Kind::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn who_follows_the_keys_lets_no_call_wait_for_them() {
    let World { clock, source, verifier, .. } = world();
    let (verifier, stop, token) = (Arc::new(verifier), CancellationToken::new(), key("k1").sign(&claims()).unwrap());
    let reads = || source.reads.load(Ordering::SeqCst);
    let script = async {
        tokio::time::sleep(KEYS_PAUSE * 3).await;
        assert_eq!(reads(), 0, "nobody has shown a token");
        verifier.prepare().await.unwrap();
        verifier.prepare().await.unwrap();
        verifier.verify(&token).await.unwrap();
        assert_eq!(reads(), 1);
        for round in 2..6 {
            clock.advance(KEYS_RENEWED);
            tokio::time::sleep(KEYS_PAUSE * 2).await;
            assert_eq!(reads(), round);
            assert!(verifier.recall(&token).is_some(), "without waiting");
        }
        stop.cancel();
    };
    tokio::join!(verifier.clone().follow(stop.clone()), script);
}

#[tokio::test]
async fn who_is_not_prepared_says_so() {
    let world = world();
    world.set_keys(None);
    assert_eq!(world.verifier.prepare().await.unwrap_err().kind(), Kind::Unavailable);
}
