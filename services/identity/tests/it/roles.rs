//! Roles, and how quickly a change of them is felt.

use futures::future::join_all;
use kvartal_proto::contract::v1::Role;
use kvartal_proto::identity::v1 as pb;
use tonic::Code;

use crate::world::{ADMIN, Place, World, reason};

const ANNA: &str = "anna@city.example";
const GET: pb::GetProfileRequest = pb::GetProfileRequest {};

fn grant(user_id: &str, role: Role) -> pb::GrantRoleRequest {
    pb::GrantRoleRequest { user_id: user_id.to_owned(), role: role as i32 }
}

fn revoke(user_id: &str, role: Role) -> pb::RevokeRoleRequest {
    pb::RevokeRoleRequest { user_id: user_id.to_owned(), role: role as i32 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_in_the_next_token_and_older_tokens_die_at_once() {
    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    let (mut anna, tokens) = world.session(ANNA).await;
    let mut admin = world.admin().await;
    let granted = admin.grant_role(grant(&user_id, Role::Support)).await.unwrap().into_inner().user.unwrap();
    assert_eq!(granted.roles, [Role::Citizen as i32, Role::Support as i32]);
    assert_eq!(reason(anna.get_profile(GET).await), "SESSION_REVOKED", "the token tells of roles of before");
    let event = world.event(|event: &pb::RoleGranted| event.user_id == user_id).await;
    assert_eq!(event.role, Role::Support as i32);

    let tokens = world.refresh(&tokens.refresh_token).await.unwrap();
    let mut anna = world.with_token(&tokens.access_token);
    let request = pb::GetUserRequest { user_id: user_id.clone() };
    anna.get_user(request.clone()).await.unwrap();

    admin.revoke_role(revoke(&user_id, Role::Support)).await.unwrap();
    assert_eq!(reason(anna.get_user(request.clone()).await), "SESSION_REVOKED");
    world.event(|event: &pb::RoleRevoked| event.user_id == user_id).await;
    let tokens = world.refresh(&tokens.refresh_token).await.unwrap();
    let mut anna = world.with_token(&tokens.access_token);
    assert_eq!(anna.get_user(request).await.unwrap_err().code(), Code::PermissionDenied);

    admin.revoke_role(revoke(&user_id, Role::Support)).await.unwrap();
    anna.get_profile(GET).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_change_roles_and_not_all_of_them() {
    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    let (mut anna, _) = world.session(ANNA).await;
    let denied = anna.grant_role(grant(&user_id, Role::Admin)).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let mut admin = world.admin().await;
    for refused in [Role::Unspecified, Role::Service] {
        let status = admin.grant_role(grant(&user_id, refused)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{refused:?}");
    }
    let status = admin.revoke_role(revoke(&user_id, Role::Citizen)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_cannot_lose_the_role() {
    let (_place, world) = World::embedded().await;
    let signed_in = world.sign_in(ADMIN).await;
    let boss = signed_in.user.unwrap().user_id;
    let mut admin = world.with_token(&signed_in.tokens.unwrap().access_token);
    assert_eq!(reason(admin.revoke_role(revoke(&boss, Role::Admin)).await), "LAST_ADMIN");
    admin.list_users(pb::ListUsersRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_depose_each_other_leave_one() {
    for place in [Place::embedded(), Place::postgres().await] {
        let world = place.start().await;
        let boss = world.sign_in(ADMIN).await.user.unwrap().user_id;
        let anna = world.registered(ANNA).await;
        for _ in 0..5 {
            let (mut one, mut two) = (world.admin().await, world.admin().await);
            one.grant_role(grant(&anna, Role::Admin)).await.unwrap();
            let deposed = join_all([
                Box::pin(async { reason(one.revoke_role(revoke(&anna, Role::Admin)).await) })
                    as futures::future::BoxFuture<'_, _>,
                Box::pin(async { reason(two.revoke_role(revoke(&boss, Role::Admin)).await) }),
            ])
            .await;
            assert_eq!(deposed.iter().filter(|answer| *answer == "OK").count(), 1, "{deposed:?}");
            let (mut anna_client, _) = world.session(ANNA).await;
            if deposed[1] == "OK" {
                anna_client.grant_role(grant(&boss, Role::Admin)).await.unwrap();
            }
            world.clock.advance(std::time::Duration::from_secs(60));
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_give_work_out_learn_names_and_nothing_else() {
    let (_place, world) = World::embedded().await;
    let user_id = world.registered(ANNA).await;
    let mut admin = world.admin().await;
    let list = pb::ListColleaguesRequest::default();
    assert_eq!(admin.list_colleagues(list.clone()).await.unwrap().into_inner().colleagues, []);
    admin.grant_role(grant(&user_id, Role::Dispatcher)).await.unwrap();
    let (mut anna, _) = world.session(ANNA).await;
    let name = anna.get_profile(GET).await.unwrap().into_inner().user.unwrap().display_name;
    let found = anna.list_colleagues(list.clone()).await.unwrap().into_inner().colleagues;
    assert_eq!(found, [pb::Colleague { user_id, display_name: name }]);
    let patrols = pb::ListColleaguesRequest { role: Role::Patrol.into(), ..list.clone() };
    assert_eq!(anna.list_colleagues(patrols).await.unwrap().into_inner().colleagues, []);
    let admins = pb::ListColleaguesRequest { role: Role::Admin.into(), ..list.clone() };
    assert_eq!(anna.list_colleagues(admins).await.unwrap_err().code(), Code::InvalidArgument);
    world.registered("boris@city.example").await;
    let (mut boris, _) = world.session("boris@city.example").await;
    assert_eq!(reason(boris.list_colleagues(list).await), "ROLE_REQUIRED");
}
