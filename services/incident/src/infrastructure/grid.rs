//! A grid over the earth, so that an ordinary index finds what lies in a box.
//!
//! A cell is 0.01 degrees high and 0.02 wide, about a kilometre each way in the middle latitudes. The cells of one row
//! are neighbours in the index, so a box is one range for each row. What is larger than a cell is kept apart, in
//! [`WIDE`]; the rest may reach over the edge of its cell by no more than one cell, and boxes are widened by that.

use crate::domain::geo::{Bounds, LatLng};

/// Degrees of latitude of a cell.
const HEIGHT: f64 = 0.01;
/// Degrees of longitude of a cell.
const WIDTH: f64 = 0.02;
/// Cells from west to east at most; also the distance of a cell from the one above it.
const ROW: i32 = 1 << 15;
/// A box of more rows is one range over them all: there would be too many ranges.
const ROWS_MAX: i32 = 200;

/// The cell of what is larger than a cell.
pub(super) const WIDE: i32 = -1;

/// The cell of a point.
pub(super) fn cell(point: LatLng) -> i32 {
    row(point.latitude) * ROW + column(point.longitude)
}

/// The cell of a box: that of its middle, unless it is large.
pub(super) fn cell_of_box(bounds: &Bounds) -> i32 {
    let small = bounds.north - bounds.south <= HEIGHT && bounds.east - bounds.west <= WIDTH;
    if small { cell(bounds.center()) } else { WIDE }
}

/// First and last cells that together hold every point of the box, or, widened, everything of at most a cell's size that
/// touches it.
pub(super) fn ranges(bounds: &Bounds, widen: bool) -> Vec<(i32, i32)> {
    let margin = i32::from(widen);
    let (low, high) = (row(bounds.south) - margin, row(bounds.north) + margin);
    if high - low >= ROWS_MAX {
        return vec![(low.max(0) * ROW, high * ROW + ROW - 1)];
    }
    let columns: Vec<(i32, i32)> = bounds
        .parts()
        .iter()
        .map(|part| ((column(part.west) - margin).max(0), (column(part.east) + margin).min(ROW - 1)))
        .collect();
    (low.max(0)..=high)
        .flat_map(|row| columns.iter().map(move |(west, east)| (row * ROW + west, row * ROW + east)))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "at most 18,000")]
fn row(latitude: f64) -> i32 {
    ((latitude + 90.0) / HEIGHT).floor() as i32
}

#[expect(clippy::cast_possible_truncation, reason = "at most 18,000")]
fn column(longitude: f64) -> i32 {
    ((longitude + 180.0) / WIDTH).floor() as i32
}

#[cfg(test)]
mod tests {
    //! What lies in a box is found by its cells.

    use proptest::prelude::*;

    use super::{WIDE, cell, cell_of_box, ranges};
    use crate::domain::geo::{Bounds, LatLng};

    fn covers(bounds: &Bounds, cell: i32, widen: bool) -> bool {
        cell == WIDE || ranges(bounds, widen).iter().any(|(first, last)| (*first..=*last).contains(&cell))
    }

    proptest! {
        #[test]
        fn every_point_of_a_box_is_in_its_ranges(
            south in -89.9..85.0_f64, west in -180.0..180.0_f64, height in 0.0..5.0_f64, width in 0.0..100.0_f64,
            y in 0.0..=1.0_f64, x in 0.0..=1.0_f64,
        ) {
            let turn = |degrees: f64| if degrees > 180.0 { degrees - 360.0 } else { degrees };
            let low = LatLng::new(south, west).unwrap();
            let high = LatLng::new(south + height, turn(west + width)).unwrap();
            let bounds = Bounds::new(low, high).unwrap();
            let point = LatLng::new(south + y * height, turn(west + x * width)).unwrap();
            prop_assume!(bounds.contains(point));
            prop_assert!(covers(&bounds, cell(point), false));
        }

        #[test]
        fn everything_that_touches_a_box_is_in_its_ranges(
            south in -80.0..80.0_f64, west in -170.0..170.0_f64, height in 0.0..2.0_f64, width in 0.0..2.0_f64,
            dy in -0.5..2.5_f64, dx in -0.5..2.5_f64, tall in 0.0..0.02_f64, broad in 0.0..0.04_f64,
        ) {
            let bounds = Bounds { south, west, north: south + height, east: west + width };
            let (y, x) = (south + dy, west + dx);
            let thing = Bounds { south: y, west: x, north: y + tall, east: x + broad };
            if bounds.overlaps(&thing) {
                prop_assert!(covers(&bounds, cell_of_box(&thing), true));
            }
        }
    }

    #[test]
    fn a_box_over_a_city_is_a_range_for_each_row() {
        let bounds = Bounds { south: 55.0, west: 37.0, north: 55.1, east: 37.2 };
        assert!(ranges(&bounds, false).len() <= 12);
        let country = Bounds { south: 41.0, west: 19.0, north: 81.0, east: -169.0 };
        assert_eq!(ranges(&country, true).len(), 1);
    }
}
