//! Revocations that every process knows within a second.
//!
//! A sorted set holds one member for each revocation, scored with the server's time of entry. Every process asks for the
//! newest entries a few times a second and keeps them in memory, where calls look them up. Once in a while, and after
//! every failure, a process reads the whole set and puts back what Redis has lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fred::interfaces::SortedSetsInterface;
use fred::types::Value;
use fred::types::scripts::Script;
use kvartal_kernel::{Clock, Error, Timestamp, Uuid};
use kvartal_mesh::auth::{LocalRevocations, Revocations, Revoke};
use opentelemetry::metrics::Gauge;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Redis, away};

const KEY: &str = "kvartal:revocations";
/// How often the newest entries are asked for.
const EVERY: Duration = Duration::from_millis(300);
/// Entries this much older than the newest are read again: a server's clock may be set back a little. Microseconds.
const OVERLAP_US: i64 = 5_000_000;
/// How often the whole set is read.
const FULL_EVERY: Duration = Duration::from_secs(60);
/// Entries asked for at once.
const PAGE: i64 = 5_000;
/// A list older than this decides nothing.
const STALE: Duration = Duration::from_secs(10);

/// Adds members, scored with the server's time in microseconds; a member that is there keeps its score.
const ADD: &str = "local time = redis.call('TIME')
local score = string.format('%.0f', time[1] * 1000000 + time[2])
for _, member in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'NX', score, member) end
return redis.status_reply('OK')";

/// One revocation, as it is written into the set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Entry {
    what: What,
    until: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum What {
    Session(Uuid),
    Before(Uuid, i64),
}

impl Entry {
    fn write(&self) -> String {
        match self.what {
            What::Session(id) => format!("session {id} 0 {}", self.until.0),
            What::Before(id, generation) => format!("before {id} {generation} {}", self.until.0),
        }
    }

    /// `None` for what another version may have written.
    fn read(member: &str) -> Option<Self> {
        let mut words = member.split(' ');
        let (kind, id) = (words.next()?, words.next()?.parse().ok()?);
        let (generation, until) = (words.next()?.parse().ok()?, Timestamp(words.next()?.parse().ok()?));
        let what = match kind {
            "session" => What::Session(id),
            "before" => What::Before(id, generation),
            _ => return None,
        };
        Some(Self { what, until })
    }
}

/// The list shared through Redis. Answers from memory; refuses to answer when Redis has not been heard for ten seconds.
pub struct RedisRevocations {
    redis: Redis,
    clock: Arc<dyn Clock>,
    add: Script,
    /// What calls are checked against.
    local: LocalRevocations,
    /// What is kept alive in Redis.
    known: Mutex<HashMap<String, Timestamp>>,
    heard_at: Mutex<Instant>,
    age: Gauge<f64>,
}

/// How far a process has read.
struct Position {
    score: i64,
    full_at: Instant,
}

impl RedisRevocations {
    /// Reads the whole set once; keep [`Self::run`] running from then on.
    pub async fn start(redis: Redis, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Error> {
        let revocations = Arc::new(Self {
            redis,
            local: LocalRevocations::new(clock.clone()),
            clock,
            add: Script::from_lua(ADD),
            known: Mutex::default(),
            heard_at: Mutex::new(Instant::now()),
            age: opentelemetry::global::meter("kvartal.revocations")
                .f64_gauge("kvartal.revocations.age")
                .with_description("Time since the list of revocations was read last")
                .with_unit("s")
                .build(),
        });
        revocations.read_all().await?;
        Ok(revocations)
    }

    /// Keeps the list current until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut position: Option<Position> = None;
        let mut heard = true;
        while !stop.is_cancelled() {
            let began = Instant::now();
            match self.read_on(position.take()).await {
                Ok(next) => {
                    position = Some(next);
                    *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = began;
                    if !heard {
                        tracing::info!("revocations are read again");
                    }
                    heard = true;
                }
                Err(error) => {
                    if heard {
                        tracing::error!(error = error.chain(), "revocations cannot be read");
                    }
                    heard = false;
                }
            }
            self.age.record(self.silence().as_secs_f64(), &[]);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Reads what is new; everything when nothing was read before or the last full reading is long ago.
    async fn read_on(&self, position: Option<Position>) -> Result<Position, Error> {
        match position {
            Some(position) if position.full_at.elapsed() < FULL_EVERY => {
                let newest = self.read_from(position.score - OVERLAP_US, &mut |_| {}).await?;
                Ok(Position { score: newest.max(position.score), ..position })
            }
            _ => Ok(Position { score: self.read_all().await?, full_at: Instant::now() }),
        }
    }

    /// Reads the whole set, puts back what Redis has lost and removes what is past its time; returns the newest score.
    async fn read_all(&self) -> Result<i64, Error> {
        let mut members = Vec::new();
        let newest = self.read_from(0, &mut |member| members.push(member.to_owned())).await?;
        let now = self.clock.now();
        let lost: Vec<String> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, until| *until > now);
            let there: std::collections::HashSet<&str> = members.iter().map(String::as_str).collect();
            known.keys().filter(|member| !there.contains(member.as_str())).cloned().collect()
        };
        for some in lost.chunks(500) {
            tracing::warn!(count = some.len(), "Redis had lost revocations; they are put back");
            self.write(some.to_vec()).await?;
        }
        let past = |member: &&String| Entry::read(member).is_some_and(|entry| entry.until <= now);
        let over: Vec<String> = members.iter().filter(past).cloned().collect();
        for some in over.chunks(500) {
            self.redis.pool.zrem::<(), _, _>(KEY, some.to_vec()).await.map_err(away)?;
        }
        Ok(newest)
    }

