//! How a snapshot is made from its parts.

use std::collections::HashMap;
use std::sync::Arc;

use kvartal_kernel::geo::LatLng;

use super::district::District;
use super::grid::Grid;
use super::{Network, Segment, SegmentId, line};

/// Points at which a segment is asked in which district it lies.
const SAMPLES: u32 = 9;

impl Network {
    /// Arranges these segments and districts.
    pub fn new(revision: i64, mut segments: Vec<Arc<Segment>>, mut districts: Vec<Arc<District>>) -> Self {
        segments.sort_unstable_by_key(|segment| (segment.facts.class, segment.id));
        segments.dedup_by_key(|segment| segment.id);
        districts.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let places: HashMap<SegmentId, u32> =
            (0..).zip(&segments).map(|(place, segment)| (segment.id, place)).collect();
        let grid = Grid::of(segments.iter().map(|segment| segment.bounds()));
        let district_of = segments.iter().map(|segment| district_of(segment, &districts)).collect();
        let follow = |segment: &Arc<Segment>| {
            let named = segment.facts.next.iter().filter_map(|name| places.get(&SegmentId::named(name)).copied());
            named.collect::<Vec<u32>>()
        };
        let next: Vec<Vec<u32>> = segments.iter().map(follow).collect();
        let mut before = vec![Vec::new(); segments.len()];
        for (place, next) in (0_u32..).zip(&next) {
            for following in next {
                if let Some(before) = before.get_mut(*following as usize) {
                    before.push(place);
                }
            }
        }
        Self { revision, segments, places, grid, districts, district_of, next, before }
    }
}

/// The district that holds most of a row of points along the segment.
fn district_of(segment: &Segment, districts: &[Arc<District>]) -> Option<u16> {
    let mut counts: Vec<(u16, u32)> = Vec::new();
    let near = |point: &LatLng| {
        let found = districts.iter().position(|district| district.contains(*point))?;
        u16::try_from(found).ok()
    };
    for sample in 0..SAMPLES {
        let offset = segment.length_m * (f64::from(sample) + 0.5) / f64::from(SAMPLES);
        let Some(district) = line::point_at(&segment.facts.geometry, offset).as_ref().and_then(near) else { continue };
        match counts.iter_mut().find(|(known, _)| *known == district) {
            Some((_, count)) => *count += 1,
            None => counts.push((district, 1)),
        }
    }
    // The first of those with most points: the order is that along the segment.
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.iter().find(|(_, count)| *count == most).map(|(district, _)| *district)
}
