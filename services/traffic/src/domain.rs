//! Values and rules: pure.

pub mod block;
pub mod bottleneck;
pub mod calendar;
pub mod camera;
pub mod city;
pub mod congestion;
pub mod detector;
pub mod forecast;
pub mod free_flow;
pub mod health;
pub mod history;
pub mod jam;
pub mod network;
pub mod patrol;
pub mod profile;
pub mod reading;
pub mod readings_file;
pub mod rollup;
pub mod score;
pub mod slow_traffic;
pub mod step;
pub mod tracker;
pub mod travel_time;
pub mod typical;

#[cfg(test)]
mod tests;
