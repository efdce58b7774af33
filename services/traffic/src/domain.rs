//! Values and rules: pure.

pub mod bottleneck;
pub mod city;
pub mod congestion;
pub mod forecast;
pub mod history;
pub mod jam;
pub mod profile;
pub mod score;
pub mod slow_traffic;
pub mod step;
pub mod tracker;
pub mod travel_time;
