//! Makes a safe frame of an uploaded one: type by content, size bounded, nothing kept but the pixels; and looks at it.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::Cursor;
use std::sync::Arc;

use async_trait::async_trait;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use kvartal_kernel::{Error, Kind};
use tokio::sync::Semaphore;

use crate::application::cameras::PictureProcessor;
use crate::domain::camera::Picture;

const WIDTH_MAX: u32 = 1_280;
const SIDE_MAX: u32 = 8_000;
const PIXELS_MAX: u64 = 20_000_000;
/// Memory that decoding one frame may take.
const BYTES_MAX: u64 = 120 * 1024 * 1024;
const QUALITY: u8 = 80;
/// Frames decoded at the same time; further uploads wait, and past [`WAITING`] they are turned away.
const CONCURRENT: usize = 2;
const WAITING: usize = 32;

/// Decodes, shrinks and encodes anew as JPEG.
pub struct FrameProcessor {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for FrameProcessor {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(CONCURRENT)), admitted: Arc::new(Semaphore::new(CONCURRENT + WAITING)) }
    }
}

#[async_trait]
impl PictureProcessor for FrameProcessor {
    async fn process(&self, content: Vec<u8>) -> Result<Picture, Error> {
        let busy = || Error::unavailable("FRAMES_BUSY", "too many frames at once; try again in a moment");
        let _admitted = self.admitted.clone().try_acquire_owned().map_err(|_| busy())?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // The permit moves into the blocking task: a caller that goes away must not let a third decoder start.
        let done = tokio::task::spawn_blocking(move || {
            let _running = running;
            process(&content)
        });
        done.await.map_err(|error| Error::internal("a frame could not be processed").because(error))?
    }
}

fn process(content: &[u8]) -> Result<Picture, Error> {
    let format = image::guess_format(content).ok();
    let Some(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) = format else {
        return Err(wrong("must be a JPEG, PNG or WebP picture"));
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    reader.limits(limits);
    let (width, height) = ImageReader::with_format(Cursor::new(content), format)
        .into_dimensions()
        .map_err(|error| wrong("is damaged and cannot be read").because(error))?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(wrong("must have at most 20 megapixels"));
    }
    let picture = reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => wrong("must be at most 8,000 pixels wide and high"),
        error => wrong("is damaged and cannot be read").because(error),
    })?;
    let picture =
        if picture.width() > WIDTH_MAX { picture.resize(WIDTH_MAX, WIDTH_MAX, FilterType::Triangle) } else { picture };
    let (fingerprint, brightness) = look(&picture);
    let mut encoded = Vec::new();
    JpegEncoder::new_with_quality(&mut encoded, QUALITY)
        .encode_image(&picture.to_rgb8())
        .map_err(|error| Error::internal("a frame could not be encoded").because(error))?;
    Ok(Picture { content: encoded, fingerprint, brightness })
}

/// A digest of the grey pixels, and their mean.
fn look(picture: &DynamicImage) -> (i64, f64) {
    let grey = picture.to_luma8();
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(grey.width());
    hasher.write(grey.as_raw());
    let sum: u64 = grey.as_raw().iter().map(|value| u64::from(*value)).sum();
    (hasher.finish().cast_signed(), sum as f64 / grey.as_raw().len().max(1) as f64)
}

fn wrong(description: &str) -> Error {
    Error::new(Kind::InvalidArgument, "FRAME_REFUSED", format!("content: {description}")).with("field", "content")
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn jpeg(width: u32, shade: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = RgbImage::from_fn(width, 60, |x, _| image::Rgb([shade.saturating_add((x % 7) as u8); 3]));
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn equal_pictures_have_equal_fingerprints_and_others_have_not() {
        let (a, b, c) =
            (process(&jpeg(80, 90)).unwrap(), process(&jpeg(80, 90)).unwrap(), process(&jpeg(80, 120)).unwrap());
        assert_eq!(a.fingerprint, b.fingerprint);
        assert_ne!(a.fingerprint, c.fingerprint);
        assert!((90.0..100.0).contains(&a.brightness), "{}", a.brightness);
        assert!(process(&jpeg(80, 0)).unwrap().brightness < 6.0);
    }

    #[test]
    fn large_frames_shrink_and_others_are_refused_with_the_reason() {
        let shrunk = image::load_from_memory(&process(&jpeg(3_000, 90)).unwrap().content).unwrap();
        assert_eq!(shrunk.width(), WIDTH_MAX);
        assert!(process(b"GIF89a nothing of ours").unwrap_err().message().contains("JPEG, PNG or WebP"));
        let mut damaged = jpeg(80, 90);
        damaged.truncate(200);
        assert_eq!(process(&damaged).unwrap_err().reason(), "FRAME_REFUSED");
        assert!(process(&jpeg(9_000, 90)).unwrap_err().message().contains("8,000"));
    }
}
