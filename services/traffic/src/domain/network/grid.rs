//! Which segments are near: a grid of cells of about a kilometre, each with the places of what reaches into it.

use std::collections::HashMap;

use kvartal_kernel::geo::Bounds;

/// Degrees of latitude and of longitude of a cell.
const HEIGHT: f64 = 0.01;
const WIDTH: f64 = 0.02;
/// What reaches into more cells than this is looked at by every query.
const CELLS_MAX: i64 = 64;

type Cell = (i32, i32);

/// The grid.
#[derive(Debug, Default)]
pub(super) struct Grid {
    cells: HashMap<Cell, Vec<u32>>,
    /// What is too large for cells.
    wide: Vec<u32>,
}

impl Grid {
    /// Of these boxes; the place of each is its number.
    pub(super) fn of<'a>(boxes: impl Iterator<Item = &'a Bounds>) -> Self {
        let mut grid = Self::default();
        for (place, bounds) in (0_u32..).zip(boxes) {
            let (rows, columns) = spans(bounds);
            if size(&rows, &columns) > CELLS_MAX {
                grid.wide.push(place);
                continue;
            }
            for row in rows {
                for column in columns.clone() {
                    grid.cells.entry((row, column)).or_default().push(place);
                }
            }
        }
        grid
    }

    /// Places of at least those that touch the box, in order, each once; `None` when that would be most of them.
    pub(super) fn near(&self, bounds: &Bounds) -> Option<Vec<u32>> {
        let mut places = self.wide.clone();
        for part in bounds.parts() {
            let (rows, columns) = spans(&part);
            if size(&rows, &columns) > i64::try_from(self.cells.len() / 2).unwrap_or(i64::MAX).max(CELLS_MAX) {
                return None;
            }
            for row in rows {
                for column in columns.clone() {
                    places.extend(self.cells.get(&(row, column)).into_iter().flatten());
                }
            }
        }
        places.sort_unstable();
        places.dedup();
        Some(places)
    }
}

type Span = std::ops::RangeInclusive<i32>;

fn spans(bounds: &Bounds) -> (Span, Span) {
    let rows = index(bounds.south, HEIGHT)..=index(bounds.north, HEIGHT);
    let columns = index(bounds.west, WIDTH)..=index(bounds.east, WIDTH);
    (rows, columns)
}

fn size(rows: &Span, columns: &Span) -> i64 {
    let count = |span: &Span| i64::from(*span.end()) - i64::from(*span.start()) + 1;
    count(rows) * count(columns)
}

#[expect(clippy::cast_possible_truncation, reason = "at most 18,000 either way")]
fn index(degrees: f64, size: f64) -> i32 {
    (degrees / size).floor() as i32
}
