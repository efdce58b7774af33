//! Input rules hold for what is decoded.

use prost::Message as _;

use crate::check::{At, Checked};
use crate::identity::v1::{GrantRoleRequest, RegisterRequest};
use crate::incident::v1::{CreateIncidentRequest, LatLng, Place};

fn problems(message: &impl Checked) -> Vec<String> {
    let mut out = Vec::new();
    message.check(At::ROOT, &mut out);
    out.into_iter().map(|violation| format!("{} {}", violation.field, violation.description)).collect()
}

#[test]
fn every_rpc_has_a_contract() {
    assert!(crate::contract().methods().count() > 50);
}

#[test]
fn wrong_fields_are_named_with_their_place() {
    let request = CreateIncidentRequest {
        kind: 99,
        title: "x".into(),
        place: Some(Place {
            points: vec![LatLng { latitude: 1.0, longitude: 2.0 }, LatLng { latitude: f64::NAN, longitude: 200.0 }],
            ..Place::default()
        }),
        start_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..CreateIncidentRequest::default()
    };
    let found = problems(&request).join("\n");
    for expected in [
        "kind must be a value",
        "place.points[1].latitude must be a finite",
        "place.points[1].longitude must be at most 180",
        "start_time must be a time",
    ] {
        assert!(found.contains(expected), "{expected} not in:\n{found}");
    }
}

#[test]
fn a_good_registration_passes_and_bad_ones_do_not() {
    let good = RegisterRequest {
        email: "anna@example.org".into(),
        password: "correct horse".into(),
        display_name: "Анна".into(),
        ..RegisterRequest::default()
    };
    assert!(problems(&good).is_empty());
    for email in
        ["", "anna", "anna@", "@example.org", "a b@example.org", "anna@example", "anna@.org", "a..b@example.org"]
    {
        assert!(!problems(&RegisterRequest { email: email.into(), ..good.clone() }).is_empty(), "{email}");
    }
    assert!(!problems(&RegisterRequest { password: "short".into(), ..good.clone() }).is_empty());
    assert!(!problems(&RegisterRequest { locale: "de".into(), ..good }).is_empty());
}

#[test]
fn a_uuid_has_one_form_only() {
    for user_id in ["", "nil", "{00000000-0000-0000-0000-000000000000}", "00000000000000000000000000000000"] {
        assert!(!problems(&GrantRoleRequest { user_id: user_id.into(), role: 2 }).is_empty(), "{user_id}");
    }
    assert!(problems(&GrantRoleRequest { user_id: "00000000-0000-0000-0000-000000000000".into(), role: 2 }).is_empty());
}

#[test]
fn the_list_of_violations_is_bounded() {
    let points = vec![LatLng { latitude: 100.0, longitude: 0.0 }; 1000];
    let request = CreateIncidentRequest { place: Some(Place { points, ..Place::default() }), ..Default::default() };
    assert!(problems(&request).len() <= crate::check::LIMIT);
    assert!(request.encoded_len() > 0);
}
