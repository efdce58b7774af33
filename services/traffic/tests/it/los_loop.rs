//! Forecasts and jams on the Los-loop detectors: the published protocols and rules, beside independent calculations.

use kvartal_traffic::domain::bottleneck::{self, BottleneckEvent, BottleneckWatch, Heading};
use kvartal_traffic::domain::forecast::{Series, models, protocol};
use kvartal_traffic::domain::slow_traffic::{self, Pavement, SlowTraffic, SlowTrafficWatch};
use kvartal_traffic::domain::step::Step;

use crate::data::LosLoop;

/// 2012-03-01 00:00, taken as UTC.
const FIRST: Step = Step(1_330_560_000 / 300);
/// The last day of the training part is held out.
const HELD_OUT: usize = 288;
const AHEAD: [usize; 4] = [3, 6, 9, 12];

#[test]
fn forecasts_are_measured_as_the_literature_does_beside_persistence() {
    let Some(data) = LosLoop::read("forecasts on Los-loop") else { return };
    let of_detector = |detector| Series::new(FIRST, data.series(detector).map(Some).collect());
    let series: Vec<Series> = (0..data.ids.len()).map(of_detector).collect();
    let (test, end) = (FIRST.plus(1_612 - 288), FIRST.plus(1_612));
    let persistence = AHEAD.map(|ahead| persistence(&data, ahead));
    println!("Los-loop, last day of the training part held out: RMSE/MAE in mph, mean over steps 1..p");
    println!("{:<36} {:>15} {:>15} {:>15} {:>15}", "", "15 min", "30 min", "45 min", "60 min");
    let row = |name: &str, cells: &[(f64, f64)]| {
        let cells: Vec<String> =
            cells.iter().map(|(rmse, mae)| format!("{:>15}", format!("{rmse:.4}/{mae:.4}"))).collect();
        println!("{name:<36} {}", cells.join(" "));
    };
    row("persistence, calculated by itself", &persistence);
    for model in models() {
        let measured: Vec<_> = protocol::measure(&*model, &series, test, end, &AHEAD).into_iter().flatten().collect();
        let spoke = measured.iter().map(|measured| measured.own).sum::<u64>();
        if spoke == 0 {
            println!(
                "{:<36} has nothing to say: the file holds less than a week before the held-out day",
                model.name()
            );
            continue;
        }
        row(model.name(), &measured.iter().map(|measured| (measured.rmse, measured.mae)).collect::<Vec<_>>());
        for ((measured, ahead), (rmse, mae)) in measured.iter().zip(AHEAD).zip(persistence) {
            let windows = HELD_OUT - 12 - ahead;
            assert_eq!(
                usize::try_from(measured.count).unwrap(),
                windows * ahead * 207,
                "one window fewer than possible"
            );
            if model.name() == "last-value" {
                assert!((measured.rmse - rmse).abs() < 1e-9 && (measured.mae - mae).abs() < 1e-9);
            } else if !model.is_naive() {
                assert!(measured.rmse < rmse && measured.mae < mae, "{} loses at {ahead} steps", model.name());
            }
        }
    }
}

