//! Every state there is, and every way on from it: what a step does, what a kill in the middle of it leaves, and what the
//! cluster does meanwhile.

use super::*;

const RELEASES: [Release; 12] = [
    Release::Missing,
    Release::Foreign,
    Release::Current,
    Release::Outdated,
    Release::Failed,
    Release::PendingInstall,
    Release::PendingUpgrade,
    Release::PendingRollback,
    Release::Uninstalling,
    Release::Uninstalled,
    Release::Superseded,
    Release::Unknown,
];
const OPERATIONS: [Operation; 3] = [Operation::None, Operation::Running, Operation::Over];
const VOLUMES: [Volume; 3] = [Volume::Missing, Volume::Small, Volume::Fits];
const WORKLOADS: [Workload; 4] = [Workload::Missing, Workload::Progressing, Workload::Late, Workload::Ready];
const RESTORES: [Restore; 4] = [Restore::Done, Restore::Due, Restore::Running, Restore::Failed];
const BACKUPS: [FinalBackup; 4] = [FinalBackup::Done, FinalBackup::Due, FinalBackup::Running, FinalBackup::Failed];

/// Takes digits of mixed radix off a number, or puts them together: states as numbers, so that a table can hold them all.
struct Digits(usize);

impl Digits {
    fn take(&mut self, radix: usize) -> usize {
        let digit = self.0 % radix;
        self.0 /= radix;
        digit
    }

    fn bit(&mut self) -> bool {
        self.take(2) == 1
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.take(all.len())]
    }
}

fn number(digits: &[(usize, usize)]) -> usize {
    digits.iter().rev().fold(0, |sum, (digit, radix)| sum * radix + digit)
}

fn place<T: PartialEq>(all: &[T], one: &T) -> (usize, usize) {
    (all.iter().position(|each| each == one).unwrap(), all.len())
}

fn bit(value: bool) -> (usize, usize) {
    (usize::from(value), 2)
}

const STATES: usize = (1 << 12) * 3 * 12 * 3 * 4 * 4;

impl Seen {
    fn from_number(number: usize) -> Self {
        let mut digits = Digits(number);
        Self {
            finalizer: digits.bit(),
            paused: digits.bit(),
            invalid: digits.bit(),
            adopt: digits.bit(),
            credentials: digits.bit(),
            small_template: digits.bit(),
            earlier: digits.bit(),
            stuck_pod: digits.bit(),
            drifted: digits.bit(),
            irreversible: digits.bit(),
            rejected: digits.bit(),
            doomed: digits.bit(),
            // Both are looked at only where all else is well, and double the states four times over: see `walk`.
            provisioned: false,
            published: false,
            volume: digits.of(&VOLUMES),
            release: digits.of(&RELEASES),
            operation: digits.of(&OPERATIONS),
            workload: digits.of(&WORKLOADS),
            restore: digits.of(&RESTORES),
        }
    }

    fn number(&self) -> usize {
        number(&[
            bit(self.finalizer),
            bit(self.paused),
            bit(self.invalid),
            bit(self.adopt),
            bit(self.credentials),
            bit(self.small_template),
            bit(self.earlier),
            bit(self.stuck_pod),
            bit(self.drifted),
            bit(self.irreversible),
            bit(self.rejected),
            bit(self.doomed),
            place(&VOLUMES, &self.volume),
            place(&RELEASES, &self.release),
            place(&OPERATIONS, &self.operation),
            place(&WORKLOADS, &self.workload),
            place(&RESTORES, &self.restore),
        ])
    }
}

