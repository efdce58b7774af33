//! Photos of reports.

use kvartal_kernel::{Timestamp, typed_id};

use super::geo::LatLng;
use super::report::ReportId;

typed_id! {
    /// A photo.
    PhotoId
}

/// An uploaded picture made harmless: smaller, upright, without anything that is not picture.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessedPhoto {
    /// JPEG, at most 1,600 pixels wide.
    pub full: Vec<u8>,
    /// JPEG, at most 320 pixels wide.
    pub thumbnail: Vec<u8>,
    /// Width of `full` in pixels.
    pub width: u32,
    /// Height of `full` in pixels.
    pub height: u32,
    /// Where it was taken, if it said so. Told once, not kept.
    pub location: Option<LatLng>,
}

/// What is kept about a photo beside the picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Photo {
    /// Its id.
    pub id: PhotoId,
    /// Who uploaded it ([`kvartal_kernel::Caller::actor_id`]); empty for somebody not signed in.
    pub owner: String,
    /// When.
    pub created: Timestamp,
    /// The report it belongs to; `None` until one is filed with it.
    pub report: Option<ReportId>,
}

/// Which of the two pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhotoSize {
    /// As large as it is kept.
    Full,
    /// For lists.
    Thumbnail,
}
