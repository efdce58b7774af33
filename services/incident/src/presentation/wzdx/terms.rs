//! The closed vocabularies of WZDx 4.2 and what they mean here.

use crate::domain::place::{Direction, LaneState};

pub(super) const EVENT_TYPES: &[&str] = &["work-zone", "detour", "restriction"];
pub(super) const EVENT_STATUSES: &[&str] = &["planned", "pending", "active", "completed", "cancelled"];
pub(super) const DIRECTIONS: &[&str] =
    &["northbound", "eastbound", "southbound", "westbound", "undefined", "unknown", "inner-loop", "outer-loop"];
pub(super) const LOCATION_METHODS: &[&str] =
    &["channel-device-method", "sign-method", "junction-method", "other", "unknown"];
pub(super) const VEHICLE_IMPACTS: &[&str] = &[
    "all-lanes-closed",
    "some-lanes-closed",
    "all-lanes-open",
    "alternating-one-way",
    "some-lanes-closed-merge-left",
    "some-lanes-closed-merge-right",
    "all-lanes-open-shift-left",
    "all-lanes-open-shift-right",
    "some-lanes-closed-split",
    "flagging",
    "temporary-traffic-signal",
    "unknown",
];
pub(super) const LANE_STATUSES: &[&str] =
    &["open", "closed", "shift-left", "shift-right", "merge-left", "merge-right", "alternating-flow"];
pub(super) const LANE_TYPES: &[&str] = &[
    "general",
    "exit-lane",
    "exit-ramp",
    "entrance-lane",
    "entrance-ramp",
    "sidewalk",
    "bike-lane",
    "shoulder",
    "parking",
    "median",
    "two-way-center-turn-lane",
    "center-left-turn-lane",
];
/// What must be said of each road event: the older flag, or the accuracy that replaces it. The first two hold for
/// detours as well.
pub(super) const VERIFICATIONS: &[(&str, &str)] = &[
    ("is_start_date_verified", "start_date_accuracy"),
    ("is_end_date_verified", "end_date_accuracy"),
    ("is_start_position_verified", "beginning_accuracy"),
    ("is_end_position_verified", "ending_accuracy"),
];

/// The direction a term names; loops have none of ours.
pub(super) fn direction(term: &str) -> Direction {
    match term {
        "northbound" => Direction::Northbound,
        "eastbound" => Direction::Eastbound,
        "southbound" => Direction::Southbound,
        "westbound" => Direction::Westbound,
        _ => Direction::Unknown,
    }
}

/// The term for a direction; WZDx has none for both ways.
pub(super) fn direction_term(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::Northbound) => "northbound",
        Some(Direction::Eastbound) => "eastbound",
        Some(Direction::Southbound) => "southbound",
        Some(Direction::Westbound) => "westbound",
        Some(Direction::Both) => "undefined",
        Some(Direction::Unknown) | None => "unknown",
    }
}

/// What a lane is good for.
pub(super) fn lane_state(status: &str) -> LaneState {
    match status {
        "open" => LaneState::Free,
        "closed" => LaneState::Blocked,
        _ => LaneState::Affected,
    }
}

/// The term for what a lane is good for.
pub(super) fn lane_term(state: Option<LaneState>) -> &'static str {
    match state {
        Some(LaneState::Blocked) => "closed",
        Some(LaneState::Affected) => "alternating-flow",
        Some(LaneState::Free) | None => "open",
    }
}
