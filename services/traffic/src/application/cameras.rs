//! What can be done with cameras.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Clock, Error, Kind, Page, PageRequest, Timestamp};

use super::live::Showing;
use super::network::Atlas;
use super::paging::page_of;
use crate::domain::camera::{Camera, CameraFacts, Picture};
use crate::domain::network::SegmentId;

/// Most cameras of one installation.
pub const CAMERAS_MAX: usize = 5_000;

/// Decides a change of a camera; `true` when there is something to store.
pub type DecideCamera = Box<dyn FnOnce(&mut Camera) -> Result<bool, Error> + Send>;

/// Decides whether a camera may go.
pub type CheckCamera = Box<dyn FnOnce(&Camera) -> Result<(), Error> + Send>;

/// Where cameras and their newest frames are kept.
#[async_trait]
pub trait Cameras: Send + Sync {
    /// Every camera, without pictures.
    async fn all(&self) -> Result<Vec<Camera>, Error>;

    /// One camera.
    async fn find(&self, name: &str) -> Result<Option<Camera>, Error>;

    /// Adds a camera, or gives the one that has its name already. `ResourceExhausted` when there are too many.
    async fn create(&self, camera: Camera) -> Result<Camera, Error>;

    /// Reads, decides, stores, with the picture where there is a new one; `None` when there is no such camera.
    async fn change(
        &self,
        name: String,
        picture: Option<Picture>,
        decide: DecideCamera,
    ) -> Result<Option<Camera>, Error>;

    /// Removes a camera and its picture if the check agrees; `false` when there is none.
    async fn remove(&self, name: String, check: CheckCamera) -> Result<bool, Error>;

    /// The newest picture, JPEG, and when it was taken.
    async fn picture(&self, name: &str) -> Result<Option<(Timestamp, Vec<u8>)>, Error>;
}

/// Makes pictures harmless and looks at them.
#[async_trait]
pub trait PictureProcessor: Send + Sync {
    /// Reads the type from the content, decodes, makes it smaller, encodes it without anything that is not picture.
    /// `InvalidArgument` for what is no JPEG, PNG or WebP or too large.
    async fn process(&self, content: Vec<u8>) -> Result<Picture, Error>;
}

/// What to change; what is `None` stays.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CameraPatch {
    /// What people would say.
    pub display_name: Option<String>,
    /// Where.
    pub location: Option<LatLng>,
    /// Name of its segment.
    pub segment: Option<String>,
    /// Where it looks.
    pub heading_degrees: Option<f64>,
    /// How often it sends a frame.
    pub period_s: Option<u32>,
}

/// Changes and readings of cameras.
pub struct CameraDesk {
    cameras: Arc<dyn Cameras>,
    processor: Arc<dyn PictureProcessor>,
    atlas: Arc<Atlas>,
    showing: Arc<dyn Showing>,
    clock: Arc<dyn Clock>,
}

