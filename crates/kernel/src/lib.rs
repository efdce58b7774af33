//! What every layer may name: ids, time, places, pages, errors and callers. Pure: no async, no transport, no storage.

mod caller;
mod clock;
mod error;
pub mod geo;
mod id;
mod page;

pub use caller::{Actor, Caller, Role, Roles};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::{Error, Kind, Violation};
pub use page::{Cursor, Page, PageRequest, Version};
pub use uuid::Uuid;
