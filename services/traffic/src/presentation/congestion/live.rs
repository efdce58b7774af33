//! States, jams, scores and warnings on the board of the living map.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Error, PageRequest};
use kvartal_proto::traffic::v1 as pb;

use super::convert;
use crate::application::congestion::advance::Display;
use crate::application::congestion::desk::{CongestionDesk, StateFilter};
use crate::application::congestion::ports::{JamFilter, WarningFilter};
use crate::application::congestion::speeds::NewestSpeeds;
use crate::application::live::{Board, Thing, Topic};
use crate::domain::city::{Place, SegmentName};
use crate::domain::step::Step;
use crate::messages::congestion as messages;
use crate::presentation::Shown;

/// Jams and warnings stay on the board for so long after their end, so that everybody sees it.
const AFTER_END: Duration = Duration::from_mins(30);
/// Jams and warnings on the board, the newest.
const SHOWN_MAX: u32 = 1_000;

/// Shows congestion.
pub(crate) struct LiveCongestion {
    desk: Arc<CongestionDesk>,
    board: Arc<Board<Shown>>,
    speeds: Arc<NewestSpeeds>,
}

impl LiveCongestion {
    /// On this board.
    pub(crate) fn new(desk: Arc<CongestionDesk>, board: Arc<Board<Shown>>, speeds: Arc<NewestSpeeds>) -> Self {
        Self { desk, board, speeds }
    }

    async fn segments(&self) -> Result<(), Error> {
        let states = self.desk.states(&StateFilter::default(), self.desk.now()).await?;
        self.speeds.take(&states);
        let city = self.desk.city().await?;
        let place = |name: &SegmentName| city.segment(name).and_then(|segment| segment.place);
        let thing = |view: &_| {
            let state: pb::SegmentState = convert::state(view);
            Thing { key: state.segment_id.clone(), bounds: bounds(place(&view.segment)), value: Shown::Segment(state) }
        };
        self.board.replace(Topic::Segments, states.iter().map(thing).collect());
        Ok(())
    }

    async fn jams(&self) -> Result<(), Error> {
        let after = Some(Step::of(self.desk.now().minus(AFTER_END)));
        let page = PageRequest { size: SHOWN_MAX, after: None };
        let jams = self.desk.jams(&JamFilter { after, ..JamFilter::default() }, page).await?;
        let jams = jams.items.iter().map(|jam| Thing {
            key: jam.jam.id.0.to_string(),
            bounds: bounds(jam.whereabouts.place),
            value: Shown::Jam(messages::jam(jam)),
        });
        self.board.replace(Topic::Jams, jams.collect());
        let warnings = self.desk.warnings(&WarningFilter { after, ..WarningFilter::default() }, page).await?;
        let warnings = warnings.items.iter().map(|told| Thing {
            key: told.warning.id.0.to_string(),
            bounds: bounds(told.location.map(|spot| Place { head: spot, low: spot, high: spot })),
            value: Shown::Warning(messages::warning(told)),
        });
        self.board.replace(Topic::Warnings, warnings.collect());
        Ok(())
    }

    async fn scores(&self) -> Result<(), Error> {
        let scores = self.desk.scores(self.desk.now()).await?;
        let thing = |(score, usual): &(_, _)| {
            let score: pb::TrafficScore = messages::score(score, *usual);
            Thing { key: format!("score/{}", score.district_id), bounds: None, value: Shown::Score(score) }
        };
        self.board.replace(Topic::Scores, scores.iter().map(thing).collect());
        Ok(())
    }
}

#[async_trait]
impl Display for LiveCongestion {
    async fn refresh(&self) -> Result<(), Error> {
        self.segments().await?;
        self.jams().await?;
        self.scores().await
    }
}

fn bounds(place: Option<Place>) -> Option<Bounds> {
    let point = |(latitude, longitude)| LatLng { latitude, longitude };
    place.and_then(|place| Bounds::new(point(place.low), point(place.high)))
}
