//! The road network of the demo city: its streets, cut where they meet, once for each direction.

use crate::demo::city::{City, Grade, Point, metres, offset, round};

/// Crossings nearer to each other than this are one.
const MERGE_M: f64 = 90.0;
/// A point of a street this near to a crossing adds nothing to its shape.
const NEAR_M: f64 = 35.0;
/// Longer pieces are cut in equal parts, so that a queue has somewhere to end.
const PIECE_MAX_M: f64 = 650.0;
/// Each direction is drawn this far to the right of the middle of the street.
const ASIDE_M: f64 = 5.0;

type Metres = (f64, f64);

/// The network: directed roads between crossings.
#[derive(Clone, Debug)]
pub(crate) struct Roads {
    /// Every direction of every piece; the two directions of a piece follow each other.
    pub(crate) roads: Vec<Road>,
    /// Where roads meet, in metres east and north of the middle.
    pub(crate) crossings: Vec<Metres>,
}

/// One direction of a piece of street.
#[derive(Clone, Debug)]
pub(crate) struct Road {
    /// Stable over runs.
    pub(crate) id: String,
    /// The street.
    pub(crate) street: &'static str,
    /// The street and the direction, short.
    pub(crate) corridor: String,
    /// Metres from where the street begins in this direction.
    pub(crate) along_m: f64,
    /// How much it carries.
    pub(crate) grade: Grade,
    /// Number of the crossing where it begins.
    pub(crate) from: usize,
    /// And ends.
    pub(crate) to: usize,
    /// Its middle line, first to last as one drives.
    pub(crate) points: Vec<Point>,
    /// Metres.
    pub(crate) length_m: f64,
}

impl Grade {
    /// Lanes of one direction.
    pub(crate) fn lanes(self) -> u32 {
        match self {
            Self::Trunk => 3,
            Self::Primary | Self::Secondary => 2,
            Self::Tertiary => 1,
        }
    }

    /// Km/h.
    pub(crate) fn speed_limit(self) -> u32 {
        match self {
            Self::Trunk => 80,
            Self::Primary => 60,
            Self::Secondary => 50,
            Self::Tertiary => 40,
        }
    }
}

impl Roads {
    /// The network of the city.
    pub(crate) fn of(city: &City) -> Self {
        let lines: Vec<Vec<Metres>> =
            city.streets.iter().map(|street| street.points.iter().map(|point| metres(*point)).collect()).collect();
        let mut crossings = Vec::new();
        let cuts: Vec<Vec<Cut>> = (0..lines.len()).map(|line| cuts(&lines, line, &mut crossings)).collect();
        let mut roads = Vec::new();
        for (number, ((street, line), cuts)) in city.streets.iter().zip(&lines).zip(&cuts).enumerate() {
            let whole = length(line);
            let mut along_m = 0.0;
            for ends in cuts.windows(2) {
                let &[a, b] = ends else { continue };
                for (from, to, middle) in pieces(line, a, b, &mut crossings) {
                    let mut back = middle.clone();
                    back.reverse();
                    let length_m = length(&middle);
                    let there = (from, to, middle, "a", along_m);
                    along_m += length_m;
                    let back = (to, from, back, "b", (whole - along_m).max(0.0));
                    for (from, to, middle, way, along_m) in [there, back] {
                        let points = aside(&middle).into_iter().map(|(east, north)| round(offset(east, north)));
                        roads.push(Road {
                            id: format!("road-{:03}", roads.len()),
                            street: street.name,
                            corridor: format!("street-{number:02}-{way}"),
                            along_m,
                            grade: street.grade,
                            from,
                            to,
                            points: points.collect(),
                            length_m,
                        });
                    }
                }
            }
        }
        Self { roads, crossings }
    }

    /// Roads that begin at each crossing.
    pub(crate) fn leaving(&self) -> Vec<Vec<usize>> {
        let mut leaving = vec![Vec::new(); self.crossings.len()];
        for (index, road) in self.roads.iter().enumerate() {
            leaving[road.from].push(index);
        }
        leaving
    }

    /// What people would say: the street, and to where.
    pub(crate) fn name(&self, road: &Road) -> String {
        let meets = |other: &&Road| other.street != road.street && (other.from == road.to || other.to == road.to);
        match self.roads.iter().find(meets) {
            Some(other) => format!("{} → {}", road.street, other.street),
            None => road.street.to_owned(),
        }
    }

    /// Where one can drive on to: not back, unless there is no other way.
    pub(crate) fn leaving_after(&self, road: usize) -> Vec<usize> {
        let Some(road) = self.roads.get(road) else { return Vec::new() };
        let leaving = || (0..self.roads.len()).filter(|next| self.roads[*next].from == road.to);
        let onward: Vec<usize> = leaving().filter(|next| self.roads[*next].to != road.from).collect();
        if onward.is_empty() { leaving().collect() } else { onward }
    }

