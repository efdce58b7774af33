//! The encoding is fixed, and no change of a chain stays unseen.

use kvartal_kernel::{Timestamp, Uuid};
use proptest::prelude::*;

use super::{Entry, Flaw, Hash, Head, MAX_DETAILS, MAX_TEXT, Problem, Record, Walk};

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// The first record of the README's test vector.
fn granted() -> Entry {
    Entry {
        event: id("0198c0de-0000-7000-8000-000000000001"),
        kind: "kvartal.identity.v1.RoleGranted".into(),
        source: "identity".into(),
        actor: "0198c0de-0000-7000-8000-0000000000aa".into(),
        subject: "0198c0de-0000-7000-8000-0000000000bb".into(),
        time: Timestamp(1_795_168_800_000_000),
        method: String::new(),
        outcome: String::new(),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        details: "user_id=0198c0de-0000-7000-8000-0000000000bb; role=ROLE_ADMIN".into(),
    }
}

/// The second.
fn called() -> Entry {
    Entry {
        event: id("0198c0de-0000-7000-8000-000000000002"),
        kind: "kvartal.audit.v1.CallAudited".into(),
        source: "identity".into(),
        actor: "0198c0de-0000-7000-8000-0000000000aa".into(),
        subject: String::new(),
        time: Timestamp(1_795_168_800_000_001),
        method: "/kvartal.identity.v1.IdentityService/GrantRole".into(),
        outcome: "OK".into(),
        trace: String::new(),
        details: "session_id=0198c0de-0000-7000-8000-0000000000cc".into(),
    }
}

#[test]
fn the_readme_states_the_hashes_of_its_test_vector() {
    let readme = include_str!("../../README.md");
    let first = Record::after(&Head::origin(), granted());
    let second = Record::after(&first.head(), called());
    assert_eq!(first.hash.0, "c8d7f37381d76b84a1d7ebc0736d07b983191087ae3268171154f01133095583");
    assert_eq!(second.hash.0, "c921f182a4ca98eeb162bfe68495175d3c741e1502cbc4c310d7a8128dab3bda");
    assert!(readme.contains(&first.hash.0) && readme.contains(&second.hash.0));
}

#[test]
fn texts_are_bounded_and_keep_no_control_characters() {
    let entry = Entry { subject: "я".repeat(500), details: "d".repeat(9_000), actor: "a\0b".into(), ..granted() };
    let entry = entry.bounded();
    assert!(entry.subject.len() <= MAX_TEXT && entry.subject.ends_with('…'));
    assert!(entry.details.len() <= MAX_DETAILS);
    assert_eq!(entry.actor, "a\u{fffd}b");
    assert_eq!(granted().bounded(), granted());
}

fn chain(entries: Vec<Entry>) -> (Vec<Record>, Head) {
    let mut head = Head::origin();
    let mut records = Vec::new();
    for entry in entries {
        let record = Record::after(&head, entry);
        head = record.head();
        records.push(record);
    }
    (records, head)
}

/// What the service does, over a plain list of stored records.
fn verify(stored: &[Record], head: &Head) -> Result<(), Flaw> {
    let mut walk = Walk::new(Head::origin(), head.clone());
    for record in stored.iter().take_while(|record| record.sequence <= head.sequence) {
        walk.check(record)?;
    }
    walk.finish(stored.last().map_or(0, |record| record.sequence))
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let texts = || ("[a-z.]{0,6}", "[a-z]{0,3}", "[0-9a-f]{0,4}", "[а-я]{0,3}");
    let entry = (any::<u128>(), texts(), any::<i64>(), texts()).prop_map(|(event, one, time, two)| Entry {
        event: Uuid::from_u128(event),
        kind: one.0,
        source: one.1,
        actor: one.2,
        subject: one.3,
        time: Timestamp(time),
        method: two.0,
        outcome: two.1,
        trace: two.2,
        details: two.3,
    });
    prop::collection::vec(entry, 1..24)
}

