//! Values and rules: pure.

pub mod block;
pub mod camera;
pub mod detector;
pub mod health;
pub mod network;
pub mod patrol;
pub mod reading;
pub mod readings_file;
pub mod rollup;

#[cfg(test)]
mod tests;
