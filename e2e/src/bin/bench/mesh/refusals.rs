//! What it costs to turn a call away, beside answering it.

use kvartal_mesh::BoxService;
use kvartal_mesh::server::Limits;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetJwksRequest, GetProfileRequest};
use tonic::body::Body;
use tonic::{Code, Request, Status};

use super::layers::profile;
use super::serve;
use crate::drive::repeat;
use crate::noop;
use crate::report::Report;

type Client = IdentityServiceClient<BoxService>;

/// Why a call is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// There is no place.
    Full,
    /// Its caller comes too often.
    Often,
    /// It needs a token and has none.
    Nobody,
    /// Its token is none at all.
    Nonsense,
    /// Its token looks good, and somebody else signed it.
    Forged,
    /// So were many before it, from the same address.
    Flood,
}

impl Why {
    const ALL: [Self; 6] = [Self::Full, Self::Often, Self::Nobody, Self::Nonsense, Self::Forged, Self::Flood];

    fn what(self) -> &'static str {
        match self {
            Self::Full => "refused, no place",
            Self::Often => "refused, too often",
            Self::Nobody => "refused, no token",
            Self::Nonsense => "refused, no token but nonsense",
            Self::Forged => "refused, forged token",
            Self::Flood => "refused, forged tokens in masses",
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Full => Code::Unavailable,
            Self::Often | Self::Flood => Code::ResourceExhausted,
            Self::Nobody | Self::Nonsense | Self::Forged => Code::Unauthenticated,
        }
    }
}

/// Calls that are all turned away for one reason.
pub(super) struct Refusals {
    why: Why,
    client: Client,
    token: Option<String>,
}

impl Refusals {
    pub(super) async fn new(why: Why) -> Self {
        let service = match why {
            Why::Full => full_up().await,
            Why::Often | Why::Flood => serve::strict_stack(),
            _ => serve::stack(Limits::default()),
        };
        let mut client = IdentityServiceClient::new(service);
        if why == Why::Often {
            client.get_jwks(GetJwksRequest {}).await.expect("one call an hour is answered");
        }
        let token = match why {
            Why::Nonsense => Some("Bearer nonsense".to_owned()),
            Why::Forged | Why::Flood => Some(forge(&noop::tokens(1).remove(0))),
            Why::Full | Why::Often | Why::Nobody => None,
        };
        if let (Why::Flood, Some(token)) = (why, &token) {
            let first = client.get_profile(profile(token)).await;
            assert_eq!(first.expect_err("it is looked at").code(), Code::Unauthenticated);
        }
        Self { why, client, token }
    }

    /// Makes one.
    pub(super) async fn refuse(&self) {
        let mut client = self.client.clone();
        let outcome = match (self.why, &self.token) {
            (Why::Full | Why::Often, _) => client.get_jwks(GetJwksRequest {}).await.map(|_| ()),
            (_, None) => client.get_profile(Request::new(GetProfileRequest {})).await.map(|_| ()),
            (_, Some(token)) => client.get_profile(profile(token)).await.map(|_| ()),
        };
        let code = outcome.expect_err("the call is turned away").code();
        assert_eq!(code, self.why.code(), "{:?}", self.why);
    }
}

/// The same token with another signature.
fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

/// A stack whose only place is held by a call whose message never comes.
async fn full_up() -> BoxService {
    let service = serve::stack(Limits { calls_max: 1, ..Limits::default() });
    let never = futures::stream::pending::<Result<hyper::body::Frame<bytes::Bytes>, Status>>();
    let request = http::Request::post("/kvartal.identity.v1.IdentityService/GetJwks")
        .header("content-type", "application/grpc")
        .body(Body::new(http_body_util::StreamBody::new(never)))
        .unwrap();
    tokio::spawn(service.handle(request));
    tokio::task::yield_now().await;
    service
}

/// Each beside a call of somebody with a token, answered by a handler that does nothing, all without a socket between.
pub(crate) async fn run(report: &mut Report) {
    let answered = IdentityServiceClient::new(serve::stack(Limits::default()));
    let token = noop::tokens(1).remove(0);
    for why in Why::ALL {
        if !report.wants(why.what()) {
            continue;
        }
        let refusals = Refusals::new(why).await;
        let answer = async || {
            answered.clone().get_profile(profile(&token)).await.expect("the call is answered");
        };
        report
            .compare(
                why.what(),
                "answered by an empty handler",
                async |lasting| repeat(lasting, async || refusals.refuse().await).await,
                async |lasting| repeat(lasting, answer).await,
            )
            .await;
    }
}
