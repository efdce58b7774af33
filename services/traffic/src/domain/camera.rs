//! Cameras, their frames, and whether they show something.

use std::time::Duration;

use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Error, Timestamp, Version};

/// A camera is stale when its newest frame is older than so many of its periods.
pub const STALE_PERIODS: u32 = 3;
/// It is frozen when so many frames in a row show the same.
pub const FROZEN_FRAMES: u32 = 3;
/// Brightest mean of a picture that counts as dark, 0 to 255: the lens is covered or the sensor gone. A street at night
/// with its lamps is brighter.
pub const DARK_MEAN: f64 = 6.0;
/// How often a camera sends a frame when nobody said.
pub const PERIOD_S: u32 = 60;
/// A frame may be this far ahead of our clock.
const AHEAD: Duration = Duration::from_mins(1);

/// Whether a camera shows something; the numbers are those of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CameraHealth {
    /// Never showed anything.
    Unknown = 0,
    /// Yes.
    Good = 1,
    /// Its newest frame is older than [`STALE_PERIODS`].
    Stale = 2,
    /// The same picture [`FROZEN_FRAMES`] times in a row.
    Frozen = 3,
    /// Its picture is black, see [`DARK_MEAN`].
    Dark = 4,
}

impl CameraHealth {
    /// The number in the contract.
    pub fn number(self) -> i32 {
        self as i32
    }
}

/// What is said about a camera.
#[derive(Clone, PartialEq, Debug)]
pub struct CameraFacts {
    /// What people would say.
    pub display_name: String,
    /// Where.
    pub location: LatLng,
    /// Name of its segment; empty for none.
    pub segment: String,
    /// Where it looks, degrees clockwise from north.
    pub heading_degrees: f64,
    /// How often it sends a frame, seconds, at least 1.
    pub period_s: u32,
}

/// What is known of the newest frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// When it was taken.
    pub time: Timestamp,
    /// Tells equal pictures from different ones: of the pixels, not of the file.
    pub fingerprint: i64,
    /// How many frames in a row showed this picture.
    pub repeated: u32,
    /// Mean brightness, 0 to 255.
    pub brightness: f64,
}

/// A camera.
#[derive(Clone, PartialEq, Debug)]
pub struct Camera {
    /// What the outside world calls it.
    pub name: String,
    /// What is said about it.
    pub facts: CameraFacts,
    /// Its newest frame.
    pub frame: Option<Frame>,
    /// How often anything but its frames changed.
    pub version: Version,
}

impl Camera {
    /// A new camera.
    pub fn new(name: String, facts: CameraFacts) -> Self {
        Self { name, facts, frame: None, version: Version::FIRST }
    }

    /// Takes a frame in; `false` for one that is not newer than the known one.
    pub fn take(&mut self, time: Timestamp, picture: &Picture, now: Timestamp) -> Result<bool, Error> {
        if time > now.plus(AHEAD) {
            return Err(Error::invalid("time", "must not be in the future"));
        }
        let known = self.frame.as_ref();
        if known.is_some_and(|known| known.time >= time) {
            return Ok(false);
        }
        let same = known.filter(|known| known.fingerprint == picture.fingerprint);
        self.frame = Some(Frame {
            time,
            fingerprint: picture.fingerprint,
            repeated: same.map_or(1, |known| known.repeated.saturating_add(1)),
            brightness: picture.brightness,
        });
        Ok(true)
    }

    /// Whether it shows something. What is old says nothing more about what it shows, so stale comes first; a dark picture
    /// is mostly the same one again, so dark comes before frozen.
    pub fn health(&self, now: Timestamp) -> CameraHealth {
        let Some(frame) = &self.frame else { return CameraHealth::Unknown };
        let patience = Duration::from_secs(u64::from(self.facts.period_s)) * STALE_PERIODS;
        if now.since(frame.time) > patience {
            CameraHealth::Stale
        } else if frame.brightness < DARK_MEAN {
            CameraHealth::Dark
        } else if frame.repeated >= FROZEN_FRAMES {
            CameraHealth::Frozen
        } else {
            CameraHealth::Good
        }
    }
}

/// A frame as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Picture {
    /// JPEG.
    pub content: Vec<u8>,
    /// Of the pixels.
    pub fingerprint: i64,
    /// Mean brightness, 0 to 255.
    pub brightness: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        let facts = CameraFacts {
            display_name: "Мост".into(),
            location: LatLng { latitude: 55.0, longitude: 37.0 },
            segment: String::new(),
            heading_degrees: 0.0,
            period_s: 10,
        };
        Camera::new("c1".into(), facts)
    }

    fn picture(fingerprint: i64, brightness: f64) -> Picture {
        Picture { content: Vec::new(), fingerprint, brightness }
    }

    fn second(number: i64) -> Timestamp {
        Timestamp(number * 1_000_000)
    }

    #[test]
    fn the_health_follows_age_darkness_and_repetition() {
        let mut camera = camera();
        assert_eq!(camera.health(second(0)), CameraHealth::Unknown);
        let show =
            |camera: &mut Camera, at: i64, picture: &Picture| camera.take(second(at), picture, second(at)).unwrap();
        assert!(show(&mut camera, 10, &picture(1, 90.0)));
        assert_eq!(camera.health(second(40)), CameraHealth::Good);
        assert_eq!(camera.health(second(41)), CameraHealth::Stale);
        assert!(show(&mut camera, 50, &picture(1, 90.0)));
        assert_eq!(camera.health(second(50)), CameraHealth::Good);
        assert!(show(&mut camera, 60, &picture(1, 90.0)));
        assert_eq!(camera.health(second(60)), CameraHealth::Frozen);
        assert!(show(&mut camera, 70, &picture(2, 5.9)));
        assert_eq!(camera.health(second(70)), CameraHealth::Dark);
        assert!(show(&mut camera, 80, &picture(3, 90.0)));
        assert_eq!(camera.health(second(80)), CameraHealth::Good);
    }

    #[test]
    fn an_older_frame_changes_nothing_and_one_from_the_future_is_refused() {
        let mut camera = camera();
        assert!(camera.take(second(10), &picture(1, 90.0), second(10)).unwrap());
        let before = camera.clone();
        assert!(!camera.take(second(10), &picture(2, 90.0), second(12)).unwrap());
        assert!(!camera.take(second(5), &picture(2, 90.0), second(12)).unwrap());
        assert_eq!(camera, before);
        assert!(camera.take(second(100), &picture(2, 90.0), second(12)).is_err());
    }
}
