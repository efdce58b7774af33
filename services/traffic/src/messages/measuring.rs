//! Detectors, readings and what they come to.

use kvartal_kernel::Timestamp;
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;

use crate::application::detectors::HealthEvent;
use crate::domain::detector::Detector;
use crate::domain::health::Specification;
use crate::domain::reading::Reading;
use crate::domain::rollup::{Aggregate, Stat};

/// Seconds since 1970 as a time.
pub fn seconds(seconds: i64) -> prost_types::Timestamp {
    to_proto(Timestamp(seconds.saturating_mul(1_000_000)))
}

/// A number of small units.
fn thousandths(value: u32) -> f64 {
    f64::from(value) / 1_000.0
}

/// A reading without its detector.
pub fn measurement(reading: &Reading) -> pb::Measurement {
    let values = &reading.values;
    pb::Measurement {
        time: Some(seconds(reading.time)),
        speed_kmh: values.speed.map(thousandths),
        occupancy_percent: values.occupancy.map(thousandths),
        vehicle_count: values.count,
        travel_time_seconds: values.travel_time.map(thousandths),
        revision: reading.revision.into(),
    }
}

/// A detector with its newest reading.
pub fn detector(detector: &Detector, newest: Option<&Reading>) -> pb::Detector {
    let facts = &detector.facts;
    pb::Detector {
        detector_id: detector.id.clone(),
        display_name: facts.name.clone(),
        kind: facts.kind.number().into(),
        location: facts.location.map(|(latitude, longitude)| pb::LatLng { latitude, longitude }),
        segment_id: facts.segment.clone(),
        segment_offset_m: facts.segment_offset_m,
        lane: facts.lane,
        period_seconds: facts.period,
        health: detector.health() as i32,
        broken_rules: detector.broken_rules().map(|rule| rule as i32).collect(),
        health_time: detector.health_time.map(to_proto),
        last_measurement: newest.map(measurement),
        create_time: Some(to_proto(detector.created)),
        update_time: Some(to_proto(detector.updated)),
        etag: detector.version.etag(),
    }
}

/// A finding about a detector.
pub fn health_event(event: HealthEvent, detector_id: String) -> pb::DetectorHealthEvent {
    pb::DetectorHealthEvent {
        event_id: event.id.to_string(),
        detector_id,
        rule: event.rule as i32,
        broken: event.broken,
        time: Some(to_proto(event.since)),
        detect_time: Some(to_proto(event.found)),
        detail: event.detail,
    }
}

/// A rule of health.
pub fn health_rule(rule: &Specification) -> pb::DetectorHealthRule {
    pb::DetectorHealthRule {
        rule: rule.rule as i32,
        description_ru: rule.text_ru.to_owned(),
        description_en: rule.text_en.to_owned(),
        window_seconds: u32::try_from(rule.window).unwrap_or(u32::MAX),
        threshold: rule.threshold,
        source: rule.source.to_owned(),
    }
}

/// An aggregate.
pub fn aggregate(aggregate: &Aggregate) -> pb::Aggregate {
    pb::Aggregate {
        start_time: Some(seconds(aggregate.start)),
        reading_count: aggregate.readings,
        speed_kmh: statistics(&aggregate.speed, 1_000.0),
        occupancy_percent: statistics(&aggregate.occupancy, 1_000.0),
        vehicle_count: statistics(&aggregate.count, 1.0),
        travel_time_seconds: statistics(&aggregate.travel_time, 1_000.0),
        vehicle_total: aggregate.count.sum,
    }
}

fn statistics(stat: &Stat, units: f64) -> Option<pb::Statistics> {
    Some(pb::Statistics {
        mean: stat.mean()? / units,
        min: f64::from(stat.min) / units,
        max: f64::from(stat.max) / units,
        sample_count: stat.samples,
    })
}
