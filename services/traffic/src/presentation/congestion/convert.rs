//! Between the messages of congestion and what they stand for.

use kvartal_kernel::{Cursor, Error, Timestamp, Uuid};
use kvartal_proto::time::{from_proto, to_proto};
use kvartal_proto::traffic::v1 as pb;

use crate::application::congestion::desk::{ProfileSlot, SegmentView, StateFilter};
use crate::application::congestion::ports::{JamFilter, WarningFilter};
use crate::application::congestion::ways::Way;
use crate::domain::city::SegmentName;
use crate::domain::congestion::Level;
use crate::domain::jam::Rule;
use crate::domain::step::Step;

/// Longest stretch of time of one question.
const DAYS_MAX: i64 = 31;

type Corners = ((f64, f64), (f64, f64));

/// A box; the contract has checked that it has corners.
pub(in crate::presentation) fn corners(field: &str, bounds: Option<pb::BoundingBox>) -> Result<Option<Corners>, Error> {
    let Some(bounds) = bounds else { return Ok(None) };
    let (Some(low), Some(high)) = (bounds.low, bounds.high) else {
        return Err(Error::invalid(field, "must have both corners"));
    };
    if low.latitude > high.latitude || low.longitude > high.longitude {
        return Err(Error::invalid(field, "low must lie south-west of high"));
    }
    Ok(Some(((low.latitude, low.longitude), (high.latitude, high.longitude))))
}

fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn step(field: &str, time: Option<&prost_types::Timestamp>) -> Result<Option<Step>, Error> {
    Ok(from_proto(field, time)?.map(Step::of))
}

/// The filter of states.
pub(super) fn states(filter: Option<pb::SegmentStateFilter>) -> Result<StateFilter, Error> {
    let filter = filter.unwrap_or_default();
    Ok(StateFilter {
        bounds: corners("filter.bounds", filter.bounds)?,
        district: given(filter.district_id),
        segments: filter.segment_ids.into_iter().map(SegmentName).collect(),
        level: i16::try_from(filter.min_level).ok().and_then(Level::from_number),
    })
}

/// The filter of jams.
pub(super) fn jams(filter: Option<pb::JamFilter>) -> Result<JamFilter, Error> {
    let filter = filter.unwrap_or_default();
    Ok(JamFilter {
        at: step("filter.time", filter.time.as_ref())?,
        active: filter.active,
        bounds: corners("filter.bounds", filter.bounds)?,
        district: given(filter.district_id),
        segment: given(filter.segment_id).map(SegmentName),
        rule: Rule::from_number(filter.rule),
        after: step("filter.start_time", filter.start_time.as_ref())?,
        before: step("filter.end_time", filter.end_time.as_ref())?,
    })
}

/// The filter of warnings.
pub(super) fn warnings(request: &pb::ListTrafficWarningsRequest) -> Result<WarningFilter, Error> {
    Ok(WarningFilter {
        active: request.active,
        rule: Rule::from_number(request.rule),
        after: step("start_time", request.start_time.as_ref())?,
        before: step("end_time", request.end_time.as_ref())?,
    })
}

/// A stretch of time of at most 31 days, as steps: the first, and the first that is no longer part of it.
pub(super) fn stretch(
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
) -> Result<(Step, Step), Error> {
    let start = from_proto("start_time", start)?.ok_or_else(|| Error::invalid("start_time", "must be given"))?;
    let end = from_proto("end_time", end)?.ok_or_else(|| Error::invalid("end_time", "must be given"))?;
    if end <= start {
        return Err(Error::invalid("end_time", "must lie after start_time"));
    }
    if end.since(start).as_secs() > u64::try_from(DAYS_MAX).unwrap_or(31) * 86_400 {
        return Err(Error::invalid("end_time", format!("must be at most {DAYS_MAX} days after start_time")));
    }
    // An end within a step takes that step in.
    Ok((Step::of(start), Step::of(Timestamp(end.0 - 1)).plus(1)))
}

/// Where a page of states begins: the time that the first page was of, and how many came before.
pub(super) fn position(scope: &str, token: &str, now: Timestamp) -> Result<(Timestamp, usize), Error> {
    if token.is_empty() {
        return Ok((now, 0));
    }
    let cursor = Cursor::decode(scope, token)?;
    let offset = usize::try_from(cursor.id.as_u128()).unwrap_or(usize::MAX);
    Ok((Timestamp(cursor.key), offset))
}

/// The token of the page that begins after so many of a time.
pub(super) fn token(scope: &str, time: Timestamp, offset: usize) -> String {
    let id = Uuid::from_u128(u128::try_from(offset).unwrap_or(u128::MAX));
    Cursor { key: time.0, id }.encode(scope)
}

