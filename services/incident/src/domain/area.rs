//! Parts of the city and who looks after them.

use kvartal_kernel::{Error, typed_id};

use super::geo::{Bounds, LatLng, ring_contains, ring_size};

typed_id! {
    /// A part of the city.
    AreaId
}

/// A part of the city.
#[derive(Clone, PartialEq, Debug)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// Such as a district's name.
    pub name: String,
    /// Outer ring, counter-clockwise, first point not repeated.
    pub boundary: Vec<LatLng>,
    /// Who works on what happens here when the category does not say; may be empty.
    pub team: String,
    bounds: Bounds,
}

impl Area {
    /// An area. The ring may run either way and repeat its first point at the end; one without size is refused.
    pub fn new(id: AreaId, name: String, mut boundary: Vec<LatLng>, team: String) -> Result<Self, Error> {
        if boundary.len() > 3 && boundary.first() == boundary.last() {
            boundary.pop();
        }
        let size = ring_size(&boundary);
        if boundary.len() < 3 || size == 0.0 {
            return Err(Error::invalid("boundary", "must enclose something"));
        }
        if size < 0.0 {
            boundary.reverse();
        }
        let bounds = Bounds::of(&boundary);
        Ok(Self { id, name, boundary, team, bounds })
    }

    /// Whether the point lies in it.
    pub fn contains(&self, point: LatLng) -> bool {
        self.bounds.contains(point) && ring_contains(&self.boundary, point)
    }
}

/// The area of a line: that of its first point which lies in one. Where areas overlap, the first counts.
pub fn locate<'a>(areas: &'a [Area], points: &[LatLng]) -> Option<&'a Area> {
    points.iter().find_map(|point| areas.iter().find(|area| area.contains(*point)))
}
