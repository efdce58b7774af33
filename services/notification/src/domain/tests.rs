//! Rules, preferences and harmless texts.

use kvartal_kernel::{Timestamp, Uuid};

use super::*;

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn address() -> Address {
    Address { email: "person@example.org".into(), display_name: "Person".into(), locale: Locale::En }
}

#[test]
fn every_kind_has_an_example_of_its_own() {
    for kind in Kind::ALL {
        let notice = kind.example(user(1));
        assert_eq!((notice.kind, notice.user), (kind, Some(user(1))));
        assert!(notice.confidence.address.is_none() && notice.confidence.expires.is_none());
    }
}

#[test]
fn a_known_device_is_not_news() {
    let started = |known_device| Fact::SessionStarted {
        user: user(1),
        known_device,
        user_agent: "a".into(),
        address: "b".into(),
        at: Timestamp(0),
    };
    assert_eq!(notices(started(true)), []);
    assert_eq!(notices(started(false))[0].kind, Kind::NewSignIn);
}

#[test]
fn nobody_is_told_about_an_anonymous_report_or_a_team_alone() {
    assert_eq!(notices(Fact::ReportReceived { reporter: None, report: ReportFacts::default() }), []);
    assert_eq!(notices(Fact::IncidentAssigned { assignee: None, incident: IncidentFacts::default() }), []);
}

#[test]
fn an_audience_is_told_once_each_in_one_order_and_bounded() {
    let changed = |audience| notices(Fact::ReportStatusChanged { audience, report: ReportFacts::default() });
    let told: Vec<_> = changed(vec![user(3), user(1), user(3)]).into_iter().filter_map(|notice| notice.user).collect();
    assert_eq!(told, [user(1), user(3)]);
    assert_eq!(changed((0..1_500).map(user).collect()).len(), AUDIENCE_MAX);
}

#[test]
fn secrets_and_addresses_are_kept_apart_from_the_data() {
    let wanted = Fact::PasswordResetRequested {
        user: Some(user(1)),
        to: address(),
        token: "t0ken".into(),
        expires: Some(Timestamp(5)),
    };
    let notice = notices(wanted).remove(0);
    assert!(notice.data.is_empty());
    assert_eq!(notice.confidence.secrets["token"], "t0ken");
    let shown = format!("{notice:?}");
    assert!(!shown.contains("t0ken") && !shown.contains("person@example.org"), "{shown}");
}

#[test]
fn long_texts_are_cut_and_control_characters_removed() {
    let report = ReportFacts { answer: format!("a\u{1b}[31m{}", "я".repeat(2_000)), ..ReportFacts::default() };
    let notice = notices(Fact::ReportReceived { reporter: Some(user(1)), report }).remove(0);
    let answer = &notice.data["answer"];
    assert_eq!(answer.chars().count(), 1_001);
    assert!(answer.starts_with("a[31mя") && answer.ends_with('…'));
}

#[test]
fn critical_kinds_ignore_choices_and_refuse_them() {
    let off = Channels { in_app: false, email: false };
    let all_off = Kind::ALL.map(|kind| Choice { kind, channels: off });
    let preferences = Preferences::new(all_off);
    for kind in Kind::ALL {
        let expected = if kind.is_critical() { kind.channels() } else { off };
        assert_eq!(preferences.channels(kind), expected, "{kind:?}");
    }
    let error = check(&all_off).unwrap_err();
    let fields: Vec<_> = error.field_violations().iter().map(|violation| violation.field.as_str()).collect();
    assert!(fields.contains(&"preferences[3].in_app") && fields.contains(&"preferences[3].email"));
    assert!(!fields.iter().any(|field| field.starts_with("preferences[5]")), "{fields:?}");
}

#[test]
fn what_was_read_can_be_written_back_unchanged() {
    let everything = Preferences::default().choices();
    assert_eq!(everything.len(), Kind::ALL.len());
    check(&everything).unwrap();
}

#[test]
fn a_channel_that_a_kind_does_not_take_cannot_be_chosen_and_no_kind_twice() {
    let both = Channels { in_app: true, email: true };
    assert!(check(&[Choice { kind: Kind::PasswordReset, channels: both }]).is_err());
    let twice = [Choice { kind: Kind::RoleGranted, channels: both }; 2];
    assert_eq!(check(&twice).unwrap_err().field_violations()[0].field, "preferences[1].kind");
}

#[test]
fn a_name_that_could_carry_a_message_is_not_greeted() {
    assert_eq!(greeting_name("  Мария  Петрова "), "Мария Петрова");
    for name in ["http://evil.example", "www.Evil.example", "call +7: now", "a@b", &"x".repeat(61), "a<b", "a\u{7}b"] {
        assert_eq!(greeting_name(name), "", "{name}");
    }
}

#[test]
fn what_a_mail_server_says_is_kept_without_addresses() {
    let said = "550 5.1.1 <person@example.org>: Recipient\r\nperson unknown at example.org (see mx.example.org)";
    assert_eq!(without_addresses(said, "person@example.org"), "550 5.1.1 … Recipient … unknown at … (see …");
    assert_eq!(without_addresses("queue full, a moment", "a@b.example"), "queue full, … moment");
    assert_eq!(without_addresses(&"x ".repeat(500), "a@b.example").chars().count(), 200);
}

#[test]
fn languages_are_read_from_tags() {
    assert_eq!(Locale::from_tag("en-GB"), Locale::En);
    assert_eq!(Locale::from_tag("ru"), Locale::Ru);
    assert_eq!(Locale::from_tag("de"), Locale::Ru);
}

#[test]
fn a_token_is_safe_in_a_query() {
    assert_eq!(percent_encoded("aZ09-._~"), "aZ09-._~");
    assert_eq!(percent_encoded("a+/= я&"), "a%2B%2F%3D%20%D1%8F%26");
}
