//! The edge passes on the calls of people; nobody else does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kvartal_kernel::Role;
use kvartal_mesh::server::{Listen, Tls, may_pass_on};
use kvartal_mesh::tls::{EDGE, Identities, Identity, connector};
use kvartal_mesh::{Peer, Request, Response};
use kvartal_proto::audit::v1::audit_service_client::AuditServiceClient;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetContactRequest, SignInRequest};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::service_fn;

use super::{Installation, identity_service, listen, shake, with};
use crate::world::World;

/// A tonic channel without our client stack, as an edge or a stranger uses it.
fn raw(port: u16, identity: &Identity, service: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    endpoint.connect_with_connector_lazy(connector(identity, service, Duration::from_secs(5)).unwrap())
}

fn contact() -> GetContactRequest {
    GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() }
}

#[tokio::test]
async fn through_the_edge_people_call_under_their_own_names() {
    let (world, installation) = (World::new(), Installation::new());
    let how = Listen { trusted_proxies: 1, ..with(&installation.identity("audit")) };
    let serving = listen(world.audit.clone(), how).await;
    let edge = installation.identity(EDGE);
    let mut audit = AuditServiceClient::new(raw(serving.port, &edge, "audit"));
    let mut request = world.list("");
    request.metadata_mut().insert("x-forwarded-for", "6.6.6.6, 203.0.113.9".parse().unwrap());
    let who = audit.list_records(request).await.unwrap().into_inner().next_page_token;
    assert!(who.contains("User") && who.contains("203.0.113.9") && who.contains("secret=false"), "{who}");

    let citizen = world.request(&[Role::Citizen], world.list("").into_inner());
    assert_eq!(audit.list_records(citizen).await.unwrap_err().code(), Code::PermissionDenied);
    let nobody = tonic::Request::new(world.list("").into_inner());
    assert_eq!(audit.list_records(nobody).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn the_edge_itself_calls_nobody() {
    let installation = Installation::new();
    let serving = identity_service(&installation).await;
    let mut identity = IdentityServiceClient::new(raw(serving.port, &installation.identity(EDGE), "identity"));
    let sign_in = SignInRequest { email: "a@example.org".into(), password: "x".into() };
    identity.sign_in(sign_in).await.unwrap();
    assert_eq!(identity.get_contact(contact()).await.unwrap_err().code(), Code::Unauthenticated);
    let mut request = tonic::Request::new(contact());
    request.metadata_mut().insert("x-kvartal-mesh", "token".parse().unwrap());
    assert_eq!(identity.get_contact(request).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn other_services_do_not_pass_on_tokens_of_people() {
    let (world, installation) = (World::new(), Installation::new());
    let serving = listen(world.audit.clone(), with(&installation.identity("audit"))).await;
    let mut audit = AuditServiceClient::new(raw(serving.port, &installation.identity("notification"), "audit"));
    let status: Status = audit.list_records(world.list("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// Tells what a socket says about a request, for whatever is answered without a stack.
async fn origin(request: Request) -> Result<Response, Infallible> {
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    let text = format!("{} {}", peer.address, may_pass_on(request.extensions()).is_ok());
    Ok(Response::new(Body::new(http_body_util::Full::from(text))))
}

#[tokio::test]
async fn addresses_of_people_are_believed_of_the_edge_only() {
    let installation = Installation::new();
    let tls = Some(Tls::new(Identities::one(installation.identity("audit"))));
    let how = Listen { trusted_proxies: 1, tls, ..Listen::default() };
    let serving = listen(service_fn(origin), how).await;
    for (who, expected) in [(EDGE, "203.0.113.9 true"), ("incident", "127.0.0.1 false")] {
        let config = installation.identity(who).client_config("audit").unwrap();
        let tls = shake(serving.port, Arc::clone(&config), "audit").await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let request =
            http::Request::get("https://audit/").header("x-forwarded-for", "203.0.113.9").body(Body::empty()).unwrap();
        let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer, expected, "{who}");
    }
}
