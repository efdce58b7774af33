//! What the services do: what their requests say.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream;
use kvartal_kernel::{Actor, Error};
use kvartal_mesh::stream::{Feed, Item, Reply, reply};
use kvartal_mesh::{caller, criticality, deadline, to_status};
use kvartal_proto::audit::v1 as audit;
use kvartal_proto::audit::v1::audit_service_server::AuditService;
use kvartal_proto::codec::CheckedCodec;
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::notification::v1 as notification;
use tokio::sync::{Notify, Semaphore};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tower::service_fn;

/// Does what the request's subject says, and tells who called in `next_page_token`.
pub(super) struct Audit {
    pub(super) gate: Arc<Notify>,
}

#[async_trait]
impl AuditService for Audit {
    async fn list_records(
        &self,
        request: Request<audit::ListRecordsRequest>,
    ) -> Result<Response<audit::ListRecordsResponse>, Status> {
        let who = caller(&request);
        let secret = request.metadata().contains_key("authorization");
        let mut records = Vec::new();
        match request.get_ref().subject.as_str() {
            "slow" => tokio::time::sleep(Duration::from_secs(3_600)).await,
            "panic" => panic!("the secret of the panic"),
            "raw internal" => return Err(Status::internal("no such column: secret")),
            "raw unknown" => return Err(Status::unknown("secret")),
            "internal" => return Err(to_status(Error::internal("secret"))),
            "beyond" => return Err(Status::out_of_range("there are three pages")),
            "missing" => return Err(to_status(Error::not_found("RECORD_NOT_FOUND", "record"))),
            "large" => records = vec![audit::Record { subject: "x".repeat(1_000_000), ..audit::Record::default() }],
            "criticality" => {
                let next_page_token = criticality::current().name().to_owned();
                return Ok(Response::new(audit::ListRecordsResponse { records, next_page_token }));
            }
            "remaining" => {
                let remaining = deadline::remaining().unwrap().as_millis().to_string();
                return Ok(Response::new(audit::ListRecordsResponse { records, next_page_token: remaining }));
            }
            _ => {}
        }
        let next_page_token = format!("{who:?} secret={secret}");
        Ok(Response::new(audit::ListRecordsResponse { records, next_page_token }))
    }

    async fn verify_chain(
        &self,
        request: Request<audit::VerifyChainRequest>,
    ) -> Result<Response<audit::VerifyChainResponse>, Status> {
        match request.get_ref().from_sequence {
            1 => return Err(to_status(Error::conflict())),
            2 => panic!("the secret of the panic"),
            3 => self.gate.notified().await,
            4 => tokio::time::sleep(Duration::from_secs(3_600)).await,
            _ => {}
        }
        Ok(Response::new(audit::VerifyChainResponse { intact: true, ..audit::VerifyChainResponse::default() }))
    }
}

/// Answers `WatchNotifications`: what the resume token says.
#[derive(Clone)]
pub(super) struct Notifications {
    pub(super) feed: Feed<u32>,
}

impl NamedService for Notifications {
    const NAME: &'static str = "kvartal.notification.v1.NotificationService";
}

impl Notifications {
    fn watch(&self, what: &str) -> Result<Reply<notification::WatchNotificationsResponse>, Status> {
        let message = |n| notification::WatchNotificationsResponse {
            unread_count: n,
            ..notification::WatchNotificationsResponse::default()
        };
        Ok(match what {
            "silent" => Box::pin(stream::pending()),
            "busy" => Box::pin(stream::repeat_with(move || Ok(message(1)))),
            "panic" => Box::pin(stream::once(async { panic!("the secret of the panic") })),
            "error" => Box::pin(stream::iter([Ok(message(1)), Err(Status::internal("secret"))])),
            "short" => Box::pin(stream::iter([Ok(message(1)), Ok(message(2))])),
            token => {
                let subscription = self.feed.subscribe(token, |_| true).map_err(to_status)?;
                reply(subscription, move |item| match item {
                    Item::Event { value, token } => {
                        notification::WatchNotificationsResponse { resume_token: token, ..message(value) }
                    }
                    Item::Heartbeat { token } => {
                        notification::WatchNotificationsResponse { resume_token: token, ..message(0) }
                    }
                })
            }
        })
    }
}

impl tower::Service<http::Request<Body>> for Notifications {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let handler = service_fn(move |request: Request<notification::WatchNotificationsRequest>| {
                let stream = this.watch(&request.get_ref().resume_token);
                async move { stream.map(Response::new) }
            });
            Ok(Grpc::new(CheckedCodec::default()).server_streaming(handler, request).await)
        })
    }
}

/// Work of a known cost: so many calls at a time, so long each.
pub(crate) struct Work {
    places: Semaphore,
    pub(crate) begun: AtomicUsize,
}

impl Work {
    /// Whoever asks for the contact of this user has to wait for a place and then for [`Work::TAKES`].
    pub(crate) const USER: &str = "018f0000-0000-7000-8000-00000000000a";
    pub(crate) const PLACES: usize = 10;
    pub(crate) const TAKES: Duration = Duration::from_millis(40);

    async fn done(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _place = self.places.acquire().await.unwrap();
        tokio::time::sleep(Self::TAKES).await;
    }
}

impl Default for Work {
    fn default() -> Self {
        Self { places: Semaphore::new(Self::PLACES), begun: AtomicUsize::new(0) }
    }
}

/// Answers `GetContact` (for services only) with the caller's name, and `SignIn` (for everybody) with nothing.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) work: Arc<Work>,
}

impl NamedService for Identity {
    const NAME: &'static str = "kvartal.identity.v1.IdentityService";
}

impl tower::Service<http::Request<Body>> for Identity {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let work = self.work.clone();
        let get_contact = service_fn(move |request: Request<identity::GetContactRequest>| {
            let work = work.clone();
            async move {
                if request.get_ref().user_id == Work::USER {
                    work.done().await;
                }
                let Actor::Service { name } = caller(&request).actor else { panic!("only services get here") };
                let remaining = deadline::remaining().unwrap().as_millis().to_string();
                let contact = identity::GetContactResponse {
                    email: name,
                    locale: remaining,
                    time_zone: criticality::current().name().to_owned(),
                    ..identity::GetContactResponse::default()
                };
                Ok::<_, Status>(Response::new(contact))
            }
        });
        let sign_in = service_fn(|_: Request<identity::SignInRequest>| async {
            Ok::<_, Status>(Response::new(identity::SignInResponse::default()))
        });
        let unary = request.uri().path().ends_with("/GetContact");
        Box::pin(async move {
            Ok(if unary {
                Grpc::new(CheckedCodec::default()).unary(get_contact, request).await
            } else {
                Grpc::new(CheckedCodec::default()).unary(sign_in, request).await
            })
        })
    }
}
