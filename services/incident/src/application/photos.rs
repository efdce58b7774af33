//! What can be done with photos.

use std::sync::Arc;
use std::time::Duration;

use kvartal_kernel::{Caller, Clock, Error};

use super::ports::{PhotoProcessor, Photos, Reports};
use super::viewer;
use crate::domain::geo::LatLng;
use crate::domain::photo::{Photo, PhotoId, PhotoSize};

/// How long a photo waits for its report.
pub const UNLINKED_LIFE: Duration = Duration::from_hours(24);

/// Where photos are handed in and out.
pub struct PhotoDesk {
    photos: Arc<dyn Photos>,
    processor: Arc<dyn PhotoProcessor>,
    reports: Arc<dyn Reports>,
    clock: Arc<dyn Clock>,
}

/// A photo that was stored.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UploadedPhoto {
    /// For the report to come.
    pub id: PhotoId,
    /// Where it was taken, if it said so.
    pub location: Option<LatLng>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl PhotoDesk {
    /// Over these ports.
    pub fn new(
        photos: Arc<dyn Photos>,
        processor: Arc<dyn PhotoProcessor>,
        reports: Arc<dyn Reports>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { photos, processor, reports, clock }
    }

    /// Makes a picture harmless and stores it.
    pub async fn upload(&self, caller: &Caller, content: Vec<u8>) -> Result<UploadedPhoto, Error> {
        let picture = self.processor.process(content).await?;
        let now = self.clock.now();
        let photo = Photo { id: PhotoId(now.uuid()), owner: caller.actor_id(), created: now, report: None };
        let uploaded =
            UploadedPhoto { id: photo.id, location: picture.location, width: picture.width, height: picture.height };
        self.photos.store(photo, picture).await?;
        Ok(uploaded)
    }

    /// The picture: of a report for those who see the report, of no report yet for whoever uploaded it.
    pub async fn get(&self, caller: &Caller, id: PhotoId, size: PhotoSize) -> Result<Vec<u8>, Error> {
        let no_such = || Error::not_found("PHOTO_NOT_FOUND", "photo");
        let photo = self.photos.find(id).await?.ok_or_else(no_such)?;
        let visible = match photo.report {
            None => photo.owner == caller.actor_id(),
            Some(report) => {
                let report = self.reports.find(report).await?;
                report.is_some_and(|report| viewer(caller).sees(&report))
            }
        };
        if !visible {
            return Err(no_such());
        }
        self.photos.content(id, size).await?.ok_or_else(no_such)
    }
}
