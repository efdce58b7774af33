//! Makes a safe picture of an uploaded one: type by content, size bounded, nothing kept but the pixels.

use std::io::Cursor;
use std::sync::Arc;

use async_trait::async_trait;
use exif::{In, Reader, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use kvartal_kernel::{Error, Kind};
use tokio::sync::Semaphore;

use crate::application::PhotoProcessor;
use crate::domain::geo::LatLng;
use crate::domain::photo::ProcessedPhoto;

const FULL_WIDTH: u32 = 1_600;
const THUMBNAIL_WIDTH: u32 = 320;
const MAX_SIDE: u32 = 12_000;
const MAX_PIXELS: u64 = 50_000_000;
/// Memory that decoding one picture may take: 50 megapixels of four bytes, and the resized copy.
const MAX_BYTES: u64 = 300 * 1024 * 1024;
const QUALITY: u8 = 82;
/// Pictures decoded at the same time; further uploads wait, and past [`WAITING`] they are turned away.
const CONCURRENT: usize = 2;
const WAITING: usize = 16;

/// Decodes, turns upright, shrinks and encodes anew as JPEG, which leaves EXIF, profiles and comments behind.
pub(crate) struct ImageProcessor {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Default for ImageProcessor {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(CONCURRENT)), admitted: Arc::new(Semaphore::new(CONCURRENT + WAITING)) }
    }
}

#[async_trait]
impl PhotoProcessor for ImageProcessor {
    async fn process(&self, content: Vec<u8>) -> Result<ProcessedPhoto, Error> {
        let busy = || Error::unavailable("PHOTOS_BUSY", "too many photos at once; try again in a moment");
        let _admitted = self.admitted.clone().try_acquire_owned().map_err(|_| busy())?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| busy())?;
        // The permit moves into the blocking task: a caller that goes away must not let a third decoder start.
        let done = tokio::task::spawn_blocking(move || {
            let _running = running;
            process(&content)
        });
        done.await.map_err(|error| Error::internal("a photo could not be processed").because(error))?
    }
}

/// The work itself, on a thread that may block.
pub(crate) fn process(content: &[u8]) -> Result<ProcessedPhoto, Error> {
    let format = image::guess_format(content).ok();
    let Some(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) = format else {
        return Err(wrong("must be a JPEG, PNG or WebP picture"));
    };
    let (image, orientation) = decode(content, format)?;
    let mut upright = image;
    upright.apply_orientation(orientation);
    let full = shrink(&upright, FULL_WIDTH);
    let thumbnail = shrink(&full, THUMBNAIL_WIDTH);
    Ok(ProcessedPhoto {
        width: full.width(),
        height: full.height(),
        full: encode(&full)?,
        thumbnail: encode(&thumbnail)?,
        location: location(content),
    })
}

fn decode(content: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), Error> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    reader.limits(limits);
    let broken = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => wrong("must be at most 12,000 pixels wide and high"),
        error => wrong("is damaged and cannot be read").because(error),
    };
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(wrong("must have at most 50 megapixels"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    Ok((image, orientation))
}

fn shrink(image: &DynamicImage, width: u32) -> DynamicImage {
    if image.width() <= width && image.height() <= width {
        image.clone()
    } else {
        image.resize(width, width, FilterType::Triangle)
    }
}

fn encode(image: &DynamicImage) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&image.to_rgb8())
        .map_err(|error| Error::internal("a photo could not be encoded").because(error))?;
    Ok(bytes)
}

fn wrong(description: &str) -> Error {
    Error::new(Kind::InvalidArgument, "PHOTO_REFUSED", format!("content: {description}")).with("field", "content")
}

/// Where the picture says it was taken.
fn location(content: &[u8]) -> Option<LatLng> {
    let exif = Reader::new().read_from_container(&mut Cursor::new(content)).ok()?;
    let degrees = |tag, reference_tag, negative: &str| {
        let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
        let [degrees, minutes, seconds] = parts.as_slice() else { return None };
        let value = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3600.0;
        let reference = exif.get_field(reference_tag, In::PRIMARY)?.display_value().to_string();
        Some(if reference.eq_ignore_ascii_case(negative) { -value } else { value })
    };
    let latitude = degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S")?;
    let longitude = degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W")?;
    LatLng::new(latitude, longitude)
}

#[cfg(test)]
mod tests;
