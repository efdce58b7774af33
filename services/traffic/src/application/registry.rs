//! Detectors by id, in memory: what every reading is looked up in.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use kvartal_kernel::{Clock, Error, Timestamp};

use super::detectors::Detectors;
use crate::domain::reading::{DetectorNo, Refusal};

/// An unknown detector makes the registry look again, but not more often than this, in seconds.
const LOOK_AGAIN: u64 = 1;

/// What is known of a detector here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    number: DetectorNo,
    retired: bool,
}

/// Detectors by id at one moment.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<String, Known>,
    ids: HashMap<DetectorNo, String>,
    read: Option<Timestamp>,
}

impl Directory {
    /// The number of a detector that takes readings.
    pub fn number(&self, id: &str) -> Result<DetectorNo, Refusal> {
        match self.by_id.get(id) {
            None => Err(Refusal::UnknownDetector),
            Some(known) if known.retired => Err(Refusal::RetiredDetector),
            Some(known) => Ok(known.number),
        }
    }

    /// The number of a detector, in service or not.
    pub fn any(&self, id: &str) -> Option<DetectorNo> {
        self.by_id.get(id).map(|known| known.number)
    }

    /// The id behind a number.
    pub fn id(&self, number: DetectorNo) -> Option<&str> {
        self.ids.get(&number).map(String::as_str)
    }
}

/// The registry of this process.
pub struct Registry {
    detectors: Arc<dyn Detectors>,
    clock: Arc<dyn Clock>,
    directory: RwLock<Arc<Directory>>,
}

impl Registry {
    /// Empty until it is first asked.
    pub fn new(detectors: Arc<dyn Detectors>, clock: Arc<dyn Clock>) -> Self {
        Self { detectors, clock, directory: RwLock::default() }
    }

    fn current(&self) -> Arc<Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all detectors anew.
    pub async fn refresh(&self) -> Result<Arc<Directory>, Error> {
        let read = Some(self.clock.now());
        let rows = self.detectors.numbers().await?;
        let mut directory = Directory { read, ..Directory::default() };
        for (id, number, retired) in rows {
            directory.ids.insert(number, id.clone());
            directory.by_id.insert(id, Known { number, retired });
        }
        let directory = Arc::new(directory);
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = directory.clone();
        Ok(directory)
    }

    /// A directory that knows all of these, if they exist: another process may have added one.
    pub async fn knowing<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> Result<Arc<Directory>, Error> {
        let directory = self.current();
        let fresh = directory.read.is_some_and(|read| self.clock.now().since(read).as_secs() < LOOK_AGAIN);
        if fresh || (directory.read.is_some() && ids.all(|id| directory.by_id.contains_key(id))) {
            return Ok(directory);
        }
        self.refresh().await
    }
}
