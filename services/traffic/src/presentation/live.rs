//! The RPC of `kvartal.traffic.v1.LiveService`: the board as a stream.

mod server;
mod showing;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::unfold;
use kvartal_kernel::{Caller, Clock, Error, Kind, Role};
use kvartal_mesh::stream::{HEARTBEAT, Reply};
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::network::bounds;
use crate::application::live::{Board, Interest, NOTHING, News, Topic};

use server::Parted;

pub(crate) use server::LiveServer;
pub(crate) use showing::{LiveBoard, Shown};

/// Messages a second when nobody said.
const RATE_HZ: u32 = 2;

/// Makes the streams of the RPC.
pub(crate) struct LiveGrpc {
    board: Arc<Board<Shown>>,
    clock: Arc<dyn Clock>,
    /// Everybody's ticks are counted from here: streams of one rate wake together and share what they find.
    began: Instant,
}

impl LiveGrpc {
    /// Over the board.
    pub(crate) fn new(board: Arc<Board<Shown>>, clock: Arc<dyn Clock>) -> Self {
        Self { board, clock, began: Instant::now() }
    }

    fn watch(&self, caller: &Caller, request: pb::WatchTrafficRequest) -> Result<Reply<Parted>, Error> {
        let pb::WatchTrafficRequest { bounds: given, topics, max_rate_hz, resume_token } = request;
        let interest = Interest { topics: wanted(caller, topics)?, bounds: bounds("bounds", given)? };
        let position = match resume_token.as_str() {
            "" => NOTHING,
            token => {
                let wrong = || Error::invalid("resume_token", "must be a token of this stream");
                self.board.resume(token).ok_or_else(wrong)?
            }
        };
        let rate = if max_rate_hz == 0 { RATE_HZ } else { max_rate_hz };
        let stream = Watching {
            changed: self.board.changed(),
            board: self.board.clone(),
            clock: self.clock.clone(),
            interest,
            position,
            pause: Pause { began: self.began, period: Duration::from_secs(1) / rate },
            more: true,
        };
        Ok(Box::pin(unfold(stream, |mut stream| async move {
            let message = stream.next().await;
            Some((Ok(message), stream))
        })))
    }
}

/// Topics that the caller may see: patrols are not for everybody.
fn wanted(caller: &Caller, topics: Vec<i32>) -> Result<Vec<Topic>, Error> {
    let mut topics: Vec<Topic> = topics.into_iter().filter_map(Topic::from_number).collect();
    if topics.is_empty() {
        topics = vec![Topic::Segments, Topic::Jams, Topic::Scores, Topic::Warnings];
    }
    topics.sort_unstable();
    topics.dedup();
    let staff = [Role::Dispatcher, Role::Patrol, Role::Admin, Role::Service];
    if topics.contains(&Topic::Patrols) && !staff.iter().any(|role| caller.is(*role)) {
        let message = "patrols are shown to dispatchers, patrols and administrators only";
        return Err(Error::new(Kind::PermissionDenied, "PATROLS_NOT_VISIBLE", message));
    }
    Ok(topics)
}

/// A stream between two messages.
struct Watching {
    board: Arc<Board<Shown>>,
    clock: Arc<dyn Clock>,
    changed: watch::Receiver<u64>,
    interest: Interest,
    /// Everything up to here has been told.
    position: u64,
    pause: Pause,
    /// Whether the last message could not hold everything, or there was none yet.
    more: bool,
}

/// The pace of a stream.
#[derive(Clone, Copy)]
struct Pause {
    began: Instant,
    period: Duration,
}

impl Pause {
    /// The next moment at which streams of this pace may send.
    fn next(self) -> Instant {
        let passed = self.began.elapsed().as_nanos() / self.period.as_nanos().max(1) + 1;
        self.began + self.period * u32::try_from(passed).unwrap_or(u32::MAX)
    }
}

impl Watching {
    /// The next message; waits for something to happen, for at most the time of a heartbeat.
    async fn next(&mut self) -> Parted {
        let quiet = Instant::now() + HEARTBEAT;
        let first = self.position == NOTHING && self.more;
        loop {
            if !self.more {
                if timeout_at(quiet, self.changed.changed()).await.is_err() {
                    return self.message(Arc::default());
                }
                sleep_until(self.pause.next()).await;
            }
            self.changed.mark_unchanged();
            let news = self.board.news(self.position, &self.interest);
            self.position = news.position;
            self.more = news.more;
            // Somebody who has just come is answered even if there is nothing to tell.
            if first || !news.things.is_empty() || !news.removed.is_empty() {
                return self.message(news.told.get_or_init(|| encoded(&news)).clone());
            }
        }
    }

    fn message(&self, shared: Arc<[u8]>) -> Parted {
        let own = pb::WatchTrafficResponse {
            resume_token: self.board.token(self.position),
            time: Some(to_proto(self.clock.now())),
            ..pb::WatchTrafficResponse::default()
        };
        Parted { own, shared }
    }
}

/// What everybody who gets this news is told.
fn encoded(news: &News<Shown>) -> Arc<[u8]> {
    let mut message = pb::WatchTrafficResponse {
        snapshot: news.snapshot,
        removed_ids: news.removed.clone(),
        ..pb::WatchTrafficResponse::default()
    };
    for thing in &news.things {
        thing.add_to(&mut message);
    }
    message.encode_to_vec().into()
}
