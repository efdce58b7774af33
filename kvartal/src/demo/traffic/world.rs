//! The traffic of the city at any moment: the flow on its roads, driven by its people and by what goes wrong.

use std::collections::BTreeMap;

use super::demand::{DAY_S, Demand, Moment, Trouble, troubles};
use super::flow::{Drive, Flow, STEP_S, Seen};
use super::roads::Roads;
use crate::demo::city::City;

/// How many days of the city pass in one of ours: a rush lasts about half an hour.
pub(crate) const PACE: f64 = 4.0;
/// How often the people's wishes are looked at, in seconds of the city.
const WISHES_S: f64 = 300.0;
/// The streets are empty at the beginning; after this long they are not, in seconds of the city.
pub(crate) const WARM_UP_S: f64 = 5_400.0;

/// The city's traffic.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The network.
    pub(crate) roads: Roads,
    demand: Demand,
    flow: Flow,
    drive: Drive,
    moment: Moment,
    /// When the wishes are looked at again.
    wishes: Moment,
    /// What was planned to go wrong today and yesterday.
    planned: Vec<Trouble>,
    day: Option<u64>,
    /// Share of its capacity that a road has left because of what others told; `None` while only what was planned counts.
    told: Option<BTreeMap<usize, f64>>,
}

/// The moment of the city that belongs to a moment of ours, in seconds since 1970.
pub(crate) fn moment_of(seconds: f64) -> Moment {
    seconds * PACE
}

impl World {
    /// The city with empty streets at a moment.
    pub(crate) fn at(city: &City, moment: Moment) -> Self {
        let roads = Roads::of(city);
        let demand = Demand::of(&roads);
        let flow = demand.flow(&roads);
        let drive = Drive::default();
        Self { roads, demand, flow, drive, moment, wishes: moment, planned: Vec::new(), day: None, told: None }
    }

    /// Lets time pass up to a moment.
    pub(crate) fn advance(&mut self, to: Moment) {
        while self.moment + STEP_S <= to {
            if self.moment >= self.wishes {
                self.look();
            }
            self.flow.step(&self.drive);
            self.moment += STEP_S;
        }
    }

    /// What the people want now, and what stands in their way.
    fn look(&mut self) {
        self.wishes = self.moment + WISHES_S;
        let day = (self.moment / DAY_S).floor().max(0.0) as u64;
        if self.day != Some(day) {
            self.day = Some(day);
            let days = day.saturating_sub(1)..=day;
            self.planned = days.flat_map(|day| troubles(&self.roads, day)).collect();
        }
        self.drive = self.demand.drive(self.moment);
        let open: Vec<(usize, f64)> = match &self.told {
            None => self.troubles().map(|trouble| (trouble.road, trouble.open)).collect(),
            Some(told) => told.iter().map(|(road, open)| (*road, *open)).collect(),
        };
        for (road, open) in open {
            let share = &mut self.drive.open[road];
            *share = share.min(open);
        }
    }

    /// Where it is.
    pub(crate) fn moment(&self) -> Moment {
        self.moment
    }

    /// What goes wrong now, as planned.
    pub(crate) fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.planned.iter().filter(|trouble| trouble.begin <= self.moment && self.moment < trouble.end)
    }

    /// Takes in what stands on which roads, and what share of their capacity is left. From then on nothing else counts: what
    /// is planned becomes true when somebody logs it, and ends when somebody clears it.
    pub(crate) fn tell(&mut self, told: BTreeMap<usize, f64>) {
        if self.told.as_ref() != Some(&told) {
            self.told = Some(told);
            self.wishes = self.moment;
        }
    }

    /// What was seen of a road since the last look.
    pub(crate) fn seen(&mut self, road: usize) -> Seen {
        self.flow.look(road)
    }

    /// Vehicles per metre and lane, and metres per second, on a road now.
    pub(crate) fn now(&self, road: usize) -> (f64, f64) {
        let (density, speed) = self.flow.now(road);
        (density / f64::from(self.roads.roads[road].grade.lanes()), speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the length of the city's roads on which one drives less than half as fast as allowed.
    fn slow(world: &mut World) -> f64 {
        let (mut slow, mut all) = (0.0, 0.0);
        for index in 0..world.roads.roads.len() {
            let seen = world.seen(index);
            let road = &world.roads.roads[index];
            all += road.length_m;
            if seen.speed * 3.6 < 0.5 * f64::from(road.grade.speed_limit()) {
                slow += road.length_m;
            }
        }
        slow / all
    }

    /// The shares of slow roads in each hour of a day.
    fn hours(world: &mut World, day: f64) -> Vec<f64> {
        (0..24)
            .map(|hour| {
                world.advance(day * DAY_S + f64::from(hour + 1) * 3_600.0);
                slow(world)
            })
            .collect()
    }

    #[test]
    fn jams_come_with_the_rush_and_dissolve_after_it() {
        // A Tuesday.
        let mut world = World::at(&City::generate(), DAY_S - WARM_UP_S);
        world.advance(DAY_S);
        let hours = hours(&mut world, 1.0);
        assert!(hours[2] < 0.005 && hours[3] < 0.005, "jams at night: {hours:?}");
        assert!(hours[8] > 0.04, "no jams in the morning: {hours:?}");
        assert!(hours[17] > 0.08 && hours[18] > 0.08, "no jams in the evening: {hours:?}");
        assert!(hours[12] < 0.03, "the morning's jams stay: {hours:?}");
        assert!(hours[22] < 0.02, "the evening's jams stay: {hours:?}");
    }

    #[test]
    fn the_same_city_does_the_same_again() {
        let run = || {
            let mut world = World::at(&City::generate(), 0.0);
            world.advance(9.0 * 3_600.0);
            (0..world.roads.roads.len()).map(|road| world.seen(road)).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn what_somebody_logs_on_a_road_makes_a_queue_there_and_its_end_lets_it_go() {
        // Early afternoon of a Wednesday, on the busiest road that is free.
        let noon = 2.0 * DAY_S + 13.0 * 3_600.0;
        let mut world = World::at(&City::generate(), noon - 2.0 * WARM_UP_S);
        world.advance(noon);
        let free = |world: &World, road: usize| f64::from(world.roads.roads[road].grade.speed_limit()) / 3.6;
        let flow = |world: &World, road: usize| world.now(road).0 * world.now(road).1;
        let busiest = (0..world.roads.roads.len())
            .filter(|road| world.now(*road).1 > 0.95 * free(&world, *road))
            .max_by(|a, b| flow(&world, *a).total_cmp(&flow(&world, *b)))
            .expect("a road");
        world.tell(BTreeMap::from([(busiest, 0.1)]));
        world.advance(noon + 1_800.0);
        let _ = world.seen(busiest);
        world.advance(noon + 2_400.0);
        let seen = world.seen(busiest);
        assert!(seen.speed < 0.5 * free(&world, busiest), "no queue: {seen:?}");
        world.tell(BTreeMap::new());
        world.advance(noon + 6_000.0);
        assert!(world.now(busiest).1 > 0.9 * free(&world, busiest), "the queue stays: {:?}", world.now(busiest));
    }
}
