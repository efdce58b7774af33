//! Accounts and sessions.

use kvartal_kernel::{Kind, Role, Roles, Version};

use super::*;

#[test]
fn a_new_account_is_an_unconfirmed_citizen() {
    let link = MailLink::generate(Purpose::Confirmation, NOW);
    let id = UserId(Uuid::from_u128(1));
    let (account, events) = Account::register(id, email(), PasswordHash::new("first"), profile(), &link, NOW);
    assert!(!account.email_confirmed);
    assert_eq!(account.roles, Roles::NONE.with(Role::Citizen));
    let [Event::UserRegistered { user }, Event::EmailConfirmationRequested { link: Some((token, end)), .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*user, *end), (id, NOW.plus(DAY)));
    assert_eq!(*token, link.token.reveal());
}

#[test]
fn a_link_works_once() {
    let (mut account, link) = registered();
    let token = link.token.hash();
    let events = account.confirm_email(&token, NOW).unwrap();
    assert!(account.email_confirmed);
    assert_eq!(events, [Event::EmailConfirmed { user: account.id }]);
    assert_eq!(account.confirm_email(&token, NOW).unwrap_err().reason(), "LINK_INVALID");
}

#[test]
fn a_link_ends_at_its_time_and_with_the_next_one() {
    let (mut account, first) = registered();
    let late = NOW.plus(DAY);
    assert_eq!(account.confirm_email(&first.token.hash(), late).unwrap_err().reason(), "LINK_INVALID");
    let second = MailLink::generate(Purpose::Confirmation, NOW);
    assert_eq!(account.request_mail(Purpose::Confirmation, &second).len(), 1);
    assert!(account.confirm_email(&first.token.hash(), NOW).is_err());
    assert!(account.confirm_email(&second.token.hash(), NOW).is_ok());
    assert_eq!(account.request_mail(Purpose::Confirmation, &second), [], "there is nothing to confirm any more");
}

#[test]
fn a_link_serves_its_purpose_only() {
    let mut user = user();
    let reset = MailLink::generate(Purpose::Reset, NOW);
    user.account.request_mail(Purpose::Reset, &reset);
    assert!(user.account.confirm_email(&reset.token.hash(), NOW).is_err());
    let confirmation = user.account.confirmation;
    assert!(user.reset_password(&confirmation.unwrap().hash, PasswordHash::new("x"), NOW).is_err());
}

#[test]
fn a_reset_proves_the_address_and_ends_every_session() {
    let mut user = user();
    start(&mut user, 1, NOW);
    start(&mut user, 2, NOW);
    let link = MailLink::generate(Purpose::Reset, NOW);
    user.account.request_mail(Purpose::Reset, &link);
    let too_late = user.clone().reset_password(&link.token.hash(), PasswordHash::new("second"), NOW.plus(HOUR));
    assert_eq!(too_late.unwrap_err().reason(), "LINK_INVALID");
    let events = user.reset_password(&link.token.hash(), PasswordHash::new("second"), NOW).unwrap();
    assert_eq!(user.account.password, PasswordHash::new("second"));
    assert!(user.account.email_confirmed);
    let id = user.account.id;
    assert_eq!(events[..2], [Event::PasswordChanged { user: id }, Event::EmailConfirmed { user: id }]);
    assert_eq!(events.len(), 4);
    assert!(user.sessions.iter().all(|session| !session.is_live(NOW)));
    assert!(user.reset_password(&link.token.hash(), PasswordHash::new("third"), NOW).is_err(), "a link works once");
}

#[test]
fn changing_the_password_ends_the_other_sessions_and_open_reset_links() {
    let mut user = user();
    start(&mut user, 1, NOW);
    start(&mut user, 2, NOW);
    let link = MailLink::generate(Purpose::Reset, NOW);
    user.account.request_mail(Purpose::Reset, &link);
    let current = SessionId(Uuid::from_u128(2));
    let proof = user.account.password.clone();
    let events = user.change_password(&proof, PasswordHash::new("second"), current, NOW).unwrap();
    let other = SessionId(Uuid::from_u128(1));
    let id = user.account.id;
    assert_eq!(events, [Event::PasswordChanged { user: id }, revoked(&user, other, RevocationReason::Password)]);
    assert!(user.live_session(current, NOW).is_some());
    assert!(user.account.reset.is_none());
    let again = user.change_password(&proof, PasswordHash::new("third"), current, NOW).unwrap_err();
    assert_eq!(again.kind(), Kind::Aborted, "the proof is of a password that is no longer in force");
}

#[test]
fn a_proof_of_an_old_password_starts_no_session() {
    let mut user = user();
    let error = user.start_session(&PasswordHash::new("older"), new_session(1), NOW).unwrap_err();
    assert_eq!(error.kind(), Kind::Aborted);
}

#[test]
fn the_oldest_session_makes_room_for_the_51st() {
    let mut user = user();
    for id in 1..=50 {
        start(&mut user, id, NOW.plus(Duration::from_secs(id as u64)));
    }
    assert!(user.sessions.iter().all(|session| session.is_live(NOW)));
    let proof = user.account.password.clone();
    let events = user.start_session(&proof, new_session(51), NOW.plus(HOUR)).unwrap();
    let oldest = SessionId(Uuid::from_u128(1));
    assert_eq!(events[0], revoked(&user, oldest, RevocationReason::Limit));
    assert!(matches!(events[1], Event::SessionStarted { known_device: true, .. }));
    assert_eq!(user.sessions.iter().filter(|session| session.is_live(NOW)).count(), 50);
}

