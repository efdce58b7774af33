//! Stands between the operator and the API server, counts what they write, and calls when it is time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use http_body_util::BodyExt as _;
use kube::Client;
use tokio::sync::Notify;

/// Where a write is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// Before the API server has it.
    Before,
    /// After the API server did it; who asked is not told.
    After,
}

/// Who is killed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Victim {
    /// The operator and its Helm.
    Container,
    /// The operator alone: Helm goes on.
    Operator,
}

/// Counts writes; at one of them it says so, and from then on answers nobody.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    writes: AtomicUsize,
    at: Option<(usize, Cut, Victim)>,
    reached: Notify,
    cut: std::sync::atomic::AtomicBool,
}

impl Proxy {
    /// Passes everything on as administrator; `at` is the write at which it calls.
    pub(crate) async fn start(client: Client, at: Option<(usize, Cut, Victim)>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (reached, cut) = (Notify::new(), false.into());
        let shared = Arc::new(Shared { client, writes: AtomicUsize::new(0), at, reached, cut });
        let app = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::SeqCst)
    }

    /// Waits until the write was reached.
    pub(crate) async fn reached(&self) {
        self.shared.reached.notified().await;
    }
}

/// Whether a request changes what is to be kept: the lease and events are not.
fn counts(method: &Method, uri: &Uri) -> bool {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    !matches!(*method, Method::GET | Method::HEAD)
        && !query.contains("dryRun")
        && !path.contains("/leases")
        && !path.contains("/events")
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let write = counts(request.method(), request.uri());
    let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    // A Helm that is not killed is answered, whatever has become of the operator.
    let lives = agent.starts_with("Helm") && shared.at.is_some_and(|(_, _, victim)| victim == Victim::Operator);
    if shared.cut.load(Ordering::SeqCst) && !lives {
        // Whoever asks is to be dead by now.
        std::future::pending::<()>().await;
    }
    let number = if write { shared.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
    let cut = shared.at.filter(|(at, ..)| write && *at == number).map(|(_, cut, _)| cut);
    if cut == Some(Cut::Before) {
        shared.reach(lives).await;
    }
    let response = forward(&shared.client, request).await;
    if cut == Some(Cut::After) {
        shared.reach(lives).await;
    }
    response.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

impl Shared {
    /// Says that it is time, and answers no more.
    async fn reach(&self, lives: bool) {
        self.cut.store(true, Ordering::SeqCst);
        self.reached.notify_one();
        if !lives {
            std::future::pending::<()>().await;
        }
    }
}

async fn forward(client: &Client, request: Request) -> Result<Response, String> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("authorization");
    parts.headers.remove("host");
    parts.headers.remove("accept-encoding");
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse().map_err(|_| path)?;
    let request = axum::http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    let response = client.send(request).await.map_err(|error| error.to_string())?;
    Ok(response.map(Body::new))
}
