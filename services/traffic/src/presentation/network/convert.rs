//! Roads and districts between messages and what they mean. The `buf.validate` rules have been checked before.

use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Error, Version};
use kvartal_proto::time::to_proto;
use kvartal_proto::traffic::v1 as pb;

use crate::application::network::NewSegment;
use crate::domain::network::district::District;
use crate::domain::network::segment::{SegmentFacts, SegmentPatch};
use crate::domain::network::{Network, RoadClass, Segment, SegmentFilter};

/// A point; `field` names the input in the error.
pub(crate) fn point(field: &str, point: pb::LatLng) -> Result<LatLng, Error> {
    LatLng::new(point.latitude, point.longitude).ok_or_else(|| Error::invalid(field, "must be degrees, WGS 84"))
}

/// A point that must be given.
fn given_point(field: &str, given: Option<pb::LatLng>) -> Result<LatLng, Error> {
    point(field, given.ok_or_else(|| Error::invalid(field, "must be given"))?)
}

fn points(field: &str, given: Vec<pb::LatLng>) -> Result<Vec<LatLng>, Error> {
    given.into_iter().enumerate().map(|(index, given)| point(&format!("{field}[{index}]"), given)).collect()
}

/// A box that may be absent; `field` names the input in the error.
pub(crate) fn bounds(field: &str, given: Option<pb::BoundingBox>) -> Result<Option<Bounds>, Error> {
    let Some(pb::BoundingBox { low, high }) = given else { return Ok(None) };
    let low = given_point(&format!("{field}.low"), low)?;
    let high = given_point(&format!("{field}.high"), high)?;
    if low.latitude > high.latitude || low.longitude > high.longitude {
        return Err(Error::invalid(field, "must have its low corner south-west of its high corner"));
    }
    Ok(Bounds::new(low, high))
}

/// A point as the contract has it.
pub(crate) fn point_message(point: LatLng) -> pb::LatLng {
    pb::LatLng { latitude: point.latitude, longitude: point.longitude }
}

/// A class that must be known.
fn class(field: &str, number: i32) -> Result<RoadClass, Error> {
    RoadClass::from_number(number).ok_or_else(|| Error::invalid(field, "must be a class of road"))
}

/// A segment as it is put; `field` is where it stands in the request, with a dot at the end.
pub(super) fn new_segment(given: pb::NewSegment, field: &str) -> Result<NewSegment, Error> {
    let pb::NewSegment {
        segment_id,
        display_name,
        corridor,
        corridor_offset_m,
        geometry,
        road_class,
        speed_limit_kmh,
        lanes,
        next_segment_ids,
    } = given;
    let facts = SegmentFacts {
        display_name,
        corridor,
        corridor_offset_m,
        geometry: points(&format!("{field}geometry"), geometry)?,
        class: class(&format!("{field}road_class"), road_class)?,
        speed_limit_kmh,
        lanes,
        next: next_segment_ids,
    };
    let facts = facts.checked(&segment_id, field)?;
    Ok(NewSegment { name: segment_id, facts })
}

/// What an update asks for: which segment, what, made from which state.
pub(super) fn segment_update(request: pb::UpdateSegmentRequest) -> Result<(String, SegmentPatch, String), Error> {
    let pb::UpdateSegmentRequest {
        segment_id,
        display_name,
        corridor,
        corridor_offset_m,
        geometry,
        road_class,
        speed_limit_kmh,
        lanes,
        next_segment_ids,
        update_mask,
        etag,
    } = request;
    let mask = update_mask.unwrap_or_default();
    if mask.paths.is_empty() {
        return Err(Error::invalid("update_mask", "must name at least one field"));
    }
    let mut patch = SegmentPatch::default();
    for path in &mask.paths {
        match path.as_str() {
            "display_name" => patch.display_name = Some(display_name.clone()),
            "corridor" => patch.corridor = Some(corridor.clone()),
            "corridor_offset_m" => patch.corridor_offset_m = Some(corridor_offset_m),
            "geometry" => patch.geometry = Some(points("geometry", geometry.clone())?),
            "road_class" => patch.class = Some(class("road_class", road_class)?),
            "speed_limit_kmh" => patch.speed_limit_kmh = Some(speed_limit_kmh),
            "lanes" => patch.lanes = Some(lanes),
            "next_segment_ids" => patch.next = Some(next_segment_ids.clone()),
            other => {
                let known = "display_name, corridor, corridor_offset_m, geometry, road_class, speed_limit_kmh, lanes, \
                             next_segment_ids";
                let other: String = other.chars().take(100).collect();
                return Err(Error::invalid("update_mask", format!("knows no field {other}; it knows {known}")));
            }
        }
    }
    Ok((segment_id, patch, etag))
}

/// Which segments.
pub(super) fn segment_filter(filter: Option<pb::SegmentFilter>) -> Result<SegmentFilter, Error> {
    let pb::SegmentFilter { bounds: given, district_id, corridor, road_classes } = filter.unwrap_or_default();
    Ok(SegmentFilter {
        bounds: bounds("filter.bounds", given)?,
        district: district_id,
        corridor,
        classes: road_classes.into_iter().filter_map(RoadClass::from_number).collect(),
    })
}

/// A segment as the contract has it.
pub(super) fn segment_message(network: &Network, segment: &Segment) -> pb::Segment {
    let facts = &segment.facts;
    pb::Segment {
        segment_id: segment.name.clone(),
        display_name: facts.display_name.clone(),
        corridor: facts.corridor.clone(),
        corridor_offset_m: facts.corridor_offset_m,
        geometry: facts.geometry.iter().copied().map(point_message).collect(),
        length_m: segment.length_m,
        road_class: facts.class.number().into(),
        speed_limit_kmh: facts.speed_limit_kmh,
        lanes: facts.lanes,
        district_id: network.district_of(segment.id).map(|district| district.name.clone()).unwrap_or_default(),
        next_segment_ids: facts.next.clone(),
        create_time: Some(to_proto(segment.created)),
        update_time: Some(to_proto(segment.updated)),
        etag: segment.version.etag(),
    }
}

/// A district as it is put.
pub(super) fn new_district(request: pb::PutDistrictRequest) -> Result<District, Error> {
    let pb::PutDistrictRequest { district_id, name_ru, name_en, boundary, etag: _ } = request;
    District::new(district_id, name_ru, name_en, points("boundary", boundary)?, Version::FIRST)
}

/// A district as the contract has it.
pub(super) fn district_message(district: &District) -> pb::District {
    pb::District {
        district_id: district.name.clone(),
        name_ru: district.name_ru.clone(),
        name_en: district.name_en.clone(),
        boundary: district.boundary.iter().copied().map(point_message).collect(),
        etag: district.version.etag(),
    }
}
