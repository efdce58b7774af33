//! What to do next: a pure function of what is seen. One step at a time; after each the world is looked at again.
//!
//! The truth is Helm's storage and the cluster, not the status of the object: a step that was cut short is found again.
//! Three things never happen, and [`tests`] looks at every state for them: a volume is never lost, a password that a
//! server knows is never made anew, and there is no state from which nothing moves on.

#[cfg(test)]
mod tests;

/// The latest revision of the Helm release, in Helm's own words, and whether it is what the object asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    /// There is none.
    Missing,
    /// Somebody else made it.
    Foreign,
    /// In place, and made from what the object asks for.
    Current,
    /// In place, made from something else.
    Outdated,
    /// Did not work.
    Failed,
    /// The first install is on its way, or was cut short.
    PendingInstall,
    /// An upgrade is on its way, or was cut short.
    PendingUpgrade,
    /// A rollback is on its way, or was cut short.
    PendingRollback,
    /// An uninstall is on its way, or was cut short.
    Uninstalling,
    /// Uninstalled with its history kept.
    Uninstalled,
    /// Superseded with no revision after it: the next one was deleted by hand.
    Superseded,
    /// A word that this version does not know.
    Unknown,
}

impl Release {
    fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

/// Whether a Helm process may still be at work on the release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// None was announced.
    None,
    /// One was announced, and its time is not over: it may live in an operator that has lost its lease.
    Running,
    /// The time of the announced one is over.
    Over,
}

/// The volume of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Volume {
    /// There is none.
    Missing,
    /// Smaller than the object asks for.
    Small,
    /// As large, or larger.
    Fits,
}

/// The server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    /// There is no StatefulSet.
    Missing,
    /// On its way.
    Progressing,
    /// On its way for longer than it may take.
    Late,
    /// Answers, in the version asked for.
    Ready,
}

/// The restore into a new database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restore {
    /// None is asked for, or it is done.
    Done,
    /// To be begun.
    Due,
    /// Its Job is at work.
    Running,
    /// Its Job gave up.
    Failed,
}

/// The backup before the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinalBackup {
    /// None is asked for, or it is made and checked.
    Done,
    /// To be begun.
    Due,
    /// At work.
    Running,
    /// Failed, or its check did.
    Failed,
}

/// What is seen of an object that is to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The object has our finalizer.
    pub finalizer: bool,
    /// The object asks to be left alone.
    pub paused: bool,
    /// The object asks for what cannot be.
    pub invalid: bool,
    /// The object may take over a release of somebody else.
    pub adopt: bool,
    /// The Secret with the server's passwords is there.
    pub credentials: bool,
    /// The volume.
    pub volume: Volume,
    /// The volume carries the time at which it is deleted, from an object before this one.
    pub doomed: bool,
    /// The StatefulSet would make a new volume smaller than asked for; that part of it cannot be changed in place.
    pub small_template: bool,
    /// The release.
    pub release: Release,
    /// There is an earlier revision that was in place.
    pub earlier: bool,
    /// Who may be at work on it.
    pub operation: Operation,
    /// The server.
    pub workload: Workload,
    /// A pod of an older revision is in the way: StatefulSets wait for it for ever.
    pub stuck_pod: bool,
    /// Objects differ from what the release holds.
    pub drifted: bool,
    /// The change touches what is on the disk, so the old version may not be able to read it.
    pub irreversible: bool,
    /// What the object asks for was tried and did not become ready.
    pub rejected: bool,
    /// Roles and database are as they should be.
    pub provisioned: bool,
    /// The restore.
    pub restore: Restore,
    /// The service has been told how to sign in.
    pub published: bool,
}

/// What is seen of an object that is to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// The object has our finalizer.
    pub finalizer: bool,
    /// The release.
    pub release: Release,
    /// Who may be at work on it.
    pub operation: Operation,
    /// The backup before the end.
    pub backup: FinalBackup,
    /// Objects of the release are there.
    pub leftovers: bool,
    /// The volume is to be deleted in the end, not kept.
    pub delete_volume: bool,
    /// There is a volume.
    pub volume: bool,
    /// The volume carries the time at which it is deleted.
    pub marked: bool,
}

/// The next step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Put our finalizer on the object, before anything is made that it has to remove.
    AddFinalizer,
    /// Make the Secret with the server's passwords, if it is not there.
    CreateCredentials,
    /// Set a pending release to failed: whoever was at work on it is dead.
    Unlock,
    /// Take the time of its deletion off the volume.
    KeepVolume,
    /// Ask for a larger volume. Does not need the server, whose disk may be full.
    ExpandVolume,
    /// Delete the StatefulSet, not its pods, so that Helm makes it with the new size.
    ReplaceWorkload,
    /// `helm upgrade --install`.
    Apply,
    /// `helm rollback` to the latest revision that was in place.
    Rollback,
    /// Note that what is asked for does not become ready.
    Reject,
    /// Put objects back to what the release holds.
    Correct,
    /// Delete the pod of an older revision.
    ReplacePod,
    /// Begin the restore.
    Restore,
    /// Make roles and database as they should be.
    Provision,
    /// Tell the service how to sign in: only when all it will find is there.
    Publish,
    /// Begin the backup before the end.
    BackUp,
    /// `helm uninstall`.
    Uninstall,
    /// Delete objects that the uninstall left.
    DeleteLeftovers,
    /// Write on the volume when it is deleted.
    MarkVolume,
    /// Let the object go.
    RemoveFinalizer,
    /// Nothing yet: something is on its way.
    Wait(Waiting),
    /// Nothing, until a person does something.
    Stall(Stalled),
    /// Nothing: all is as asked for.
    Settled,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// A Helm process that may be alive.
    Operation,
    /// The server.
    Workload,
    /// The restore.
    Restore,
    /// The backup before the end.
    Backup,
}

