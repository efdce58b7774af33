//! The use cases, in memory.

mod memory;

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Actor, Caller, Role, Roles};

use super::*;
use crate::domain::{DisplayName, KeyRing, Locale, NewPassword, Profile, Purpose, Secret, TimeZone};
use memory::{Memory, identity};

const PASSWORD: &str = "correct horse";

fn email(text: &str) -> Email {
    Email::parse("email", text).unwrap()
}

fn name() -> DisplayName {
    DisplayName::parse("name", "Anna").unwrap()
}

fn stranger() -> Caller {
    Caller { actor: Actor::Anonymous, address: "192.0.2.1".to_owned(), user_agent: "Browser".to_owned() }
}

async fn seed(identity: &Identity, address: &str) -> UserId {
    let email = email(address);
    let password = NewPassword::parse("password", Secret::new(PASSWORD), &email, &name()).unwrap();
    let seed = Seed { email: email.clone(), password, name: name(), roles: Roles::NONE };
    identity.seed(seed).await.unwrap();
    identity.users.find_by_email(&email).await.unwrap().unwrap().id
}

async fn sign_in(identity: &Identity, address: &str) -> (Caller, SignedIn) {
    let signed_in = identity.sign_in(&stranger(), email(address), Secret::new(PASSWORD)).await.unwrap();
    let user = signed_in.account.id;
    let session = identity.users.sessions(user).await.unwrap().last().unwrap().id;
    let actor = Actor::User { id: user.0, session: session.0, roles: signed_in.account.roles };
    (Caller { actor, ..stranger() }, signed_in)
}

#[tokio::test]
async fn an_unknown_address_costs_the_same_work_as_a_wrong_password() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    seed(&identity, "anna@city.example").await;
    let mut answers = Vec::new();
    for address in ["anna@city.example", "nobody@city.example"] {
        memory.take_journal();
        let wrong = identity.sign_in(&stranger(), email(address), Secret::new("wrong horse")).await.err().unwrap();
        let work: Vec<_> = memory.take_journal().into_iter().filter(|step| !step.starts_with("signin")).collect();
        answers.push((wrong.kind(), wrong.reason(), wrong.message().to_owned(), work));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1, "WRONG_CREDENTIALS");
}

#[tokio::test]
async fn whoever_guesses_too_fast_is_refused_before_any_work() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    seed(&identity, "anna@city.example").await;
    for refused in ["signin:address:192.0.2.1", "signin:account:"] {
        memory.refused.lock().unwrap().insert(refused.to_owned());
        memory.take_journal();
        let error =
            identity.sign_in(&stranger(), email("anna@city.example"), Secret::new(PASSWORD)).await.err().unwrap();
        assert_eq!(error.reason(), "RATE_LIMITED");
        assert!(!memory.take_journal().contains(&"verify".to_owned()));
        memory.refused.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn guesses_at_the_current_password_count_as_attempts_to_sign_in() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    seed(&identity, "anna@city.example").await;
    let (anna, _) = sign_in(&identity, "anna@city.example").await;
    memory.refused.lock().unwrap().insert("signin:account:".to_owned());
    let change = identity.change_password(&anna, Secret::new("a guess"), Secret::new("another horse")).await;
    assert_eq!(change.unwrap_err().reason(), "RATE_LIMITED");
}

#[tokio::test]
async fn a_revocation_is_committed_then_announced_then_answered() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    let id = seed(&identity, "anna@city.example").await;
    let (anna, _) = sign_in(&identity, "anna@city.example").await;
    let Actor::User { session, .. } = anna.actor else { panic!("a user") };
    memory.take_journal();
    identity.sign_out(&anna).await.unwrap();
    assert_eq!(memory.take_journal(), ["commit".to_owned(), format!("revoke session {session}")]);
    identity.grant_role(&anna, id, Role::Editor).await.unwrap();
    assert_eq!(memory.take_journal(), ["commit".to_owned(), format!("revoke {id} before 2")]);
    identity.grant_role(&anna, id, Role::Editor).await.unwrap();
    assert_eq!(memory.take_journal(), ["commit"], "nothing has changed");
}

#[tokio::test]
async fn a_revocation_that_could_not_be_announced_is_repeated() {
    let memory = Arc::new(Memory::default());
    let (identity, clock) = identity(&memory).await;
    let id = seed(&identity, "anna@city.example").await;
    let (anna, _) = sign_in(&identity, "anna@city.example").await;
    let client = identity.create_client(name(), Roles::NONE).await.unwrap().client.id;
    *memory.revoke_fails.lock().unwrap() = true;
    identity.sign_out(&anna).await.unwrap();
    identity.grant_role(&anna, id, Role::Editor).await.unwrap();
    identity.delete_client(client).await.unwrap();
    let rung = tokio::time::timeout(Duration::from_secs(5), identity.repeat.notified()).await;
    assert!(rung.is_ok(), "nobody rang");
    assert!(identity.repeat_revocations().await.is_err());
    *memory.revoke_fails.lock().unwrap() = false;
    memory.take_journal();
    clock.advance(Duration::from_secs(60));
    identity.repeat_revocations().await.unwrap();
    let Actor::User { session, .. } = anna.actor else { panic!("a user") };
    let expected =
        [format!("revoke session {session}"), format!("revoke {id} before 2"), format!("revoke {client} before 2")];
    assert_eq!(memory.take_journal(), expected);
    clock.advance(REVOCATION_MEMORY);
    identity.repeat_revocations().await.unwrap();
    let rest: Vec<_> = memory.take_journal().into_iter().filter(|step| step.contains("session")).collect();
    assert!(rest.is_empty(), "no token from before can live any more: {rest:?}");
}

