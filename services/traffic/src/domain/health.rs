//! Health rules: what readings give away about the detector that sent them.
//!
//! Rules and names follow the auto-fail checks of Minnesota's IRIS (mnit-rtmc/iris, docs/vehicle_detection.md), which
//! publishes the durations for main lanes; where it names none, the threshold is ours and says so in [`SPECIFICATIONS`].
//! Each rule looks at readings up to the newest one, so the same readings always give the same findings.

use super::reading::{DetectorNo, Reading};

/// What can be wrong with a detector; the numbers are those of `kvartal.traffic.v1.HealthRule`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Sees no vehicle for too long.
    NoHits = 1,
    /// Counts what cannot pass.
    Chatter = 2,
    /// Says that a vehicle stands on it all the time.
    LockedOn = 3,
    /// Says the same again and again.
    NoChange = 4,
    /// Occupancy jumps and falls back at once.
    OccupancySpike = 5,
    /// Sends nothing.
    Silent = 6,
}

impl Rule {
    /// Every rule, by number.
    pub const ALL: [Self; 6] =
        [Self::NoHits, Self::Chatter, Self::LockedOn, Self::NoChange, Self::OccupancySpike, Self::Silent];

    /// From its number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| *rule as i32 == number)
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules(pub u8);

impl Rules {
    /// With one more.
    pub fn with(self, rule: Rule) -> Self {
        Self(self.0 | rule.bit())
    }

    /// Whether the rule is among them.
    pub fn contains(self, rule: Rule) -> bool {
        self.0 & rule.bit() != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// By number.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| self.contains(*rule))
    }
}

/// A rule as it is published.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Specification {
    /// Which.
    pub rule: Rule,
    /// What it says, in Russian.
    pub text_ru: &'static str,
    /// What it says, in English.
    pub text_en: &'static str,
    /// How long the readings must show it, seconds.
    pub window: i64,
    /// In the unit that the text names; 0 where there is none.
    pub threshold: f64,
    /// Where it was published.
    pub source: &'static str,
}

const IRIS: &str = "Minnesota IRIS, docs/vehicle_detection.md, Auto Fail (main lanes)";
const NO_HITS: i64 = 4 * 3_600;
const LOCKED_ON: i64 = 120;
const NO_CHANGE: i64 = 24 * 3_600;
const RECENT: i64 = 3_600;
const FLOW_MAX: u32 = 3_000;
/// A detector over all lanes of one direction may count as much as four lanes carry.
const LANES_TOGETHER: u32 = 4;
const FULL: u32 = 100_000;
const SPIKE: u32 = 50_000;
const SILENT: i64 = 900;
const SILENT_PERIODS: i64 = 3;
/// Longer silence is no news: such a detector is not judged.
const FORGOTTEN: i64 = 30 * 86_400;
/// A constant must be seen so often before it is one.
const SAMPLES_MIN: usize = 12;

/// How far back readings are looked at, seconds.
pub const HORIZON: i64 = NO_CHANGE;

/// The rules, by number.
pub const SPECIFICATIONS: [Specification; 6] = [
    Specification {
        rule: Rule::NoHits,
        text_ru: "Ни одного автомобиля за 4 часа",
        text_en: "No vehicle counted for 4 hours",
        window: NO_HITS,
        threshold: 0.0,
        source: IRIS,
    },
    Specification {
        rule: Rule::Chatter,
        text_ru: "Больше 3000 автомобилей в час на полосу (детектор на все полосы: 12000)",
        text_en: "More than 3,000 vehicles an hour and lane (over all lanes together: 12,000)",
        window: RECENT,
        threshold: 3_000.0,
        source: "Rule: Minnesota IRIS, docs/vehicle_detection.md, Auto Fail; the threshold is ours, above the capacity of \
                 a lane of 2,400 vehicles an hour",
    },
    Specification {
        rule: Rule::LockedOn,
        text_ru: "Занятость 100 % дольше 2 минут, не меньше двух измерений",
        text_en: "Occupancy at 100 % for 2 minutes, at least two readings",
        window: LOCKED_ON,
        threshold: 100.0,
        source: IRIS,
    },
    Specification {
        rule: Rule::NoChange,
        text_ru: "Занятость (без неё – скорость) не менялась 24 часа",
        text_en: "No change in occupancy (without it: speed) for 24 hours",
        window: NO_CHANGE,
        threshold: 0.0,
        source: IRIS,
    },
    Specification {
        rule: Rule::OccupancySpike,
        text_ru: "Занятость подскочила на 50 пунктов и сразу упала обратно, за последний час",
        text_en: "Occupancy jumped by 50 points and fell back with the next reading, within the last hour",
        window: RECENT,
        threshold: 50.0,
        source: "Ours: no published threshold is known to us",
    },
    Specification {
        rule: Rule::Silent,
        text_ru: "Нет измерений три периода подряд, не меньше 15 минут",
        text_en: "No reading for three periods, at least 15 minutes",
        window: SILENT,
        threshold: 3.0,
        source: "Ours: no published threshold is known to us",
    },
];

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// Since when, by the readings, seconds since 1970.
    pub since: i64,
    /// What was seen.
    pub detail: String,
}

