//! Counts over the last so-and-so many seconds, in a ring of buckets.

use std::time::Duration;

use tokio::time::Instant;

/// How often something happened, and how often it went well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) all: u64,
    pub(crate) good: u64,
}

/// A sliding window of `N` buckets. What it tells is exact to one bucket.
#[derive(Clone, Debug)]
pub(crate) struct Window<const N: usize> {
    buckets: [Counts; N],
    total: Counts,
    bucket: Duration,
    began: Instant,
    /// The number of the newest bucket since `began`, and when it ends.
    newest: u64,
    ends: Instant,
}

impl<const N: usize> Window<N> {
    /// Of this length; empty.
    pub(crate) fn new(length: Duration, now: Instant) -> Self {
        let buckets = u32::try_from(N).unwrap_or(1).max(1);
        let bucket = (length / buckets).max(Duration::from_millis(1));
        Self {
            buckets: [Counts::default(); N],
            total: Counts::default(),
            bucket,
            began: now,
            newest: 0,
            ends: now + bucket,
        }
    }

    /// Adds to what happened now.
    pub(crate) fn add(&mut self, now: Instant, all: u64, good: u64) {
        self.turn(now);
        if let Some(bucket) = self.buckets.get_mut(index::<N>(self.newest)) {
            for counts in [bucket, &mut self.total] {
                counts.all += all;
                counts.good += good;
            }
        }
    }

    /// What happened within the window.
    pub(crate) fn counts(&mut self, now: Instant) -> Counts {
        self.turn(now);
        self.total
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets = [Counts::default(); N];
        self.total = Counts::default();
    }

    /// Empties the buckets that have become too old.
    fn turn(&mut self, now: Instant) {
        if now < self.ends {
            return;
        }
        let elapsed = now.saturating_duration_since(self.began).as_nanos() / self.bucket.as_nanos().max(1);
        let number = u64::try_from(elapsed).unwrap_or(u64::MAX);
        if number.saturating_sub(self.newest) >= N as u64 {
            self.clear();
            self.newest = number;
        }
        while self.newest < number {
            self.newest += 1;
            if let Some(bucket) = self.buckets.get_mut(index::<N>(self.newest)) {
                let old = std::mem::take(bucket);
                self.total.all = self.total.all.saturating_sub(old.all);
                self.total.good = self.total.good.saturating_sub(old.good);
            }
        }
        self.ends = now + self.bucket - self.since_bucket_began(now);
    }

    /// How long the bucket of `now` has lasted.
    fn since_bucket_began(&self, now: Instant) -> Duration {
        let nanos = now.saturating_duration_since(self.began).as_nanos() % self.bucket.as_nanos().max(1);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

fn index<const N: usize>(number: u64) -> usize {
    usize::try_from(number % (N.max(1) as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
