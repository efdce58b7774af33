//! What each layer costs without a wire: instructions per call, counted by valgrind, and CPU time beside bare tonic.

use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use kvartal_kernel::SystemClock;
use kvartal_mesh::server::Limits;
use kvartal_mesh::{Channel, tls};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetContactRequest, GetJwksRequest, GetProfileRequest};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tonic::{Request, Status};

use super::refusals::{Refusals, Why};
use super::serve;
use super::wire::{self, CALLED, CALLER, Part};
use crate::drive::repeat;
use crate::noop;
use crate::report::Report;

/// Calls of the shorter and the longer run; the difference has no start and no first time in it.
const CALLS: (u32, u32) = (200, 1_200);

/// What stands around a handler that does nothing, one more thing each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Layer {
    /// Generated client, codec, routes.
    Bare,
    /// A call that is turned away for want of a place.
    Refused,
    /// Because its caller comes too often.
    RefusedOften,
    /// Because it has no token.
    RefusedNobody,
    /// Because its token is nonsense.
    RefusedNonsense,
    /// Because its token is forged.
    RefusedForged,
    /// Because many forged ones came before it.
    RefusedFlood,
    /// Behind the stack, from nobody in particular.
    Stack,
    /// With a token that was seen before.
    Token,
    /// Everything is measured.
    Metrics,
    /// From another service of the process, through its channel; an answer of 1 KiB.
    Channel,
    /// Over a socket with mutual TLS, both ends in this process: raw tonic on both sides.
    Wire,
    /// Our stack on the side that answers.
    WireServer,
    /// Our stack on the side that calls.
    WireClient,
    /// On both.
    WireFull,
}

impl Layer {
    fn what(self) -> &'static str {
        match self {
            Self::Bare => "client, codec and handler",
            Self::Refused => "turned away for want of a place",
            Self::RefusedOften => "turned away, too often",
            Self::RefusedNobody => "turned away, no token",
            Self::RefusedNonsense => "turned away, no token but nonsense",
            Self::RefusedForged => "turned away, forged token",
            Self::RefusedFlood => "turned away, forged tokens in masses",
            Self::Stack => "through the stack",
            Self::Token => "through the stack, with a token",
            Self::Metrics => "through the stack, with a token and metrics",
            Self::Channel => "through channel and stack, from a service",
            Self::Wire => "raw tonic over mutual TLS",
            Self::WireServer => "raw tonic over mutual TLS to the stack",
            Self::WireClient => "channel over mutual TLS to raw tonic",
            Self::WireFull => "channel over mutual TLS to the stack",
        }
    }

    fn name(self) -> String {
        self.to_possible_value().expect("no layer is skipped").get_name().to_owned()
    }
}

/// Counts the instructions of every layer and prints them.
pub(super) fn count() {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("valgrind is not installed, so no instructions are counted; on Debian: apt-get install valgrind");
        std::process::exit(1);
    }
    println!("| layer | instructions/call |\n| --- | ---: |");
    for layer in Layer::value_variants() {
        let (few, many) = (collected(*layer, CALLS.0), collected(*layer, CALLS.1));
        println!("| {} | {} |", layer.what(), many.saturating_sub(few) / u64::from(CALLS.1 - CALLS.0));
    }
}

/// All instructions of a process that makes so many calls.
fn collected(layer: Layer, calls: u32) -> u64 {
    eprintln!("{}, {calls} calls …", layer.what());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["mesh-layer", &layer.name(), "--calls", &calls.to_string()])
        .output()
        .expect("valgrind starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("Collected :")).unwrap_or_else(|| panic!("no count in {said}"));
    line.rsplit(' ').next().unwrap().parse().expect("a count")
}

