//! What can be done: one method for each RPC, over the ports below.

pub mod catalogue;
mod fingerprint;
pub mod incidents;
pub mod photos;
pub mod ports;
pub mod reports;
pub mod suggestions;
pub mod upkeep;
pub mod watch;

use kvartal_kernel::{Actor, Caller, Clock, Role, Roles};

use crate::domain::filter::Viewer;
use crate::domain::timeline::Act;

pub use ports::{PhotoProcessor, Photos};

/// Who looks at reports.
pub fn viewer(caller: &Caller) -> Viewer {
    let user = match caller.actor {
        Actor::User { id, .. } => Some(id),
        Actor::Anonymous | Actor::Machine { .. } | Actor::Service { .. } => None,
    };
    let moderator = caller.is(Role::Moderator);
    Viewer { user, staff: moderator || caller.is(Role::Dispatcher), moderator }
}

/// Whether the caller works with incidents and may know who else does.
pub fn works_on_incidents(caller: &Caller) -> bool {
    let staff: Roles =
        [Role::Dispatcher, Role::Patrol, Role::Analyst, Role::Admin, Role::Service].into_iter().collect();
    caller.roles().intersects(staff) || matches!(caller.actor, Actor::Service { .. })
}

fn act(caller: &Caller, clock: &dyn Clock) -> Act {
    Act { actor: caller.actor_id(), time: clock.now() }
}
