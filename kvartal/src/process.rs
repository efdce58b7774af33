//! A process that runs until it is told to stop, by Ctrl-C or by a service manager, and ends in order.

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context as _;
use kvartal_host::{Runtime, Stopped};
use kvartal_kernel::{Clock as _, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::console::{Console, Glyph};

const CTRL_C: &str = "Ctrl-C";

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// All went well.
    Well,
    /// Not everything did; what is known of it has been said.
    Badly,
    /// It was told twice to stop.
    Interrupted,
}

impl From<bool> for Ended {
    fn from(well: bool) -> Self {
        if well { Self::Well } else { Self::Badly }
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::Badly => Self::FAILURE,
            // As shells have it.
            Ended::Interrupted => Self::from(130),
        }
    }
}

/// Starts the runtime, then what `open` opens on it; says that it is ready, and whatever `ready` says; runs until it is told to
/// stop. At every step it may be told: some of them wait for servers, for a long time.
pub(crate) async fn run(
    console: Console,
    start: impl Future<Output = anyhow::Result<Runtime>>,
    open: impl AsyncFnOnce(&Runtime) -> anyhow::Result<()>,
    ready: impl FnOnce(&Runtime) -> anyhow::Result<()>,
) -> anyhow::Result<Ended> {
    let mut signals = Signals::listen()?;
    let began = SystemClock.now();
    let stopping = |reason: &str, how: &str| {
        if reason == CTRL_C {
            // The terminal has written ^C.
            console.line("");
        }
        console.say(Glyph::Step, format_args!("{reason}: stopping, {how}"));
    };
    let early = "before everything has started";
    let runtime = tokio::select! {
        runtime = start => runtime?,
        reason = signals.next() => {
            stopping(reason, early);
            return Ok(Ended::Well);
        }
    };
    let opened = tokio::select! {
        opened = open(&runtime) => opened,
        reason = signals.next() => {
            stopping(reason, early);
            return Ok(stopped(&runtime.shutdown().await, console));
        }
    };
    let opened = match opened {
        Ok(()) => {
            runtime.health().started().await;
            let took = SystemClock.now().since(began).as_secs_f64();
            console.say(Glyph::Good, console.strong(&format!("ready in {took:.1} s")));
            ready(&runtime)
        }
        error => error,
    };
    if let Err(error) = opened {
        runtime.shutdown().await;
        return Err(error);
    }
    let reason = signals.next().await;
    stopping(reason, "running calls finish; again to quit at once");
    tokio::select! {
        all = runtime.shutdown() => Ok(stopped(&all, console)),
        _ = signals.next() => Ok(Ended::Interrupted),
    }
}

/// Says what did not end in time.
fn stopped(stopped: &Stopped, console: Console) -> Ended {
    if stopped.clean() {
        console.say(Glyph::Good, "stopped");
    } else {
        let tasks = if stopped.tasks.is_empty() { "none" } else { &stopped.tasks.join(", ") };
        console.say(Glyph::Bad, format_args!("stopped; cut after the grace: {} calls, tasks: {tasks}", stopped.calls));
    }
    stopped.clean().into()
}

/// Listens for Ctrl-C and for what service managers send.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on the process no longer ends by itself on these signals.
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one; says which.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => CTRL_C,
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
