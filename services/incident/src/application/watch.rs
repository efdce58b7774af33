//! Streams of changes: one reader in each process follows the end of the log and tells every stream of the process.
//!
//! A stream is a position in the log. It first reads what lies between its position and the end, in portions, then
//! takes what the reader tells, and goes back to reading when it was too slow to take it: memory stays bounded, and
//! whatever happens nothing is left out and nothing told twice. Several changes of one thing within a portion are told
//! as one, with the position of the last.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Cursor, Error, Kind, Uuid};
use tokio::sync::{broadcast, watch};

use super::ports::{Changes, Logged, NextRead, Snapshot, Subject};

/// Portions a stream may be behind before it goes back to reading.
const BACKLOG_MAX: usize = 64;
/// Entries of one portion.
const PORTION: u64 = 500;
/// Changes within this time are told together.
const PACE: Duration = Duration::from_millis(50);
/// Until something that is there has settled.
const SOON: Duration = Duration::from_millis(10);
/// Between attempts while the database is away.
const RETRY: Duration = Duration::from_millis(500);
/// How long a new stream waits for the reader.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Follows the end of the log.
pub struct Feed {
    changes: Arc<dyn Changes>,
    settled: watch::Sender<Option<i64>>,
    news: broadcast::Sender<Arc<Portion>>,
}

/// What came after one position, up to another.
struct Portion {
    after: i64,
    to: i64,
    changes: Vec<Logged>,
}

/// Something that changed since the stream told of it last.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// Its place in the log.
    pub position: i64,
    /// What it was at moments since then, as far as filters look.
    pub was: Vec<Snapshot>,
    /// What it is.
    pub now: Snapshot,
}

impl Feed {
    /// Over this log.
    pub fn new(changes: Arc<dyn Changes>) -> Self {
        Self { changes, settled: watch::Sender::new(None), news: broadcast::Sender::new(BACKLOG_MAX) }
    }

    /// Follows the log until `stop`. Looks when something was committed here, and every `poll` for what other replicas
    /// committed.
    pub async fn run(
        &self,
        mut committed: watch::Receiver<u64>,
        poll: Option<Duration>,
        stop: impl Future<Output = ()>,
    ) {
        let follow = async {
            let mut away = false;
            loop {
                let wait = match self.read().await {
                    Ok(next) => {
                        away = false;
                        next
                    }
                    Err(error) => {
                        if !away {
                            tracing::warn!(error = error.chain(), "the change log cannot be read; streams wait");
                        }
                        away = true;
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                };
                match wait {
                    NextRead::Now => {}
                    NextRead::Soon => tokio::time::sleep(SOON).await,
                    NextRead::OnCommit => {
                        let idle = poll.unwrap_or(Duration::MAX);
                        // An error says that the store is gone, and with it everything that could be told.
                        if let Ok(Err(_)) = tokio::time::timeout(idle, committed.changed()).await {
                            return;
                        }
                        tokio::time::sleep(PACE).await;
                        committed.mark_unchanged();
                    }
                }
            }
        };
        tokio::select! {
            () = follow => {}
            () = stop => {}
        }
    }

    /// Reads what has come since the last time and tells it.
    async fn read(&self) -> Result<NextRead, Error> {
        let settled = *self.settled.borrow();
        let Some(after) = settled else {
            let start = self.changes.start().await?;
            self.settled.send_replace(start);
            return Ok(if start.is_some() { NextRead::Now } else { NextRead::Soon });
        };
        let tail = self.changes.tail(after).await?;
        if tail.settled > after {
            // First the position, then the news: a stream subscribes and then looks at the position, so that it either
            // finds the new position or is told the news, or both, and never neither.
            self.settled.send_replace(Some(tail.settled));
            let portion = Portion { after, to: tail.settled, changes: tail.changes };
            // Nobody listening is no fault.
            let _ = self.news.send(Arc::new(portion));
        }
        Ok(tail.next)
    }

    /// Opens a stream after the position of a token, or from now on when it is empty. Streams of each kind of subject
    /// have tokens of their own.
    pub async fn watch(&self, subject: Subject, token: &str) -> Result<Watch, Error> {
        let news = self.news.subscribe();
        let mut settled = self.settled.subscribe();
        let position = match token {
            "" => None,
            token => Some(self.resume(subject, token).await?),
        };
        // A stream from now on does not tell what was committed before it was asked for, unless that takes long to settle.
        let last = if position.is_none() { self.changes.range().await?.map_or(0, |(_, last)| last) } else { 0 };
        let _ = tokio::time::timeout(SETTLE_MAX, settled.wait_for(|end| end.is_some_and(|end| end >= last))).await;
        let started = *settled.borrow_and_update();
        let not_ready = || Error::unavailable("STREAM_NOT_READY", "the change log cannot be read now");
        let end = started.ok_or_else(not_ready)?;
        let position = position.unwrap_or(end);
        Ok(Watch { subject, position, known: end, news, settled, changes: self.changes.clone() })
    }

    async fn resume(&self, subject: Subject, token: &str) -> Result<i64, Error> {
        let cursor = Cursor::decode(scope(subject), token)
            .map_err(|_| Error::invalid("resume_token", "must be a token of the same stream"))?;
        let (first, last) = self.changes.range().await?.unwrap_or((0, 0));
        if cursor.key < first || cursor.key > last {
            let message = "the token is too old: read the list again and watch from now on";
            return Err(Error::new(Kind::FailedPrecondition, "RESUME_TOKEN_EXPIRED", message));
        }
        Ok(cursor.key)
    }
}

/// A stream of changes.
pub struct Watch {
    subject: Subject,
    /// Everything up to here has been told.
    position: i64,
    /// Up to here it must be read; what comes after is told by the reader.
    known: i64,
    news: broadcast::Receiver<Arc<Portion>>,
    settled: watch::Receiver<Option<i64>>,
    changes: Arc<dyn Changes>,
}

impl Watch {
    /// Where the stream stands; lead back here with [`Feed::watch`].
    pub fn token(&self) -> String {
        self.token_at(self.position)
    }

