//! What can be done, over ports.
