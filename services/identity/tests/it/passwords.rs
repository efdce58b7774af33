//! Guessing, changing and resetting passwords.

use std::time::Duration;

use futures::future::join_all;
use kvartal_mesh::from_status;
use kvartal_proto::identity::v1 as pb;
use tonic::Code;

use crate::world::{PASSWORD, World, credentials, reason};

const ANNA: &str = "anna@city.example";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let wrong = world.stranger().sign_in(credentials(ANNA, "wrong horse")).await.unwrap_err();
    let unknown = world.stranger().sign_in(credentials("nobody@city.example", "wrong horse")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    assert_eq!((wrong.code(), wrong.message()), (unknown.code(), unknown.message()));
    assert_eq!(wrong.details(), unknown.details());
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_one_account_are_limited_wherever_they_come_from() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let guess = async |_| world.stranger().sign_in(credentials(ANNA, "wrong horse")).await.unwrap_err();
    let answers = join_all((0..60).map(guess)).await;
    let refused: Vec<_> = answers.iter().filter(|status| status.code() == Code::ResourceExhausted).collect();
    assert!((38..=40).contains(&refused.len()), "{} of 60 were refused", refused.len());
    assert!(from_status(refused[0]).retry_delay().is_some());
    // Not even the right password helps now; it does again after a while, and another account is not concerned.
    assert_eq!(reason(world.stranger().sign_in(credentials(ANNA, PASSWORD)).await), "RATE_LIMITED");
    world.admin().await;
    world.clock.advance(Duration::from_secs(60));
    world.sign_in(ANNA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_one_address_are_limited_whatever_the_account() {
    let (_place, world) = World::embedded().await;
    let client = world.at("192.0.2.7", "Browser", None);
    let guess = async |number: u32| {
        let request = credentials(&format!("user{number}@city.example"), "wrong horse");
        client.clone().sign_in(request).await.unwrap_err().code()
    };
    let answers = join_all((0..40).map(guess)).await;
    let refused = answers.iter().filter(|code| **code == Code::ResourceExhausted).count();
    assert!((18..=20).contains(&refused), "{refused} of 40 were refused");
    assert_eq!(reason(world.stranger().sign_in(credentials(ANNA, "wrong horse")).await), "WRONG_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_password_is_needed_to_change_it() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut anna, _) = world.session(ANNA).await;
    let change = |current: &str, new: &str| pb::ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
    };
    assert_eq!(reason(anna.change_password(change("wrong horse", "another horse")).await), "WRONG_PASSWORD");
    let weak = anna.change_password(change(PASSWORD, "password123")).await.unwrap_err();
    assert_eq!(from_status(&weak).field_violations()[0].field, "new_password");
    anna.change_password(change(PASSWORD, "another horse")).await.unwrap();
    assert_eq!(reason(world.stranger().sign_in(credentials(ANNA, PASSWORD)).await), "WRONG_CREDENTIALS");
    world.stranger().sign_in(credentials(ANNA, "another horse")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_works_once_and_for_an_hour() {
    let (_place, world) = World::embedded().await;
    let id = world.registered(ANNA).await;
    let request = pb::RequestPasswordResetRequest { email: ANNA.to_owned() };
    let reset = async |token: &str| {
        let request = pb::ResetPasswordRequest { token: token.to_owned(), new_password: "another horse".to_owned() };
        reason(world.stranger().reset_password(request).await)
    };
    world.stranger().request_password_reset(request.clone()).await.unwrap();
    let late = world.reset_mail(ANNA).await;
    assert_eq!(late.user_id, id);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(reset(&late.token).await, "LINK_INVALID");
    world.stranger().request_password_reset(request).await.unwrap();
    let token = world.reset_mail(ANNA).await.token;
    // Many at once: one of them sets the password.
    let answers = join_all((0..10).map(async |_| reset(&token).await)).await;
    assert_eq!(answers.iter().filter(|answer| *answer == "OK").count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer == "OK" || answer == "LINK_INVALID"), "{answers:?}");
    world.stranger().sign_in(credentials(ANNA, "another horse")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_links_tells_nothing_about_an_address() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    for email in [ANNA, "nobody@city.example"] {
        let reset = pb::RequestPasswordResetRequest { email: email.to_owned() };
        world.stranger().request_password_reset(reset).await.unwrap();
        let resend = pb::ResendConfirmationRequest { email: email.to_owned() };
        world.stranger().resend_confirmation(resend).await.unwrap();
    }
    world.reset_mail(ANNA).await;
    let nobody = |mail: &pb::PasswordResetRequested| mail.email == "nobody@city.example";
    assert_eq!(world.take(&nobody), None);
}
