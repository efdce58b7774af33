//! Forecasts and jams on the Los-loop detectors: the published protocols and rules, beside independent calculations.

use kvartal_traffic::domain::bottleneck::{self, BottleneckEvent, BottleneckWatch, Heading};
use kvartal_traffic::domain::forecast::{Series, models, protocol};
use kvartal_traffic::domain::slow_traffic::{self, Pavement, SlowTraffic, SlowTrafficWatch};
use kvartal_traffic::domain::step::Step;

use crate::data::LosLoop;
use crate::oracle::{HELD_OUT, Listed, Watched, brute_bottlenecks, brute_slow_traffic, corridors, persistence};

/// 2012-03-01 00:00, taken as UTC.
const FIRST: Step = Step(1_330_560_000 / 300);
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
            sought.extend(brute_bottlenecks(&data, &corridor, heading.is_ascending(), Watched::FromStart));
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
