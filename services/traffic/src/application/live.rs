//! The living map: the newest state of everything that is shown, and what changed since somebody looked.
//!
//! A [`Board`] keeps one entry for each thing with the number of its last change. Who has seen everything up to a number
//! gets the entries with a greater one: however slow somebody is, what waits for him is never more than the board itself,
//! each thing once and as it is now. Nothing is queued, nothing can be lost, and a resume token is such a number. What is
//! removed leaves its number behind; the last [`REMOVALS_MAX`] are kept, and who comes from before them gets everything.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kvartal_kernel::geo::Bounds;
use tokio::sync::watch;

use super::patrols::PatrolView;
use crate::domain::camera::Camera;
use kvartal_kernel::Timestamp;

/// Removals that are remembered.
pub const REMOVALS_MAX: usize = 10_000;
/// Entries of one message.
pub const PORTION: usize = 2_000;
/// Answers that are kept for others who ask the same.
const SHARED_MAX: usize = 16;

/// What a stream can be about; the numbers are those of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// States of segments.
    Segments = 1,
    /// Jams.
    Jams = 2,
    /// Scores.
    Scores = 3,
    /// Warnings.
    Warnings = 4,
    /// Cameras with their newest frames.
    Cameras = 6,
    /// Patrols.
    Patrols = 7,
}

impl Topic {
    /// Every topic, by number.
    pub const ALL: [Self; 6] = [Self::Segments, Self::Jams, Self::Scores, Self::Warnings, Self::Cameras, Self::Patrols];

    /// From the number in the contract.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| *topic as i32 == number)
    }

    /// Whether a box restricts it: scores have no place, and a patrol that drives out of the box must not stay there.
    fn has_place(self) -> bool {
        !matches!(self, Self::Scores | Self::Patrols)
    }
}

/// What somebody wants to see.
#[derive(Clone, PartialEq, Debug)]
pub struct Interest {
    /// About these, sorted.
    pub topics: Vec<Topic>,
    /// Within this box.
    pub bounds: Option<Bounds>,
}

/// A thing that is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Thing<T> {
    /// Its id.
    pub key: String,
    /// Where it is; everywhere when `None`.
    pub bounds: Option<Bounds>,
    /// How it is.
    pub value: T,
}

/// What somebody has not seen yet.
#[derive(Clone, PartialEq, Debug)]
pub struct News<T> {
    /// Whether everything is told anew from here: what was known before does not hold.
    pub snapshot: bool,
    /// The newest state of what changed.
    pub things: Vec<Arc<T>>,
    /// What is gone.
    pub removed: Vec<String>,
    /// Up to here everything is seen after this.
    pub position: u64,
    /// Whether there is more.
    pub more: bool,
    /// The same as bytes, made once for all who are told it.
    pub told: OnceLock<Arc<[u8]>>,
}

/// Where somebody stands who has seen nothing.
pub const NOTHING: u64 = 0;

/// The newest state of everything that is shown.
pub struct Board<T> {
    epoch: u64,
    sheet: Mutex<Sheet<T>>,
    changed: watch::Sender<u64>,
}

struct Sheet<T> {
    /// Number of the last change.
    last: u64,
    entries: HashMap<(Topic, String), Entry<T>>,
    order: BTreeMap<u64, (Topic, String)>,
    /// Numbers of removals, oldest first.
    removals: VecDeque<u64>,
    /// Removals up to here are forgotten.
    forgotten: u64,
    shared: VecDeque<(u64, Interest, Arc<News<T>>)>,
}

struct Entry<T> {
    number: u64,
    bounds: Option<Bounds>,
    /// `None` for what is gone.
    value: Option<Arc<T>>,
}

impl<T: PartialEq> Board<T> {
    /// An empty board; the epoch tells its tokens from those of other boards.
    pub fn new(epoch: u64) -> Self {
        let sheet = Sheet {
            last: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            removals: VecDeque::new(),
            forgotten: 0,
            shared: VecDeque::new(),
        };
        Self { epoch, sheet: Mutex::new(sheet), changed: watch::Sender::new(0) }
    }

    /// Shows a thing as it is now; nothing happens when it is shown like that already.
    pub fn put(&self, topic: Topic, thing: Thing<T>) {
        self.edit(|sheet| sheet.put(topic, thing));
    }

    /// Shows things as they are now.
    pub fn put_all(&self, topic: Topic, things: Vec<Thing<T>>) {
        self.edit(|sheet| things.into_iter().for_each(|thing| sheet.put(topic, thing)));
    }

    /// Shows these things and no others of the topic.
    pub fn replace(&self, topic: Topic, things: Vec<Thing<T>>) {
        self.edit(|sheet| {
            let there: std::collections::HashSet<String> = things.iter().map(|thing| thing.key.clone()).collect();
            let shown = sheet
                .entries
                .iter()
                .filter(|((of, key), entry)| *of == topic && entry.value.is_some() && !there.contains(key));
            let gone: Vec<String> = shown.map(|((_, key), _)| key.clone()).collect();
            gone.iter().for_each(|key| sheet.remove(topic, key));
            things.into_iter().for_each(|thing| sheet.put(topic, thing));
        });
    }

    /// Shows a thing no longer.
    pub fn remove(&self, topic: Topic, key: &str) {
        self.edit(|sheet| sheet.remove(topic, key));
    }