/// The last of twelve values against each of the next, over arrays: no series, no models, no steps.
fn persistence(data: &LosLoop, ahead: usize) -> (f64, f64) {
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
fn corridors(data: &LosLoop) -> Vec<Vec<(usize, f64)>> {
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
type Listed = (usize, usize, Option<usize>, f64);

fn index(step: Step) -> usize {
    usize::try_from(step.0).unwrap()
}

fn list(rule: &str, data: &LosLoop, found: &[Listed]) {
    println!("{rule}: {} jams", found.len());
    for (detector, start, end, miles) in found {
        let time = |step: usize| FIRST.plus(i64::try_from(step).unwrap()).start();
        let end = end.map_or_else(|| "the end of the file".to_owned(), |end| time(end).to_string());
        println!("  detector {} from {} to {end}, {miles:.2} mi", data.ids[*detector], time(*start));
    }
}

#[test]
fn bottlenecks_of_pems_are_those_of_a_brute_force_search() {
    let Some(data) = LosLoop::read("PeMS bottlenecks on Los-loop") else { return };
    for heading in [Heading::North, Heading::South] {
        let (mut found, mut sought): (Vec<Listed>, Vec<Listed>) = (Vec::new(), Vec::new());
        for corridor in corridors(&data) {
            found.extend(bottlenecks(&data, &corridor, heading));
            sought.extend(brute_bottlenecks(&data, &corridor, heading.is_ascending()));
        }
        list(&format!("PeMS bottlenecks, postmiles read as {heading:?}"), &data, &found);
        assert!(found.len() > 10, "there are jams in that week");
        assert_eq!(found.len(), sought.len());
        for (found, sought) in found.iter().zip(&sought) {
            assert_eq!((found.0, found.1, found.2), (sought.0, sought.1, sought.2));
            assert!((found.3 - sought.3).abs() < 1e-9);
        }
    }
}

/// By the rule as it is shipped.
fn bottlenecks(data: &LosLoop, corridor: &[(usize, f64)], heading: Heading) -> Vec<Listed> {
    let at = |row: &[f64]| -> Vec<bottleneck::Post> {
        let post =
            |(detector, postmile): &(usize, f64)| bottleneck::Post { postmile: *postmile, speed: Some(row[*detector]) };
        corridor.iter().map(post).collect()
    };
    let posts: Vec<_> = data.rows.iter().map(|row| at(row)).collect();
    let marks: Vec<_> = posts.iter().map(|posts| bottleneck::marks(heading, posts)).collect();
    let mut listed = Vec::new();
    for (place, (detector, _)) in corridor.iter().enumerate() {
        let mut watch = BottleneckWatch::default();
        let mut jams = Vec::new();
        for (step, marks) in (0..).zip(&marks) {
            match watch.step(Step(step), marks[place]) {
                Some(BottleneckEvent::Started(jam)) => jams.push(jam),
                Some(BottleneckEvent::Ended(jam)) => *jams.last_mut().unwrap() = jam,
                None => {}
            }
        }
        for jam in jams {
            let end = jam.end.map(index);
            let steps = index(jam.start)..end.unwrap_or(posts.len());
            let miles = steps.map(|step| bottleneck::queue_miles(&posts[step], place)).fold(0.0, f64::max);
            listed.push((*detector, index(jam.start), end, miles));
        }
    }
    listed
}

/// By the words of the rule, from the table of speeds.
fn brute_bottlenecks(data: &LosLoop, corridor: &[(usize, f64)], ascending: bool) -> Vec<Listed> {
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
            let longest = (step..end.unwrap_or(steps)).map(|step| slow_miles(data, corridor, step, place));
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

#[test]
fn slow_traffic_of_iris_is_that_of_a_brute_force_search() {
    let Some(data) = LosLoop::read("IRIS slow traffic on Los-loop") else { return };
    let (mut found, mut sought): (Vec<Listed>, Vec<Listed>) = (Vec::new(), Vec::new());
    for corridor in corridors(&data) {
        found.extend(slow_traffic(&data, &corridor));
        sought.extend(brute_slow_traffic(&data, &corridor));
    }
    list("IRIS slow traffic, in the direction of growing miles, dry", &data, &found);
    assert!(found.len() > 10, "there are jams in that week");
    assert_eq!(found, sought);
}

/// By the rule as it is shipped; the length is the way from the station that vehicles come from.
fn slow_traffic(data: &LosLoop, corridor: &[(usize, f64)]) -> Vec<Listed> {
    let mut listed = Vec::new();
    for (place, (detector, mile)) in corridor.iter().enumerate() {
        let upstream = corridor[..place].iter().rev().find(|(_, other)| mile - other >= slow_traffic::SPACING_MI);
        let miles = upstream.map_or(0.0, |(_, other)| mile - other);
        let mut watch = SlowTrafficWatch::default();
        for (step, row) in data.rows.iter().enumerate() {
            let post =
                |(detector, mile): &(usize, f64)| slow_traffic::Post { mile: *mile, speed: Some(row[*detector]) };
            let posts: Vec<_> = corridor.iter().map(post).collect();
            let towards = slow_traffic::acceleration_to(&posts, place);
            match watch.step(Pavement::Dry, Some(row[*detector]), towards) {
                Some(SlowTraffic::Started) => listed.push((*detector, step, None, miles)),
                Some(SlowTraffic::Ended) => listed.last_mut().unwrap().2 = Some(step),
                None => {}
            }
        }
    }
    listed
}

/// By the words of the rule, from the table of speeds.
fn brute_slow_traffic(data: &LosLoop, corridor: &[(usize, f64)]) -> Vec<Listed> {
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
