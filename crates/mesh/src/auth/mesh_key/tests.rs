//! Tokens between services.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kvartal_kernel::Timestamp;
use serde_json::json;

use super::MeshKey;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn key() -> MeshKey {
    MeshKey::new(&[7; 32])
}

fn forge(typ: &str, algorithm: Algorithm, secret: &[u8], claims: serde_json::Value) -> String {
    let mut header = Header::new(algorithm);
    header.typ = Some(typ.to_owned());
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
}

#[test]
fn the_called_service_learns_who_calls() {
    let token = key().token("notification", "identity", NOW).unwrap();
    assert_eq!(key().verify(token.to_str().unwrap(), "identity", NOW).unwrap(), "notification");
    assert!(token.is_sensitive());
}

#[test]
fn a_token_serves_one_pair_of_services_for_a_minute() {
    let key = key();
    let token = key.token("notification", "identity", NOW).unwrap();
    let token = token.to_str().unwrap();
    assert!(key.verify(token, "incident", NOW).is_err());
    assert!(key.verify(token, "identity", NOW.plus(Duration::from_secs(64))).is_ok());
    assert!(key.verify(token, "identity", NOW.plus(Duration::from_secs(66))).is_err());
    assert!(key.verify(token, "identity", NOW.minus(Duration::from_secs(6))).is_err());
    assert!(MeshKey::new(&[8; 32]).verify(token, "identity", NOW).is_err());
}

#[test]
fn a_token_is_sent_again_for_half_its_life() {
    let key = key();
    let first = key.token("a", "b", NOW).unwrap();
    assert_eq!(key.token("a", "b", NOW.plus(Duration::from_secs(29))).unwrap(), first);
    assert_ne!(key.token("a", "b", NOW.plus(Duration::from_secs(31))).unwrap(), first);
}

#[test]
fn forged_tokens_are_refused() {
    let good = json!({"iss": "a", "aud": "b", "iat": NOW.seconds(), "exp": NOW.seconds() + 60});
    let check = |token: &str| key().verify(token, "b", NOW).is_ok();
    assert!(check(&forge("mesh+jwt", Algorithm::HS256, &[7; 32], good.clone())));
    for (typ, algorithm, secret) in [
        ("at+jwt", Algorithm::HS256, [7; 32]),
        ("JWT", Algorithm::HS256, [7; 32]),
        ("mesh+jwt", Algorithm::HS512, [7; 32]),
        ("mesh+jwt", Algorithm::HS256, [8; 32]),
    ] {
        assert!(!check(&forge(typ, algorithm, &secret, good.clone())), "{typ} {algorithm:?}");
    }
    for (name, value) in [
        ("iss", json!("")),
        ("iss", json!("x".repeat(65))),
        ("aud", json!("c")),
        ("aud", json!(["b"])),
        ("exp", json!(NOW.seconds() - 6)),
        ("exp", json!(NOW.seconds() + 3_600)),
        ("exp", json!(i64::MAX)),
        ("iat", json!(NOW.seconds() + 60)),
        ("iat", json!("now")),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert!(!check(&forge("mesh+jwt", Algorithm::HS256, &[7; 32], claims)), "{name}");
    }
    assert!(!check("") && !check("..") && !check(&"a".repeat(10_000)));
}

#[test]
fn a_key_is_read_from_base64_and_not_shown() {
    let token = key().token("a", "b", NOW).unwrap();
    let file = b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    assert!(MeshKey::parse(file).unwrap().verify(token.to_str().unwrap(), "b", NOW).is_ok());
    assert!(MeshKey::parse(b"short").is_err());
    assert_eq!(format!("{:?}", key()), "MeshKey(…)");
}
