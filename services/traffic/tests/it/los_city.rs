//! The detectors of Los-loop as a city: roads under them, and what the RPCs tell of its jams beside what was sought.

use kvartal_proto::traffic::v1 as pb;
use kvartal_proto::traffic::v1::network_service_client::NetworkServiceClient;

use crate::congestion::congestion;
use crate::data::LosLoop;
use crate::oracle::{Listed, Watched, brute_bottlenecks, brute_slow_traffic, corridors};
use crate::stage::Stage;

/// Metres of a mile.
const MILE_M: f64 = 1_609.344;
/// Seconds of a step.
const STEP: i64 = 300;

/// The city with the time of its first row.
pub(crate) struct LosCity {
    pub(crate) data: LosLoop,
    corridors: Vec<Vec<(usize, f64)>>,
    start: i64,
}

/// A jam or a warning as it is told: where, first step, first step after it, metres.
#[derive(Clone, Debug)]
struct Told {
    segments: Vec<String>,
    start: i64,
    end: Option<i64>,
    metres: f64,
}

impl LosCity {
    pub(crate) fn new(data: LosLoop, start: i64) -> Self {
        let corridors = corridors(&data);
        Self { data, corridors, start }
    }

    /// The segment that a detector lies at the beginning of.
    fn segment(&self, detector: usize) -> String {
        format!("s{}", self.data.ids[detector])
    }

    /// Each corridor is a freeway to the east, one above the other; detectors of no corridor have a road of their own.
    fn segments(&self) -> Vec<pb::NewSegment> {
        let alone =
            (0..self.data.ids.len()).filter(|one| self.corridors.iter().flatten().all(|(other, _)| other != one));
        let alone: Vec<Vec<(usize, f64)>> = alone.map(|detector| vec![(detector, 0.0)]).collect();
        let mut segments = Vec::new();
        for (row, corridor) in self.corridors.iter().chain(&alone).enumerate() {
            let latitude = 34.0 + 0.01 * f64::from(u32::try_from(row).unwrap());
            let point = |mile: f64| pb::LatLng { latitude, longitude: -118.0 + mile / 57.4 };
            for (place, (detector, mile)) in corridor.iter().enumerate() {
                let next = corridor.get(place + 1);
                segments.push(pb::NewSegment {
                    segment_id: self.segment(*detector),
                    display_name: format!("Freeway {row}, mile {mile:.1}"),
                    corridor: if row < self.corridors.len() { format!("F{row}-E") } else { String::new() },
                    corridor_offset_m: mile * MILE_M,
                    geometry: vec![point(*mile), point(next.map_or(mile + 0.5, |(_, mile)| *mile))],
                    road_class: pb::RoadClass::Motorway.into(),
                    speed_limit_kmh: 105.0,
                    lanes: 4,
                    next_segment_ids: next.map(|(detector, _)| self.segment(*detector)).into_iter().collect(),
                });
            }
        }
        segments
    }

    /// Builds the roads and puts the detectors on them.
    pub(crate) async fn build(&self, stage: &Stage) {
        let network = NetworkServiceClient::new(stage.client(&stage.admin()));
        let request = pb::BatchPutSegmentsRequest { segments: self.segments() };
        network.max_encoding_message_size(8 * 1024 * 1024).batch_put_segments(request).await.unwrap();
        let detector = |(detector, id): (usize, &String)| pb::NewDetector {
            detector_id: id.clone(),
            segment_id: self.segment(detector),
            ..Default::default()
        };
        let detectors = self.data.ids.iter().enumerate().map(detector).collect();
        stage.detectors().batch_put_detectors(pb::BatchPutDetectorsRequest { detectors }).await.unwrap();
    }

    /// What is wrong with the bottlenecks that are listed, if anything.
    pub(crate) async fn bottlenecks(&self, stage: &Stage) -> Result<usize, String> {
        let jam = |jam: pb::Jam| Told {
            segments: jam.segment_ids,
            start: self.step(jam.start_time),
            end: jam.end_time.map(|end| self.step(Some(end))),
            metres: jam.max_queue_length_m,
        };
        let told = jams(stage, pb::CongestionRule::PemsBottleneck).await.into_iter().map(jam).collect();
        let sought = self.corridors.iter();
        let sought =
            sought.flat_map(|corridor| brute_bottlenecks(&self.data, corridor, true, Watched::WhileCertain)).collect();
        self.compare(told, sought)
    }

    /// What is wrong with the warnings of slow traffic that are listed, if anything.
    pub(crate) async fn slow_traffic(&self, stage: &Stage) -> Result<usize, String> {
        let place = |id: &str| {
            let found = self.corridors.iter().flatten().find(|(detector, _)| self.data.ids[*detector] == id);
            found.map_or(f64::NAN, |(_, mile)| mile * MILE_M)
        };
        let warning = |warning: pb::TrafficWarning| Told {
            metres: place(&warning.detector_id) - place(&warning.compared_detector_id),
            segments: vec![warning.segment_id],
            start: self.step(warning.start_time),
            end: warning.end_time.map(|end| self.step(Some(end))),
        };
        let told = warnings(stage, pb::CongestionRule::MndotSlowTraffic).await.into_iter().map(warning).collect();
        let sought = self.corridors.iter().flat_map(|corridor| brute_slow_traffic(&self.data, corridor)).collect();
        self.compare(told, sought)
    }

    fn step(&self, time: Option<prost_types::Timestamp>) -> i64 {
        (time.unwrap().seconds - self.start) / STEP
    }

    /// Each that was sought is told once, and no other.
    fn compare(&self, mut told: Vec<Told>, sought: Vec<Listed>) -> Result<usize, String> {
        let count = told.len();
        for (detector, start, end, miles) in sought {
            let (start, end) = (i64::try_from(start).unwrap(), end.map(|end| i64::try_from(end).unwrap()));
            let same = |told: &Told| {
                told.segments.contains(&self.segment(detector))
                    && (told.start, told.end) == (start, end)
                    && (told.metres - miles * MILE_M).abs() < 1.0
            };
            let Some(place) = told.iter().position(same) else {
                let near: Vec<&Told> = told.iter().filter(|told| told.start == start).collect();
                return Err(format!(
                    "{} from {start} to {end:?}, {miles} mi, is not among {near:?}",
                    self.segment(detector)
                ));
            };
            told.swap_remove(place);
        }
        if told.is_empty() { Ok(count) } else { Err(format!("nobody sought {told:?}")) }
    }
}

/// Every jam of a rule, newest first.
pub(crate) async fn jams(stage: &Stage, rule: pb::CongestionRule) -> Vec<pb::Jam> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let filter = Some(pb::JamFilter { rule: rule.into(), ..Default::default() });
        let request = pb::ListJamsRequest { page_size: 200, page_token, filter };
        let page = congestion(stage).list_jams(request).await.unwrap().into_inner();
        found.extend(page.jams);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

/// Every warning of a rule, newest first.
pub(crate) async fn warnings(stage: &Stage, rule: pb::CongestionRule) -> Vec<pb::TrafficWarning> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            pb::ListTrafficWarningsRequest { page_size: 200, page_token, rule: rule.into(), ..Default::default() };
        let page = congestion(stage).list_traffic_warnings(request).await.unwrap().into_inner();
        found.extend(page.warnings);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}
