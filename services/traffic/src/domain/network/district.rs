//! A part of the city.

use kvartal_kernel::geo::{Bounds, LatLng, ring_contains, ring_size};
use kvartal_kernel::{Error, Version};

/// A part of the city.
#[derive(Clone, PartialEq, Debug)]
pub struct District {
    /// What the outside world calls it.
    pub name: String,
    /// In Russian.
    pub name_ru: String,
    /// In English.
    pub name_en: String,
    /// Outer ring, counter-clockwise, first point not repeated.
    pub boundary: Vec<LatLng>,
    /// How often it changed.
    pub version: Version,
    bounds: Bounds,
}

impl District {
    /// A district. The ring may run either way and repeat its first point at the end; one without size is refused.
    pub fn new(
        name: String,
        name_ru: String,
        name_en: String,
        mut boundary: Vec<LatLng>,
        version: Version,
    ) -> Result<Self, Error> {
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
        Ok(Self { name, name_ru, name_en, boundary, version, bounds })
    }

    /// Whether the point lies in it.
    pub fn contains(&self, point: LatLng) -> bool {
        self.bounds.contains(point) && ring_contains(&self.boundary, point)
    }

    /// The same district with this version.
    pub fn versioned(self, version: Version) -> Self {
        Self { version, ..self }
    }

    /// Whether both say the same, however often they changed.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.name_ru == other.name_ru
            && self.name_en == other.name_en
            && self.boundary == other.boundary
    }
}
