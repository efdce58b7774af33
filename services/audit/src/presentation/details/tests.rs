//! Details leave out what is personal, and cannot be forged by what people type.

use kvartal_events::Event;
use kvartal_kernel::Timestamp;
use kvartal_proto::contract::v1::Role;
use kvartal_proto::{audit, identity, incident};

use super::{decode, details};

fn of(message: &impl prost::Name) -> String {
    let event = Event::new("identity", "someone", Timestamp(1), message);
    details(&decode(&event).unwrap(), &["actor_id"])
}

#[test]
fn personal_fields_are_left_out() {
    let started = identity::v1::SessionStarted {
        user_id: "u".into(),
        session_id: "s".into(),
        user_agent: "Mozilla/5.0".into(),
        address: "203.0.113.7".into(),
        known_device: true,
    };
    assert_eq!(of(&started), "user_id=u; session_id=s; known_device=true");
}

#[test]
fn enums_are_named_and_what_has_its_own_column_is_left_out() {
    let granted = identity::v1::RoleGranted { user_id: "u".into(), role: Role::Admin.into(), actor_id: "root".into() };
    assert_eq!(of(&granted), "user_id=u; role=ROLE_ADMIN");
}

#[test]
fn secrets_are_left_out_of_any_message() {
    let wanted = identity::v1::PasswordResetRequested {
        user_id: "u".into(),
        email: "person@example.org".into(),
        display_name: "Person".into(),
        locale: "ru".into(),
        token: "t0ken".into(),
        expire_time: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }),
    };
    assert_eq!(of(&wanted), "user_id=u; locale=ru; expire_time.seconds=7");
}

#[test]
fn a_text_cannot_pass_for_another_field() {
    let called = audit::v1::CallAudited { session_id: "s; role=ROLE_ADMIN\n".into(), ..Default::default() };
    assert_eq!(of(&called), "session_id=s%3B role%3DROLE_ADMIN%0A");
}

#[test]
fn lists_maps_and_nested_messages_have_one_order() {
    let answers = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into();
    let report =
        incident::v1::Report { report_id: "r".into(), photo_ids: vec!["p".into()], answers, ..Default::default() };
    let moved = incident::v1::ReportStatusChanged {
        report: Some(report),
        audience: vec!["x".into(), "y".into()],
        ..Default::default()
    };
    assert_eq!(
        of(&moved),
        "report.report_id=r; report.photo_ids[0]=p; report.answers[a]=1; report.answers[b]=2; audience[0]=x; audience[1]=y"
    );
}

#[test]
fn an_unknown_or_broken_message_is_no_message() {
    let mut event = Event::new("identity", "someone", Timestamp(1), &identity::v1::UserRegistered::default());
    event.payload = vec![0xff, 0xff].into();
    assert!(decode(&event).is_none());
    event.kind = "kvartal.future.v1.Unheard".into();
    assert!(decode(&event).is_none());
}
