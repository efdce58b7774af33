//! The turns of signing keys.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn key(kid: &str) -> SigningKey {
    SigningKey { kid: kid.to_owned(), public: [0; 32], sealed: vec![1], published_at: NOW, signs_from: None }
}

fn kids(ring: &KeyRing) -> Vec<&str> {
    ring.keys.iter().map(|key| key.kid.as_str()).collect()
}

fn signing(ring: &KeyRing, now: Timestamp) -> &str {
    &ring.signing(now).unwrap().kid
}

#[test]
fn the_first_rotation_takes_effect_at_once() {
    let mut ring = KeyRing::begin(key("a"), key("b"), NOW);
    assert_eq!(signing(&ring, NOW), "a");
    let later = NOW.plus(MINUTE);
    assert_eq!(ring.rotate(key("c"), later).unwrap(), "b");
    assert_eq!(signing(&ring, later), "b");
    assert_eq!(kids(&ring), ["a", "b", "c"]);
}

#[test]
fn a_key_signs_only_after_it_was_published_long_enough() {
    let mut ring = KeyRing::begin(key("a"), key("b"), NOW);
    ring.rotate(key("c"), NOW).unwrap();
    assert_eq!(ring.rotate(key("d"), NOW.plus(MINUTE)).unwrap(), "c");
    assert_eq!(signing(&ring, NOW.plus(MINUTE)), "b");
    assert_eq!(signing(&ring, NOW.plus(KeyRing::AHEAD)), "c");
}

#[test]
fn every_rotation_has_its_own_turn() {
    let mut ring = KeyRing::begin(key("0"), key("1"), NOW);
    for number in 2..KeyRing::MAX {
        ring.rotate(key(&number.to_string()), NOW).unwrap();
    }
    let mut turns: Vec<_> = ring.keys.iter().map(|key| key.signs_from).collect();
    turns.sort();
    turns.dedup();
    assert_eq!(turns.len(), KeyRing::MAX);
    assert_eq!(ring.rotate(key("surplus"), NOW).unwrap_err().reason(), "TOO_MANY_KEYS");
}

#[test]
fn a_key_that_had_its_turn_verifies_until_its_last_token_has_expired() {
    let mut ring = KeyRing::begin(key("a"), key("b"), NOW);
    let rotated = NOW.plus(DAY);
    ring.rotate(key("c"), rotated).unwrap();
    ring.sweep(rotated);
    assert_eq!(ring.keys[0].sealed, [1], "another replica may not know yet");
    ring.sweep(rotated.plus(ACCESS_LIFETIME + KeyRing::STALENESS));
    assert_eq!(kids(&ring), ["a", "b", "c"]);
    assert!(ring.keys[0].sealed.is_empty(), "what signs no more can be stolen no more");
    ring.sweep(rotated.plus(REVOCATION_MEMORY + KeyRing::STALENESS));
    assert_eq!(kids(&ring), ["b", "c"]);
    assert_eq!(ring.keys[0].sealed, [1]);
}

#[test]
fn a_key_is_due_after_30_days() {
    let mut ring = KeyRing::begin(key("a"), key("b"), NOW);
    assert!(!ring.is_due(NOW.plus(30 * DAY - HOUR)));
    assert!(ring.is_due(NOW.plus(30 * DAY)));
    ring.rotate(key("c"), NOW.plus(30 * DAY)).unwrap();
    assert!(!ring.is_due(NOW.plus(31 * DAY)));
}
