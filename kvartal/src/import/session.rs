//! The connection of an import: signed in, repeated when the platform asks for patience.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{SignInRequest, SignOutRequest};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::incident_service_client::IncidentServiceClient;
use kvartal_proto::traffic::v1 as traffic;
use kvartal_proto::traffic::v1::detector_service_client::DetectorServiceClient;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;
use kvartal_proto::traffic::v1::reading_service_client::ReadingServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use super::Login;

const ATTEMPTS: u32 = 5;
/// Things of one page.
const PAGE: u32 = 200;

/// A connection with a right to import.
pub(super) struct Session {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
    signed_in: bool,
    login: Login,
}

impl Session {
    /// Connects and, when a user is named, signs in.
    pub(super) async fn open(args: &Login) -> anyhow::Result<Self> {
        let channel = connect(&args.server).await?;
        let (authorization, signed_in) = authorize(&channel, args).await?;
        Ok(Self { channel, authorization, signed_in, login: args.clone() })
    }

    /// Sends readings. It may go on for longer than a token lives, so it signs in again when it has to.
    pub(super) async fn ingest(
        &mut self,
        request: traffic::IngestReadingColumnsRequest,
    ) -> anyhow::Result<traffic::IngestReadingColumnsResponse> {
        let mut client = ReadingServiceClient::new(self.channel.clone());
        let mut attempt = 1;
        loop {
            let mut call = Request::new(request.clone());
            call.metadata_mut().insert("authorization", self.authorization.clone());
            match client.ingest_reading_columns(call).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if attempt < ATTEMPTS && status.code() == Code::Unauthenticated => {
                    (self.authorization, self.signed_in) = authorize(&self.channel, &self.login).await?;
                }
                Err(status) if attempt < ATTEMPTS && patience_helps(&status) => wait(&status, attempt).await,
                Err(status) => anyhow::bail!("the readings were not taken: {}", status.message()),
            }
            attempt += 1;
        }
    }

    /// Every detector, in the order in which they were added.
    pub(super) async fn detectors(&self) -> anyhow::Result<Vec<traffic::Detector>> {
        let mut client = DetectorServiceClient::new(self.channel.clone());
        let mut found = Vec::new();
        let mut request = traffic::ListDetectorsRequest { page_size: PAGE, ..Default::default() };
        loop {
            let answer = client.list_detectors(request.clone()).await;
            let page = answer.map_err(|status| anyhow::anyhow!("no detectors: {}", status.message()))?.into_inner();
            found.extend(page.detectors);
            if page.next_page_token.is_empty() {
                return Ok(found);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// What is allowed on every segment, km/h.
    pub(super) async fn speed_limits(&self) -> anyhow::Result<HashMap<String, f64>> {
        let mut client = NetworkServiceClient::new(self.channel.clone());
        let mut limits = HashMap::new();
        let mut request = traffic::ListSegmentsRequest { page_size: PAGE, ..Default::default() };
        loop {
            let answer = client.list_segments(request.clone()).await;
            let page = answer.map_err(|status| anyhow::anyhow!("no segments: {}", status.message()))?.into_inner();
            limits.extend(page.segments.into_iter().map(|segment| (segment.segment_id, segment.speed_limit_kmh)));
            if page.next_page_token.is_empty() {
                return Ok(limits);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Sends one feed; waits and repeats when the platform is busy. Importing twice does what importing once does.
    pub(super) async fn import(
        &self,
        request: pb::ImportWorkZonesRequest,
    ) -> Result<pb::ImportWorkZonesResponse, Status> {
        let mut client = IncidentServiceClient::new(self.channel.clone());
        let mut attempt = 1;
        loop {
            let mut call = Request::new(request.clone());
            call.metadata_mut().insert("authorization", self.authorization.clone());
            match client.import_work_zones(call).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if attempt < ATTEMPTS && patience_helps(&status) => {
                    wait(&status, attempt).await;
                    attempt += 1;
                }
                Err(status) => return Err(status),
            }
        }
    }

    /// Sends a file of readings and passes on each message about its progress; gives the report.
    pub(super) async fn import_readings(
        &self,
        request: traffic::ImportReadingsRequest,
        mut progress: impl FnMut(&traffic::ImportReadingsResponse),
    ) -> Result<traffic::ImportReport, Status> {
        let mut client = ReadingServiceClient::new(self.channel.clone());
        let mut call = Request::new(request);
        call.metadata_mut().insert("authorization", self.authorization.clone());
        let mut stream = client.import_readings(call).await?.into_inner();
        while let Some(message) = stream.message().await? {
            progress(&message);
            if let Some(report) = message.report {
                return Ok(report);
            }
        }
        Err(Status::unavailable("the connection ended before the report"))
    }

    /// Ends the session it began; a session that stays would only expire later.
    pub(super) async fn close(self) {
        if self.signed_in {
            let mut call = Request::new(SignOutRequest {});
            call.metadata_mut().insert("authorization", self.authorization);
            let _ = IdentityServiceClient::new(self.channel).sign_out(call).await;
        }
    }
}

/// Waits as long as the platform asks for, or longer with each attempt.
async fn wait(status: &Status, attempt: u32) {
    let asked = kvartal_mesh::from_status(status).retry_delay();
    tokio::time::sleep(asked.unwrap_or(Duration::from_secs(u64::from(attempt)))).await;
}

fn patience_helps(status: &Status) -> bool {
    // A message that is too large is refused with the same code, but without a time after which to come back.
    match status.code() {
        Code::Unavailable => true,
        Code::ResourceExhausted => kvartal_mesh::from_status(status).retry_delay().is_some(),
        _ => false,
    }
}

async fn connect(server: &str) -> anyhow::Result<Channel> {
    let mut endpoint = Endpoint::from_shared(server.to_owned())
        .with_context(|| format!("--server {server} is no address; it looks like http://localhost:8080"))?
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(90));
    if server.starts_with("https:") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_webpki_roots())?;
    }
    endpoint
        .connect()
        .await
        .with_context(|| format!("nobody answers at {server}; is `kvartal up` running, and is --server right?"))
}

/// The header that says who calls, and whether a session was begun for it.
async fn authorize(channel: &Channel, args: &Login) -> anyhow::Result<(MetadataValue<Ascii>, bool)> {
    let (token, signed_in) = match (&args.token_file, &args.user, &args.password_file) {
        (Some(file), _, _) => (read_secret(file)?, false),
        (None, Some(user), Some(file)) => (sign_in(channel, user, &read_secret(file)?).await?, true),
        _ => anyhow::bail!("say who you are: --user EMAIL --password-file FILE, or --token-file FILE"),
    };
    let authorization = format!("Bearer {token}").parse().context("the token has characters no token has")?;
    Ok((authorization, signed_in))
}

async fn sign_in(channel: &Channel, user: &str, password: &str) -> anyhow::Result<String> {
    let request = SignInRequest { email: user.to_owned(), password: password.to_owned() };
    let answer = IdentityServiceClient::new(channel.clone())
        .sign_in(request)
        .await
        .map_err(|status| anyhow::anyhow!("cannot sign in as {user}: {}", status.message()))?;
    let tokens = answer.into_inner().tokens.context("the platform signed in without a token")?;
    Ok(tokens.access_token)
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!secret.is_empty(), "{} is empty", path.display());
    Ok(secret.to_owned())
}
