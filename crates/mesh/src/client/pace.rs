//! Whether the answers of one endpoint take many times as long as those of the others.
//!
//! Compared are answers of the same method, and an answer is slow only beside others that were sent no sooner and are there
//! already: where a service becomes slow as a whole there are none, whatever was usual before.

use std::collections::HashMap;
use std::time::Duration;

use kvartal_contract::Method;
use tokio::time::Instant;

/// An answer that takes this many times what the others' take is slow,
pub(crate) const SLOW_FACTOR: f64 = 5.0;
/// when it takes longer by at least this. Less is noise, and the balancer evens it out.
pub(crate) const SLOW_EXCESS: Duration = Duration::from_millis(25);
/// This many slow answers, and none that is usual between them, are no accident of single calls,
pub(crate) const SLOW_ANSWERS: u32 = 8;
/// when no more than this lies between two of them.
pub(crate) const SLOW_PAUSE: Duration = Duration::from_secs(10);
/// Part of a new answer in the mean.
const MEAN_PART: f64 = 0.125;

/// An answer that was good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Whose methods are few, and never move.
    pub(crate) method: &'static Method,
    pub(crate) sent: Instant,
    pub(crate) took: Duration,
}

/// An answer beside those of other endpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beside {
    /// It took many times as long.
    Slow,
    /// It did not.
    Usual,
    /// It cannot be told.
    Unknown,
}

/// How one endpoint answers.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// By the method's place in memory, which is cheaper to look up than its name.
    methods: HashMap<usize, Mean>,
    in_a_row: u32,
    last: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Mean {
    seconds: f64,
    /// When the latest call was sent that is answered.
    sent: Instant,
}

impl Pace {
    /// An answer of this endpoint.
    pub(crate) fn answered(&mut self, answer: &Answer) {
        let took = answer.took.as_secs_f64();
        let mean = self.methods.entry(key(answer)).or_insert(Mean { seconds: took, sent: answer.sent });
        mean.seconds += MEAN_PART * (took - mean.seconds);
        mean.sent = mean.sent.max(answer.sent);
    }

    /// Whether it may be left out of the comparison: it is quick, and so were those before it.
    pub(crate) fn is_quick(&self, answer: &Answer) -> bool {
        answer.took < SLOW_EXCESS && self.in_a_row == 0
    }

    /// An answer of another endpoint beside those of this one.
    pub(crate) fn beside(&self, answer: &Answer) -> Beside {
        let Some(mean) = self.methods.get(&key(answer)) else { return Beside::Unknown };
        let took = answer.took.as_secs_f64();
        if took < mean.seconds * SLOW_FACTOR {
            Beside::Usual
        } else if took >= mean.seconds + SLOW_EXCESS.as_secs_f64() && mean.sent >= answer.sent {
            Beside::Slow
        } else {
            Beside::Unknown
        }
    }

    /// An answer of this endpoint was compared; true when one too many has been slow.
    pub(crate) fn compared(&mut self, beside: Beside, now: Instant) -> bool {
        let recent = self.last.is_some_and(|last| now.saturating_duration_since(last) <= SLOW_PAUSE);
        match beside {
            Beside::Slow => {
                self.in_a_row = if recent { self.in_a_row + 1 } else { 1 };
                self.last = Some(now);
            }
            Beside::Usual => self.in_a_row = 0,
            Beside::Unknown => {}
        }
        let too_many = self.in_a_row >= SLOW_ANSWERS;
        if too_many {
            self.in_a_row = 0;
        }
        too_many
    }
}

impl Beside {
    /// What most of the others say of those that can tell; when they are divided, it is slow.
    pub(crate) fn most(others: impl Iterator<Item = Self>) -> Self {
        let (mut slow, mut usual) = (0, 0);
        for one in others {
            match one {
                Self::Slow => slow += 1,
                Self::Usual => usual += 1,
                Self::Unknown => {}
            }
        }
        match (slow, usual) {
            (0, 0) => Self::Unknown,
            (slow, usual) if slow >= usual => Self::Slow,
            _ => Self::Usual,
        }
    }
}

fn key(answer: &Answer) -> usize {
    std::ptr::from_ref(answer.method).addr()
}

#[cfg(test)]
mod tests;
