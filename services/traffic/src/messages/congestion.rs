//! Jams, warnings and scores as messages.

use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;

use crate::application::congestion::ports::{StoredJam, StoredMoment, StoredScore, StoredWarning};
use crate::domain::city::SegmentName;
use crate::domain::jam::Rule;

/// A jam.
pub fn jam(stored: &StoredJam) -> pb::Jam {
    let StoredJam { rule, jam, whereabouts, pace, end, updated, into } = stored;
    pb::Jam {
        jam_id: jam.id.0.to_string(),
        rule: rule.number().into(),
        segment_ids: ids(&whereabouts.segments),
        head_location: whereabouts.place.map(|place| point(place.head)),
        corridor: whereabouts.corridor.clone(),
        display_name: whereabouts.name.clone(),
        district_ids: whereabouts.districts.clone(),
        level: pace.level.number().into(),
        queue_length_m: jam.queue_m,
        max_queue_length_m: jam.peak_m,
        mean_speed_kmh: pace.mean_speed_kmh,
        delay_seconds: pace.delay_s,
        start_time: Some(to_proto(jam.start.start())),
        end_time: end.map(|end| to_proto(end.start())),
        update_time: Some(to_proto(updated.end())),
        merged_into_jam_id: into.map(|into| into.0.to_string()).unwrap_or_default(),
    }
}

/// A moment of a jam.
pub fn moment(stored: &StoredMoment) -> pb::JamMoment {
    pb::JamMoment {
        time: Some(to_proto(stored.step.start())),
        segment_ids: ids(&stored.segments),
        queue_length_m: stored.queue_m,
        mean_speed_kmh: stored.mean_speed_kmh,
        absorbed_jam_id: stored.absorbed.map(|absorbed| absorbed.0.to_string()).unwrap_or_default(),
    }
}

/// A warning, with what its rule saw in words.
pub fn warning(stored: &StoredWarning) -> pb::TrafficWarning {
    let warning = &stored.warning;
    let (slow, fast) = (warning.speed_kmh, warning.upstream_kmh);
    let (text_ru, text_en) = match warning.rule {
        Rule::PemsBottleneck => (
            format!("Узкое место: {slow:.0} км/ч, перед ним {fast:.0} км/ч, не меньше 25 минут."),
            format!("Bottleneck: {slow:.0} km/h, {fast:.0} km/h before it, for at least 25 minutes."),
        ),
        Rule::SlowTraffic | Rule::SegmentState => (
            format!("Впереди медленное движение: {slow:.0} км/ч, перед ним {fast:.0} км/ч."),
            format!("Slow traffic ahead: {slow:.0} km/h, {fast:.0} km/h before it."),
        ),
    };
    pb::TrafficWarning {
        warning_id: warning.id.0.to_string(),
        rule: warning.rule.number().into(),
        segment_id: warning.segment.0.clone(),
        detector_id: stored.detector.clone(),
        compared_detector_id: stored.compared_detector.clone(),
        location: stored.location.map(point),
        speed_kmh: slow,
        upstream_speed_kmh: fast,
        start_time: Some(to_proto(warning.start.start())),
        end_time: warning.end.map(|end| to_proto(end.start())),
        text_ru,
        text_en,
    }
}

/// A score; what is typical is known to whoever asks for it.
pub fn score(stored: &StoredScore, typical: Option<f64>) -> pb::TrafficScore {
    pb::TrafficScore {
        district_id: stored.district.clone(),
        time: Some(to_proto(stored.step.start())),
        score: stored.value,
        coverage: stored.coverage,
        typical_score: typical,
        jam_length_m: stored.jam_m,
    }
}

fn ids(segments: &[SegmentName]) -> Vec<String> {
    segments.iter().map(|id| id.0.clone()).collect()
}

/// A point.
pub fn point((latitude, longitude): (f64, f64)) -> pb::LatLng {
    pb::LatLng { latitude, longitude }
}
