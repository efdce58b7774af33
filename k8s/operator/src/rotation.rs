//! The service's user: which one it is, when another takes over, and when the one before is retired. Two take turns, so
//! that both can sign in while the service's pods change over.
//!
//! The Secrets are the memory. In the server's lies the password of the next user before it is told anybody; in the
//! service's stands who is the user, since when, and who was before.

#[cfg(test)]
mod tests;

use std::time::Duration;

use kvartal_kernel::Timestamp;

use crate::api::ROTATE;
use crate::names;
use crate::observe::World;
use crate::secrets::{HANDLED, NEXT, PREVIOUS, SINCE, TOLD, annotation, value};
use kube::ResourceExt as _;

const DAY: Duration = Duration::from_secs(86_400);

/// What is known of a service's user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// The user.
    pub user: String,
    /// Since when.
    pub since: Timestamp,
    /// The one before, until it is retired.
    pub previous: Option<String>,
    /// One whose password is made and who is to take over.
    pub next: Option<String>,
    /// The request that was answered last.
    pub handled: Option<String>,
}

/// What to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing before this time, if one is known.
    Rest(Option<Timestamp>),
    /// Make a new password for this user, who is to take over.
    Prepare(String),
    /// Let this user sign in, and tell the service.
    Switch(String),
    /// Take the sign-in of this user away.
    Retire(String),
}

/// The next step; `every` and `retire_after` as the object asks for, `request` the one that is written on it.
pub fn turn(
    known: &Known,
    users: &[String; 2],
    every: Option<Duration>,
    retire_after: Duration,
    request: Option<&str>,
    now: Timestamp,
) -> Turn {
    let other = if known.user == users[0] { &users[1] } else { &users[0] };
    if let Some(next) = &known.next {
        // Prepared by a rotation that was cut short. Its own user is one that has taken over already.
        if *next != known.user {
            return Turn::Switch(next.clone());
        }
    }
    let retires = known.since.plus(retire_after);
    if let Some(previous) = known.previous.as_ref().filter(|previous| **previous != known.user) {
        // Until then there is no user that is free to be the next.
        return if retires <= now { Turn::Retire(previous.clone()) } else { Turn::Rest(Some(retires)) };
    }
    let due = every.map(|every| known.since.plus(every));
    let asked = request.is_some_and(|request| known.handled.as_deref() != Some(request));
    if asked || due.is_some_and(|due| due <= now) {
        return Turn::Prepare(other.clone());
    }
    Turn::Rest(due)
}

/// The turn of a database.
pub fn of(world: &World, now: Timestamp) -> Turn {
    let Some(known) = known(world) else { return Turn::Rest(None) };
    let credentials = &world.object.spec.credentials;
    let every = credentials.rotate_after_days.map(|days| DAY * days);
    let retire_after = Duration::from_secs(u64::from(credentials.retire_after_minutes) * 60);
    let request = world.object.annotations().get(ROTATE).map(String::as_str);
    turn(&known, &names::users(&world.name), every, retire_after, request, now)
}

/// What the Secrets tell.
pub fn known(world: &World) -> Option<Known> {
    let (server, service) = (world.server.as_ref()?, world.service.as_ref()?);
    let since = annotation(service, SINCE).and_then(|since| Timestamp::parse(&since))?;
    Some(Known {
        user: current_user(world),
        since,
        previous: annotation(service, PREVIOUS),
        next: annotation(server, NEXT),
        handled: annotation(service, HANDLED),
    })
}

/// The user of the service, or the one that is to be the first.
pub fn current_user(world: &World) -> String {
    let users = names::users(&world.name);
    let told = world.service.as_ref().and_then(|service| value(service, "username"));
    let told = told.filter(|user| users.contains(user)).map(|user| user.to_string());
    let [first, _] = users;
    told.unwrap_or(first)
}

/// Whether the service has been told how to sign in, and still is told the truth.
pub fn is_published(world: &World) -> bool {
    let Some((server, service)) = world.server.as_ref().zip(world.service.as_ref()) else { return false };
    let user = current_user(world);
    let known = value(server, &user);
    known.is_some()
        && value(service, "username").is_some_and(|told| *told == user)
        && value(service, "password") == known
        && value(service, "url")
            .is_some_and(|url| known.is_some_and(|known| url.contains(&format!("{user}:{}@", known.as_str()))))
        && annotation(service, SINCE).is_some()
        && annotation(service, TOLD) == annotation(service, SINCE)
}
