//! Waiting for the kernel and for programs of others. Nothing of it tells us when it is so far: we look again and again.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until there is something; `None` when `patience` has run out.
pub(crate) fn until<T>(
    patience: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if began.elapsed() >= patience {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}