/// Flips one bit of one field; a field that is empty gets a character, which is an edit too.
fn flip(record: &mut Record, field: usize, bit: usize) {
    let text = |text: &mut String| {
        let mut bytes = std::mem::take(text).into_bytes();
        if bytes.is_empty() {
            bytes.push(b'0');
        } else {
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        // A flip that breaks UTF-8 cannot be read back; as text it shows up as a replacement character.
        *text = String::from_utf8_lossy(&bytes).into_owned();
    };
    match field % 13 {
        0 => record.sequence ^= 1 << (bit % 63),
        1 => record.entry.event = Uuid::from_u128(record.entry.event.as_u128() ^ 1 << (bit % 128)),
        2 => record.entry.time.0 ^= 1 << (bit % 64),
        3 => text(&mut record.entry.kind),
        4 => text(&mut record.entry.source),
        5 => text(&mut record.entry.actor),
        6 => text(&mut record.entry.subject),
        7 => text(&mut record.entry.method),
        8 => text(&mut record.entry.outcome),
        9 => text(&mut record.entry.trace),
        10 => text(&mut record.entry.details),
        11 => text(&mut record.previous.0),
        _ => text(&mut record.hash.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_untouched_chain_is_intact(entries in entries()) {
        let (records, head) = chain(entries);
        prop_assert_eq!(verify(&records, &head), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_found_no_later_than_at_the_next_record(entries in entries(), at: prop::sample::Index, field: usize, bit: usize) {
        let (mut records, head) = chain(entries);
        let at = at.index(records.len());
        let sequence = records[at].sequence;
        flip(&mut records[at], field, bit);
        records.sort_by_key(|record| record.sequence);
        let flaw = verify(&records, &head).unwrap_err();
        prop_assert!(flaw.sequence <= sequence + 1, "{flaw:?} for {sequence}");
    }

    #[test]
    fn a_deleted_record_is_named(entries in entries(), at: prop::sample::Index) {
        let (mut records, head) = chain(entries);
        let gone = records.remove(at.index(records.len()));
        prop_assert_eq!(verify(&records, &head), Err(Flaw { sequence: gone.sequence, problem: Problem::Missing }));
    }

    #[test]
    fn swapped_records_are_found(entries in entries(), a: prop::sample::Index, b: prop::sample::Index) {
        let (mut records, head) = chain(entries);
        let (a, b) = (a.index(records.len()), b.index(records.len()));
        prop_assume!(a != b);
        // Contents change places, with and without their hashes; the numbers stay where they are.
        let first = a.min(b) as u64 + 1;
        let (left, right) = (records[a].entry.clone(), records[b].entry.clone());
        prop_assume!(left != right);
        records[a].entry = right;
        records[b].entry = left;
        prop_assert_eq!(verify(&records, &head).unwrap_err().sequence, first);
        let (left, right) = (records[a].hash.clone(), records[b].hash.clone());
        records[a].hash = right;
        records[b].hash = left;
        prop_assert_eq!(verify(&records, &head).unwrap_err().sequence, first);
    }

    #[test]
    fn a_truncated_chain_is_found(entries in entries(), keep: prop::sample::Index) {
        let (mut records, head) = chain(entries);
        let keep = keep.index(records.len());
        records.truncate(keep);
        let flaw = verify(&records, &head).unwrap_err();
        prop_assert_eq!(flaw, Flaw { sequence: keep as u64 + 1, problem: Problem::Missing });
    }

    #[test]
    fn a_rewritten_tail_does_not_fit_the_head(entries in entries(), at: prop::sample::Index) {
        let (records, head) = chain(entries.clone());
        let at = at.index(records.len());
        let mut forged = entries;
        forged[at].actor.push('x');
        let (forged, _) = chain(forged);
        prop_assert_eq!(verify(&forged, &head).unwrap_err().problem, Problem::HeadDiffers);
    }

    #[test]
    fn a_head_that_is_set_back_leaves_records_beyond_it(entries in entries(), at: prop::sample::Index) {
        let (records, _) = chain(entries);
        let back = records[at.index(records.len())].clone();
        prop_assume!(back.sequence < records.len() as u64);
        let flaw = verify(&records, &back.head()).unwrap_err();
        prop_assert_eq!(flaw, Flaw { sequence: back.sequence + 1, problem: Problem::BeyondHead });
    }
}

#[test]
fn a_hash_of_another_form_fits_nothing() {
    let (mut records, head) = chain(vec![granted()]);
    records[0].hash = Hash(records[0].hash.0.to_uppercase());
    assert!(verify(&records, &head).is_err());
}