impl CameraDesk {
    /// Over these ports.
    pub fn new(
        cameras: Arc<dyn Cameras>,
        processor: Arc<dyn PictureProcessor>,
        atlas: Arc<Atlas>,
        showing: Arc<dyn Showing>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { cameras, processor, atlas, showing, clock }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One camera.
    pub async fn get(&self, name: &str) -> Result<Camera, Error> {
        self.cameras.find(name).await?.ok_or_else(no_camera)
    }

    /// A page of cameras by name.
    pub async fn list(&self, bounds: Option<&Bounds>, page: PageRequest) -> Result<Page<Camera>, Error> {
        let mut cameras = self.cameras.all().await?;
        cameras.retain(|camera| bounds.is_none_or(|bounds| bounds.contains(camera.facts.location)));
        cameras.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(page_of(cameras, page, |camera| &camera.name))
    }

    /// Adds a camera. An equal one that exists is given back.
    pub async fn create(&self, name: String, facts: CameraFacts) -> Result<Camera, Error> {
        self.check(&facts)?;
        let stored = self.cameras.create(Camera::new(name, facts.clone())).await?;
        if stored.facts == facts {
            return Ok(self.told(stored));
        }
        let message = "a camera with this id exists and differs; change it instead";
        Err(Error::new(Kind::AlreadyExists, "CAMERA_EXISTS", message))
    }

    /// Changes what is given.
    pub async fn update(&self, name: String, patch: CameraPatch, etag: String) -> Result<Camera, Error> {
        if let Some(segment) = &patch.segment {
            self.check_segment(segment)?;
        }
        if patch.display_name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Error::invalid("display_name", "must not be empty"));
        }
        let decide = move |camera: &mut Camera| {
            let old = camera.facts.clone();
            let facts = CameraFacts {
                display_name: patch.display_name.unwrap_or(old.display_name),
                location: patch.location.unwrap_or(old.location),
                segment: patch.segment.unwrap_or(old.segment),
                heading_degrees: patch.heading_degrees.unwrap_or(old.heading_degrees),
                period_s: patch.period_s.unwrap_or(old.period_s),
            };
            if facts == camera.facts {
                return Ok(false);
            }
            camera.version.check(&etag)?;
            camera.facts = facts;
            camera.version = camera.version.next();
            Ok(true)
        };
        let changed = self.cameras.change(name, None, Box::new(decide)).await?;
        changed.map(|camera| self.told(camera)).ok_or_else(no_camera)
    }

    /// Removes a camera and its picture.
    pub async fn delete(&self, name: String, etag: String) -> Result<(), Error> {
        let check = move |camera: &Camera| camera.version.check(&etag);
        if !self.cameras.remove(name.clone(), Box::new(check)).await? {
            return Err(no_camera());
        }
        self.showing.camera_gone(&name);
        Ok(())
    }

    /// Takes a frame in; one that is not newer than the known one changes nothing.
    pub async fn upload(&self, name: String, time: Option<Timestamp>, content: Vec<u8>) -> Result<Camera, Error> {
        // Known before the work of decoding is done.
        self.get(&name).await?;
        let picture = self.processor.process(content).await?;
        let now = self.clock.now();
        let looked = Picture { content: Vec::new(), ..picture };
        let decide = move |camera: &mut Camera| camera.take(time.unwrap_or(now), &looked, now);
        let changed = self.cameras.change(name, Some(picture), Box::new(decide)).await?;
        changed.map(|camera| self.told(camera)).ok_or_else(no_camera)
    }

    /// The newest picture, JPEG, and when it was taken.
    pub async fn picture(&self, name: &str) -> Result<(Timestamp, Vec<u8>), Error> {
        let none = || Error::not_found("FRAME_NOT_FOUND", "camera with a frame");
        self.cameras.picture(name).await?.ok_or_else(none)
    }

    /// Shows how all cameras are: what other replicas changed and what time made stale is seen in this way.
    pub async fn show_all(&self) -> Result<(), Error> {
        let cameras = self.cameras.all().await?;
        self.showing.cameras(&cameras, self.clock.now());
        Ok(())
    }

    fn told(&self, camera: Camera) -> Camera {
        self.showing.camera(&camera, self.clock.now());
        camera
    }

    fn check(&self, facts: &CameraFacts) -> Result<(), Error> {
        if facts.display_name.trim().is_empty() {
            return Err(Error::invalid("display_name", "must not be empty"));
        }
        self.check_segment(&facts.segment)
    }

    fn check_segment(&self, segment: &str) -> Result<(), Error> {
        if segment.is_empty() || self.atlas.network().segment(SegmentId::named(segment)).is_some() {
            return Ok(());
        }
        Err(Error::invalid("segment_id", "is no known segment"))
    }
}

fn no_camera() -> Error {
    Error::not_found("CAMERA_NOT_FOUND", "camera")
}
