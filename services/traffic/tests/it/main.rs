//! The traffic service through its RPCs.
