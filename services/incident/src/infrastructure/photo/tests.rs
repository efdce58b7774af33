//! What becomes of uploaded pictures.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use super::process;

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with an EXIF block: taken at 55°45′21″ N, 37°37′3″ E, camera turned (orientation 6), and a secret comment.
fn with_exif(jpeg: &[u8]) -> Vec<u8> {
    let mut tiff: Vec<u8> = b"MM\0\x2a\0\0\0\x08".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    // IFD0 at 8: orientation, GPS pointer. 2 + 3 × 12 + 4 bytes, so the comment stands at 50 and the GPS IFD at 66.
    tiff.extend(3u16.to_be_bytes());
    tiff.extend(entry(0x010e, 2, 16, 50u32.to_be_bytes()));
    tiff.extend(entry(0x0112, 3, 1, [0, 6, 0, 0]));
    tiff.extend(entry(0x8825, 4, 1, 66u32.to_be_bytes()));
    tiff.extend([0; 4]);
    tiff.extend(b"SECRET-OF-OWNER\0");
    // GPS IFD at 66: 2 + 4 × 12 + 4 = 54 bytes, so the rationals stand at 120 and 144.
    tiff.extend(4u16.to_be_bytes());
    tiff.extend(entry(1, 2, 2, *b"N\0\0\0"));
    tiff.extend(entry(2, 5, 3, 120u32.to_be_bytes()));
    tiff.extend(entry(3, 2, 2, *b"E\0\0\0"));
    tiff.extend(entry(4, 5, 3, 144u32.to_be_bytes()));
    tiff.extend([0; 4]);
    for number in [55u32, 45, 21, 37, 37, 3] {
        tiff.extend(number.to_be_bytes());
        tiff.extend(1u32.to_be_bytes());
    }
    let length = u16::try_from(tiff.len() + 8).unwrap();
    [&jpeg[..2], &[0xff, 0xe1], &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

#[test]
fn a_large_picture_becomes_a_smaller_one_of_the_same_shape() {
    let photo = process(&picture(4000, 2000, ImageFormat::Jpeg)).unwrap();
    assert_eq!((photo.width, photo.height), (1600, 800));
    assert_eq!(image::load_from_memory(&photo.thumbnail).unwrap().width(), 320);
    assert_eq!(image::guess_format(&photo.full).unwrap(), ImageFormat::Jpeg);
}

#[test]
fn png_and_webp_become_jpeg_and_small_ones_keep_their_size() {
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let photo = process(&picture(64, 48, format)).unwrap();
        assert_eq!((photo.width, photo.height), (64, 48));
        assert_eq!(image::guess_format(&photo.full).unwrap(), ImageFormat::Jpeg);
    }
}

#[test]
fn the_position_is_told_once_and_nothing_but_pixels_is_kept() {
    let photo = process(&with_exif(&picture(200, 100, ImageFormat::Jpeg))).unwrap();
    let place = photo.location.unwrap();
    assert!((place.latitude - 55.755_833).abs() < 1e-5 && (place.longitude - 37.617_5).abs() < 1e-5);
    assert_eq!((photo.width, photo.height), (100, 200), "the turned camera is made upright");
    for bytes in [&photo.full, &photo.thumbnail] {
        assert!(!bytes.windows(6).any(|w| w == b"SECRET" || w == b"Exif\0\0"));
    }
}

#[test]
fn what_is_no_picture_is_refused_with_the_reason() {
    let jpeg = picture(300, 300, ImageFormat::Jpeg);
    for (content, reason) in [
        (b"<svg onload=alert(1)></svg>".to_vec(), "must be a JPEG"),
        (b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), "must be a JPEG"),
        (jpeg[..40].to_vec(), "damaged"),
        (picture(12_001, 2, ImageFormat::Png), "12,000 pixels"),
    ] {
        let error = process(&content).err().unwrap();
        assert!(error.message().contains(reason), "{} does not say {reason}", error.message());
    }
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() {
    // A PNG that only claims its size: signature and header of 10,000 × 10,000, no data.
    let mut png = picture(1, 1, ImageFormat::Png);
    png[16..20].copy_from_slice(&10_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&10_000u32.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert!(process(&png).err().unwrap().message().contains("50 megapixels"));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
        crc
    })
}
