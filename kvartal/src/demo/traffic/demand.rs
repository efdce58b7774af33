//! Who wants to drive where and when: what makes the queues of the demo city.
//!
//! In the morning people leave the outer districts for the middle, in the evening they drive back; at weekends they go
//! about around noon. No road is told to be congested: queues stand where more want to pass than can.

use std::f64::consts::TAU;

use super::flow::{Diagram, Drive, Flow, Stretch};
use super::roads::{Road, Roads};
use crate::demo::city::{Grade, SEED};
use crate::demo::random::Random;

/// Seconds of a day of the city.
pub(crate) const DAY_S: f64 = 86_400.0;
/// Vehicles that start each hour for every kilometre of road, at the busiest time.
const STARTS_PER_KM: f64 = 500.0;
/// Of a road's capacity, so much comes from outside where the road enters the city, at the busiest time.
const FROM_OUTSIDE: f64 = 0.62;
/// How far people drive on average, metres.
const TRIP_M: f64 = 3_800.0;
/// Vehicles of a lane between two lights of full green each hour, and what of it is green.
const SATURATION: f64 = 1_800.0;
/// Metres of road that a standing vehicle takes in a lane, with the gap.
const STANDING_M: f64 = 7.0;
/// From here on, metres from the middle, a dead end leads out of the city.
const EDGE_M: f64 = 3_300.0;

/// The city's traffic: its network and what moves it at any time.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    roads: Vec<Place>,
    turns: Vec<Vec<Turn>>,
}

#[derive(Clone, Debug)]
struct Place {
    length_m: f64,
    capacity: f64,
    /// From 0 in the middle to 1 at the edge.
    outside: f64,
    /// From -1, straight out, to 1, straight in.
    inward: f64,
    enters: bool,
    ends: bool,
    /// This place's own habits.
    taste: f64,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    next: usize,
    /// Without regard to the time.
    weight: f64,
}

/// A moment of the city: seconds since the first Monday.
pub(crate) type Moment = f64;

/// What a road of this kind can carry.
pub(crate) fn diagram(grade: Grade) -> Diagram {
    let lanes = f64::from(grade.lanes());
    let green = match grade {
        Grade::Trunk => 0.80,
        Grade::Primary => 0.55,
        Grade::Secondary => 0.45,
        Grade::Tertiary => 0.40,
    };
    Diagram {
        free_speed: f64::from(grade.speed_limit()) / 3.6,
        capacity: lanes * SATURATION * green / 3_600.0,
        jam_density: lanes / STANDING_M,
    }
}

impl Demand {
    /// The city's people.
    pub(crate) fn of(roads: &Roads) -> Self {
        let leaving = roads.leaving();
        let mut arriving = vec![0usize; roads.crossings.len()];
        roads.roads.iter().for_each(|road| arriving[road.to] += 1);
        let dead_end = |crossing: usize| leaving[crossing].len() == 1 && arriving[crossing] == 1;
        let far = |crossing: usize| roads.crossings[crossing].0.hypot(roads.crossings[crossing].1);
        let places = roads.roads.iter().enumerate().map(|(index, road)| Place {
            length_m: road.length_m,
            capacity: diagram(road.grade).capacity,
            outside: ((far(road.from) + far(road.to)) / 2.0 / 4_000.0).clamp(0.0, 1.0),
            inward: roads.inward(road).clamp(-1.0, 1.0),
            enters: dead_end(road.from) && far(road.from) > EDGE_M,
            ends: dead_end(road.to),
            taste: Random::new(SEED, 300_000 + index as u64).between(0.6, 1.4),
        });
        let turns = roads.roads.iter().map(|road| turns(roads, &leaving, road));
        Self { roads: places.collect(), turns: turns.collect() }
    }

    /// The network without vehicles.
    pub(crate) fn flow(&self, roads: &Roads) -> Flow {
        let stretches = roads.roads.iter().zip(&self.turns).map(|(road, turns)| Stretch {
            diagram: diagram(road.grade),
            length_m: road.length_m,
            onward: turns.iter().map(|turn| turn.next).collect(),
        });
        Flow::new(stretches.collect())
    }

