//! Values and rules: pure.

pub mod camera;
pub mod network;
pub mod patrol;