/// What a detector is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Whose.
    pub detector: DetectorNo,
    /// How often it reports, seconds.
    pub period: u32,
    /// 0 for all lanes together.
    pub lane: u32,
    /// By time, at least those of the last [`HORIZON`] before the newest.
    pub readings: &'a [Reading],
    /// The present, seconds since 1970.
    pub now: i64,
}

/// Judges a detector; `None` when there is nothing to judge by.
pub fn judge(case: &Case<'_>) -> Option<Vec<Finding>> {
    let newest = case.readings.last()?.time;
    let silence = case.now - newest;
    if silence > FORGOTTEN {
        return None;
    }
    let limit = SILENT.max(SILENT_PERIODS * i64::from(case.period));
    let silent = (silence > limit).then(|| Finding {
        rule: Rule::Silent,
        since: newest,
        detail: format!("no reading for {} minutes", silence / 60),
    });
    let found = [
        no_hits(case, newest),
        chatter(case, newest),
        locked_on(case),
        no_change(case, newest),
        spike(case, newest),
        silent,
    ];
    Some(found.into_iter().flatten().collect())
}

/// Readings after the beginning of a window that ends with the newest one; `None` when they do not fill it.
fn window<'a>(case: &Case<'a>, newest: i64, length: i64) -> Option<&'a [Reading]> {
    let begin = newest - length;
    let from = case.readings.partition_point(|reading| reading.time <= begin);
    let first = case.readings.get(from)?.time;
    // With gaps up to two periods at its beginning it still counts as filled.
    (first - begin <= 2 * i64::from(case.period)).then(|| &case.readings[from..])
}

fn no_hits(case: &Case<'_>, newest: i64) -> Option<Finding> {
    let readings = window(case, newest, NO_HITS)?;
    let mut counts = readings.iter().filter_map(|reading| reading.values.count).peekable();
    counts.peek()?;
    counts.all(|count| count == 0).then(|| Finding {
        rule: Rule::NoHits,
        since: readings.first().map_or(newest, |first| first.time),
        detail: format!("{} readings without a vehicle", readings.len()),
    })
}

fn chatter(case: &Case<'_>, newest: i64) -> Option<Finding> {
    let lanes = if case.lane == 0 { LANES_TOGETHER } else { 1 };
    let most = u64::from(FLOW_MAX * lanes) * u64::from(case.period) / 3_600;
    let mut recent = case.readings.iter().rev().take_while(|reading| reading.time > newest - RECENT);
    let (time, count) = recent.find_map(|reading| {
        reading.values.count.filter(|count| u64::from(*count) > most).map(|count| (reading.time, count))
    })?;
    let detail = format!("{count} vehicles in {} seconds; at most {most} are believed", case.period);
    Some(Finding { rule: Rule::Chatter, since: time, detail })
}

fn locked_on(case: &Case<'_>) -> Option<Finding> {
    let run = case.readings.iter().rev().take_while(|reading| reading.values.occupancy == Some(FULL));
    let (count, first) = run.fold((0_i64, None), |(count, _), reading| (count + 1, Some(reading.time)));
    (count >= 2 && count * i64::from(case.period) >= LOCKED_ON).then(|| Finding {
        rule: Rule::LockedOn,
        since: first.unwrap_or_default(),
        detail: format!("occupancy 100 % in {count} readings in a row"),
    })
}

fn no_change(case: &Case<'_>, newest: i64) -> Option<Finding> {
    let readings = window(case, newest, NO_CHANGE)?;
    let constant = |of: fn(&Reading) -> Option<u32>| {
        let mut values = readings.iter().filter_map(of);
        let first = values.next()?;
        let mut count = 1;
        values
            .all(|value| {
                count += 1;
                value == first
            })
            .then_some((first, count))
    };
    let by_occupancy = readings.iter().any(|reading| reading.values.occupancy.is_some());
    let of: fn(&Reading) -> Option<u32> =
        if by_occupancy { |reading| reading.values.occupancy } else { |reading| reading.values.speed };
    let (value, count) = constant(of)?;
    // Nothing on the road all day is what NO_HITS is about.
    (count >= SAMPLES_MIN && !(by_occupancy && value == 0)).then(|| Finding {
        rule: Rule::NoChange,
        since: readings.first().map_or(newest, |first| first.time),
        detail: format!("the same value in {count} readings"),
    })
}

fn spike(case: &Case<'_>, newest: i64) -> Option<Finding> {
    let occupied: Vec<(i64, u32)> =
        case.readings.iter().filter_map(|reading| Some((reading.time, reading.values.occupancy?))).collect();
    let (time, occupancy) = occupied.windows(3).rev().find_map(|three| {
        let [before, at, after] = three else { return None };
        let jumped = at.1 >= before.1.saturating_add(SPIKE) && at.1 >= after.1.saturating_add(SPIKE);
        (jumped && after.0 > newest - RECENT).then_some(*at)
    })?;
    let detail = format!("occupancy jumped to {} % and fell back", occupancy / 1_000);
    Some(Finding { rule: Rule::OccupancySpike, since: time, detail })
}
