//! How the people of the demo city call the platform: the real RPCs, in this process, each as a signed-in person.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kvartal_kernel::{Clock, Error, Kind, Timestamp};
use kvartal_mesh::{BoxService, Peer};
use kvartal_proto::identity::v1 as identity;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::incident::v1::report_service_client::ReportServiceClient;
use kvartal_proto::traffic::v1::camera_service_client::CameraServiceClient;
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::patrol_service_client::PatrolServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use tonic::{Request, Response, Status};

use super::people::{PASSWORD, Person, Session};

/// Repetitions of a call that failed.
const ATTEMPTS: u32 = 8;
/// How long a person bears being told to slow down. Several calls of one person compete for each free place, so their
/// number says nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// A token is renewed this long before it ends.
const RENEW_BEFORE: Duration = Duration::from_secs(45);

/// The services, as people reach them.
#[derive(Clone)]
pub(crate) struct Town {
    pub(super) identity: IdentityServiceClient<BoxService>,
    /// Incidents.
    pub(super) incidents: IncidentServiceClient<BoxService>,
    /// Reports.
    pub(super) reports: ReportServiceClient<BoxService>,
    /// Roads, detectors, cameras, patrols.
    pub(super) traffic: TrafficClients,
    clock: Arc<dyn Clock>,
}

/// The traffic service, as people reach it.
#[derive(Clone)]
pub(crate) struct TrafficClients {
    pub(super) network: NetworkServiceClient<BoxService>,
    pub(super) detectors: DetectorServiceClient<BoxService>,
    pub(super) readings: ReadingServiceClient<BoxService>,
    pub(super) cameras: CameraServiceClient<BoxService>,
    pub(super) patrols: PatrolServiceClient<BoxService>,
}

impl TrafficClients {
    fn new(traffic: BoxService) -> Self {
        // As large as the service takes.
        let limit = 9 * 1024 * 1024;
        Self {
            network: NetworkServiceClient::new(traffic.clone()),
            detectors: DetectorServiceClient::new(traffic.clone()),
            readings: ReadingServiceClient::new(traffic.clone()).max_encoding_message_size(limit),
            cameras: CameraServiceClient::new(traffic.clone()),
            patrols: PatrolServiceClient::new(traffic),
        }
    }
}

/// The answer of a call in the making.
pub(super) type Answer<A> = BoxFuture<'static, Result<Response<A>, Status>>;

impl Town {
    /// Over the complete stacks of the services: what the demo may do, anybody with that account may do.
    pub(crate) fn new(identity: BoxService, incident: BoxService, traffic: BoxService, clock: Arc<dyn Clock>) -> Self {
        // A photo of 8 MB has to fit in.
        let limit = 12 * 1024 * 1024;
        Self {
            identity: IdentityServiceClient::new(identity),
            incidents: IncidentServiceClient::new(incident.clone()).max_decoding_message_size(limit),
            reports: ReportServiceClient::new(incident).max_encoding_message_size(limit),
            traffic: TrafficClients::new(traffic),
            clock,
        }
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Calls as this person; waits and repeats when the platform asks for patience.
    pub(super) async fn call<Q, A>(
        &self,
        person: &Person,
        request: Q,
        send: impl Fn(Request<Q>) -> Answer<A>,
    ) -> Result<A, Error>
    where
        Q: Clone,
    {
        let began = self.now();
        let mut attempt = 1;
        loop {
            let token = self.token(person).await?;
            let mut call = addressed(request.clone(), person);
            let bearer =
                format!("Bearer {token}").parse().map_err(|_| Error::internal("a token is no header value"))?;
            call.metadata_mut().insert("authorization", bearer);
            let error = match send(call).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => kvartal_mesh::from_status(&status),
            };
            let slowed = error.kind() == Kind::ResourceExhausted;
            let over = if slowed { self.now().since(began) > PATIENCE } else { attempt == ATTEMPTS };
            if over {
                return Err(error);
            }
            self.wait_for_better(person, error, attempt).await?;
            if !slowed {
                attempt += 1;
            }
        }
    }

    /// Waits when waiting helps; gives the error back when it does not.
    async fn wait_for_better(&self, person: &Person, error: Error, attempt: u32) -> Result<(), Error> {
        match error.kind() {
            Kind::Unauthenticated => {
                *person.session.lock().await = None;
                Ok(())
            }
            Kind::ResourceExhausted | Kind::Unavailable | Kind::Aborted => {
                let fallback = Duration::from_millis(50) * 2u32.saturating_pow(attempt);
                tokio::time::sleep(error.retry_delay().unwrap_or(fallback).min(Duration::from_secs(10))).await;
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// A token that still holds. Everybody signs in once and renews the session from then on.
    async fn token(&self, person: &Person) -> Result<String, Error> {
        let mut session = person.session.lock().await;
        if let Some(held) = &*session
            && held.access_until > self.now().plus(RENEW_BEFORE)
        {
            return Ok(held.access.clone());
        }
        let renewed = match session.take() {
            Some(held) => self.renew(person, held).await.ok(),
            None => None,
        };
        let fresh = match renewed {
            Some(fresh) => fresh,
            None => self.sign_in(person).await?,
        };
        let access = fresh.access.clone();
        *session = Some(fresh);
        Ok(access)
    }

    async fn renew(&self, person: &Person, held: Session) -> Result<Session, Error> {
        let request = addressed(identity::RefreshSessionRequest { refresh_token: held.refresh }, person);
        let answer = self.identity.clone().refresh_session(request).await;
        read(answer.map_err(|status| kvartal_mesh::from_status(&status))?.into_inner().tokens)
    }

    async fn sign_in(&self, person: &Person) -> Result<Session, Error> {
        let mut attempt = 1;
        loop {
            let request = identity::SignInRequest { email: person.email.clone(), password: PASSWORD.to_owned() };
            let error = match self.identity.clone().sign_in(addressed(request, person)).await {
                Ok(answer) => return read(answer.into_inner().tokens),
                Err(status) => kvartal_mesh::from_status(&status),
            };
            let patience = matches!(error.kind(), Kind::ResourceExhausted | Kind::Unavailable);
            if attempt == ATTEMPTS || !patience {
                return Err(error);
            }
            tokio::time::sleep(error.retry_delay().unwrap_or(Duration::from_secs(1))).await;
            attempt += 1;
        }
    }
}

/// A request that seems to come from this person's computer.
fn addressed<Q>(message: Q, person: &Person) -> Request<Q> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Peer { address: person.address.clone(), user_agent: "kvartal-demo".to_owned() });
    request
}

fn read(tokens: Option<identity::TokenPair>) -> Result<Session, Error> {
    let tokens = tokens.ok_or_else(|| Error::internal("signed in without a token"))?;
    let until = kvartal_proto::time::from_proto("access_expire_time", tokens.access_expire_time.as_ref())?;
    Ok(Session { access: tokens.access_token, access_until: until.unwrap_or_default(), refresh: tokens.refresh_token })
}