    fn edit(&self, edit: impl FnOnce(&mut Sheet<T>)) {
        let mut sheet = self.sheet.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sheet.last;
        edit(&mut sheet);
        let last = sheet.last;
        drop(sheet);
        if last != before {
            self.changed.send_replace(last);
        }
    }

    /// Wakes when something changed.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What is new to somebody who stands there. Those who ask the same get the same answer.
    pub fn news(&self, seen: u64, interest: &Interest) -> Arc<News<T>> {
        let mut sheet = self.sheet.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = if seen < sheet.forgotten { NOTHING } else { seen };
        let last = sheet.last;
        let known = sheet
            .shared
            .iter()
            .find(|(of, for_whom, news)| *of == seen && for_whom == interest && (news.more || news.position == last));
        if let Some((_, _, news)) = known {
            return news.clone();
        }
        let news = Arc::new(sheet.news(seen, interest));
        if sheet.shared.len() == SHARED_MAX {
            sheet.shared.pop_front();
        }
        sheet.shared.push_back((seen, interest.clone(), news.clone()));
        news
    }

    /// What leads back to a position.
    pub fn token(&self, position: u64) -> String {
        format!("{:016x}{position:x}", self.epoch)
    }

    /// Where a token leads; to [`NOTHING`] when it is from another board. `None` for what is no token.
    pub fn resume(&self, token: &str) -> Option<u64> {
        let (epoch, position) = token.split_at_checked(16)?;
        let (epoch, position) = (u64::from_str_radix(epoch, 16).ok()?, u64::from_str_radix(position, 16).ok()?);
        let last = self.sheet.lock().unwrap_or_else(PoisonError::into_inner).last;
        Some(if epoch == self.epoch && position <= last { position } else { NOTHING })
    }
}

impl<T: PartialEq> Sheet<T> {
    fn put(&mut self, topic: Topic, thing: Thing<T>) {
        let Thing { key, bounds, value } = thing;
        let slot = (topic, key);
        let old = self.entries.get(&slot);
        if old.and_then(|old| old.value.as_deref()) == Some(&value) {
            return;
        }
        // Who sees where it was must see that it is elsewhere now.
        let reach = match (old.filter(|old| old.value.is_some()).map(|old| old.bounds), bounds) {
            (Some(Some(old)), Some(new)) => Some(joined(&old, &new)),
            (Some(None), _) | (_, None) => None,
            (None, Some(new)) => Some(new),
        };
        self.write(slot, reach, Some(Arc::new(value)));
    }

    fn remove(&mut self, topic: Topic, key: &str) {
        let slot = (topic, key.to_owned());
        let Some(old) = self.entries.get(&slot).filter(|old| old.value.is_some()) else { return };
        let bounds = old.bounds;
        self.write(slot, bounds, None);
        self.removals.push_back(self.last);
        while self.removals.len() > REMOVALS_MAX {
            let Some(number) = self.removals.pop_front() else { break };
            // Unless it was put again since: then the number is not in use any more.
            if let Some(slot) = self.order.get(&number).cloned() {
                self.order.remove(&number);
                self.entries.remove(&slot);
            }
            self.forgotten = number;
        }
    }

    fn write(&mut self, slot: (Topic, String), bounds: Option<Bounds>, value: Option<Arc<T>>) {
        self.last += 1;
        let entry = Entry { number: self.last, bounds, value };
        if let Some(old) = self.entries.insert(slot.clone(), entry) {
            self.order.remove(&old.number);
        }
        self.order.insert(self.last, slot);
    }

    fn news(&self, seen: u64, interest: &Interest) -> News<T> {
        let snapshot = seen == NOTHING;
        let mut news = News {
            snapshot,
            things: Vec::new(),
            removed: Vec::new(),
            position: self.last,
            more: false,
            told: OnceLock::new(),
        };
        for (number, slot) in self.order.range(seen + 1..) {
            let Some(entry) = self.entries.get(slot) else { continue };
            if !interest.wants(slot.0, entry.bounds.as_ref()) {
                continue;
            }
            if news.things.len() + news.removed.len() == PORTION {
                news.more = true;
                news.position = number - 1;
                break;
            }
            match &entry.value {
                Some(value) => news.things.push(value.clone()),
                None if snapshot => {}
                None => news.removed.push(slot.1.clone()),
            }
        }
        news
    }
}

impl Interest {
    fn wants(&self, topic: Topic, bounds: Option<&Bounds>) -> bool {
        self.topics.contains(&topic)
            && match (&self.bounds, bounds) {
                (Some(wanted), Some(bounds)) if topic.has_place() => wanted.overlaps(bounds),
                _ => true,
            }
    }
}

fn joined(a: &Bounds, b: &Bounds) -> Bounds {
    Bounds {
        south: a.south.min(b.south),
        west: a.west.min(b.west),
        north: a.north.max(b.north),
        east: a.east.max(b.east),
    }
}

/// Where the desks show what they did: the board, in the words of the contract.
pub trait Showing: Send + Sync {
    /// A patrol as it is now.
    fn patrol(&self, view: &PatrolView);
    /// A patrol is gone.
    fn patrol_gone(&self, name: &str);
    /// These patrols and no others.
    fn patrols(&self, views: &[PatrolView]);
    /// A camera as it is now.
    fn camera(&self, camera: &Camera, now: Timestamp);
    /// A camera is gone.
    fn camera_gone(&self, name: &str);
    /// These cameras and no others.
    fn cameras(&self, cameras: &[Camera], now: Timestamp);
}

#[cfg(test)]
mod tests;
