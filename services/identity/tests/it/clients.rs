//! Programs that call by themselves.

use std::time::Duration;

use kvartal_proto::contract::v1::Role;
use kvartal_proto::identity::v1 as pb;
use tonic::Code;

use crate::world::{World, reason};

fn issue(client_id: &str, client_secret: &str) -> pb::IssueClientTokenRequest {
    pb::IssueClientTokenRequest { client_id: client_id.to_owned(), client_secret: client_secret.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_client_calls_until_it_is_deleted() {
    let (_place, world) = World::embedded().await;
    let mut admin = world.admin().await;
    let request = pb::CreateMachineClientRequest { display_name: "Feed".to_owned(), roles: vec![Role::Support as i32] };
    let created = admin.create_machine_client(request).await.unwrap().into_inner();
    let client = created.machine_client.unwrap();
    assert_eq!(client.roles, [Role::Support as i32, Role::Service as i32]);
    world.event(|event: &pb::MachineClientCreated| event.client_id == client.client_id).await;

    let id = client.client_id.clone();
    let issued = world.stranger().issue_client_token(issue(&id, &created.client_secret)).await.unwrap().into_inner();
    let mut feed = world.with_token(&issued.access_token);
    let nobody = pb::GetUserRequest { user_id: kvartal_kernel::Uuid::nil().to_string() };
    assert_eq!(reason(feed.get_user(nobody.clone()).await), "USER_NOT_FOUND", "it is let in");
    assert_eq!(feed.list_users(pb::ListUsersRequest::default()).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(reason(feed.get_profile(pb::GetProfileRequest {}).await), "SIGN_IN_REQUIRED", "it is nobody");

    let wrong = world.stranger().issue_client_token(issue(&id, &"A".repeat(43))).await.unwrap_err();
    let unknown = kvartal_kernel::Uuid::nil().to_string();
    let unknown = world.stranger().issue_client_token(issue(&unknown, &"A".repeat(43))).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.message()), (unknown.code(), unknown.message()));
    assert_eq!(wrong.details(), unknown.details());

    let listed = admin.list_machine_clients(pb::ListMachineClientsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.machine_clients, [client]);
    let delete = pb::DeleteMachineClientRequest { client_id: id.clone() };
    admin.delete_machine_client(delete.clone()).await.unwrap();
    assert_eq!(reason(feed.get_user(nobody).await), "SESSION_REVOKED");
    let again = world.stranger().issue_client_token(issue(&id, &created.client_secret)).await;
    assert_eq!(reason(again), "WRONG_CREDENTIALS");
    admin.delete_machine_client(delete).await.unwrap();
    let listed = admin.list_machine_clients(pb::ListMachineClientsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.machine_clients, []);
    world.event(|event: &pb::MachineClientDeleted| event.client_id == id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_client_secret_are_limited() {
    let (_place, world) = World::embedded().await;
    let id = kvartal_kernel::Uuid::nil().to_string();
    let mut answers = Vec::new();
    for _ in 0..25 {
        answers.push(reason(world.stranger().issue_client_token(issue(&id, &"A".repeat(43))).await));
    }
    assert_eq!(answers[0], "WRONG_CREDENTIALS");
    assert_eq!(answers[24], "RATE_LIMITED");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(reason(world.stranger().issue_client_token(issue(&id, &"A".repeat(43))).await), "WRONG_CREDENTIALS");
}