    /// Takes in everything scored from `score` on; returns the newest score.
    async fn read_from(&self, score: i64, seen: &mut (dyn FnMut(&str) + Send)) -> Result<i64, Error> {
        let mut newest = score;
        let mut offset = 0;
        loop {
            let members: Vec<(String, f64)> = self
                .redis
                .pool
                .zrangebyscore(KEY, score.max(0), f64::INFINITY, true, Some((offset, PAGE)))
                .await
                .map_err(away)?;
            for (member, score) in &members {
                seen(member);
                newest = newest.max(micros(*score));
                if let Some(entry) = Entry::read(member) {
                    self.take_in(entry).await?;
                }
            }
            let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
            if count < PAGE {
                return Ok(newest);
            }
            offset += count;
        }
    }

    async fn take_in(&self, entry: Entry) -> Result<(), Error> {
        if entry.until <= self.clock.now() {
            return Ok(());
        }
        let member = entry.write();
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.insert(member, entry.until).is_some() {
                return Ok(());
            }
        }
        match entry.what {
            What::Session(id) => self.local.revoke_session(id, entry.until).await,
            What::Before(id, generation) => self.local.revoke_before(id, generation, entry.until).await,
        }
    }

    async fn write(&self, members: Vec<String>) -> Result<(), Error> {
        let client = self.redis.pool.next();
        self.add.evalsha_with_reload::<Value, _, _>(client, KEY, members).await.map(drop).map_err(away)
    }

    /// In force here at once and everywhere within a second. When this fails, it is in force here only, until Redis is back.
    async fn revoke(&self, entry: Entry) -> Result<(), Error> {
        self.take_in(entry).await?;
        self.write(vec![entry.write()]).await
    }

    fn silence(&self) -> Duration {
        self.heard_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

#[allow(clippy::cast_possible_truncation, reason = "scores are microseconds, whole numbers below 2^53")]
fn micros(score: f64) -> i64 {
    score as i64
}

impl Revocations for RedisRevocations {
    fn check(&self, session: Uuid, user: Uuid, generation: i64) -> Result<(), Error> {
        self.local.check(session, user, generation)?;
        if self.silence() > STALE {
            return Err(Error::unavailable("REVOCATIONS_STALE", "access cannot be verified now; try again soon"));
        }
        Ok(())
    }
}

#[async_trait]
impl Revoke for RedisRevocations {
    async fn revoke_session(&self, session: Uuid, until: Timestamp) -> Result<(), Error> {
        self.revoke(Entry { what: What::Session(session), until }).await
    }

    async fn revoke_before(&self, user: Uuid, generation: i64, until: Timestamp) -> Result<(), Error> {
        self.revoke(Entry { what: What::Before(user, generation), until }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let id = Uuid::from_u128(7);
        for what in [What::Session(id), What::Before(id, 3)] {
            let entry = Entry { what, until: Timestamp(1_790_000_000_000_000) };
            assert_eq!(Entry::read(&entry.write()), Some(entry));
        }
        assert_eq!(Entry::read("other 00000000-0000-0000-0000-000000000007 0 5"), None);
        assert_eq!(Entry::read(""), None);
    }
}
