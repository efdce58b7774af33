//! The IRIS rule value by value.

use super::{DensitySmoothing, Pavement, Post, SlowTraffic, SlowTrafficWatch, acceleration, acceleration_to};

#[test]
fn acceleration_is_that_of_uniform_braking() {
    assert!((acceleration((0.0, 60.0), (0.5, 30.0)) - -2_700.0).abs() < 1e-9, "(900 − 3600) / 1");
    assert!((acceleration((1.0, 30.0), (2.0, 60.0)) - 1_350.0).abs() < 1e-9);
}

#[test]
fn stations_nearer_than_a_tenth_of_a_mile_are_passed_over() {
    let post = |mile, speed| Post { mile, speed: Some(speed) };
    let posts = [post(0.0, 60.0), post(0.95, 50.0), post(1.0, 30.0)];
    assert!((acceleration_to(&posts, 2).unwrap() - -1_350.0).abs() < 1e-9, "compared with the one a mile before");
    let posts = [post(0.0, 50.0), post(0.1, 30.0)];
    assert!((acceleration_to(&posts, 1).unwrap() - -8_000.0).abs() < 1e-6, "exactly a tenth is enough");
    assert_eq!(acceleration_to(&posts, 0), None);
}

#[test]
fn it_starts_with_the_third_candidate_and_below_the_breakdown_speed_at_once() {
    let mut watch = SlowTrafficWatch::default();
    let mut step = |speed: f64, a: f64| watch.step(Pavement::Dry, Some(speed), Some(a));
    assert_eq!(step(54.9, -1_500.1), None);
    assert_eq!(step(54.9, -1_500.1), None);
    assert_eq!(step(54.9, -1_500.0), None, "−1500 is not below −1500: counted anew");
    assert_eq!(step(55.0, -9_000.0), None, "55 is not below 55");
    assert_eq!(step(54.9, -1_500.1), None);
    assert_eq!(step(54.9, -1_500.1), None);
    assert_eq!(step(54.9, -1_500.1), Some(SlowTraffic::Started));
    let mut watch = SlowTrafficWatch::default();
    assert_eq!(watch.step(Pavement::Dry, Some(29.9), Some(-1_500.1)), Some(SlowTraffic::Started));
    let mut watch = SlowTrafficWatch::default();
    assert_eq!(watch.step(Pavement::Dry, Some(30.0), Some(-1_500.1)), None);
}

#[test]
fn it_ends_at_minus_750_or_at_55() {
    let active = || {
        let mut watch = SlowTrafficWatch::default();
        watch.step(Pavement::Dry, Some(20.0), Some(-2_000.0));
        watch
    };
    assert_eq!(active().step(Pavement::Dry, Some(54.0), Some(-750.1)), None);
    assert_eq!(active().step(Pavement::Dry, Some(54.0), Some(-750.0)), Some(SlowTraffic::Ended));
    assert_eq!(active().step(Pavement::Dry, Some(55.0), Some(-5_000.0)), Some(SlowTraffic::Ended));
    assert_eq!(active().step(Pavement::Dry, None, Some(-5_000.0)), Some(SlowTraffic::Ended));
}

#[test]
fn wet_and_icy_roads_have_the_published_thresholds() {
    let table = [
        (Pavement::Dry, -1_500.0, -750.0),
        (Pavement::LightRain, -1_200.0, -600.0),
        (Pavement::ModerateRain, -1_050.0, -525.0),
        (Pavement::HeavyRain, -900.0, -450.0),
        (Pavement::Ice, -750.0, -375.0),
    ];
    for (pavement, start, stop) in table {
        assert_eq!((pavement.start(), pavement.stop()), (start, stop), "{pavement:?}");
    }
}

#[test]
fn the_average_is_as_long_as_density_says() {
    let table = [
        (9.9, None),
        (10.0, Some(6)),
        (14.9, Some(6)),
        (15.0, Some(4)),
        (25.0, Some(3)),
        (40.0, Some(4)),
        (54.9, Some(4)),
        (55.0, Some(6)),
    ];
    for (density, samples) in table {
        assert_eq!(DensitySmoothing::samples(density), samples, "{density} vehicles per mile");
    }
}

#[test]
fn speeds_are_averaged_without_trends_and_older_samples() {
    let mut smoothing = DensitySmoothing::default();
    assert!((smoothing.step(50.0, 5.0, 65.0) - 65.0).abs() < 1e-9, "few vehicles: the limit");
    assert!((smoothing.step(40.0, 30.0, 65.0) - 40.0).abs() < 1e-9, "what came before was not used");
    assert!((smoothing.step(44.0, 30.0, 65.0) - 42.0).abs() < 1e-9);
    assert!((smoothing.step(42.0, 30.0, 65.0) - 42.0).abs() < 1e-9, "three samples");
    assert!((smoothing.step(43.0, 30.0, 65.0) - 43.0).abs() < 1e-9, "44, 42, 43");
    assert!((smoothing.step(45.0, 30.0, 65.0) - 44.0).abs() < 1e-9, "a trend: the last two");
}
