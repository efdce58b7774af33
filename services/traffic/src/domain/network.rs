//! The road network: segments, districts, and what lies where.
//!
//! A [`Network`] is a snapshot of all of it in memory, made anew from shared parts after a change: queries take no lock and
//! see one state. It is bounded by [`SEGMENTS_MAX`] and [`DISTRICTS_MAX`]; a hundred thousand segments take some tens of
//! megabytes and a fraction of a second to arrange.

mod arrange;
pub mod district;
mod grid;
pub mod line;
pub mod route;
pub mod segment;
pub mod tile;

use std::collections::HashMap;
use std::sync::Arc;

use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Cursor, Page, PageRequest};

use district::District;
use grid::Grid;
pub use segment::{RoadClass, Segment, SegmentId};

/// Most segments of one installation.
pub const SEGMENTS_MAX: usize = 200_000;
/// Most districts.
pub const DISTRICTS_MAX: usize = 1_000;
/// How far from a road something may be and still be on it, metres.
pub const ON_ROAD_M: f64 = 60.0;

/// All roads and districts at one moment.
#[derive(Debug, Default)]
pub struct Network {
    /// Grows with every change.
    revision: i64,
    /// The most important roads first, then by id.
    segments: Vec<Arc<Segment>>,
    places: HashMap<SegmentId, u32>,
    grid: Grid,
    /// By name.
    districts: Vec<Arc<District>>,
    /// For each segment the place of its district.
    district_of: Vec<Option<u16>>,
    next: Vec<Vec<u32>>,
    before: Vec<Vec<u32>>,
}

/// Which segments; what is empty does not restrict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SegmentFilter {
    /// That touch this box.
    pub bounds: Option<Bounds>,
    /// In this district.
    pub district: String,
    /// Of this corridor.
    pub corridor: String,
    /// Of one of these.
    pub classes: Vec<RoadClass>,
}

/// A place on the network.
#[derive(Clone, Debug)]
pub struct OnRoad {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Metres from its beginning.
    pub offset_m: f64,
    /// Metres beside it.
    pub distance_m: f64,
}

impl Network {
    /// Grows with every change of a segment or a district.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Every segment, the most important roads first.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Every district, by id.
    pub fn districts(&self) -> &[Arc<District>] {
        &self.districts
    }

    /// One segment.
    pub fn segment(&self, id: SegmentId) -> Option<&Arc<Segment>> {
        self.at(*self.places.get(&id)?)
    }

    /// The district in which most of the segment lies.
    pub fn district_of(&self, id: SegmentId) -> Option<&Arc<District>> {
        let place = self.places.get(&id)?;
        let district = (*self.district_of.get(*place as usize)?)?;
        self.districts.get(usize::from(district))
    }

    /// The district of a point.
    pub fn district_at(&self, point: LatLng) -> Option<&Arc<District>> {
        self.districts.iter().find(|district| district.contains(point))
    }

    /// Segments that one can drive on to.
    pub fn next(&self, id: SegmentId) -> impl Iterator<Item = &Arc<Segment>> {
        self.linked(&self.next, id)
    }

    /// Segments from which one comes.
    pub fn before(&self, id: SegmentId) -> impl Iterator<Item = &Arc<Segment>> {
        self.linked(&self.before, id)
    }

    fn linked<'a>(&'a self, links: &'a [Vec<u32>], id: SegmentId) -> impl Iterator<Item = &'a Arc<Segment>> {
        let of = self.places.get(&id).and_then(|place| links.get(*place as usize));
        of.into_iter().flatten().filter_map(|place| self.at(*place))
    }

    fn at(&self, place: u32) -> Option<&Arc<Segment>> {
        self.segments.get(place as usize)
    }

    /// Whether the segment passes the filter.
    pub fn matches(&self, filter: &SegmentFilter, segment: &Segment) -> bool {
        let in_district = || self.district_of(segment.id).is_some_and(|district| district.name == filter.district);
        (filter.classes.is_empty() || filter.classes.contains(&segment.facts.class))
            && (filter.corridor.is_empty() || filter.corridor == segment.facts.corridor)
            && filter.bounds.as_ref().is_none_or(|bounds| segment.touches(bounds))
            && (filter.district.is_empty() || in_district())
    }

