//! What the conformance suite starts and tests: `conformance inner|edge|envoy` is a server, `conformance client` a client.
//! The suite says on standard input what it wants and reads on standard output what it gets.

use std::io;
use std::sync::Arc;

use anyhow::Context as _;
use kvartal_e2e::conformance::{self, Front, Server, pb};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Calls of the client at once.
const CALLS: usize = 8;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    match Front::named(&what) {
        Some(front) => serve(front).await,
        None if what == "client" => call().await,
        None => anyhow::bail!("{what:?} is none of inner, edge, envoy, client"),
    }
}

/// Answers until it is told to stop.
async fn serve(front: Front) -> anyhow::Result<()> {
    let asked: pb::ServerCompatRequest = conformance::read(io::stdin().lock())?.context("nothing is asked for")?;
    anyhow::ensure!(!asked.use_tls, "this server is for calls in the clear");
    let most = usize::try_from(asked.message_receive_limit)?;
    let mut stop = signal(SignalKind::terminate())?;
    let server = Server::start(front, (most > 0).then_some(most)).await?;
    let address = server.address();
    let answer = pb::ServerCompatResponse { host: address.ip().to_string(), port: address.port().into() };
    conformance::write(io::stdout().lock(), &answer)?;
    stop.recv().await;
    server.stop().await;
    Ok(())
}

/// Makes the calls that are asked for, until no more are.
async fn call() -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(CALLS));
    let mut calls = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await?;
        let read = tokio::task::spawn_blocking(|| conformance::read(io::stdin().lock()));
        let Some(asked) = read.await?? else { break };
        calls.spawn(async move {
            let answer = conformance::call(asked).await;
            drop(place);
            conformance::write(io::stdout().lock(), &answer)
        });
    }
    while let Some(written) = calls.join_next().await {
        written??;
    }
    Ok(())
}