    /// The token of a place within the last portion.
    pub fn token_at(&self, position: i64) -> String {
        Cursor { key: position, id: Uuid::nil() }.encode(scope(self.subject))
    }

    /// What changed next, by position; waits for it. May be given up and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<Vec<Update>, Error> {
        loop {
            if self.position < self.known {
                let read = self.changes.between(self.subject, self.position, self.known, PORTION).await?;
                let full = u64::try_from(read.len()).is_ok_and(|count| count == PORTION);
                self.position = match read.last() {
                    Some(last) if full => last.position,
                    _ => self.known,
                };
                if !read.is_empty() {
                    return Ok(coalesce(read.iter()));
                }
                continue;
            }
            match self.news.recv().await {
                Ok(portion) if portion.to <= self.position => {}
                Ok(portion) if portion.after > self.position => self.known = portion.to,
                Ok(portion) => {
                    let seen = std::mem::replace(&mut self.position, portion.to);
                    let new = portion.changes.iter().filter(|change| change.position > seen);
                    let updates = coalesce(new.filter(|change| change.now.subject() == self.subject));
                    if !updates.is_empty() {
                        return Ok(updates);
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.known = self.settled.borrow().unwrap_or(self.position);
                }
                Err(broadcast::error::RecvError::Closed) => {
                    return Err(Error::unavailable("STREAM_ENDED", "the stream has ended; open it again"));
                }
            }
        }
    }
}

/// The last state of each subject at the place of its last change, by place.
fn coalesce<'a>(changes: impl Iterator<Item = &'a Logged>) -> Vec<Update> {
    let mut updates: HashMap<Uuid, Update> = HashMap::new();
    for change in changes {
        let id = change.now.id();
        let was = updates.remove(&id).map(|update| update.was).unwrap_or_default();
        let was = was.into_iter().chain(change.was.clone()).collect();
        updates.insert(id, Update { position: change.position, was, now: change.now.clone() });
    }
    let mut updates: Vec<Update> = updates.into_values().collect();
    updates.sort_unstable_by_key(|update| update.position);
    updates
}

fn scope(subject: Subject) -> &'static str {
    match subject {
        Subject::Incident => "WatchIncidents",
        Subject::Report => "WatchReports",
    }
}
