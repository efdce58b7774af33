//! The rules of travel times value by value.

use std::time::Duration;

use super::{RouteStation, Unreliable, smooth, travel_time};

fn station(mile: f64, average: f64, minimum: f64) -> RouteStation {
    RouteStation { mile, average, minimum }
}

#[test]
fn slower_stations_are_averaged_longer() {
    let samples = |newest: &[f64]| smooth(newest, 60.0).unwrap();
    assert!((samples(&[50.0, 50.0, 50.0, 50.0, 10.0]).average - 50.0).abs() < 1e-9, "two minutes are four samples");
    let slow = samples(&[24.0, 24.0, 24.0, 24.0, 30.0, 30.0, 99.0]);
    assert!((slow.average - 26.0).abs() < 1e-9, "below 25: three minutes");
    let slower = samples(&[19.0; 6].iter().copied().chain([25.0, 25.0, 0.0]).collect::<Vec<_>>());
    assert!((slower.average - 20.5).abs() < 1e-9, "below 20: four minutes");
    let slowest = samples(&[14.0; 8].iter().copied().chain([24.0, 24.0, 90.0]).collect::<Vec<_>>());
    assert!((slowest.average - 16.0).abs() < 1e-9, "below 15: five minutes");
    assert!((samples(&[90.0, 70.0]).average - 60.0).abs() < 1e-9, "nobody is faster than the limit");
    assert_eq!(smooth(&[], 60.0), None);
}

#[test]
fn a_way_is_three_links_the_middle_one_with_the_mean_speed() {
    // 1.5 miles, then 1.5 miles on which the minimum counts in the last mile.
    let route = [station(0.0, 60.0, 60.0), station(1.5, 30.0, 30.0), station(3.0, 30.0, 15.0)];
    let hours = 0.5 / 60.0 + 0.5 / 45.0 + 0.5 / 30.0 + 0.5 / 30.0 + 0.5 / 22.5 + 0.5 / 15.0;
    let time = travel_time(&route).unwrap();
    assert!((time.time.as_secs_f64() - hours * 3_600.0).abs() < 1e-6);
    assert!(!time.over_limit);
}

#[test]
fn a_gap_of_more_than_1_8_miles_makes_it_unreliable() {
    let apart = |miles| travel_time(&[station(0.0, 60.0, 60.0), station(miles, 60.0, 60.0)]);
    assert!(apart(1.8).is_ok());
    assert_eq!(apart(1.81), Err(Unreliable::Gap { from: 0.0, to: 1.81 }));
    assert_eq!(travel_time(&[station(0.0, 60.0, 60.0)]), Err(Unreliable::TooFewStations));
}

#[test]
fn what_takes_too_long_is_told_as_the_limit() {
    let time = travel_time(&[station(0.0, 2.0, 2.0), station(1.5, 2.0, 2.0)]).unwrap();
    assert!(time.over_limit);
    assert_eq!(time.time, Duration::from_mins(10), "1.5 miles at 15 mph are 6 minutes, rounded up to 10");
}