    /// The road that is nearest to a point, and how far it is, metres.
    pub(crate) fn nearest(&self, point: Point) -> Option<(usize, f64)> {
        let point = metres(point);
        let roads = self.roads.iter().map(|road| beside(&road.points, point)).enumerate();
        roads.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// How much nearer to the middle of the city the road leads, as a share of its length: from -1 (straight out) to 1
    /// (straight in).
    pub(crate) fn inward(&self, road: &Road) -> f64 {
        let ((ax, ay), (bx, by)) = (self.crossings[road.from], self.crossings[road.to]);
        (ax.hypot(ay) - bx.hypot(by)) / road.length_m.max(1.0)
    }
}

/// A place where a street is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// Number of the point before it, and the share of the way to the next.
    at: f64,
    /// Which crossing.
    crossing: usize,
}

/// Where this street meets others and where it ends, in order.
fn cuts(lines: &[Vec<Metres>], number: usize, crossings: &mut Vec<Metres>) -> Vec<Cut> {
    let line = &lines[number];
    let mut found: Vec<(f64, Metres)> = Vec::new();
    for other in (0..lines.len()).filter(|other| *other != number) {
        // The lower number first: both streets then find exactly the same point.
        let (low, high) = (number.min(other), number.max(other));
        for (i, a) in lines[low].windows(2).enumerate() {
            for (j, b) in lines[high].windows(2).enumerate() {
                if let Some((s, t, point)) = meet(a, b) {
                    found.push((if low == number { i as f64 + s } else { j as f64 + t }, point));
                }
            }
        }
    }
    let closed = line.first().zip(line.last()).is_some_and(|(first, last)| distance(*first, *last) < 1.0);
    if !closed {
        found.extend(line.first().map(|point| (0.0, *point)));
        found.extend(line.last().map(|point| ((line.len() - 1) as f64, *point)));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut cuts: Vec<Cut> = Vec::new();
    for (at, point) in found {
        let crossing = number_of(point, crossings);
        if cuts.last().is_none_or(|last| last.crossing != crossing) {
            cuts.push(Cut { at, crossing });
        }
    }
    if closed && let Some(first) = cuts.first().copied() {
        if cuts.last().is_some_and(|last| last.crossing == first.crossing) && cuts.len() > 1 {
            cuts.pop();
        }
        cuts.push(Cut { at: first.at + (line.len() - 1) as f64, crossing: first.crossing });
    }
    cuts
}

/// The crossing at this point; a new one when none is near.
fn number_of(point: Metres, crossings: &mut Vec<Metres>) -> usize {
    let near = crossings.iter().position(|crossing| distance(*crossing, point) < MERGE_M);
    near.unwrap_or_else(|| {
        crossings.push(point);
        crossings.len() - 1
    })
}

/// The line between two cuts, in parts of bearable length: from which crossing, to which, along which points.
fn pieces(line: &[Metres], a: Cut, b: Cut, crossings: &mut Vec<Metres>) -> Vec<(usize, usize, Vec<Metres>)> {
    let (start, end) = (crossings[a.crossing], crossings[b.crossing]);
    let last = line.len() - 1;
    let inner = (a.at.floor() as usize + 1..b.at.ceil() as usize).map(|index| line[index % last.max(1)]);
    let inner = inner.filter(|point| distance(*point, start) > NEAR_M && distance(*point, end) > NEAR_M);
    let middle: Vec<Metres> = std::iter::once(start).chain(inner).chain([end]).collect();
    let whole = length(&middle);
    let parts = (whole / PIECE_MAX_M).ceil().max(1.0);
    let mut from = a.crossing;
    let mut made = Vec::new();
    for part in 0..parts as usize {
        let (low, high) = (whole * part as f64 / parts, whole * (part + 1) as f64 / parts);
        let points = between(&middle, low, high);
        let to = if part + 1 == parts as usize {
            b.crossing
        } else {
            crossings.push(points.last().copied().unwrap_or(end));
            crossings.len() - 1
        };
        made.push((from, to, points));
        from = to;
    }
    made
}

/// The part of a line between two distances from its beginning.
fn between(line: &[Metres], low: f64, high: f64) -> Vec<Metres> {
    let mut points = vec![along(line, low)];
    let mut passed = 0.0;
    for ends in line.windows(2) {
        passed += length(ends);
        if passed > low + 1.0 && passed < high - 1.0 {
            points.push(ends[1]);
        }
    }
    points.push(along(line, high));
    points
}

/// The point this far along.
fn along(line: &[Metres], mut left: f64) -> Metres {
    for ends in line.windows(2) {
        let piece = length(ends);
        if left <= piece && piece > 0.0 {
            let share = left / piece;
            return (ends[0].0 + (ends[1].0 - ends[0].0) * share, ends[0].1 + (ends[1].1 - ends[0].1) * share);
        }
        left -= piece;
    }
    line.last().copied().unwrap_or_default()
}

/// The line moved to the right of the way it runs.
fn aside(line: &[Metres]) -> Vec<Metres> {
    let moved = line.iter().enumerate().map(|(index, point)| {
        let before = line[index.saturating_sub(1)];
        let after = line[(index + 1).min(line.len() - 1)];
        let (x, y) = (after.0 - before.0, after.1 - before.1);
        let norm = x.hypot(y).max(1e-9);
        (point.0 + y / norm * ASIDE_M, point.1 - x / norm * ASIDE_M)
    });
    moved.collect()
}

/// Where two pieces cross: the shares of each, and the point.
fn meet(a: &[Metres], b: &[Metres]) -> Option<(f64, f64, Metres)> {
    let (&[p, q], &[r, s]) = (a, b) else { return None };
    let (d, e) = ((q.0 - p.0, q.1 - p.1), (s.0 - r.0, s.1 - r.1));
    let cross = d.0 * e.1 - d.1 * e.0;
    if cross.abs() < 1e-9 {
        return None;
    }
    let (x, y) = (r.0 - p.0, r.1 - p.1);
    let (t, u) = ((x * e.1 - y * e.0) / cross, (x * d.1 - y * d.0) / cross);
    let inside = (0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u);
    inside.then(|| (t, u, (p.0 + d.0 * t, p.1 + d.1 * t)))
}

/// How far a point is from a line.
fn beside(line: &[Point], point: Metres) -> f64 {
    let line: Vec<Metres> = line.iter().map(|point| metres(*point)).collect();
    let pieces = line.windows(2).map(|ends| {
        let (a, b) = (ends[0], ends[1]);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 { ((point.0 - a.0) * dx + (point.1 - a.1) * dy) / square } else { 0.0 };
        let share = share.clamp(0.0, 1.0);
        distance(point, (a.0 + dx * share, a.1 + dy * share))
    });
    pieces.fold(f64::INFINITY, f64::min)
}

/// The point of a road at this share of its length.
pub(crate) fn point_on(road: &Road, share: f64) -> Point {
    let line: Vec<Metres> = road.points.iter().map(|point| metres(*point)).collect();
    let (east, north) = along(&line, length(&line) * share.clamp(0.0, 1.0));
    round(offset(east, north))
}

/// Where a road leads at its end, degrees clockwise from north.
pub(crate) fn heading(road: &Road) -> f64 {
    let ends = road.points.len().checked_sub(2).and_then(|from| road.points.get(from..));
    let Some(&[a, b]) = ends else { return 0.0 };
    let (a, b) = (metres(a), metres(b));
    (b.0 - a.0).atan2(b.1 - a.1).to_degrees().rem_euclid(360.0)
}

fn length(line: &[Metres]) -> f64 {
    line.windows(2).map(|ends| distance(ends[0], ends[1])).sum()
}

fn distance(a: Metres, b: Metres) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_network_is_the_same_every_time_and_of_the_size_of_a_city() {
        let roads = Roads::of(&City::generate());
        assert_eq!(format!("{roads:?}"), format!("{:?}", Roads::of(&City::generate())));
        assert!((300..600).contains(&roads.roads.len()), "{} roads", roads.roads.len());
        let total_km = roads.roads.iter().map(|road| road.length_m).sum::<f64>() / 1_000.0;
        assert!((150.0..260.0).contains(&total_km), "{total_km} km");
        for road in &roads.roads {
            assert!(road.length_m >= 40.0 && road.length_m <= PIECE_MAX_M + 1.0, "{road:?}");
            assert!(road.from != road.to, "{road:?}");
            assert!(road.points.len() >= 2);
        }
    }

    #[test]
    fn every_road_can_be_reached_from_every_other() {
        let roads = Roads::of(&City::generate());
        let leaving = roads.leaving();
        let mut seen = BTreeSet::from([0]);
        let mut open = vec![0];
        while let Some(crossing) = open.pop() {
            for road in &leaving[crossing] {
                if seen.insert(roads.roads[*road].to) {
                    open.push(roads.roads[*road].to);
                }
            }
        }
        assert_eq!(seen.len(), roads.crossings.len());
    }

    #[test]
    fn the_two_directions_of_a_street_lie_beside_each_other() {
        let roads = Roads::of(&City::generate());
        for pair in roads.roads.chunks(2) {
            assert_eq!((pair[0].from, pair[0].to), (pair[1].to, pair[1].from));
            let (a, b) = (metres(pair[0].points[0]), metres(*pair[1].points.last().expect("points")));
            let apart = distance(a, b);
            assert!((8.0..12.0).contains(&apart), "{apart} m apart");
        }
    }
}
