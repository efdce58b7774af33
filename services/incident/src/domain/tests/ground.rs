//! Points, boxes, rings and areas.

use kvartal_kernel::Uuid;
use proptest::prelude::*;

use super::at;
use crate::domain::area::{Area, AreaId, locate};
use crate::domain::geo::{Bounds, LatLng, ring_contains, ring_size};

prop_compose! {
    fn any_point()(latitude in -80.0..80.0_f64, longitude in -170.0..170.0_f64) -> LatLng {
        at(latitude, longitude)
    }
}

prop_compose! {
    /// A ring whose corners lie at growing angles around its middle, so that it does not cross itself.
    fn any_ring()(
        middle in any_point(),
        spokes in prop::collection::vec((0.1..1.0_f64, 0.5..3.0_f64), 3..30),
    ) -> Vec<LatLng> {
        let total: f64 = spokes.iter().map(|(width, _)| width).sum();
        let mut angle = 0.0;
        spokes.iter().map(|(width, radius)| {
            angle += width / total * std::f64::consts::TAU;
            at(middle.latitude + radius * angle.sin(), middle.longitude + radius * angle.cos())
        }).collect()
    }
}

proptest! {
    #[test]
    fn a_point_is_inside_a_ring_whichever_way_and_wherever_it_starts(
        ring in any_ring(), dy in -3.0..3.0_f64, dx in -3.0..3.0_f64, turn in 0_usize..30,
    ) {
        let point = at(ring[0].latitude + dy, ring[0].longitude + dx);
        let expected = ring_contains(&ring, point);
        let mut reversed = ring.clone();
        reversed.reverse();
        prop_assert_eq!(ring_contains(&reversed, point), expected);
        let mut turned = ring.clone();
        turned.rotate_left(turn % ring.len());
        prop_assert_eq!(ring_contains(&turned, point), expected);
        if expected {
            prop_assert!(Bounds::of(&ring).contains(point));
        }
    }

    #[test]
    fn a_city_cut_in_two_has_each_point_once(
        cut_a in 0.0..1.0_f64, cut_b in 0.0..1.0_f64, y in 0.0..0.999_f64, x in 0.0..0.999_f64, on_the_cut: bool,
    ) {
        let (low, high) = (at(0.0, cut_a), at(1.0, cut_b));
        let west = [at(0.0, 0.0), low, high, at(1.0, 0.0)];
        let east = [low, at(0.0, 1.0), at(1.0, 1.0), high];
        let longitude = if on_the_cut { cut_a + y * (cut_b - cut_a) } else { x };
        let point = at(y, longitude.clamp(0.0, 0.999));
        prop_assert!(ring_contains(&west, point) != ring_contains(&east, point));
    }

    #[test]
    fn a_convex_ring_holds_what_lies_between_its_corners(
        middle in any_point(), count in 3_usize..20, radius in 0.01..5.0_f64, angle in 0.0..6.3_f64, share in 0.0..2.0_f64,
    ) {
        let corner = |turn: f64, radius: f64| {
            at(middle.latitude + radius * turn.sin(), middle.longitude + radius * turn.cos())
        };
        let step = std::f64::consts::TAU / count as f64;
        let ring: Vec<_> = (0..count).map(|index| corner(step * index as f64, radius)).collect();
        let inner = radius * (step / 2.0).cos();
        let point = corner(angle, radius * share);
        if share * radius < inner * 0.999 {
            prop_assert!(ring_contains(&ring, point));
        } else if share > 1.001 {
            prop_assert!(!ring_contains(&ring, point));
        }
        prop_assert!(ring_size(&ring) > 0.0);
    }

    #[test]
    fn what_is_near_lies_in_the_box_around(center in any_point(), metres in 1.0..100_000.0_f64, other in any_point()) {
        let bounds = Bounds::around(center, metres);
        prop_assert!(bounds.contains(center));
        if center.distance_m(other) <= metres {
            prop_assert!(bounds.contains(other));
        }
        let corner = at(center.latitude + (bounds.north - center.latitude) * 0.7, center.longitude);
        prop_assert!(center.distance_m(corner) <= metres);
    }

    #[test]
    fn distance_is_the_same_both_ways(a in any_point(), b in any_point(), c in any_point()) {
        prop_assert!((a.distance_m(b) - b.distance_m(a)).abs() < 1e-6);
        prop_assert!(a.distance_m(c) <= a.distance_m(b) + b.distance_m(c) + 1e-3);
    }
}

#[test]
fn moscow_lies_634_kilometres_from_petersburg() {
    let metres = at(55.7558, 37.6173).distance_m(at(59.9343, 30.3351));
    assert!((metres - 633_000.0).abs() < 3_000.0, "{metres}");
}

#[test]
fn a_box_across_the_antimeridian_holds_both_sides() {
    let bounds = Bounds::new(at(60.0, 170.0), at(70.0, -170.0)).unwrap();
    assert!(bounds.contains(at(65.0, 179.9)) && bounds.contains(at(65.0, -179.9)));
    assert!(!bounds.contains(at(65.0, 0.0)));
    assert!(Bounds::around(at(65.0, 179.999), 1_000.0).contains(at(65.0, -179.999)));
}

fn square(id: u128, west: f64, size: f64) -> Area {
    let ring = vec![at(0.0, west), at(size, west), at(size, west + size), at(0.0, west + size), at(0.0, west)];
    Area::new(AreaId(Uuid::from_u128(id)), format!("{id}"), ring, String::new()).unwrap()
}

#[test]
fn an_area_runs_counter_clockwise_and_names_no_corner_twice() {
    let area = square(1, 0.0, 1.0);
    assert_eq!(area.boundary.len(), 4);
    assert!(ring_size(&area.boundary) > 0.0);
}

#[test]
fn an_area_without_size_is_refused() {
    let line = vec![at(0.0, 0.0), at(1.0, 1.0), at(2.0, 2.0)];
    assert!(Area::new(AreaId(Uuid::nil()), "line".into(), line, String::new()).is_err());
}

#[test]
fn a_line_belongs_to_the_area_it_enters_first() {
    let areas = [square(1, 0.0, 1.0), square(2, 1.0, 1.0)];
    let found = locate(&areas, &[at(0.5, -0.5), at(0.5, 1.5), at(0.5, 0.5)]).unwrap();
    assert_eq!(found.id, AreaId(Uuid::from_u128(2)));
    assert!(locate(&areas, &[at(5.0, 5.0)]).is_none());
}