    /// A page of segments, the most important roads first.
    pub fn page(&self, filter: &SegmentFilter, page: PageRequest) -> Page<Arc<Segment>> {
        let key = |segment: &Segment| (i64::from(segment.facts.class.number()), segment.id.0);
        let after = page.after.map(|cursor| (cursor.key, cursor.id));
        let from = after.map_or(0, |after| self.segments.partition_point(|segment| key(segment) <= after));
        let places = self.candidates(filter.bounds.as_ref());
        let wanted = usize::try_from(page.size).unwrap_or(usize::MAX).saturating_add(1);
        let found = places.filter(|place| *place as usize >= from).filter_map(|place| self.at(place));
        let rows = found.filter(|segment| self.matches(filter, segment)).take(wanted).cloned().collect();
        Page::from_surplus(rows, page.size, |segment| {
            let (key, id) = key(segment);
            Cursor { key, id }
        })
    }

    /// Every segment that touches the box, the most important roads first.
    pub fn touching<'a>(&'a self, bounds: &'a Bounds) -> impl Iterator<Item = &'a Arc<Segment>> {
        let found = self.candidates(Some(bounds)).filter_map(|place| self.at(place));
        found.filter(|segment| segment.touches(bounds))
    }

    /// Places of at least those that touch the box, in order.
    fn candidates(&self, bounds: Option<&Bounds>) -> Box<dyn Iterator<Item = u32> + '_> {
        match bounds.and_then(|bounds| self.grid.near(bounds)) {
            Some(places) => Box::new(places.into_iter()),
            // No box, or one that holds most cells: then walking all of them meets what is wanted soon enough.
            None => Box::new(0..u32::try_from(self.segments.len()).unwrap_or(u32::MAX)),
        }
    }

    /// The nearest place on a road within so many metres; of the two directions of a road the one that leads where
    /// `heading` says (degrees from north), if it says.
    pub fn nearest(&self, point: LatLng, within_m: f64, heading: Option<f64>) -> Option<OnRoad> {
        let mut best: Option<(f64, OnRoad)> = None;
        for (spot, segment) in self.spots(point, within_m) {
            let turned = heading.map_or(0.0, |heading| line::turn_between(heading, spot.heading_degrees));
            // Driving against the traffic is less likely than a position that is some metres wrong.
            let cost = spot.distance_m + if turned > 90.0 { 30.0 } else { 0.0 };
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, OnRoad::at(segment, &spot)));
            }
        }
        best.map(|(_, on_road)| on_road)
    }

    /// The nearest place on a road, and the one across the road for those who come from the other side.
    pub fn nearest_each_way(&self, point: LatLng, within_m: f64) -> Vec<OnRoad> {
        let mut spots: Vec<_> = self.spots(point, within_m).collect();
        spots.sort_by(|a, b| a.0.distance_m.total_cmp(&b.0.distance_m));
        let Some((first, segment)) = spots.first().copied() else { return Vec::new() };
        let opposite = spots.iter().find(|(spot, _)| {
            line::turn_between(first.heading_degrees, spot.heading_degrees) > 150.0
                && spot.distance_m < first.distance_m + within_m / 2.0
        });
        std::iter::once(OnRoad::at(segment, &first))
            .chain(opposite.map(|(spot, segment)| OnRoad::at(segment, spot)))
            .collect()
    }

    fn spots(&self, point: LatLng, within_m: f64) -> impl Iterator<Item = (line::Spot, &Arc<Segment>)> {
        let bounds = Bounds::around(point, within_m);
        let places = self.candidates(Some(&bounds));
        let near = places.filter_map(|place| self.at(place)).filter(move |segment| segment.touches(&bounds));
        let spots = near.map(move |segment| (line::nearest(&segment.facts.geometry, point), segment));
        spots.filter(move |(spot, _)| spot.distance_m <= within_m)
    }
}

impl OnRoad {
    fn at(segment: &Arc<Segment>, spot: &line::Spot) -> Self {
        Self { segment: segment.clone(), offset_m: spot.offset_m, distance_m: spot.distance_m }
    }
}

#[cfg(test)]
mod tests;
