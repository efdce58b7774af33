//! Calls between services of one process.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Kind, SystemClock};
use kvartal_mesh::{Directory, deadline, from_status};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use tokio::time::Instant;
use tonic::{Code, Request};

use crate::world::World;

fn directory() -> Directory {
    Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), None)
}

fn contact() -> identity::GetContactRequest {
    identity::GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() }
}

#[tokio::test]
async fn a_channel_works_as_soon_as_its_service_is_there() {
    let (world, directory) = (World::new(), directory());
    let mut client = IdentityServiceClient::new(directory.channel("identity", "notification").unwrap());
    let error = from_status(&client.get_contact(contact()).await.unwrap_err());
    assert_eq!((error.kind(), error.reason()), (Kind::Unavailable, "SERVICE_UNAVAILABLE"));
    assert!(directory.local("identity").is_none());
    directory.register("identity", world.identity.clone());
    assert_eq!(client.get_contact(contact()).await.unwrap().into_inner().email, "notification");
    assert!(directory.local("identity").is_some());
    assert!(directory.channel("nobody", "notification").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_gets_what_is_left_of_the_call_it_is_made_for() {
    let (world, directory) = (World::new(), directory());
    directory.register("identity", world.identity.clone());
    let mut client = IdentityServiceClient::new(directory.channel("identity", "notification").unwrap());
    let left = async |client: &mut IdentityServiceClient<_>, timeout: Option<u64>| {
        let mut request = Request::new(contact());
        if let Some(seconds) = timeout {
            request.set_timeout(Duration::from_secs(seconds));
        }
        client.get_contact(request).await.map(|answer| answer.into_inner().locale)
    };
    let contract = kvartal_proto::contract().method("/kvartal.identity.v1.IdentityService/GetContact").unwrap();
    assert_eq!(left(&mut client, None).await.unwrap(), contract.deadline.as_millis().to_string());
    assert_eq!(left(&mut client, Some(1)).await.unwrap(), "1000");
    let ambient = Instant::now() + Duration::from_millis(700);
    assert_eq!(deadline::within(ambient, left(&mut client, None)).await.unwrap(), "695");
    let spent = deadline::within(Instant::now(), left(&mut client, None)).await.unwrap_err();
    assert_eq!(spent.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_method_of_another_service_is_not_sent() {
    let (world, directory) = (World::new(), directory());
    directory.register("notification", world.identity.clone());
    let mut client = IdentityServiceClient::new(directory.channel("notification", "incident").unwrap());
    assert_eq!(client.get_contact(contact()).await.unwrap_err().code(), Code::Unimplemented);
}
