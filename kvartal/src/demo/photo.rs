//! Small pictures for demo reports, painted here: a road, a sky, and what is wrong with the road.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _, ImageError};

use super::random::Random;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 320;
const HORIZON: f64 = 110.0;

/// A JPEG of some tens of kilobytes.
pub(crate) fn paint(random: &mut Random) -> Result<Vec<u8>, ImageError> {
    let dusk = random.unit();
    let hole = (random.between(150.0, 330.0), random.between(200.0, 285.0));
    let size = (random.between(25.0, 70.0), random.between(10.0, 26.0));
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let [r, g, b] = colour(f64::from(x), f64::from(y), dusk, hole, size);
            let grain = random.between(-9.0, 9.0);
            pixels.extend([r, g, b].map(|value| (value + grain).clamp(0.0, 255.0) as u8));
        }
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 72).write_image(&pixels, WIDTH, HEIGHT, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

fn colour(x: f64, y: f64, dusk: f64, hole: (f64, f64), size: (f64, f64)) -> [f64; 3] {
    let light = 1.0 - 0.55 * dusk;
    if y < HORIZON {
        let height = y / HORIZON;
        return [120.0 + 80.0 * height, 150.0 + 60.0 * height, 210.0 + 20.0 * height].map(|value| value * light);
    }
    // The road narrows towards the horizon.
    let near = (y - HORIZON) / (f64::from(HEIGHT) - HORIZON);
    let across = (x - f64::from(WIDTH) / 2.0) / (30.0 + 260.0 * near);
    if across.abs() > 1.0 {
        return [62.0, 92.0, 48.0].map(|value| value * light * (0.8 + 0.3 * near));
    }
    let (dx, dy) = ((x - hole.0) / size.0, (y - hole.1) / size.1);
    if dx * dx + dy * dy < 1.0 {
        return [34.0, 31.0, 30.0];
    }
    let marked = across.abs() < 0.03 && ((1.0 / (near + 0.08)) * 3.0).fract() < 0.5;
    if marked {
        [215.0, 215.0, 205.0].map(|value| value * light)
    } else {
        [96.0, 98.0, 102.0].map(|value| value * light)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_a_small_jpeg() {
        let jpeg = paint(&mut Random::new(1, 1)).expect("painted");
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
        assert!((5_000..200_000).contains(&jpeg.len()), "{} bytes", jpeg.len());
    }
}
