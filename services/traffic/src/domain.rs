//! Values and rules: pure.

pub mod block;
pub mod detector;
pub mod health;
pub mod reading;
pub mod readings_file;
pub mod rollup;

#[cfg(test)]
mod tests;