/// All states that a step may lead to. The first ones are those of a step that comes to its end.
fn ways(seen: &Seen, step: Step) -> Vec<Seen> {
    let one = |change: &dyn Fn(&mut Seen)| {
        let mut next = *seen;
        change(&mut next);
        vec![next]
    };
    let started = |next: &mut Seen| {
        (next.workload, next.drifted, next.operation) = (Workload::Progressing, false, Operation::Over);
        // The StatefulSet makes the volume it lacks, as large as it is told.
        if next.volume == Volume::Missing {
            next.volume = Volume::Fits;
        }
    };
    match step {
        Step::AddFinalizer => one(&|next| next.finalizer = true),
        Step::CreateCredentials => one(&|next| next.credentials = true),
        Step::Unlock => one(&|next| next.release = Release::Failed),
        Step::KeepVolume => one(&|next| next.doomed = false),
        Step::ExpandVolume => one(&|next| next.volume = Volume::Fits),
        Step::ReplaceWorkload => one(&|next| (next.workload, next.small_template) = (Workload::Missing, false)),
        Step::Apply => {
            let pending =
                if seen.release == Release::Missing { Release::PendingInstall } else { Release::PendingUpgrade };
            let mut all = one(&|next| {
                started(next);
                next.release = Release::Current;
            });
            // Killed with nothing applied, or with everything applied; the process may outlive us.
            for operation in [Operation::Running, Operation::Over] {
                all.extend(one(&|next| (next.release, next.operation) = (pending, operation)));
                all.extend(one(&|next| {
                    started(next);
                    (next.release, next.operation) = (pending, operation);
                }));
            }
            all
        }
        Step::Rollback => {
            let mut all = one(&|next| {
                started(next);
                (next.release, next.workload) = (Release::Outdated, Workload::Progressing);
            });
            all.extend(one(&|next| (next.release, next.operation) = (Release::PendingRollback, Operation::Over)));
            all
        }
        Step::Reject => one(&|next| next.rejected = true),
        Step::Correct => one(&|next| {
            next.drifted = false;
            if next.workload == Workload::Missing {
                started(next);
            }
        }),
        Step::ReplacePod => one(&|next| (next.stuck_pod, next.workload) = (false, Workload::Progressing)),
        Step::Restore => one(&|next| next.restore = Restore::Running),
        Step::Uninstall => {
            let mut all = one(&|next| (next.release, next.workload) = (Release::Missing, Workload::Missing));
            all.extend(one(&|next| (next.release, next.operation) = (Release::Uninstalling, Operation::Over)));
            all
        }
        // The cluster moves on: into each of the ways it can.
        Step::Wait(Waiting::Operation) => one(&|next| next.operation = Operation::Over),
        Step::Wait(Waiting::Workload) => {
            let mut all = one(&|next| next.workload = Workload::Ready);
            all.extend(one(&|next| next.workload = Workload::Late));
            all
        }
        Step::Wait(Waiting::Restore) => {
            let mut all = one(&|next| next.restore = Restore::Done);
            all.extend(one(&|next| next.restore = Restore::Failed));
            all
        }
        step => panic!("{step:?} is none for an object that is to be there: {seen:?}"),
    }
}

fn never(seen: &Seen, step: Step) {
    let told = || format!("{step:?} in {seen:?}");
    match step {
        Step::CreateCredentials => {
            assert!(seen.volume == Volume::Missing && !seen.credentials, "passwords that a server knows: {}", told());
            assert!(seen.workload == Workload::Missing, "passwords that a server knows: {}", told());
        }
        Step::Uninstall => assert_eq!(seen.release, Release::Uninstalling, "nobody asked for it: {}", told()),
        Step::Unlock => {
            assert!(
                seen.release.is_pending() && seen.operation != Operation::Running,
                "somebody is at work: {}",
                told()
            );
        }
        Step::Rollback => assert!(seen.earlier && !seen.irreversible && seen.rejected, "no way back: {}", told()),
        Step::Settled => {
            assert!(seen.release == Release::Current && seen.workload == Workload::Ready, "{}", told());
            assert!(
                !seen.drifted && !seen.rejected && seen.provisioned && seen.published && seen.credentials,
                "{}",
                told()
            );
            assert!(!seen.doomed || seen.volume == Volume::Missing, "the volume will be deleted: {}", told());
            assert!(seen.volume != Volume::Small && seen.restore == Restore::Done, "{}", told());
        }
        Step::Publish => assert!(seen.restore == Restore::Done && seen.provisioned, "too early: {}", told()),
        Step::BackUp | Step::DeleteLeftovers | Step::MarkVolume | Step::RemoveFinalizer => panic!("{}", told()),
        _ => {}
    }
    if !matches!(step, Step::AddFinalizer) {
        assert!(seen.finalizer, "the object could go before what it made: {}", told());
    }
    if seen.paused && !matches!(step, Step::AddFinalizer | Step::Stall(Stalled::Paused)) {
        panic!("paused: {}", told());
    }
    if seen.release.is_pending() {
        let touches = matches!(step, Step::Apply | Step::Rollback | Step::Uninstall | Step::Correct);
        assert!(!touches, "Helm holds the lock: {}", told());
    }
}

#[test]
fn every_state_leads_to_rest_whatever_is_killed() {
    // The number of undisturbed steps from each state to rest; 0 is unknown.
    let mut steps = vec![0_u8; STATES];
    let mut longest = 0;
    for number in 0..STATES {
        let start = Seen::from_number(number);
        assert_eq!(start.number(), number);
        longest = longest.max(walk(start, &mut steps, 0));
    }
    assert!(steps.iter().all(|steps| *steps > 0));
    assert!(longest <= 20, "{longest} steps");
}

