//! Detectors of the demo city: which roads have one, what it says, and how it can be wrong.

use super::flow::Seen;
use super::roads::Roads;
use crate::demo::city::SEED;
use crate::demo::random::Random;

/// How often a detector reports, seconds.
pub(crate) const PERIOD_S: u32 = 60;
/// Metres that a vehicle covers a loop: its own length and the loop's.
const COVERED_M: f64 = 6.2;
/// Most detectors.
const DETECTORS_MAX: usize = 220;
/// Each day so many of a hundred detectors are out of order.
const ILL_PERCENT: u64 = 3;

/// A detector.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    /// What it is called.
    pub(crate) id: String,
    /// Its road.
    pub(crate) road: usize,
}

/// What a detector says about a period; what is `None` it does not know.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Said {
    /// Vehicles.
    pub(crate) count: i32,
    /// Km/h.
    pub(crate) speed_kmh: Option<f32>,
    /// Percent.
    pub(crate) occupancy_percent: f32,
}

/// How a detector can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ailment {
    /// Says nothing.
    Silent,
    /// Says that a vehicle stands on it.
    LockedOn,
    /// Counts much too much.
    Chatter,
}

/// The detectors: on all roads but the small ones, where there are enough.
pub(crate) fn sensors(roads: &Roads) -> Vec<Sensor> {
    let mut order: Vec<usize> = (0..roads.roads.len()).collect();
    order.sort_by_key(|road| (roads.roads[*road].grade.lanes() == 1, *road));
    order.truncate(DETECTORS_MAX);
    order.sort_unstable();
    order.into_iter().map(|road| Sensor { id: format!("loop-{road:03}"), road }).collect()
}

impl Sensor {
    /// What it says about a period of `seconds` that ended at `time` (seconds since 1970), in which this was to be seen;
    /// `None` when it says nothing.
    pub(crate) fn say(&self, roads: &Roads, seen: &Seen, seconds: f64, time: i64) -> Option<Said> {
        let mut random = Random::new(SEED, 600_000 + ((self.road as u64) << 40) + time.unsigned_abs());
        let road = &roads.roads[self.road];
        let lanes = f64::from(road.grade.lanes());
        let expected = seen.passed / seen.seconds.max(1.0) * seconds;
        // Vehicles come at random: the spread of a Poisson number, from the sum of four even ones.
        let spread = (0..4).map(|_| random.between(-0.5, 0.5)).sum::<f64>() * 3.0_f64.sqrt();
        let count = (expected + spread * expected.sqrt() * 0.7).round().max(0.0);
        let speed = seen.speed * 3.6 * random.between(0.95, 1.05);
        let occupancy = (seen.density / lanes * COVERED_M * 100.0 * random.between(0.93, 1.07)).clamp(0.0, 100.0);
        let round = |value: f64| ((value * 10.0).round() / 10.0) as f32;
        let said = Said {
            count: count as i32,
            speed_kmh: (count >= 1.0).then(|| round(speed)),
            occupancy_percent: round(occupancy),
        };
        match self.ailment(time) {
            None => Some(said),
            Some(Ailment::Silent) => None,
            Some(Ailment::LockedOn) => Some(Said { count: 0, speed_kmh: None, occupancy_percent: 100.0 }),
            Some(Ailment::Chatter) => Some(Said { count: (seconds * lanes * 3.0) as i32, ..said }),
        }
    }

    /// What is wrong with it on the day of this time.
    fn ailment(&self, time: i64) -> Option<Ailment> {
        let day = time.div_euclid(86_400).unsigned_abs();
        let mut random = Random::new(SEED, 700_000 + ((self.road as u64) << 24) + day);
        if !random.percent(ILL_PERCENT) {
            return None;
        }
        random.pick(&[Ailment::Silent, Ailment::LockedOn, Ailment::Chatter]).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::city::City;

    #[test]
    fn there_are_as_many_detectors_as_a_city_has_and_they_say_the_same_again() {
        let roads = Roads::of(&City::generate());
        let all = sensors(&roads);
        assert!((150..=250).contains(&all.len()), "{} detectors", all.len());
        let seen = Seen { passed: 96.0, density: 0.04, speed: 10.0, seconds: 240.0 };
        let healthy = all.iter().find(|sensor| sensor.ailment(1_000).is_none()).expect("a good one");
        let said = healthy.say(&roads, &seen, 60.0, 1_000).expect("a reading");
        assert_eq!(healthy.say(&roads, &seen, 60.0, 1_000), Some(said));
        assert!((10..=40).contains(&said.count), "{said:?}");
        assert!((33.0..40.0).contains(&said.speed_kmh.expect("a speed")), "{said:?}");
    }

    #[test]
    fn every_day_some_detectors_are_out_of_order_but_only_some() {
        let roads = Roads::of(&City::generate());
        let all = sensors(&roads);
        for day in 0..30 {
            let ill = all.iter().filter(|sensor| sensor.ailment(day * 86_400).is_some()).count();
            assert!(ill * 100 < all.len() * 12, "{ill} are ill on day {day}");
        }
        let ever = (0..30).filter(|day| all.iter().any(|sensor| sensor.ailment(day * 86_400).is_some())).count();
        assert!(ever > 25, "all is well on too many days");
    }
}