/// Why only a person can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stalled {
    /// The object asks for what cannot be.
    Invalid,
    /// The object asks to be left alone.
    Paused,
    /// There are data whose passwords are gone.
    CredentialsLost,
    /// The release belongs to somebody else.
    NotOurs,
    /// What is asked for does not become ready, and what was before is in place again.
    RolledBack,
    /// What is asked for does not become ready, and there is no way back.
    NotReady,
    /// The restore gave up.
    RestoreFailed,
    /// The backup before the end failed.
    BackupFailed,
}

/// The next step for an object that is to be there.
pub fn decide(seen: &Seen) -> Step {
    if !seen.finalizer {
        return Step::AddFinalizer;
    }
    if seen.paused {
        return Step::Stall(Stalled::Paused);
    }
    if seen.invalid {
        return Step::Stall(Stalled::Invalid);
    }
    if seen.release == Release::Foreign && !seen.adopt {
        return Step::Stall(Stalled::NotOurs);
    }
    if !seen.credentials {
        // New passwords would lock everybody out of a server that knows the old ones.
        let known = seen.volume != Volume::Missing || seen.workload != Workload::Missing;
        return if known { Step::Stall(Stalled::CredentialsLost) } else { Step::CreateCredentials };
    }
    if seen.volume != Volume::Missing && seen.doomed {
        return Step::KeepVolume;
    }
    if seen.release.is_pending() {
        return unlock(seen.operation);
    }
    if seen.volume == Volume::Small {
        return Step::ExpandVolume;
    }
    match seen.release {
        // Begun by somebody; only what is finished can be installed again. Volumes stay.
        Release::Uninstalling => Step::Uninstall,
        Release::Missing | Release::Uninstalled | Release::Foreign => replace_or(seen, Step::Apply),
        Release::Failed | Release::Superseded | Release::Unknown if seen.rejected => back(seen),
        Release::Failed | Release::Superseded | Release::Unknown => replace_or(seen, Step::Apply),
        // StatefulSets wait for the pod that did not become ready, also on the way back.
        Release::Outdated if seen.rejected && seen.stuck_pod => Step::ReplacePod,
        Release::Outdated if seen.rejected => Step::Stall(Stalled::RolledBack),
        Release::Outdated => replace_or(seen, Step::Apply),
        _ => in_place(seen),
    }
}

/// The release is what is asked for: is the server, too?
fn in_place(seen: &Seen) -> Step {
    if seen.rejected {
        return back(seen);
    }
    if seen.workload != Workload::Missing && seen.small_template {
        return Step::ReplaceWorkload;
    }
    if seen.drifted || seen.workload == Workload::Missing {
        return Step::Correct;
    }
    match seen.workload {
        Workload::Missing | Workload::Progressing | Workload::Late if seen.stuck_pod => Step::ReplacePod,
        Workload::Missing | Workload::Progressing => Step::Wait(Waiting::Workload),
        // With nothing to go back to it may still come up, if slowly.
        Workload::Late if seen.earlier && !seen.irreversible => Step::Reject,
        Workload::Late => Step::Stall(Stalled::NotReady),
        Workload::Ready => match seen.restore {
            _ if !seen.provisioned => Step::Provision,
            Restore::Due => Step::Restore,
            Restore::Running => Step::Wait(Waiting::Restore),
            Restore::Failed => Step::Stall(Stalled::RestoreFailed),
            Restore::Done if !seen.published => Step::Publish,
            Restore::Done => Step::Settled,
        },
    }
}

/// What is asked for was tried: to what was before, where that can read what is on the disk.
fn back(seen: &Seen) -> Step {
    if seen.earlier && !seen.irreversible { Step::Rollback } else { Step::Stall(Stalled::NotReady) }
}

fn replace_or(seen: &Seen, step: Step) -> Step {
    if seen.workload != Workload::Missing && seen.small_template { Step::ReplaceWorkload } else { step }
}

fn unlock(operation: Operation) -> Step {
    match operation {
        Operation::Running => Step::Wait(Waiting::Operation),
        Operation::None | Operation::Over => Step::Unlock,
    }
}

/// The next step for an object that is to go.
pub fn leave(seen: &Leaving) -> Step {
    if !seen.finalizer {
        return Step::Settled;
    }
    if seen.release.is_pending() {
        return unlock(seen.operation);
    }
    match seen.backup {
        FinalBackup::Due => return Step::BackUp,
        FinalBackup::Running => return Step::Wait(Waiting::Backup),
        FinalBackup::Failed => return Step::Stall(Stalled::BackupFailed),
        FinalBackup::Done => {}
    }
    match seen.release {
        // What somebody else made is theirs.
        Release::Foreign => return Step::RemoveFinalizer,
        Release::Missing | Release::Uninstalled => {}
        _ => return Step::Uninstall,
    }
    if seen.leftovers {
        return Step::DeleteLeftovers;
    }
    if seen.delete_volume && seen.volume && !seen.marked {
        return Step::MarkVolume;
    }
    Step::RemoveFinalizer
}