#[tokio::test]
async fn the_owner_of_a_taken_address_is_told_and_the_caller_is_not() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    let id = seed(&identity, "anna@city.example").await;
    memory.take_events();
    memory.take_journal();
    let profile = Profile { name: name(), locale: Locale::En, time_zone: TimeZone::default(), phone: None };
    let registration =
        Registration { email: email("ANNA@city.example"), password: Secret::new("another horse"), profile };
    identity.register(registration).await.unwrap();
    let [Event::EmailConfirmationRequested { user, link: None, locale, .. }] = &memory.take_events()[..] else {
        panic!("the owner is told by mail, without a link")
    };
    assert_eq!((*user, *locale), (id, Locale::Ru), "in the owner's language");
    assert!(memory.take_journal().contains(&"hash".to_owned()), "the work is the same");
}

#[tokio::test]
async fn asking_for_a_link_is_the_same_work_for_every_address() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    seed(&identity, "anna@city.example").await;
    let mut works = Vec::new();
    for address in ["anna@city.example", "nobody@city.example"] {
        memory.take_journal();
        identity.request_password_reset(email(address)).await.unwrap();
        identity.resend_confirmation(email(address)).await.unwrap();
        let work: Vec<_> = memory.take_journal().into_iter().filter(|step| !step.starts_with("mail:")).collect();
        works.push(work);
    }
    assert_eq!(works[0], ["want Reset", "want Confirmation"]);
    assert_eq!(works[0], works[1]);
    memory.take_events();
    identity.send_link(Purpose::Reset, &email("nobody@city.example")).await.unwrap();
    assert_eq!(memory.take_events(), []);
    identity.send_link(Purpose::Reset, &email("anna@city.example")).await.unwrap();
    assert!(matches!(memory.take_events()[..], [Event::PasswordResetRequested { .. }]));
}

#[tokio::test]
async fn a_new_browser_is_noticed_from_the_second_session_on() {
    let memory = Arc::new(Memory::default());
    let (identity, _) = identity(&memory).await;
    seed(&identity, "anna@city.example").await;
    let mut known = Vec::new();
    for user_agent in ["Browser", "Other", "Browser", "Other"] {
        memory.take_events();
        let caller = Caller { user_agent: user_agent.to_owned(), ..stranger() };
        identity.sign_in(&caller, email("anna@city.example"), Secret::new(PASSWORD)).await.unwrap();
        let [Event::SessionStarted { known_device, .. }] = memory.take_events()[..] else { panic!("a session") };
        known.push(known_device);
    }
    assert_eq!(known, [true, false, true, true]);
}

#[tokio::test]
async fn another_replica_signs_with_the_new_key_within_ten_seconds() {
    let memory = Arc::new(Memory::default());
    let (here, clock) = identity(&memory).await;
    let there = Signer::new(memory.clone(), MasterKey::new(&[1; 32]).unwrap(), clock.clone());
    there.prepare().await.unwrap();
    seed(&here, "anna@city.example").await;
    let holder = || signing::Holder {
        kind: kvartal_mesh::auth::TokenKind::User,
        id: Uuid::from_u128(1),
        session: Some(Uuid::from_u128(2)),
        generation: 1,
        roles: Roles::NONE,
    };
    let before = kid(there.sign(holder()).await.unwrap().0);
    clock.advance(Duration::from_secs(1));
    let turn = here.signer.rotate().await.unwrap();
    assert_eq!(kid(here.signer.sign(holder()).await.unwrap().0), turn);
    assert_eq!(kid(there.sign(holder()).await.unwrap().0), before);
    clock.advance(KeyRing::STALENESS);
    assert_eq!(kid(there.sign(holder()).await.unwrap().0), turn);
    let published: Vec<_> = there.published().await.unwrap().into_iter().map(|key| key.kid).collect();
    assert!(published.contains(&before) && published.contains(&turn) && published.len() == 3);
}

#[tokio::test]
async fn a_wrong_master_key_is_noticed_at_the_start() {
    let memory = Arc::new(Memory::default());
    let (_, clock) = identity(&memory).await;
    let other = Signer::new(memory.clone(), MasterKey::new(&[2; 32]).unwrap(), clock);
    assert!(other.prepare().await.unwrap_err().message().contains("master key"));
    assert_eq!(memory.keys.lock().unwrap().keys.len(), 2, "and changes nothing");
}

/// The key id in a token's header.
fn kid(token: Secret) -> String {
    use base64::Engine as _;
    let header = token.expose().split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}
