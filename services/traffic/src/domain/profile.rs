//! What is typical: the mean of a value for a weekday and five minutes of it, smoothed.
//!
//! A place in the week is the mean over [`REACH`] slots before and after it. Where fewer than [`ENOUGH`] values lie there,
//! the days of the same kind (working days, or Saturday and Sunday) are taken together, then all days, then everything:
//! with one week of data there is a typical day, with several there are typical weekdays.

use super::step::Slot;

/// Slots on each side that a smoothed value covers: a quarter of an hour each way.
pub const REACH: usize = 3;
/// Values that make a mean worth telling, per slot of the window.
pub const ENOUGH: u32 = 2;

/// Sums and counts by slot of the week.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { sums: vec![0.0; Slot::COUNT], counts: vec![0; Slot::COUNT] }
    }
}

/// A typical value and on what it rests.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Typical {
    /// The mean.
    pub value: f64,
    /// How many values it is the mean of.
    pub count: u32,
}

impl Profile {
    /// Counts a value in.
    pub fn add(&mut self, slot: Slot, value: f64) {
        self.add_sum(slot, value, 1);
    }

    /// Counts several values in, by their sum.
    pub fn add_sum(&mut self, slot: Slot, sum: f64, count: u32) {
        let slot = usize::from(slot.0);
        self.sums[slot] += sum;
        self.counts[slot] += count;
    }

    /// What is typical at a slot; `None` without any value.
    pub fn typical(&self, slot: Slot) -> Option<Typical> {
        self.smoothed().get(slot)
    }

    /// What is typical, slot by slot.
    pub fn smoothed(&self) -> Smoothed {
        // Sums and counts over the windows: of each day, of working days and weekends, of all days.
        let own: Vec<Counted> = (0..Slot::COUNT).map(|slot| self.window(slot)).collect();
        let together = |of_day: usize, days: &mut dyn Iterator<Item = usize>| {
            days.map(|day| own[day * Slot::PER_DAY + of_day])
                .fold((0.0, 0), |(sum, count), (s, c)| (sum + s, count + c))
        };
        let everything = mean((self.sums.iter().sum(), self.counts.iter().sum()));
        let enough = ENOUGH * u32::try_from(2 * REACH + 1).unwrap_or(1);
        let mut slots = vec![None; Slot::COUNT];
        for of_day in 0..Slot::PER_DAY {
            let kinds = [together(of_day, &mut (0..5)), together(of_day, &mut (5..7))];
            let all = (kinds[0].0 + kinds[1].0, kinds[0].1 + kinds[1].1);
            for day in 0..7 {
                let kind = kinds[usize::from(day >= 5)];
                let slot = day * Slot::PER_DAY + of_day;
                let wide = [own[slot], kind, all].into_iter().find(|window| window.1 >= enough);
                slots[slot] = mean(wide.unwrap_or(all)).or(everything);
            }
        }
        Smoothed(slots)
    }

    /// Sum and count about a slot, over midnight into the day before or after.
    fn window(&self, slot: usize) -> Counted {
        let around = (0..=2 * REACH).map(|offset| (slot + offset + Slot::COUNT - REACH) % Slot::COUNT);
        around.fold((0.0, 0), |(sum, count), slot| (sum + self.sums[slot], count + self.counts[slot]))
    }
}

/// A sum and how many values it is of.
type Counted = (f64, u32);

/// Typical values of a whole week.
#[derive(Clone, PartialEq, Debug)]
pub struct Smoothed(Vec<Option<Typical>>);

impl Smoothed {
    /// What is typical at a slot; `None` without any value at all.
    pub fn get(&self, slot: Slot) -> Option<Typical> {
        *self.0.get(usize::from(slot.0))?
    }
}

fn mean((sum, count): Counted) -> Option<Typical> {
    (count > 0).then(|| Typical { value: sum / f64::from(count), count })
}

#[cfg(test)]
mod tests;
