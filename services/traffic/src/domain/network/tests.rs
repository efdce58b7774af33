//! What the network says, compared with looking at every segment.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{PageRequest, Timestamp, Version};
use proptest::prelude::*;

use super::district::District;
use super::segment::SegmentFacts;
use super::tile::{EXTENT, TileId};
use super::{Network, RoadClass, Segment, SegmentFilter, SegmentId, line};

fn at(latitude: f64, longitude: f64) -> LatLng {
    LatLng::new(latitude, longitude).unwrap()
}

fn facts(class: RoadClass, geometry: Vec<LatLng>) -> SegmentFacts {
    SegmentFacts {
        display_name: String::new(),
        corridor: String::new(),
        corridor_offset_m: 0.0,
        geometry,
        class,
        speed_limit_kmh: 60.0,
        lanes: 1,
        next: Vec::new(),
    }
}

fn segment(name: &str, facts: SegmentFacts) -> Arc<Segment> {
    Arc::new(Segment::new(name.to_owned(), facts, Timestamp(0)))
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// Short roads of every class all over a region of half a degree, and a few long ones.
fn scattered(count: usize) -> Vec<Arc<Segment>> {
    let mut numbers = Numbers(7);
    (0..count)
        .map(|index| {
            let class = RoadClass::ALL[index % RoadClass::ALL.len()];
            let reach = if index % 997 == 0 { 0.3 } else { 0.004 };
            let mut point = at(numbers.between(55.5, 56.0), numbers.between(37.2, 38.0));
            let points = (0..4).map(|_| {
                let next = at(
                    point.latitude + numbers.between(-reach, reach),
                    point.longitude + numbers.between(-reach, reach),
                );
                std::mem::replace(&mut point, next)
            });
            let geometry: Vec<LatLng> = points.collect();
            segment(&format!("s{index}"), facts(class, geometry))
        })
        .collect()
}

/// Whether a line touches a box, by walking along it in small steps: an oracle that shares nothing with the code. Says
/// nothing about lines that cut a corner between two steps.
fn surely_touches(line: &[LatLng], bounds: &Bounds, margin: f64) -> bool {
    let inner = Bounds {
        south: bounds.south + margin,
        west: bounds.west + margin,
        north: bounds.north - margin,
        east: bounds.east - margin,
    };
    let holds = |point: LatLng| {
        (inner.south..=inner.north).contains(&point.latitude) && (inner.west..=inner.east).contains(&point.longitude)
    };
    line.windows(2).any(|ends| (0..=200).any(|step| holds(line::between(ends[0], ends[1], f64::from(step) / 200.0))))
}

/// Whether two boxes share a point, far from the date line.
fn meet(a: &Bounds, b: &Bounds) -> bool {
    a.south <= b.north && b.south <= a.north && a.west <= b.east && b.west <= a.east
}

/// Segments, each with the box about its points.
type Boxed = Vec<(Arc<Segment>, Bounds)>;

/// A hundred thousand segments, and the network of them.
fn large() -> &'static (Boxed, Network) {
    static LARGE: LazyLock<(Boxed, Network)> = LazyLock::new(|| {
        let all = scattered(100_000);
        let boxed = all.iter().map(|segment| (segment.clone(), Bounds::of(&segment.facts.geometry))).collect();
        (boxed, Network::new(1, all, Vec::new()))
    });
    &LARGE
}

/// Degrees from a street to the whole region, mostly small.
fn extent() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 0.0001..0.005_f64, 6 => 0.005..0.1_f64, 1 => 0.1..1.0_f64]
}