/// How a segment is.
pub(super) fn state(view: &SegmentView) -> pb::SegmentState {
    let known = view.seen.speed_kmh.is_some() || view.seen.occupancy.is_some();
    let source = if known || view.level.is_some() { pb::StateSource::Measured } else { pb::StateSource::Unspecified };
    pb::SegmentState {
        segment_id: view.segment.0.clone(),
        level: view.level.map_or(0, |level| level.number().into()),
        speed_kmh: view.seen.speed_kmh,
        free_flow_speed_kmh: view.free_flow_kmh,
        occupancy_percent: view.seen.occupancy.map(|share| share * 100.0),
        flow_vehicles_per_hour: view.seen.vehicles.map(|vehicles| vehicles * 12.0),
        level_time: Some(to_proto(view.since.start())),
        observe_time: view.observed.map(|step| to_proto(step.end())),
        source: source.into(),
    }
}

/// How long a way takes.
pub(super) fn way(way: &Way) -> pb::GetTravelTimeResponse {
    let smoothing = if way.smoothed {
        "means of 5 minutes, no faster than allowed; thirds between stations; the lowest of 10 minutes in the last mile \
         (mnit-rtmc/iris docs/travel_time.md)"
    } else {
        "means of 5 minutes by segment, no faster than allowed; the stations lie too far apart for the rule of IRIS"
    };
    pb::GetTravelTimeResponse {
        length_m: way.length_m,
        instantaneous_seconds: way.instantaneous_s,
        experienced_seconds: way.experienced_s,
        free_flow_seconds: way.free_s,
        typical_seconds: way.typical_s,
        coverage: way.coverage,
        smoothing: smoothing.to_owned(),
    }
}

/// What is usual in five minutes.
pub(super) fn slot(slot: &ProfileSlot) -> pb::ProfileSlot {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    pb::ProfileSlot {
        minute_of_day: number(slot.minute()),
        median_speed_kmh: slot.speeds.median,
        low_speed_kmh: slot.speeds.low,
        high_speed_kmh: slot.speeds.high,
        sample_count: number(slot.count),
    }
}

/// What the rules say, in the order of their numbers.
pub(super) fn rules() -> Vec<pb::CongestionRuleDescription> {
    let description = |rule: Rule, ru: &str, en: &str, source: &str| pb::CongestionRuleDescription {
        rule: rule.number().into(),
        description_ru: ru.to_owned(),
        description_en: en.to_owned(),
        source: source.to_owned(),
    };
    vec![
        description(
            Rule::SegmentState,
            "Связанные участки, где скорость ниже 40 % свободной. Хуже становится после двух пятиминуток подряд, лучше — \
             после трёх, на 5 % выше границы.",
            "Connected segments slower than 40 % of free flow. A state worsens after two five-minute steps in a row and \
             improves after three that exceed its bound by 5 %.",
            "Bounds: Highway Capacity Manual 2010, exhibit 16-4; hysteresis: services/traffic/src/domain/congestion.rs",
        ),
        description(
            Rule::PemsBottleneck,
            "Скорость ниже 40 миль/ч и на 20 миль/ч ниже, чем у предыдущей станции не дальше 3 миль; из семи пятиминуток \
             не меньше пяти.",
            "Slower than 40 mph and at least 20 mph slower than the station before, less than 3 miles away, in at least 5 \
             of 7 five-minute samples.",
            "Caltrans PeMS: cagov/caldata-mdsa-caltrans-pems, int_performance__bottlenecks.sql",
        ),
        description(
            Rule::SlowTraffic,
            "Медленнее 55 миль/ч и торможение от предыдущей станции сильнее 1500 миль/ч² три раза подряд (ниже 30 миль/ч — \
             сразу), пока оно сильнее 750.",
            "Slower than 55 mph and braking from the station before harder than 1500 mi/h² three times in a row (below 30 \
             mph at once), for as long as it is harder than 750.",
            "Minnesota DOT: mnit-rtmc/iris, docs/vsa.md",
        ),
    ]
}

/// How the score is made, in Russian and in English.
pub(super) const FORMULA: (&str, &str) = (
    "Баллы = 10 · (1 − q) / (1 − 1/4), не больше 10; q = Σ вес · время свободного проезда / Σ вес · время сейчас; вес = длина × \
     полосы. 10 — дорога занимает вчетверо больше времени, чем свободная.",
    "Score = 10 · (1 − q) / (1 − 1/4), at most 10; q = Σ weight · free-flow time / Σ weight · present time; weight = length × \
     lanes. 10: ways take four times as long as when free.",
);
