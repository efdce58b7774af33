//! Tiles of the map: Web Mercator squares (XYZ scheme) with the roads that matter at their zoom.

use std::f64::consts::PI;
use std::sync::Arc;

use kvartal_kernel::Error;
use kvartal_kernel::geo::{Bounds, LatLng};

use super::{Network, RoadClass, Segment, line};

/// Units of a tile's side.
pub const EXTENT: i32 = 4096;
/// How far beyond its sides a tile is drawn, units: lines have a width.
const MARGIN: f64 = 64.0;
/// Roads of a tile at most, the most important ones.
pub const FEATURES_MAX: usize = 6_000;
/// Points that lie this near to the line between their neighbours are left out, units.
const SIMPLIFY: f64 = 2.0;
/// Deepest zoom.
pub const ZOOM_MAX: u32 = 20;

/// Names a tile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TileId {
    /// 0 for the whole world.
    pub zoom: u32,
    /// From the west.
    pub column: u32,
    /// From the north.
    pub row: u32,
}

/// A road as the tile shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Drawn {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Its parts within the tile, in units from the north-west corner.
    pub lines: Vec<Vec<(i32, i32)>>,
}

/// What a tile shows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tile {
    /// The roads, the most important first.
    pub roads: Vec<Drawn>,
    /// Roads that were left out because there were too many.
    pub omitted: u32,
}

impl TileId {
    /// A tile that exists.
    pub fn new(zoom: u32, column: u32, row: u32) -> Result<Self, Error> {
        if zoom > ZOOM_MAX {
            return Err(Error::invalid("zoom", format!("must be at most {ZOOM_MAX}")));
        }
        let side = 1_u32 << zoom;
        for (field, value) in [("column", column), ("row", row)] {
            if value >= side {
                return Err(Error::invalid(field, format!("must be less than {side} at zoom {zoom}")));
            }
        }
        Ok(Self { zoom, column, row })
    }

    /// The least important roads that are shown at this zoom.
    pub fn least_class(self) -> RoadClass {
        match self.zoom {
            0..=7 => RoadClass::Motorway,
            8..=9 => RoadClass::Trunk,
            10 => RoadClass::Primary,
            11 => RoadClass::Secondary,
            12 => RoadClass::Tertiary,
            _ => RoadClass::Link,
        }
    }

    /// The box on the ground, margin included.
    pub fn bounds(self) -> Bounds {
        let margin = MARGIN / f64::from(EXTENT);
        let side = f64::from(1_u32 << self.zoom);
        let longitude = |x: f64| (x / side * 360.0 - 180.0).clamp(-180.0, 180.0);
        let latitude = |y: f64| (PI * (1.0 - 2.0 * (y / side).clamp(0.0, 1.0))).sinh().atan().to_degrees();
        let (x, y) = (f64::from(self.column), f64::from(self.row));
        Bounds {
            south: latitude(y + 1.0 + margin),
            west: longitude(x - margin),
            north: latitude(y - margin),
            east: longitude(x + 1.0 + margin),
        }
    }

    /// A point in units of this tile.
    fn units(self, point: LatLng) -> (f64, f64) {
        let side = f64::from(1_u32 << self.zoom);
        let sine = point.latitude.to_radians().sin().clamp(-0.999_999, 0.999_999);
        let x = (point.longitude + 180.0) / 360.0 * side - f64::from(self.column);
        let y = (0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * PI)) * side - f64::from(self.row);
        (x * f64::from(EXTENT), y * f64::from(EXTENT))
    }
}

impl Network {
    /// What a tile shows.
    pub fn tile(&self, id: TileId) -> Tile {
        let bounds = id.bounds();
        let least = id.least_class();
        let mut tile = Tile::default();
        for segment in self.touching(&bounds).take_while(|segment| segment.facts.class <= least) {
            if tile.roads.len() >= FEATURES_MAX {
                tile.omitted += 1;
                continue;
            }
            let lines = draw(&segment.facts.geometry, &bounds, id);
            if !lines.is_empty() {
                tile.roads.push(Drawn { segment: segment.clone(), lines });
            }
        }
        tile
    }
}

/// The parts of a line within the box, simplified; parts that are smaller than a unit are left out.
fn draw(points: &[LatLng], bounds: &Bounds, id: TileId) -> Vec<Vec<(i32, i32)>> {
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut unbroken = false;
    for ends in points.windows(2) {
        let Some((from, to)) = line::clip(ends[0], ends[1], bounds) else {
            unbroken = false;
            continue;
        };
        if !unbroken || from > 0.0 {
            lines.push(vec![id.units(line::between(ends[0], ends[1], from))]);
        }
        if let Some(last) = lines.last_mut() {
            last.push(id.units(line::between(ends[0], ends[1], to)));
        }
        unbroken = to >= 1.0;
    }
    let drawn = lines.into_iter().map(|line| rounded(&simplified(&line)));
    drawn.filter(|line| line.len() >= 2).collect()
}

/// Without the points that add nothing (Douglas and Peucker 1973).
fn simplified(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut keep = vec![false; points.len()];
    if let Some(last) = points.len().checked_sub(1) {
        (keep[0], keep[last]) = (true, true);
        let mut open = vec![(0, last)];
        while let Some((from, to)) = open.pop() {
            let farthest = (from + 1..to)
                .map(|index| (index, distance(points[index], points[from], points[to])))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((index, far)) = farthest
                && far > SIMPLIFY
            {
                keep[index] = true;
                open.extend([(from, index), (index, to)]);
            }
        }
    }
    points.iter().zip(keep).filter_map(|(point, keep)| keep.then_some(*point)).collect()
}

/// Of a point from the piece between two others.
fn distance(point: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let square = dx * dx + dy * dy;
    let along = if square > 0.0 { ((point.0 - a.0) * dx + (point.1 - a.1) * dy) / square } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    (point.0 - a.0 - dx * along).hypot(point.1 - a.1 - dy * along)
}

#[expect(clippy::cast_possible_truncation, reason = "clipped to a tile with its margin")]
fn rounded(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut line: Vec<(i32, i32)> = points.iter().map(|(x, y)| (x.round() as i32, y.round() as i32)).collect();
    line.dedup();
    line
}
