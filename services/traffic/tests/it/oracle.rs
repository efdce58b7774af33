//! What the published rules and protocols say of Los-loop, calculated from the table of speeds alone: nothing here is shared
//! with the service.

use crate::data::LosLoop;

/// The last day of the file is held out.
pub(crate) const HELD_OUT: usize = 288;

/// The last of twelve values against each of the next, over arrays: no series, no models, no steps.
pub(crate) fn persistence(data: &LosLoop, ahead: usize) -> (f64, f64) {
    let part = &data.rows[data.rows.len() - HELD_OUT..];
    let (mut squared, mut absolute, mut count) = (0.0, 0.0, 0.0);
    for window in 0..part.len() - 12 - ahead {
        for step in 0..ahead {
            for (last, actual) in part[window + 11].iter().zip(&part[window + 12 + step]) {
                squared += (actual - last) * (actual - last);
                absolute += (actual - last).abs();
                count += 1.0;
            }
        }
    }
    (f64::sqrt(squared / count), absolute / count)
}

/// Miles of one unit of √(−ln weight) in `los_adj.csv`, whose weights are exp(−d²/σ²). The file does not say σ; this is a
/// round number near the spread of such networks, so lengths and the 3-mile bound are on that assumption.
const UNIT_MI: f64 = 1.9;

/// Detectors one behind the other with their miles. The file has no postmiles: the nearest pairs are joined first, each
/// detector has at most two neighbours, and no ring is closed.
pub(crate) fn corridors(data: &LosLoop) -> Vec<Vec<(usize, f64)>> {
    let count = data.ids.len();
    let mut pairs = Vec::new();
    for (a, row) in data.nearness.iter().enumerate() {
        for (b, weight) in row.iter().enumerate().skip(a + 1).filter(|(_, weight)| **weight > 0.3) {
            pairs.push((f64::sqrt(-weight.ln()) * UNIT_MI, a, b));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut links: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
    let mut group: Vec<usize> = (0..count).collect();
    for (miles, a, b) in pairs {
        if links[a].len() < 2 && links[b].len() < 2 && group[a] != group[b] {
            links[a].push((b, miles));
            links[b].push((a, miles));
            let (old, new) = (group[b], group[a]);
            group.iter_mut().filter(|group| **group == old).for_each(|group| *group = new);
        }
    }
    let mut corridors = Vec::new();
    let mut seen = vec![false; count];
    for first in 0..count {
        if seen[first] || links[first].len() > 1 {
            continue;
        }
        let mut corridor = vec![(first, 0.0)];
        seen[first] = true;
        while let Some((next, miles)) = links[corridor.last().unwrap().0].iter().find(|(next, _)| !seen[*next]) {
            seen[*next] = true;
            corridor.push((*next, corridor.last().unwrap().1 + miles));
        }
        if corridor.len() > 1 {
            corridors.push(corridor);
        }
    }
    corridors
}

/// A jam as it is listed: detector, first step, first step after it, most miles.
pub(crate) type Listed = (usize, usize, Option<usize>, f64);

/// From when on the length of a queue is watched.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Watched {
    /// Its first step.
    FromStart,
    /// The step that makes five of seven: before it nobody can know that there is a bottleneck. Then at each step at which
    /// the rule still holds.
    WhileCertain,
}

/// By the words of the rule, from the table of speeds.
pub(crate) fn brute_bottlenecks(
    data: &LosLoop,
    corridor: &[(usize, f64)],
    ascending: bool,
    watched: Watched,
) -> Vec<Listed> {
    let speed = |step: usize, place: usize| data.rows[step][corridor[place].0];
    let steps = data.rows.len();
    let mut listed = Vec::new();
    for place in 0..corridor.len() {
        let neighbour =
            if ascending { place.checked_sub(1) } else { Some(place + 1).filter(|next| *next < corridor.len()) };
        let Some(neighbour) = neighbour else { continue };
        let near = f64::abs(corridor[place].1 - corridor[neighbour].1) < 3.0;
        let starts =
            |step: usize| near && speed(step, place) < 40.0 && speed(step, neighbour) - speed(step, place) >= 20.0;
        let before = |step: usize| place > 0 && speed(step, place - 1) < 40.0;
        let after = |step: usize| place + 1 < corridor.len() && speed(step, place + 1) < 40.0;
        let continues = |step: usize| near && speed(step, place) < 40.0 && (before(step) || after(step));
        let mut step = 0;
        while step < steps {
            let enough = (step..steps.min(step + 7)).filter(|step| continues(*step)).count() >= 5;
            if !starts(step) || !enough {
                step += 1;
                continue;
            }
            let end = (step..steps.saturating_sub(2)).find(|from| (0..3).all(|more| !continues(from + more)));
            let fifth = (step..steps).filter(|step| continues(*step)).nth(4).unwrap_or(steps);
            let counts = |at: &usize| watched == Watched::FromStart || (*at >= fifth && continues(*at));
            let watched = (step..end.unwrap_or(steps)).filter(counts);
            let longest = watched.map(|step| slow_miles(data, corridor, step, place));
            listed.push((corridor[place].0, step, end, longest.fold(0.0, f64::max)));
            step = end.map_or(steps, |end| end + 3);
        }
    }
    listed
}

/// The length of the run of slow stations about a place, by trying all runs.
fn slow_miles(data: &LosLoop, corridor: &[(usize, f64)], step: usize, place: usize) -> f64 {
    let slow = |place: usize| data.rows[step][corridor[place].0] < 40.0;
    let mut most = 0.0;
    for first in 0..=place {
        for last in place..corridor.len() {
            let joined = (first..last).all(|at| corridor[at + 1].1 - corridor[at].1 < 3.0);
            if joined && (first..=last).all(slow) {
                most = f64::max(most, corridor[last].1 - corridor[first].1);
            }
        }
    }
    most
}

/// By the words of the rule, from the table of speeds.
pub(crate) fn brute_slow_traffic(data: &LosLoop, corridor: &[(usize, f64)]) -> Vec<Listed> {
    let steps = data.rows.len();
    let mut listed = Vec::new();
    for place in 1..corridor.len() {
        let Some(upstream) = (0..place).rev().find(|other| corridor[place].1 - corridor[*other].1 >= 0.1) else {
            continue;
        };
        let miles = corridor[place].1 - corridor[upstream].1;
        let speed = |step: usize| data.rows[step][corridor[place].0];
        let braking = |step: usize, threshold: f64| {
            let from = data.rows[step][corridor[upstream].0];
            speed(step) < 55.0 && (speed(step) * speed(step) - from * from) / (2.0 * miles) < threshold
        };
        let mut step = 0;
        // The first step that counts: candidates before the end of the last one do not.
        let mut counts_from = 0;
        while step < steps {
            let three = step >= counts_from + 2 && (step - 2..=step).all(|step| braking(step, -1_500.0));
            let breakdown = braking(step, -1_500.0) && speed(step) < 30.0;
            if three || breakdown {
                let end = (step + 1..steps).find(|step| !braking(*step, -750.0));
                listed.push((corridor[place].0, step, end, miles));
                step = end.unwrap_or(steps);
                counts_from = step + 1;
            }
            step += 1;
        }
    }
    listed
}