#[test]
fn a_refresh_token_works_once() {
    let mut user = user();
    let first = start(&mut user, 1, NOW);
    let id = SessionId(Uuid::from_u128(1));
    let second = first.next();
    assert_eq!(user.refresh_session(id, &first, &second, NOW).unwrap(), []);
    let third = second.next();
    assert_eq!(user.refresh_session(id, &second, &third, NOW).unwrap(), []);
    // Also one from long ago, not only the one before.
    let events = user.refresh_session(id, &first, &first.next(), NOW).unwrap();
    let reused = Event::RefreshTokenReused { user: user.account.id, session: id };
    assert_eq!(events, [reused, revoked(&user, id, RevocationReason::Reuse)]);
    assert!(user.live_session(id, NOW).is_none());
    let error = user.refresh_session(id, &third, &third.next(), NOW).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Unauthenticated, "SESSION_OVER"));
}

#[test]
fn a_session_ends_when_unused_for_7_days_and_after_30_days_anyway() {
    let mut user = user();
    let id = SessionId(Uuid::from_u128(1));
    let mut token = start(&mut user, 1, NOW);
    assert!(user.live_session(id, NOW.plus(6 * DAY)).is_some());
    assert!(user.live_session(id, NOW.plus(7 * DAY)).is_none());
    for day in (6..30).step_by(6) {
        let next = token.next();
        user.refresh_session(id, &token, &next, NOW.plus(day * DAY)).unwrap();
        token = next;
    }
    assert!(user.live_session(id, NOW.plus(30 * DAY - HOUR)).is_some());
    assert_eq!(user.sessions[0].expires_at(), NOW.plus(30 * DAY));
    let error = user.refresh_session(id, &token, &token.next(), NOW.plus(30 * DAY)).unwrap_err();
    assert_eq!(error.reason(), "SESSION_OVER");
}

#[test]
fn ending_a_session_twice_is_one_event() {
    let mut user = user();
    start(&mut user, 1, NOW);
    start(&mut user, 2, NOW);
    let (one, two) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
    assert_eq!(user.end_session(one, RevocationReason::Remote, NOW).len(), 1);
    assert_eq!(user.end_session(one, RevocationReason::Remote, NOW), []);
    assert_eq!(user.end_every_session(two, NOW), [revoked(&user, two, RevocationReason::SignedOut)]);
}

#[test]
fn a_change_of_roles_starts_a_new_generation() {
    let (mut account, _) = registered();
    let (user, later) = (account.id, NOW.plus(HOUR));
    let events = account.grant_role(Role::Editor, "boss", later).unwrap();
    assert_eq!(events, [Event::RoleGranted { user, role: Role::Editor, actor: "boss".to_owned() }]);
    assert_eq!((account.generation, account.generation_at), (2, later));
    assert_eq!(account.grant_role(Role::Editor, "boss", later).unwrap(), []);
    assert_eq!(account.generation, 2, "nothing has changed");
    let events = account.revoke_role(Role::Editor, "boss", later).unwrap();
    assert_eq!(events, [Event::RoleRevoked { user, role: Role::Editor, actor: "boss".to_owned() }]);
    assert_eq!(account.generation, 3);
    assert_eq!(account.revoke_role(Role::Editor, "boss", later).unwrap(), []);
    assert_eq!(account.revoke_role(Role::Citizen, "boss", later).unwrap_err().kind(), Kind::InvalidArgument);
    assert_eq!(account.grant_role(Role::Service, "boss", later).unwrap_err().kind(), Kind::InvalidArgument);
}

#[test]
fn a_profile_is_changed_in_parts_and_not_from_an_older_state() {
    let (mut account, _) = registered();
    let etag = account.version.etag();
    let phone = Phone::parse("phone", "+79161234567").unwrap();
    let change = ProfileChange { locale: Some(Locale::En), phone: Some(Some(phone)), ..Default::default() };
    let events = account.update_profile(change.clone(), &etag).unwrap();
    assert_eq!(events, [Event::UserUpdated { user: account.id, locale: Locale::En }]);
    assert_eq!(account.profile.name, name());
    assert_eq!(account.update_profile(change.clone(), &etag).unwrap_err().kind(), Kind::Aborted);
    assert_eq!(account.update_profile(change, "").unwrap(), [], "nothing is different");
    assert_eq!(account.version, Version(2));
    account.update_profile(ProfileChange { phone: Some(None), ..Default::default() }, "v2").unwrap();
    assert_eq!(account.profile.phone, None);
}

#[test]
fn a_seeded_account_is_confirmed_and_gets_no_mail() {
    let roles = Roles::NONE.with(Role::Admin).with(Role::Service);
    let id = UserId(Uuid::from_u128(1));
    let (account, events) = Account::seed(id, email(), PasswordHash::new("first"), profile(), roles, NOW);
    assert!(account.email_confirmed && account.confirmation.is_none());
    assert_eq!(account.roles, Roles::NONE.with(Role::Admin).with(Role::Citizen));
    assert_eq!(events, [Event::UserRegistered { user: id }, Event::EmailConfirmed { user: id }]);
}