    /// What moves the traffic at this moment.
    pub(crate) fn drive(&self, moment: Moment) -> Drive {
        let tide = Tide::at(moment);
        let source = self.roads.iter().map(|place| {
            let homes = place.outside * tide.from_homes;
            let work = (1.15 - place.outside) * 1.75 * tide.from_work;
            let starts = STARTS_PER_KM * place.length_m / 1_000.0 * place.taste * (homes + work + 0.8 * tide.about);
            let enters = if place.enters {
                FROM_OUTSIDE * place.capacity * 3_600.0 * (tide.from_homes + 0.4 * tide.about)
            } else {
                0.0
            };
            (starts + enters) * tide.mood / 3_600.0
        });
        let leave = self.roads.iter().map(|place| {
            if place.ends {
                return 1.0;
            }
            // In the morning people arrive in the middle, in the evening at home.
            let pull = tide.from_homes * (1.5 - 1.2 * place.outside)
                + tide.from_work * (0.5 + 0.9 * place.outside)
                + tide.about;
            let weight = (tide.from_homes + tide.from_work + tide.about).max(1e-9);
            1.0 - (-place.length_m / TRIP_M * pull / weight).exp()
        });
        let lean = (tide.from_homes - tide.from_work).clamp(-1.0, 1.0);
        let turns = self.turns.iter().map(|turns| {
            let weigh = |turn: &Turn| turn.weight * (0.9 * lean * self.roads[turn.next].inward).exp();
            let whole: f64 = turns.iter().map(weigh).sum();
            turns.iter().map(|turn| weigh(turn) / whole.max(1e-12)).collect()
        });
        Drive {
            source: source.collect(),
            leave: leave.collect(),
            turns: turns.collect(),
            open: vec![1.0; self.roads.len()],
        }
    }
}

/// Where those go who reach the end of this road: straight on rather than round corners, wide roads rather than narrow
/// ones, back only where there is no other way.
fn turns(roads: &Roads, leaving: &[Vec<usize>], road: &Road) -> Vec<Turn> {
    let heading = |road: &Road| {
        let (a, b) = (roads.crossings[road.from], roads.crossings[road.to]);
        (b.1 - a.1).atan2(b.0 - a.0)
    };
    let own = heading(road);
    let onward = leaving[road.to].iter().filter(|next| roads.roads[**next].to != road.from);
    onward
        .map(|next| {
            let other = &roads.roads[*next];
            let straight = (heading(other) - own).cos();
            let weight = diagram(other.grade).capacity * if straight > 0.7 { 3.0 } else { 1.0 };
            Turn { next: *next, weight }
        })
        .collect()
}

/// How the day goes.
#[derive(Clone, Copy, Debug)]
struct Tide {
    /// Share of the busiest: out of the homes.
    from_homes: f64,
    /// Home again.
    from_work: f64,
    /// About the city, without direction.
    about: f64,
    /// This day beside others.
    mood: f64,
}

impl Tide {
    fn at(moment: Moment) -> Self {
        let day = (moment / DAY_S).floor();
        let hour = (moment - day * DAY_S) / 3_600.0;
        let mut random = Random::new(SEED, 400_000 + (day.abs() as u64));
        // Days differ, and each rush comes a little earlier or later.
        let (mood, early, late) = (random.between(0.92, 1.06), random.between(-0.3, 0.3), random.between(-0.4, 0.4));
        let hump = |at: f64, width: f64| {
            let apart = (hour - at + 12.0).rem_euclid(24.0) - 12.0;
            (-(apart / width).powi(2) / 2.0).exp()
        };
        let weekend = day.rem_euclid(7.0) >= 5.0;
        let about = 0.05 + 0.42 * hump(13.5, 3.6);
        if weekend {
            Self {
                from_homes: 0.30 * hump(11.5 + early, 1.8),
                from_work: 0.42 * hump(18.5 + late, 2.2),
                about: about * 1.25,
                mood,
            }
        } else {
            Self { from_homes: hump(8.3 + early, 1.05), from_work: 0.95 * hump(18.1 + late, 1.35), about, mood }
        }
    }
}

/// Something that takes a part of a road's capacity for a while: an accident, a broken-down lorry.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Trouble {
    /// Which road.
    pub(crate) road: usize,
    /// From when.
    pub(crate) begin: Moment,
    /// Until when.
    pub(crate) end: Moment,
    /// Share of the capacity that is left.
    pub(crate) open: f64,
}

/// What goes wrong on a day: some accidents, mostly when many are about.
pub(crate) fn troubles(roads: &Roads, day: u64) -> Vec<Trouble> {
    let mut random = Random::new(SEED, 500_000 + day);
    (0..3 + random.below(4))
        .map(|_| {
            let road = random.below(roads.roads.len());
            // The mean of three is near noon and rarely at night.
            let hour = (random.between(3.0, 24.0) + random.between(3.0, 24.0)) / 2.0;
            let begin = day as f64 * DAY_S + hour * 3_600.0;
            let lasts = random.between(20.0, 75.0) * 60.0;
            Trouble { road, begin, end: begin + lasts, open: random.between(0.15, 0.5) }
        })
        .collect()
}

/// How the day swings from 0 to 1 in the light: for pictures.
pub(crate) fn daylight(moment: Moment) -> f64 {
    let hour = moment.rem_euclid(DAY_S) / 3_600.0;
    (0.5 - 0.75 * (TAU * hour / 24.0).cos()).clamp(0.0, 1.0)
}
