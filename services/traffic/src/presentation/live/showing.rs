//! What is shown on the board, in the words of the contract.

use std::sync::Arc;

use kvartal_kernel::Timestamp;
use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_proto::traffic::v1 as pb;

use crate::application::live::{Board, Showing, Thing, Topic};
use crate::application::patrols::PatrolView;
use crate::domain::camera::Camera;
use crate::presentation::cameras::camera_message;
use crate::presentation::patrols::patrol_message;

/// One thing of the map.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shown {
    /// State of a segment.
    Segment(pb::SegmentState),
    /// A jam.
    Jam(pb::Jam),
    /// A score.
    Score(pb::TrafficScore),
    /// A warning.
    Warning(pb::TrafficWarning),
    /// A camera.
    Camera(pb::Camera),
    /// A patrol.
    Patrol(pb::Patrol),
}

impl Shown {
    /// Puts it where it belongs in a message.
    pub(super) fn add_to(&self, message: &mut pb::WatchTrafficResponse) {
        match self {
            Self::Segment(state) => message.segments.push(state.clone()),
            Self::Jam(jam) => message.jams.push(jam.clone()),
            Self::Score(score) => message.scores.push(score.clone()),
            Self::Warning(warning) => message.warnings.push(warning.clone()),
            Self::Camera(camera) => message.cameras.push(camera.clone()),
            Self::Patrol(patrol) => message.patrols.push(patrol.clone()),
        }
    }
}

/// The board, as the desks show things on it.
pub(crate) struct LiveBoard {
    board: Arc<Board<Shown>>,
}

impl LiveBoard {
    /// Over the board.
    pub(crate) fn new(board: Arc<Board<Shown>>) -> Self {
        Self { board }
    }
}

impl Showing for LiveBoard {
    fn patrol(&self, view: &PatrolView) {
        self.board.put(Topic::Patrols, of_patrol(view));
    }

    fn patrol_gone(&self, name: &str) {
        self.board.remove(Topic::Patrols, name);
    }

    fn patrols(&self, views: &[PatrolView]) {
        self.board.replace(Topic::Patrols, views.iter().map(of_patrol).collect());
    }

    fn camera(&self, camera: &Camera, now: Timestamp) {
        self.board.put(Topic::Cameras, of_camera(camera, now));
    }

    fn camera_gone(&self, name: &str) {
        self.board.remove(Topic::Cameras, name);
    }

    fn cameras(&self, cameras: &[Camera], now: Timestamp) {
        self.board.replace(Topic::Cameras, cameras.iter().map(|camera| of_camera(camera, now)).collect());
    }
}

fn of_patrol(view: &PatrolView) -> Thing<Shown> {
    let bounds = view.patrol.position.map(|position| spot(position.point));
    Thing { key: view.patrol.name.clone(), bounds, value: Shown::Patrol(patrol_message(view)) }
}

/// The age of the frame is left out: it changes all the time, and who has the time of the frame knows it.
fn of_camera(camera: &Camera, now: Timestamp) -> Thing<Shown> {
    let message = pb::Camera { frame_age_seconds: 0.0, ..camera_message(camera, now) };
    Thing { key: camera.name.clone(), bounds: Some(spot(camera.facts.location)), value: Shown::Camera(message) }
}

fn spot(point: LatLng) -> Bounds {
    Bounds::of(&[point])
}
