//! The state of every segment at any past step, kept as changes.

use std::collections::BTreeMap;

use super::city::SegmentName;
use super::congestion::Level;
use super::step::Step;

/// A segment's level changed with this step; `None` where nothing is known from then on.
#[derive(Clone, PartialEq, Debug)]
pub struct LevelChange {
    /// The segment.
    pub segment: SegmentName,
    /// The first step with the level.
    pub step: Step,
    /// The level.
    pub level: Option<Level>,
}

/// Changes of all segments.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct History {
    changes: BTreeMap<SegmentName, BTreeMap<Step, Option<Level>>>,
}

impl History {
    /// Notes a change.
    pub fn push(&mut self, change: LevelChange) {
        self.changes.entry(change.segment).or_default().insert(change.step, change.level);
    }

    /// Forgets what came with or after this step: it will be computed once more.
    pub fn rewind(&mut self, from: Step) {
        self.changes.retain(|_, changes| {
            changes.split_off(&from);
            !changes.is_empty()
        });
    }

    /// The level of every segment at a step, of those about which something was known: the last change up to then.
    pub fn at(&self, step: Step) -> BTreeMap<SegmentName, Level> {
        let level = |changes: &BTreeMap<Step, Option<Level>>| *changes.range(..=step).next_back()?.1;
        self.changes.iter().filter_map(|(segment, changes)| Some((segment.clone(), level(changes)?))).collect()
    }

    /// A segment's last change before a step.
    pub fn last_before(&self, segment: &SegmentName, step: Step) -> Option<LevelChange> {
        let (at, level) = self.changes.get(segment)?.range(..step).next_back()?;
        Some(LevelChange { segment: segment.clone(), step: *at, level: *level })
    }
}
