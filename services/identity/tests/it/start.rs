//! The first start and the ones after.

use kvartal_kernel::Role;
use kvartal_proto::identity::v1 as pb;

use crate::world::{ADMIN, PASSWORD, Place, credentials, reason};

#[tokio::test(flavor = "multi_thread")]
async fn seeded_accounts_are_made_once() {
    let mut place = Place::embedded();
    place.identity.admin_email = Some("root@city.example".to_owned());
    place.identity.admin_password_file = Some(place.file("password", "a horse for the root\n"));
    let world = place.start().await;
    let root = world.stranger().sign_in(credentials("root@city.example", "a horse for the root")).await.unwrap();
    let root = root.into_inner().user.unwrap();
    assert!(root.email_confirmed && root.roles.contains(&(Role::Admin as i32)));
    let (mut boss, _) = world.session(ADMIN).await;
    let change =
        pb::ChangePasswordRequest { current_password: PASSWORD.to_owned(), new_password: "another horse".to_owned() };
    boss.change_password(change).await.unwrap();
    drop(boss);
    world.stop().await;

    let world = place.start().await;
    assert_eq!(reason(world.stranger().sign_in(credentials(ADMIN, PASSWORD)).await), "WRONG_CREDENTIALS");
    world.stranger().sign_in(credentials(ADMIN, "another horse")).await.unwrap();
    let mut root = world.stranger().sign_in(credentials("root@city.example", "a horse for the root")).await.unwrap();
    let token = root.get_mut().tokens.take().unwrap().access_token;
    let users = world.with_token(&token).list_users(pb::ListUsersRequest::default()).await.unwrap().into_inner().users;
    assert_eq!(users.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_outlive_a_restart() {
    let place = Place::embedded();
    let world = place.start().await;
    let (client, tokens) = world.session(ADMIN).await;
    drop(client);
    world.stop().await;
    assert!(place.data_dir().join("identity-master.key").exists());
    let world = place.start().await;
    world.with_token(&tokens.access_token).get_profile(pb::GetProfileRequest {}).await.unwrap();
    world.refresh(&tokens.refresh_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_master_key_stops_the_start() {
    let place = Place::embedded();
    place.start().await.stop().await;
    std::fs::remove_file(place.data_dir().join("identity-master.key")).unwrap();
    let runtime = kvartal_host::Runtime::start(place.config.clone()).await.unwrap();
    let error = kvartal_identity::service(&runtime, &place.identity).await.err().unwrap();
    assert!(format!("{error:#}").contains("does not open with this master key"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_agree_on_the_first_keys() {
    let place = Place::postgres().await;
    let replicas: Vec<Place> = (0..3).map(|_| place.replica()).collect();
    let worlds = futures::future::join_all(replicas.iter().map(Place::start)).await;
    let mut sets = Vec::new();
    for world in &worlds {
        let keys = world.stranger().get_jwks(pb::GetJwksRequest {}).await.unwrap().into_inner().keys;
        let mut kids: Vec<_> = keys.into_iter().map(|key| key.kid).collect();
        kids.sort();
        sets.push(kids);
    }
    assert_eq!(sets[0].len(), 2);
    assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
    for world in worlds {
        world.stop().await;
    }
}
