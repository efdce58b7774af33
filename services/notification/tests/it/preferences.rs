//! People choose what they are told; critical kinds are not theirs to choose.

use kvartal_mesh::from_status;
use kvartal_proto::notification::v1::{
    DeliveryState, GetPreferencesRequest, Kind, Preference, SendTestNotificationRequest, UpdatePreferencesRequest,
};
use tonic::Status;

use crate::stage::{Database, Person, Stage, report_changed};

crate::on_both_databases![
    everything_is_on_until_it_is_switched_off,
    what_is_switched_off_is_suppressed,
    critical_kinds_cannot_be_switched_off,
];

async fn preferences(person: &Person) -> Vec<Preference> {
    let answer = person.client().get_preferences(person.request(GetPreferencesRequest {})).await;
    answer.unwrap().into_inner().preferences
}

async fn choose(person: &Person, preferences: Vec<Preference>) -> Result<Vec<Preference>, Status> {
    let request = person.request(UpdatePreferencesRequest { preferences });
    Ok(person.client().update_preferences(request).await?.into_inner().preferences)
}

fn preference(kind: Kind, in_app: bool, email: bool) -> Preference {
    Preference { kind: kind.into(), in_app, email, critical: false }
}

async fn everything_is_on_until_it_is_switched_off(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    let all = preferences(&person).await;
    assert_eq!(all.len(), 15);
    let without_mail = all.iter().filter(|preference| !preference.email).map(Preference::kind);
    assert_eq!(without_mail.collect::<Vec<_>>(), [Kind::AreaJamsEnded]);
    assert_eq!(all.iter().filter(|preference| !preference.in_app).count(), 3, "three kinds are mail only");
    assert_eq!(all.iter().filter(|preference| preference.critical).count(), 6);
    // What was read can be sent back.
    assert_eq!(choose(&person, all.clone()).await.unwrap(), all);
}

async fn what_is_switched_off_is_suppressed(database: Database) {
    let stage = Stage::start(database).await;
    let (silent, reader, talker) = (stage.person(&["editor"]), stage.person(&[]), stage.person(&[]));
    let changed = Kind::ReportStatusChanged;
    choose(&silent, vec![preference(changed, false, false)]).await.unwrap();
    choose(&reader, vec![preference(changed, true, true)]).await.unwrap();
    let chosen = choose(&reader, vec![preference(changed, true, false)]).await.unwrap();
    assert!(
        chosen.iter().any(|preference| preference.kind == changed as i32 && preference.in_app && !preference.email)
    );
    stage.publish(&[report_changed(&[silent.id, reader.id, talker.id], "KV-1")]).await;
    talker.inbox_of(1).await;
    reader.inbox_of(1).await;
    stage.smtp.wait_for(&talker.email, |_| true).await;
    let states = |deliveries: Vec<kvartal_proto::notification::v1::Delivery>| {
        let mut states: Vec<_> = deliveries.iter().map(|delivery| (delivery.channel, delivery.state())).collect();
        states.sort_unstable_by_key(|(channel, _)| *channel);
        states
    };
    let (delivered, suppressed) = (DeliveryState::Delivered, DeliveryState::Suppressed);
    assert_eq!(states(stage.deliveries(silent.id).await), [(1, suppressed), (2, suppressed)]);
    assert_eq!(states(stage.deliveries(reader.id).await), [(1, delivered), (2, suppressed)]);
    assert_eq!(silent.inbox().await.notifications, []);
    assert_eq!(silent.inbox().await.unread_count, 0);
    assert_eq!(stage.smtp.mails().len(), 1);

    // A test goes the same ways.
    let test = |kind: Kind| {
        let request = silent.request(SendTestNotificationRequest { kind: kind.into() });
        let mut client = silent.client();
        async move { client.send_test_notification(request).await.unwrap().into_inner().notification_id }
    };
    assert_eq!(test(changed).await, "");
    let id = test(Kind::IncidentAssigned).await;
    assert_eq!(silent.inbox_of(1).await.notifications[0].notification_id, id);
    stage.smtp.wait_for(&silent.email, |mail| mail.subject.contains("происшествие")).await;
    assert_eq!(test(Kind::EmailConfirmation).await, "", "mail only");
    let mail = stage.smtp.wait_for(&silent.email, |mail| mail.text.contains("token=")).await;
    assert!(mail.text.contains("token=example-token"), "{}", mail.text);
    assert_eq!(stage.smtp.mails_to(&reader.email), []);
}

async fn critical_kinds_cannot_be_switched_off(database: Database) {
    let stage = Stage::start(database).await;
    let person = stage.stranger(&[]);
    let wrong = vec![
        preference(Kind::ReportReceived, false, false),
        preference(Kind::PasswordChanged, true, false),
        preference(Kind::PasswordReset, true, true),
    ];
    let error = from_status(&choose(&person, wrong).await.unwrap_err());
    let fields: Vec<_> = error.field_violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["preferences[1].email", "preferences[2].in_app"]);
    let unchanged = preferences(&person).await;
    assert_eq!(
        unchanged.iter().filter(|preference| !preference.email).count(),
        1,
        "nothing of a refused request is kept"
    );
    let undefined = Preference { kind: 99, ..Default::default() };
    assert!(choose(&person, vec![undefined]).await.is_err());
}