/// The role of the process whose instructions are counted.
pub(crate) async fn call(layer: Layer, calls: u32) {
    match layer {
        Layer::Bare => {
            let client = IdentityServiceClient::new(serve::routes());
            times(calls, async || client.clone().get_jwks(GetJwksRequest {}).await).await;
        }
        Layer::Refused => refused(calls, Why::Full).await,
        Layer::RefusedOften => refused(calls, Why::Often).await,
        Layer::RefusedNobody => refused(calls, Why::Nobody).await,
        Layer::RefusedNonsense => refused(calls, Why::Nonsense).await,
        Layer::RefusedForged => refused(calls, Why::Forged).await,
        Layer::RefusedFlood => refused(calls, Why::Flood).await,
        Layer::Stack => {
            let client = IdentityServiceClient::new(serve::stack(Limits::default()));
            times(calls, async || client.clone().get_jwks(GetJwksRequest {}).await).await;
        }
        Layer::Token => with_token(calls).await,
        Layer::Metrics => {
            let _provider = metrics();
            with_token(calls).await;
        }
        Layer::Channel => {
            let service = serve::stack(Limits::default());
            let channel = Channel::local(kvartal_proto::contract(), Arc::new(SystemClock), CALLED, service, CALLER);
            let client = IdentityServiceClient::new(channel);
            let contact = || GetContactRequest { user_id: "018f0000-0000-7000-8000-000000000000".into() };
            times(calls, async || client.clone().get_contact(contact()).await).await;
        }
        Layer::Wire => over_wire(calls, Part::Raw, Part::Raw).await,
        Layer::WireServer => over_wire(calls, Part::Raw, Part::Full).await,
        Layer::WireClient => over_wire(calls, Part::Full, Part::Raw).await,
        Layer::WireFull => over_wire(calls, Part::Full, Part::Full).await,
    }
}

/// Both ends on one thread, so that two counts are alike.
async fn over_wire(calls: u32, calling: Part, called: Part) {
    let folder = tempfile::tempdir().unwrap();
    let identities = super::issue(folder.path());
    let listener = serve::listen().await;
    let url = format!("{}{}", tls::HTTPS, listener.local_addr().unwrap());
    let identity = identities.join(CALLED);
    let served = tokio::spawn(async move { wire::serve(called, listener, Some(&identity)).await });
    let call = wire::caller(calling, &url, Some(&identities.join(CALLER)));
    // Under valgrind the first call may take longer than its deadline.
    while !call().await {}
    for _ in 0..calls {
        assert!(call().await, "the call is answered");
    }
    served.abort();
}

async fn refused(calls: u32, why: Why) {
    let refusals = Refusals::new(why).await;
    for _ in 0..calls {
        refusals.refuse().await;
    }
}

async fn with_token(calls: u32) {
    let client = IdentityServiceClient::new(serve::stack(Limits::default()));
    let token = noop::tokens(1).remove(0);
    times(calls, async || client.clone().get_profile(profile(&token)).await).await;
}

pub(super) fn profile(token: &str) -> Request<GetProfileRequest> {
    let mut request = Request::new(GetProfileRequest {});
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    request
}

async fn times<T>(calls: u32, call: impl AsyncFn() -> Result<T, Status>) {
    for _ in 0..calls {
        call().await.expect("the call is answered");
    }
}

/// Measures until it is dropped.
fn metrics() -> SdkMeterProvider {
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(3_600));
    let provider = SdkMeterProvider::builder().with_reader(reader.build()).build();
    opentelemetry::global::set_meter_provider(provider.clone());
    provider
}

/// The stack beside bare tonic without a socket between, without and with metrics.
pub(crate) async fn run(report: &mut Report) {
    let token = noop::tokens(1).remove(0);
    let (mut provider, against) = (None, "client, codec and handler");
    for name in ["call inside the process", "call inside the process, with metrics"] {
        if !report.wants(name) {
            continue;
        }
        if name.ends_with("metrics") {
            provider = Some(metrics());
        }
        let ours = IdentityServiceClient::new(serve::stack(Limits::default()));
        let bare = IdentityServiceClient::new(serve::routes());
        report
            .compare(
                name,
                against,
                async |lasting| repeat(lasting, async || good(ours.clone().get_profile(profile(&token))).await).await,
                async |lasting| repeat(lasting, async || good(bare.clone().get_profile(profile(&token))).await).await,
            )
            .await;
    }
    drop(provider);
}

async fn good<T>(call: impl Future<Output = Result<T, Status>>) {
    call.await.expect("the call is answered");
}
