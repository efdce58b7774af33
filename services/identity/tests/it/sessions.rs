//! Staying signed in and being signed out.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kvartal_proto::identity::v1 as pb;

use crate::world::{PASSWORD, Place, World, credentials, reason};

const ANNA: &str = "anna@city.example";
const GET: pb::GetProfileRequest = pb::GetProfileRequest {};

#[tokio::test(flavor = "multi_thread")]
async fn of_100_refreshes_at_once_one_wins_and_the_session_ends() {
    let (_place, world) = World::embedded().await;
    hundred_refreshes(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_100_refreshes_at_once_one_wins_on_postgresql_too() {
    let place = Place::postgres().await;
    let world = place.start().await;
    hundred_refreshes(&world).await;
    world.stop().await;
}

async fn hundred_refreshes(world: &World) {
    let user_id = world.registered(ANNA).await;
    let (_, tokens) = world.session(ANNA).await;
    let answers = join_all((0..100).map(async |_| world.refresh(&tokens.refresh_token).await)).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|answer| reason(answer) == "SESSION_OVER"));
    // Somebody showed a used token, so whoever won may be the thief.
    let won = won.into_iter().next().unwrap().unwrap();
    assert_eq!(reason(world.with_token(&won.access_token).get_profile(GET).await), "SESSION_REVOKED");
    assert_eq!(reason(world.refresh(&won.refresh_token).await), "SESSION_OVER");
    let reused = world.event(|event: &pb::RefreshTokenReused| event.user_id == user_id).await;
    let revoked = world.event(|event: &pb::SessionRevoked| event.session_id == reused.session_id).await;
    assert_eq!(revoked.reason, pb::RevocationReason::Reuse as i32);
    let again = |event: &pb::RefreshTokenReused| event.session_id == reused.session_id;
    assert_eq!(world.take(&again), None, "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_used_long_ago_ends_the_session_like_the_one_before() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (_, first) = world.session(ANNA).await;
    let mut newest = first.clone();
    for _ in 0..3 {
        newest = world.refresh(&newest.refresh_token).await.unwrap();
    }
    world.with_token(&newest.access_token).get_profile(GET).await.unwrap();
    assert_eq!(reason(world.refresh(&first.refresh_token).await), "SESSION_OVER");
    assert_eq!(reason(world.with_token(&newest.access_token).get_profile(GET).await), "SESSION_REVOKED");
    assert_eq!(reason(world.refresh(&newest.refresh_token).await), "SESSION_OVER");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_refresh_token_harms_nobody() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut anna, tokens) = world.session(ANNA).await;
    let mut made_up = tokens.refresh_token.clone().into_bytes();
    made_up[3] = if made_up[3] == b'A' { b'B' } else { b'A' };
    assert_eq!(reason(world.refresh(&String::from_utf8(made_up).unwrap()).await), "SESSION_OVER");
    assert_eq!(reason(world.refresh("twenty characters at least").await), "SESSION_OVER");
    anna.get_profile(GET).await.unwrap();
    world.refresh(&tokens.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_unused_after_a_week_and_used_after_a_month() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let day = Duration::from_secs(24 * 3600);
    let (_, unused) = world.session(ANNA).await;
    world.clock.advance(7 * day);
    assert_eq!(reason(world.refresh(&unused.refresh_token).await), "SESSION_OVER");
    let (_, mut used) = world.session(ANNA).await;
    for _ in 0..4 {
        world.clock.advance(6 * day);
        used = world.refresh(&used.refresh_token).await.unwrap();
    }
    world.clock.advance(6 * day);
    assert_eq!(reason(world.refresh(&used.refresh_token).await), "SESSION_OVER");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_lives_ten_minutes() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut anna, tokens) = world.session(ANNA).await;
    world.clock.advance(Duration::from_secs(9 * 60));
    anna.get_profile(GET).await.unwrap();
    world.clock.advance(Duration::from_secs(70));
    assert_eq!(reason(anna.get_profile(GET).await), "TOKEN_INVALID");
    let tokens = world.refresh(&tokens.refresh_token).await.unwrap();
    world.with_token(&tokens.access_token).get_profile(GET).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_is_felt_everywhere_within_a_second() {
    let place = Place::cluster().await;
    let world = place.start().await;
    // Another process on the same database, bus and Redis.
    let replica = place.replica();
    let other = replica.start().await;
    world.registered(ANNA).await;
    let (mut anna, tokens) = world.session(ANNA).await;
    let mut there = other.with_token(&tokens.access_token);
    there.get_profile(GET).await.unwrap();
    anna.sign_out(pb::SignOutRequest {}).await.unwrap();
    let out = Instant::now();
    assert_eq!(reason(anna.get_profile(GET).await), "SESSION_REVOKED", "at once where it happened");
    while reason(there.get_profile(GET).await) != "SESSION_REVOKED" {
        assert!(out.elapsed() < Duration::from_secs(1), "not within a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop((anna, there));
    other.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_out_session_stays_out_over_a_restart() {
    let place = Place::embedded();
    let world = place.start().await;
    world.registered(ANNA).await;
    let (mut anna, tokens) = world.session(ANNA).await;
    let (_, kept) = world.session(ANNA).await;
    anna.sign_out(pb::SignOutRequest {}).await.unwrap();
    drop(anna);
    world.stop().await;
    let world = place.start().await;
    assert_eq!(reason(world.with_token(&tokens.access_token).get_profile(GET).await), "SESSION_REVOKED");
    world.with_token(&kept.access_token).get_profile(GET).await.unwrap();
    world.refresh(&kept.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_ends_their_own_sessions_only() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    world.registered("boris@city.example").await;
    let (mut anna, _) = world.session(ANNA).await;
    let (mut far, _) = world.session(ANNA).await;
    let (mut boris, _) = world.session("boris@city.example").await;
    let sessions = anna.list_sessions(pb::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    let far_id = sessions.iter().find(|session| !session.current).unwrap().session_id.clone();
    let revoke = pb::RevokeSessionRequest { session_id: far_id.clone() };
    assert_eq!(reason(boris.revoke_session(revoke.clone()).await), "SESSION_NOT_FOUND");
    far.get_profile(GET).await.unwrap();
    anna.revoke_session(revoke.clone()).await.unwrap();
    assert_eq!(reason(far.get_profile(GET).await), "SESSION_REVOKED");
    anna.revoke_session(revoke).await.unwrap();
    let left = anna.list_sessions(pb::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert_eq!(left.len(), 1);
    let revoked = world.event(|event: &pb::SessionRevoked| event.session_id == far_id).await;
    assert_eq!(revoked.reason, pb::RevocationReason::Remote as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_51st_session_ends_the_oldest() {
    let (_place, world) = World::embedded().await;
    world.registered(ANNA).await;
    let (mut oldest, _) = world.session(ANNA).await;
    let mut newest = None;
    for _ in 0..50 {
        world.clock.advance(Duration::from_secs(6));
        newest = Some(world.session(ANNA).await.0);
    }
    assert_eq!(reason(oldest.get_profile(GET).await), "SESSION_REVOKED");
    let sessions = newest.unwrap().list_sessions(pb::ListSessionsRequest {}).await.unwrap().into_inner().sessions;
    assert_eq!(sessions.len(), 50);
    assert!(
        sessions.windows(2).all(|pair| pair[0].create_time.unwrap().seconds >= pair[1].create_time.unwrap().seconds)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_browser_is_told_apart_from_known_ones() {
    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    for (browser, known) in [("Browser", true), ("Phone", false), ("Phone", true)] {
        world.at("192.0.2.9", browser, None).sign_in(credentials(ANNA, PASSWORD)).await.unwrap();
        let started = world.event(|event: &pb::SessionStarted| event.user_id == user_id).await;
        assert_eq!((started.user_agent.as_str(), started.known_device), (browser, known));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_and_ends_the_sessions_of_others() {
    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    let (mut laptop, _) = world.session(ANNA).await;
    let (mut phone, phone_tokens) = world.session(ANNA).await;
    let mut admin = world.admin().await;
    let list = pb::ListUserSessionsRequest { user_id: user_id.clone() };
    let sessions = admin.list_user_sessions(list.clone()).await.unwrap().into_inner().sessions;
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| !session.current), "none of them is the administrator's");

    let one = pb::RevokeUserSessionsRequest { user_id: user_id.clone(), session_id: sessions[0].session_id.clone() };
    assert_eq!(admin.revoke_user_sessions(one.clone()).await.unwrap().into_inner().session_count, 1);
    assert_eq!(admin.revoke_user_sessions(one).await.unwrap().into_inner().session_count, 0);
    assert_eq!(reason(phone.get_profile(GET).await), "SESSION_REVOKED");
    assert_eq!(reason(world.refresh(&phone_tokens.refresh_token).await), "SESSION_OVER");
    laptop.get_profile(GET).await.unwrap();
    let ended = world.event(|event: &pb::SessionRevoked| event.user_id == user_id).await;
    assert_eq!((ended.reason, ended.session_id), (pb::RevocationReason::Admin as i32, sessions[0].session_id.clone()));

    let all = pb::RevokeUserSessionsRequest { user_id: user_id.clone(), session_id: String::new() };
    assert_eq!(admin.revoke_user_sessions(all.clone()).await.unwrap().into_inner().session_count, 1);
    assert_eq!(reason(laptop.get_profile(GET).await), "SESSION_REVOKED");
    assert_eq!(admin.list_user_sessions(list.clone()).await.unwrap().into_inner().sessions, []);

    let strange = pb::RevokeUserSessionsRequest { session_id: uuid(), ..all.clone() };
    assert_eq!(reason(admin.revoke_user_sessions(strange).await), "SESSION_NOT_FOUND");
    let nobody = pb::RevokeUserSessionsRequest { user_id: uuid(), ..all.clone() };
    assert_eq!(reason(admin.revoke_user_sessions(nobody).await), "USER_NOT_FOUND");
    let (mut anna, _) = world.session(ANNA).await;
    assert_eq!(reason(anna.list_user_sessions(list).await), "ROLE_REQUIRED");
    assert_eq!(reason(anna.revoke_user_sessions(all).await), "ROLE_REQUIRED");
}

fn uuid() -> String {
    kvartal_kernel::Uuid::new_v4().to_string()
}
