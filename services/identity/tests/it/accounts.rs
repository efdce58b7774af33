//! The life of an account: registration, confirmation, profile, lists.

use std::time::Duration;

use kvartal_mesh::from_status;
use kvartal_proto::contract::v1::Role;
use kvartal_proto::identity::v1 as pb;
use prost_types::FieldMask;
use tonic::Code;

use crate::world::{PASSWORD, Place, World, credentials, reason, registration};

const ANNA: &str = "anna@city.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_life_of_an_account_in_one_process() {
    let place = Place::embedded();
    let world = place.start().await;
    whole_life(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_life_of_an_account_on_postgresql_rabbitmq_and_redis() {
    let place = Place::cluster().await;
    let world = place.start().await;
    whole_life(&world).await;
    world.stop().await;
}

async fn whole_life(world: &World) {
    world.stranger().register(registration(ANNA)).await.unwrap();
    let mail = world.confirmation_mail(ANNA).await;
    assert_eq!((mail.display_name.as_str(), mail.locale.as_str()), ("Anna Petrova", "ru"));
    let user_id = mail.user_id.clone();
    world.event(|event: &pb::UserRegistered| event.user_id == user_id).await;

    assert_eq!(reason(world.stranger().sign_in(credentials(ANNA, PASSWORD)).await), "EMAIL_NOT_CONFIRMED");
    assert_eq!(reason(world.stranger().sign_in(credentials(ANNA, "wrong horse")).await), "WRONG_CREDENTIALS");
    world.stranger().confirm_email(pb::ConfirmEmailRequest { token: mail.token }).await.unwrap();
    world.event(|event: &pb::EmailConfirmed| event.user_id == user_id).await;

    let signed_in = world.sign_in("Anna@City.Example").await;
    let user = signed_in.user.unwrap();
    assert_eq!((user.user_id.as_str(), user.email.as_str(), user.email_confirmed), (user_id.as_str(), ANNA, true));
    assert_eq!((user.roles, user.time_zone.as_str()), (vec![Role::Citizen as i32], "Europe/Moscow"));
    let started = world.event(|event: &pb::SessionStarted| event.user_id == user_id).await;
    assert!(started.known_device && started.user_agent == "Browser" && started.address.starts_with("10."));

    let tokens = signed_in.tokens.unwrap();
    let mut anna = world.with_token(&tokens.access_token);
    let profile = anna.get_profile(pb::GetProfileRequest {}).await.unwrap().into_inner().user.unwrap();
    assert_eq!(profile.etag, user.etag);
    let update = pb::UpdateProfileRequest {
        locale: "en".to_owned(),
        phone: "+79161234567".to_owned(),
        update_mask: mask(&["locale", "phone"]),
        etag: profile.etag.clone(),
        ..Default::default()
    };
    let updated = anna.update_profile(update.clone()).await.unwrap().into_inner().user.unwrap();
    assert_eq!((updated.locale.as_str(), updated.display_name.as_str()), ("en", "Anna Petrova"));
    assert_eq!(updated.phone, "+79161234567");
    world.event(|event: &pb::UserUpdated| event.user_id == user_id && event.locale == "en").await;
    let stale = pb::UpdateProfileRequest { locale: "ru".to_owned(), ..update };
    assert_eq!(anna.update_profile(stale).await.unwrap_err().code(), Code::Aborted);

    let (mut other, other_tokens) = world.session(ANNA).await;
    let sessions = anna.list_sessions(pb::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert_eq!(sessions.iter().map(|session| session.current).collect::<Vec<_>>(), [false, true]);

    let tokens = world.refresh(&tokens.refresh_token).await.unwrap();
    let mut anna = world.with_token(&tokens.access_token);
    let change =
        pb::ChangePasswordRequest { current_password: PASSWORD.to_owned(), new_password: "another horse".to_owned() };
    anna.change_password(change).await.unwrap();
    assert_eq!(reason(other.get_profile(pb::GetProfileRequest {}).await), "SESSION_REVOKED");
    assert_eq!(reason(world.refresh(&other_tokens.refresh_token).await), "SESSION_OVER");
    anna.get_profile(pb::GetProfileRequest {}).await.unwrap();
    world.event(|event: &pb::PasswordChanged| event.user_id == user_id).await;
    let password = pb::RevocationReason::Password as i32;
    world.event(|event: &pb::SessionRevoked| event.user_id == user_id && event.reason == password).await;

    let request = pb::RequestPasswordResetRequest { email: ANNA.to_owned() };
    world.stranger().request_password_reset(request).await.unwrap();
    let mail = world.reset_mail(ANNA).await;
    assert_eq!(mail.locale, "en");
    let reset = pb::ResetPasswordRequest { token: mail.token, new_password: PASSWORD.to_owned() };
    world.stranger().reset_password(reset).await.unwrap();
    assert_eq!(reason(anna.get_profile(pb::GetProfileRequest {}).await), "SESSION_REVOKED");

    let (mut anna, tokens) = world.session(ANNA).await;
    world.sign_in(ANNA).await;
    let ended = anna.sign_out_everywhere(pb::SignOutEverywhereRequest {}).await.unwrap().into_inner();
    assert_eq!(ended.session_count, 2);
    assert_eq!(reason(anna.get_profile(pb::GetProfileRequest {}).await), "SESSION_REVOKED");
    assert_eq!(reason(world.refresh(&tokens.refresh_token).await), "SESSION_OVER");
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_a_taken_address_answers_the_same_and_tells_the_owner() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let again = pb::RegisterRequest { display_name: "Mallory".to_owned(), ..registration("ANNA@city.example") };
    let answer = world.stranger().register(again).await.unwrap();
    assert_eq!(answer.into_inner(), pb::RegisterResponse {});
    let mail = world.confirmation_mail(ANNA).await;
    assert_eq!((mail.token.as_str(), mail.expire_time, mail.display_name.as_str()), ("", None, "Anna Petrova"));
    world.sign_in(ANNA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_and_malformed_registrations_are_refused_field_by_field() {
    let (_place, world) = World::embedded().await;
    for (request, field) in [
        (pb::RegisterRequest { password: "qwertyuiop".to_owned(), ..registration(ANNA) }, "password"),
        (pb::RegisterRequest { password: "ANNA@city.example".to_owned(), ..registration(ANNA) }, "password"),
        (pb::RegisterRequest { password: "short".to_owned(), ..registration(ANNA) }, "password"),
        (pb::RegisterRequest { display_name: " \u{7} ".to_owned(), ..registration(ANNA) }, "display_name"),
        (pb::RegisterRequest { time_zone: "Europe/".to_owned(), ..registration(ANNA) }, "time_zone"),
        (registration("anna"), "email"),
    ] {
        let status = world.stranger().register(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(from_status(&status).field_violations()[0].field, field);
        assert!(!status.message().contains("qwertyuiop"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_link_works_once_for_a_day_and_until_the_next() {
    let (_place, world) = World::embedded().await;
    world.stranger().register(registration(ANNA)).await.unwrap();
    let first = world.confirmation_mail(ANNA).await.token;
    let resend = pb::ResendConfirmationRequest { email: ANNA.to_owned() };
    world.stranger().resend_confirmation(resend.clone()).await.unwrap();
    let second = world.confirmation_mail(ANNA).await.token;
    let confirm = async |token: &str| {
        reason(world.stranger().confirm_email(pb::ConfirmEmailRequest { token: token.to_owned() }).await)
    };
    assert_eq!(confirm(&first).await, "LINK_INVALID");
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(confirm(&second).await, "LINK_INVALID");
    world.stranger().resend_confirmation(resend).await.unwrap();
    let third = world.confirmation_mail(ANNA).await.token;
    assert_eq!(confirm(&third).await, "OK");
    assert_eq!(confirm(&third).await, "LINK_INVALID");
    assert_eq!(confirm("a token of the right length, but wrong it is").await, "LINK_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_must_name_fields_that_exist() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut anna, _) = world.session(ANNA).await;
    let request = pb::UpdateProfileRequest { update_mask: mask(&["locale", "email", "roles"]), ..Default::default() };
    let error = from_status(&anna.update_profile(request).await.unwrap_err());
    let fields: Vec<_> = error.field_violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["update_mask.paths[1]", "update_mask.paths[2]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_page_by_page_for_administrators() {
    let (_place, world) = World::embedded().await;
    for number in 0..5 {
        world.stranger().register(registration(&format!("user{number}@city.example"))).await.unwrap();
    }
    let mut admin = world.admin().await;
    let mut found = Vec::new();
    let mut request = pb::ListUsersRequest { page_size: 2, ..Default::default() };
    loop {
        let page = admin.list_users(request.clone()).await.unwrap().into_inner();
        assert!(page.users.len() <= 2);
        found.extend(page.users.into_iter().map(|user| user.email));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = (0..5).rev().map(|number| format!("user{number}@city.example")).collect();
    assert_eq!((&found[..5], found[5].as_str(), found.len()), (&expected[..], crate::world::ADMIN, 6));

    let token = admin.list_users(pb::ListUsersRequest { page_size: 2, ..Default::default() }).await.unwrap();
    let other = pb::ListUsersRequest { page_token: token.into_inner().next_page_token, role: 13, ..Default::default() };
    assert_eq!(admin.list_users(other).await.unwrap_err().code(), Code::InvalidArgument, "a token of another list");
    let admins = pb::ListUsersRequest { role: Role::Admin as i32, ..Default::default() };
    assert_eq!(admin.list_users(admins).await.unwrap().into_inner().users.len(), 1);
    let third = pb::ListUsersRequest { query: " USER3@".to_owned(), ..Default::default() };
    let third = admin.list_users(third).await.unwrap().into_inner().users;
    assert_eq!(third.iter().map(|user| user.email.as_str()).collect::<Vec<_>>(), ["user3@city.example"]);

    world.registered(ANNA).await;
    let (mut anna, _) = world.session(ANNA).await;
    let denied = anna.list_users(pb::ListUsersRequest::default()).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_for_services_and_accounts_for_administrators() {
    use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;

    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    let (mut anna, _) = world.session(ANNA).await;
    let request = pb::GetContactRequest { user_id: user_id.clone() };
    assert_eq!(anna.get_contact(request.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let channel = world.runtime.directory().channel("identity", "notification").unwrap();
    let contact = IdentityServiceClient::new(channel).get_contact(request).await.unwrap().into_inner();
    assert_eq!((contact.email.as_str(), contact.locale.as_str()), (ANNA, "ru"));

    let request = pb::GetUserRequest { user_id };
    assert_eq!(anna.get_user(request.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let mut admin = world.admin().await;
    assert_eq!(admin.get_user(request).await.unwrap().into_inner().user.unwrap().email, ANNA);
    let nobody = pb::GetUserRequest { user_id: kvartal_kernel::Uuid::nil().to_string() };
    assert_eq!(reason(admin.get_user(nobody).await), "USER_NOT_FOUND");
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}
