//! What the demo's cameras see: a road into the distance, with as many vehicles as there are, by day or by night.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _, ImageError};

use crate::demo::random::Random;

const WIDTH: u32 = 384;
const HEIGHT: u32 = 216;
const HORIZON: f64 = 62.0;
/// Metres of road that are seen.
const DEPTH_M: f64 = 120.0;

type Colour = [f64; 3];

/// What is to be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    /// Lanes.
    pub(crate) lanes: u32,
    /// Vehicles per metre and lane.
    pub(crate) density: f64,
    /// Metres that the vehicles have moved.
    pub(crate) shift_m: f64,
    /// From 0, night, to 1, day.
    pub(crate) light: f64,
}

/// A vehicle on the picture: its middle below, half its width, its height, in pixels; and its colour.
struct Vehicle {
    x: f64,
    y: f64,
    half: f64,
    tall: f64,
    paint: Colour,
}

/// A JPEG of some ten kilobytes.
pub(crate) fn paint(scene: Scene, random: &mut Random) -> Result<Vec<u8>, ImageError> {
    let vehicles = vehicles(scene);
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (f64::from(x), f64::from(y));
            let ground = ground(scene, x, y);
            let colour = vehicles.iter().rev().find_map(|vehicle| vehicle.at(x, y, scene.light)).unwrap_or(ground);
            let grain = random.between(-5.0, 5.0);
            pixels.extend(colour.map(|value| (value + grain).clamp(0.0, 255.0) as u8));
        }
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 70).write_image(&pixels, WIDTH, HEIGHT, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// How near a distance is, from 0 at the horizon to 1 below.
fn near(metres: f64) -> f64 {
    8.0 / (8.0 + metres)
}

fn half_road(near: f64) -> f64 {
    6.0 + 150.0 * near
}

/// Far ones first, so that near ones cover them.
fn vehicles(scene: Scene) -> Vec<Vehicle> {
    let mut all = Vec::new();
    let gap = (1.0 / scene.density.max(1e-4)).max(7.0);
    for lane in 0..scene.lanes {
        // Each lane has its own row of vehicles, which does not depend on the moment.
        let first = (scene.shift_m / gap).floor();
        for number in 0..(DEPTH_M / gap) as u32 + 1 {
            let place = first + f64::from(number);
            let mut row = Random::new(u64::from(lane) << 32, place.abs() as u64);
            let metres = place * gap - scene.shift_m + gap * row.between(0.0, 0.6);
            if !(3.0..DEPTH_M).contains(&metres) {
                continue;
            }
            let near = near(metres);
            let lane_x = (f64::from(lane) + 0.5) / f64::from(scene.lanes) * 2.0 - 1.0;
            let half = half_road(near) / f64::from(scene.lanes) * 0.33;
            let paint = [row.between(60.0, 230.0), row.between(60.0, 220.0), row.between(60.0, 230.0)];
            all.push(Vehicle {
                x: f64::from(WIDTH) / 2.0 + lane_x * half_road(near),
                y: HORIZON + (f64::from(HEIGHT) - HORIZON) * near,
                half,
                tall: half * 1.5,
                paint,
            });
        }
    }
    all.sort_by(|a, b| a.y.total_cmp(&b.y));
    all
}

impl Vehicle {
    fn at(&self, x: f64, y: f64, light: f64) -> Option<Colour> {
        let (dx, up) = ((x - self.x) / self.half, (self.y - y) / self.tall);
        if dx.abs() > 1.0 || !(0.0..=1.0).contains(&up) {
            return None;
        }
        let lamp = light < 0.35 && (0.25..0.45).contains(&up) && dx.abs() > 0.6;
        if lamp {
            return Some([235.0, 60.0, 40.0]);
        }
        let window = (0.6..0.9).contains(&up) && dx.abs() < 0.75;
        let shade = if window { 0.35 } else { 1.0 };
        Some(self.paint.map(|value| value * shade * (0.2 + 0.8 * light)))
    }
}

fn ground(scene: Scene, x: f64, y: f64) -> Colour {
    let light = 0.18 + 0.82 * scene.light;
    if y < HORIZON {
        let height = y / HORIZON;
        return [110.0 + 70.0 * height, 145.0 + 55.0 * height, 205.0].map(|value| value * light);
    }
    let near = (y - HORIZON) / (f64::from(HEIGHT) - HORIZON);
    let across = (x - f64::from(WIDTH) / 2.0) / half_road(near);
    if across.abs() > 1.0 {
        return [70.0, 88.0, 60.0].map(|value| value * light * (0.8 + 0.3 * near));
    }
    let lane = (across + 1.0) / 2.0 * f64::from(scene.lanes);
    let metres = 8.0 / near.max(0.02) - 8.0;
    let between = (lane - lane.round()).abs() < 0.04 && (metres / 9.0).fract() < 0.4;
    if between && across.abs() < 0.95 {
        [205.0, 205.0, 195.0].map(|value| value * light)
    } else {
        [92.0, 94.0, 98.0].map(|value| value * light)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(density: f64, light: f64) -> Scene {
        Scene { lanes: 2, density, shift_m: 12.0, light }
    }

    #[test]
    fn a_frame_is_a_small_jpeg() {
        let jpeg = paint(scene(0.05, 1.0), &mut Random::new(1, 1)).expect("painted");
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
        assert!((3_000..60_000).contains(&jpeg.len()), "{} bytes", jpeg.len());
    }

    #[test]
    fn more_vehicles_on_the_road_are_more_on_the_picture() {
        assert!(vehicles(scene(0.1, 1.0)).len() > 3 * vehicles(scene(0.02, 1.0)).len());
    }
}