#[test]
fn pages_of_a_filter_hold_everything_once_and_in_order() {
    let all = scattered(3_000);
    let network = Network::new(1, all.clone(), Vec::new());
    let bounds = Bounds::new(at(55.6, 37.4), at(55.9, 37.9)).unwrap();
    let filter = SegmentFilter {
        bounds: Some(bounds),
        classes: vec![RoadClass::Trunk, RoadClass::Residential],
        ..SegmentFilter::default()
    };
    let mut seen: Vec<SegmentId> = Vec::new();
    let mut after = None;
    loop {
        let page = network.page(&filter, PageRequest { size: 17, after });
        seen.extend(page.items.iter().map(|segment| segment.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<&Arc<Segment>> = all.iter().filter(|segment| network.matches(&filter, segment)).collect();
    expected.sort_by_key(|segment| (segment.facts.class, segment.id));
    assert!(expected.len() > 100);
    assert_eq!(seen, expected.iter().map(|segment| segment.id).collect::<Vec<_>>());
}

#[test]
fn the_nearest_road_is_the_nearest_and_the_right_way_round() {
    let all = scattered(20_000);
    let network = Network::new(1, all.clone(), Vec::new());
    let mut numbers = Numbers(3);
    for _ in 0..50 {
        let point = at(numbers.between(55.55, 55.95), numbers.between(37.3, 37.9));
        let least = all
            .iter()
            .map(|segment| line::nearest(&segment.facts.geometry, point).distance_m)
            .min_by(f64::total_cmp)
            .unwrap();
        match network.nearest(point, 300.0, None) {
            Some(found) => assert!((found.distance_m - least).abs() < 1e-6, "{} instead of {least}", found.distance_m),
            None => assert!(least > 300.0, "{least} m away and not found"),
        }
    }
    let (a, b) = (at(55.0, 37.0), at(55.0, 37.01));
    let east = segment("east", facts(RoadClass::Primary, vec![a, b]));
    let west = segment("west", facts(RoadClass::Primary, vec![b, a]));
    let network = Network::new(1, vec![east, west], Vec::new());
    let found = network.nearest(at(55.0001, 37.002), 60.0, Some(268.0)).unwrap();
    assert_eq!(found.segment.name, "west");
    assert!((found.offset_m - 0.8 * found.segment.length_m).abs() < 0.5);
    assert!(network.nearest(at(55.01, 37.002), 60.0, None).is_none());
}

#[test]
fn a_segment_belongs_to_the_district_that_holds_most_of_it() {
    let ring = |west: f64| vec![at(55.0, west), at(55.0, west + 0.1), at(55.1, west + 0.1), at(55.1, west)];
    let district = |name: &str, west: f64| {
        Arc::new(District::new(name.into(), name.into(), name.into(), ring(west), Version::FIRST).unwrap())
    };
    let across = segment("across", facts(RoadClass::Primary, vec![at(55.05, 37.09), at(55.05, 37.13)]));
    let outside = segment("outside", facts(RoadClass::Primary, vec![at(56.05, 37.09), at(56.05, 37.13)]));
    let network =
        Network::new(1, vec![across.clone(), outside.clone()], vec![district("east", 37.1), district("west", 37.0)]);
    assert_eq!(network.district_of(across.id).unwrap().name, "east");
    assert!(network.district_of(outside.id).is_none());
    let filter = SegmentFilter { district: "east".into(), ..SegmentFilter::default() };
    assert_eq!(network.page(&filter, PageRequest { size: 50, after: None }).items.len(), 1);
}

/// A grid of streets, both ways: names are `row-column-heading`.
fn streets(side: usize) -> Vec<Arc<Segment>> {
    let node = |row: usize, column: usize| at(55.0 + row as f64 * 0.005, 37.0 + column as f64 * 0.008);
    let mut all = Vec::new();
    for row in 0..side {
        for column in 0..side {
            for (heading, (to_row, to_column)) in [
                ("n", (row + 1, column)),
                ("s", (row.wrapping_sub(1), column)),
                ("e", (row, column + 1)),
                ("w", (row, column.wrapping_sub(1))),
            ] {
                if to_row < side && to_column < side {
                    let mut facts = facts(RoadClass::Tertiary, vec![node(row, column), node(to_row, to_column)]);
                    facts.next =
                        ["n", "s", "e", "w"].iter().map(|next| format!("{to_row}-{to_column}-{next}")).collect();
                    all.push(segment(&format!("{row}-{column}-{heading}"), facts));
                }
            }
        }
    }
    all
}

#[test]
fn the_quickest_way_goes_round_what_is_slow() {
    let network = Network::new(1, streets(6), Vec::new());
    let from = network.nearest(at(55.0, 37.001), 60.0, Some(90.0)).unwrap();
    let to = network.nearest(at(55.0, 37.039), 60.0, Some(90.0)).unwrap();
    let straight = network.way(&from, &to, |_| 36.0).unwrap();
    let expected = at(55.0, 37.001).distance_m(at(55.0, 37.039));
    assert!((straight.distance_m - expected).abs() < 1.0, "{straight:?} instead of {expected} m");
    assert!((straight.seconds - expected / 10.0).abs() < 0.2);
    // One street on the way stands still: around the block it is quicker.
    let around = network.way(&from, &to, |segment| if segment.name == "0-2-e" { 1.0 } else { 36.0 }).unwrap();
    assert!(around.distance_m > straight.distance_m + 1_000.0, "{around:?}");
    // Against Floyd and Warshall's answer on crossings.
    let unreachable = network.nearest(at(55.0, 37.001), 60.0, Some(90.0)).unwrap();
    assert!(network.way(&to, &unreachable, |_| 36.0).is_some());
}

#[test]
fn nothing_leads_where_no_road_goes() {
    let mut lonely = facts(RoadClass::Primary, vec![at(55.2, 37.2), at(55.21, 37.2)]);
    lonely.next = vec!["nowhere".into()];
    let mut all = streets(3);
    all.push(segment("lonely", lonely));
    let network = Network::new(1, all, Vec::new());
    let from = network.nearest(at(55.205, 37.2), 60.0, None).unwrap();
    let to = network.nearest(at(55.0, 37.001), 60.0, Some(90.0)).unwrap();
    assert!(network.way(&from, &to, |_| 36.0).is_none());
}

#[test]
fn tiles_beside_each_other_show_every_road_and_important_ones_first() {
    let all = scattered(5_000);
    let network = Network::new(1, all.clone(), Vec::new());
    let home = |point: LatLng, zoom: u32| {
        let side = f64::from(1_u32 << zoom);
        let sine = point.latitude.to_radians().sin();
        let x = (point.longitude + 180.0) / 360.0 * side;
        let y = (0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI)) * side;
        TileId::new(zoom, x as u32, y as u32).unwrap()
    };
    for segment in all.iter().step_by(50) {
        let tile = network.tile(home(segment.facts.geometry[1], 14));
        let shown = tile.roads.iter().find(|road| road.segment.id == segment.id);
        assert!(shown.is_some(), "{} is not on its tile", segment.name);
        assert!(tile.roads.is_sorted_by_key(|road| road.segment.facts.class));
        for (x, y) in tile.roads.iter().flat_map(|road| road.lines.iter().flatten()) {
            assert!((-70..=EXTENT + 70).contains(x) && (-70..=EXTENT + 70).contains(y), "({x}, {y})");
        }
    }
    let coarse = network.tile(home(all[0].facts.geometry[0], 8));
    assert!(!coarse.roads.is_empty());
    assert!(coarse.roads.iter().all(|road| road.segment.facts.class <= RoadClass::Trunk));
}

#[test]
fn a_tile_that_does_not_exist_is_refused_by_name() {
    let error = TileId::new(3, 8, 0).unwrap_err();
    assert_eq!(error.field_violations()[0].field, "column");
    assert!(TileId::new(21, 0, 0).is_err());
}

#[test]
fn facts_without_length_or_leading_to_themselves_are_refused() {
    let point = at(55.0, 37.0);
    let error = facts(RoadClass::Primary, vec![point, point]).checked("a", "segment.").unwrap_err();
    assert_eq!(error.field_violations()[0].field, "segment.geometry");
    let mut looped = facts(RoadClass::Primary, vec![point, at(55.0, 37.1)]);
    looped.next = vec!["b".into(), "a".into(), "b".into()];
    assert_eq!(looped.clone().checked("a", "").unwrap_err().field_violations()[0].field, "next_segment_ids");
    assert_eq!(looped.checked("c", "").unwrap().next, ["b", "a"]);
}

proptest! {
    #[test]
    fn a_box_of_a_hundred_thousand_segments_gives_what_looking_at_each_gives(
        south in 55.3..56.1_f64, west in 37.0..38.1_f64, height in extent(), width in extent(),
    ) {
        let (all, network) = large();
        let bounds = Bounds::new(at(south, west), at(south + height, west + width)).unwrap();
        let found: Vec<SegmentId> = network.touching(&bounds).map(|segment| segment.id).collect();
        // What does not even overlap with its box does not touch: looking closely at the others is quick enough.
        let near: Vec<&Arc<Segment>> =
            all.iter().filter(|(_, about)| meet(about, &bounds)).map(|(segment, _)| segment).collect();
        let mut expected: Vec<&Arc<Segment>> =
            near.iter().copied().filter(|segment| line::touches(&segment.facts.geometry, &bounds)).collect();
        expected.sort_by_key(|segment| (segment.facts.class, segment.id));
        prop_assert_eq!(&found, &expected.iter().map(|segment| segment.id).collect::<Vec<_>>());
        let found: HashSet<SegmentId> = found.into_iter().collect();
        let sample = near.iter().step_by(near.len() / 100 + 1);
        for segment in sample.filter(|segment| surely_touches(&segment.facts.geometry, &bounds, 1e-6)) {
            prop_assert!(found.contains(&segment.id), "{} is missing", segment.name);
        }
    }

    #[test]
    fn a_point_of_a_line_is_found_where_it_was_taken(
        turns in prop::collection::vec((-0.01..0.01_f64, 0.001..0.01_f64), 1..20), share in 0.0..1.0_f64,
    ) {
        // Runs east, so that it does not meet itself.
        let mut point = at(55.0, 37.0);
        let mut line = vec![point];
        for (north, east) in turns {
            point = at(point.latitude + north, point.longitude + east);
            line.push(point);
        }
        let offset = line::length_m(&line) * share;
        let taken = line::point_at(&line, offset).unwrap();
        let spot = line::nearest(&line, taken);
        prop_assert!(spot.distance_m < 0.5, "{} m beside the line", spot.distance_m);
        prop_assert!((spot.offset_m - offset).abs() < 2.0, "{} instead of {offset}", spot.offset_m);
    }

    #[test]
    fn what_is_clipped_lies_in_the_box(
        ay in 0.0..1.0_f64, ax in 0.0..1.0_f64, by in 0.0..1.0_f64, bx in 0.0..1.0_f64,
    ) {
        let bounds = Bounds { south: 0.3, west: 0.4, north: 0.6, east: 0.8 };
        let (a, b) = (at(ay, ax), at(by, bx));
        match line::clip(a, b, &bounds) {
            Some((from, to)) => for share in [from, f64::midpoint(from, to), to] {
                let point = line::between(a, b, share);
                prop_assert!(point.latitude > 0.3 - 1e-9 && point.latitude < 0.6 + 1e-9);
                prop_assert!(point.longitude > 0.4 - 1e-9 && point.longitude < 0.8 + 1e-9);
            },
            None => for step in 0..=100 {
                prop_assert!(!bounds.contains(line::between(a, b, f64::from(step) / 100.0)));
            },
        }
    }
}