/// Follows the longest way. A kill costs a lap at most once here: whoever is killed for ever never ends.
fn walk(seen: Seen, steps: &mut [u8], depth: u8) -> u8 {
    assert!(depth < 60, "it goes round: {seen:?}");
    for (provisioned, published) in [(false, false), (false, true), (true, false), (true, true)] {
        let seen = Seen { provisioned, published, ..seen };
        never(&seen, decide(&seen));
    }
    let number = seen.number();
    if steps[number] > 0 {
        return steps[number];
    }
    let mut step = decide(&seen);
    for (provisioned, published) in [(true, false), (true, true)] {
        if matches!(step, Step::Provision | Step::Publish) {
            step = decide(&Seen { provisioned, published, ..seen });
        }
    }
    assert!(!matches!(step, Step::Provision | Step::Publish), "it is done again and again: {seen:?}");
    let count = match step {
        Step::Stall(_) | Step::Settled => 1,
        step => {
            let all = ways(&seen, step);
            all.iter().for_each(|next| lost(&seen, next, step));
            // What a kill leaves is a state like any other, walked from on its own; here the way goes on undisturbed.
            let ends = if matches!(step, Step::Wait(_)) { all.len() } else { 1 };
            assert!(all[..ends].iter().all(|next| *next != seen), "{step:?} changes nothing in {seen:?}");
            1 + all[..ends].iter().map(|next| walk(*next, steps, depth + 1)).max().unwrap_or(0)
        }
    };
    steps[number] = count;
    count
}

fn lost(before: &Seen, after: &Seen, step: Step) {
    if before.volume != Volume::Missing {
        assert!(after.volume != Volume::Missing, "{step:?} loses the volume of {before:?}");
    }
    assert!(!before.credentials || after.credentials, "{step:?} loses the passwords of {before:?}");
}

#[test]
fn an_object_that_goes_takes_everything_with_it_but_the_data() {
    let states = (1 << 5) * RELEASES.len() * OPERATIONS.len() * BACKUPS.len();
    for number in 0..states {
        let mut digits = Digits(number);
        let mut seen = Leaving {
            finalizer: digits.bit(),
            leftovers: digits.bit(),
            delete_volume: digits.bit(),
            volume: digits.bit(),
            marked: digits.bit(),
            release: digits.of(&RELEASES),
            operation: digits.of(&OPERATIONS),
            backup: digits.of(&BACKUPS),
        };
        let start = seen;
        let mut backed_up = seen.backup == FinalBackup::Done;
        for lap in 0.. {
            assert!(lap < 12, "{start:?} goes round at {seen:?}");
            match leave(&seen) {
                Step::Unlock => {
                    assert!(seen.operation != Operation::Running, "{seen:?}");
                    seen.release = Release::Failed;
                }
                Step::Wait(Waiting::Operation) => seen.operation = Operation::Over,
                Step::BackUp => seen.backup = FinalBackup::Running,
                Step::Wait(Waiting::Backup) => (seen.backup, backed_up) = (FinalBackup::Done, true),
                Step::Uninstall => {
                    assert!(backed_up, "the data goes before its backup: {start:?}");
                    assert!(seen.release != Release::Foreign, "{seen:?}");
                    // Killed half-way it is `uninstalling`, and comes here again.
                    seen.release =
                        if seen.release == Release::Uninstalling { Release::Missing } else { Release::Uninstalling };
                }
                Step::DeleteLeftovers => {
                    assert!(matches!(seen.release, Release::Missing | Release::Uninstalled), "{seen:?}");
                    seen.leftovers = false;
                }
                Step::MarkVolume => {
                    assert!(seen.delete_volume && seen.volume && backed_up, "{seen:?}");
                    seen.marked = true;
                }
                Step::RemoveFinalizer => {
                    assert!(backed_up, "{start:?}");
                    assert!(seen.release == Release::Foreign || !seen.leftovers, "orphans: {start:?}");
                    let due = seen.delete_volume && seen.volume && seen.release != Release::Foreign;
                    assert!(!due || seen.marked, "{start:?} leaves a volume that was to go");
                    seen.finalizer = false;
                }
                Step::Stall(reason) => {
                    assert_eq!((reason, seen.backup), (Stalled::BackupFailed, FinalBackup::Failed));
                    break;
                }
                Step::Settled => {
                    assert!(!seen.finalizer);
                    break;
                }
                step => panic!("{step:?} is none for an object that goes: {seen:?}"),
            }
        }
    }
}
