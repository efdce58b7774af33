//! Североград / Severograd: a city that does not exist, generated from a fixed seed.

use std::f64::consts::TAU;

use uuid::Uuid;

use super::random::Random;

/// Decides everything about the city.
pub(crate) const SEED: u64 = 0x5e7e_7067_7261_6400;

/// What the city is called.
pub(crate) const NAME: &str = "Североград / Severograd";

/// The middle of the city: forest, in the real world.
const CENTRE: (f64, f64) = (62.85, 54.30);
const METRES_PER_DEGREE: f64 = 111_320.0;
/// How far the city reaches from its middle, in metres.
const RADIUS_M: f64 = 4_600.0;
const CORE_RADIUS_M: f64 = 1_500.0;

/// A point on the ground, degrees north and east.
pub(crate) type Point = (f64, f64);

/// The city.
#[derive(Clone, Debug)]
pub(crate) struct City {
    /// Its parts; they share their borders.
    pub(crate) districts: Vec<District>,
    /// Its streets.
    pub(crate) streets: Vec<Street>,
    /// The river.
    pub(crate) river: Vec<Point>,
}

/// A part of the city.
#[derive(Clone, Debug)]
pub(crate) struct District {
    /// Stable over runs.
    pub(crate) id: Uuid,
    /// In both languages.
    pub(crate) name: &'static str,
    /// Who works on what happens here.
    pub(crate) team: &'static str,
    /// Outer ring, counter-clockwise.
    pub(crate) boundary: Vec<Point>,
}

/// A street.
#[derive(Clone, Debug)]
pub(crate) struct Street {
    /// What it is called.
    pub(crate) name: &'static str,
    /// How much it carries.
    pub(crate) grade: Grade,
    /// How it runs.
    pub(crate) points: Vec<Point>,
}

/// How important a street is, each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grade {
    /// Three lanes, 80 km/h.
    Trunk,
    /// Two lanes, 60 km/h.
    Primary,
    /// Two lanes, 50 km/h.
    Secondary,
    /// One lane, 40 km/h.
    Tertiary,
}

/// A place where something can happen.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// Where.
    pub(crate) point: Point,
    /// The street.
    pub(crate) road: &'static str,
    /// Street and number.
    pub(crate) address: String,
}

const DISTRICTS: [(&str, &str); 7] = [
    ("Центральный / Central", "Центр управления"),
    ("Восточный / East", "Дорожная служба «Восток»"),
    ("Университетский / University", "Дорожная служба «Север»"),
    ("Портовый / Port", "Дорожная служба «Север»"),
    ("Заводской / Factory", "Дорожная служба «Запад»"),
    ("Заречный / Riverside", "Дорожная служба «Юг»"),
    ("Садовый / Garden", "Дорожная служба «Юг»"),
];

const RADIALS: [&str; 12] = [
    "Вокзальная улица",
    "улица Ломоносова",
    "Университетский проспект",
    "Библиотечная улица",
    "Портовая улица",
    "Якорная улица",
    "Заводское шоссе",
    "улица Металлургов",
    "Мостовая улица",
    "Лодочная улица",
    "Садовая улица",
    "Яблоневая улица",
];
const RINGS: [(&str, f64, Grade); 3] = [
    ("улица Полярников", 0.17, Grade::Secondary),
    ("Бульварное кольцо", 0.40, Grade::Primary),
    ("Кольцевая улица", 0.72, Grade::Trunk),
];
const CROSSINGS: [&str; 6] =
    ["улица Ломоносова", "улица Космонавтов", "Парковая улица", "улица Строителей", "Аэродромная улица", "улица Мира"];

impl City {
    /// The one city.
    pub(crate) fn generate() -> Self {
        let mut random = Random::new(SEED, 1);
        let spokes: Vec<f64> = (0..12).map(|i| TAU * f64::from(i) / 12.0 + random.between(-0.09, 0.09)).collect();
        let outer: Vec<Point> =
            spokes.iter().map(|angle| polar(*angle, RADIUS_M * random.between(0.88, 1.06))).collect();
        let inner: Vec<Point> =
            spokes.iter().step_by(2).map(|angle| polar(*angle, CORE_RADIUS_M * random.between(0.85, 1.15))).collect();
        let districts = districts(&inner, &outer);
        let streets = streets(&mut random);
        let river = (0..=24)
            .map(|i| {
                let along = f64::from(i) / 24.0;
                offset(-5_200.0 + 10_400.0 * along, -1_900.0 + 520.0 * (along * 7.0).sin() + 900.0 * along)
            })
            .collect();
        Self { districts, streets, river }
    }

    /// A place on some street of the city.
    pub(crate) fn spot(&self, random: &mut Random) -> Option<Spot> {
        let (street, at) = self.segment(random)?;
        let (from, to) = (street.points.get(at)?, street.points.get(at + 1)?);
        let along = random.unit();
        let jitter = 12.0 / METRES_PER_DEGREE;
        let point = (
            from.0 + (to.0 - from.0) * along + random.between(-jitter, jitter),
            from.1 + (to.1 - from.1) * along + random.between(-jitter, jitter),
        );
        let address = format!("{}, {}", street.name, 1 + random.below(180));
        Some(Spot { point: round(point), road: street.name, address })
    }

    /// A stretch of some street, for works that are longer than a point.
    pub(crate) fn stretch(&self, random: &mut Random) -> Option<(Vec<Point>, &'static str)> {
        let (street, at) = self.segment(random)?;
        let points = street.points.get(at..=at + 1)?;
        Some((points.iter().copied().map(round).collect(), street.name))
    }

    /// A piece of a street between two of its points; long pieces come up more often, so that the city fills evenly.
    fn segment(&self, random: &mut Random) -> Option<(&Street, usize)> {
        let pieces = || {
            self.streets.iter().flat_map(|street| {
                street.points.windows(2).enumerate().map(move |(at, ends)| (street, at, length(ends)))
            })
        };
        let mut left = random.unit() * pieces().map(|(_, _, length)| length).sum::<f64>();
        let found = pieces().find(|(_, _, length)| {
            left -= length;
            left < 0.0
        });
        found.map(|(street, at, _)| (street, at))
    }
}

/// The middle district and the six around it; neighbours use the same corners, so there are no gaps.
fn districts(inner: &[Point], outer: &[Point]) -> Vec<District> {
    let mut boundaries = vec![inner.to_vec()];
    for sector in 0..6 {
        let at = |index: usize| outer.get(index % 12).copied();
        let corner = |index: usize| inner.get(index % 6).copied();
        let ring = [corner(sector), at(2 * sector), at(2 * sector + 1), at(2 * sector + 2), corner(sector + 1)];
        boundaries.push(ring.into_iter().flatten().collect());
    }
    DISTRICTS
        .iter()
        .zip(boundaries)
        .enumerate()
        .map(|(index, ((name, team), boundary))| District {
            id: Random::new(SEED, 1_000 + index as u64).uuid(),
            name,
            team,
            boundary: boundary.into_iter().map(round).collect(),
        })
        .collect()
}

fn streets(random: &mut Random) -> Vec<Street> {
    let mut streets = Vec::new();
    for (index, name) in RADIALS.iter().enumerate() {
        let angle = TAU * (index as f64 + 0.5) / RADIALS.len() as f64 + random.between(-0.07, 0.07);
        let bend = random.between(-0.1, 0.1);
        // Every other one begins at the second ring: not all streets meet in the middle.
        let from = if index % 2 == 0 { 0.04 } else { 0.30 };
        let points = (0..=8)
            .map(|step| {
                let share = from + (0.84 - from) * f64::from(step) / 8.0;
                polar(angle + bend * share, RADIUS_M * share)
            })
            .collect();
        let grade = match index {
            6 => Grade::Trunk,
            _ if index % 2 == 0 => Grade::Primary,
            _ => Grade::Secondary,
        };
        streets.push(Street { name, grade, points });
    }
    for (name, share, grade) in RINGS {
        let points = (0..=24).map(|step| polar(TAU * f64::from(step) / 24.0, RADIUS_M * share)).collect();
        streets.push(Street { name, grade, points });
    }
    for (index, name) in CROSSINGS.iter().enumerate() {
        let from = TAU * (index as f64 + random.between(0.0, 0.4)) / CROSSINGS.len() as f64;
        let to = from + TAU * random.between(0.10, 0.16);
        let (a, b) =
            (polar(from, RADIUS_M * random.between(0.35, 0.8)), polar(to, RADIUS_M * random.between(0.35, 0.8)));
        let points = (0..=5)
            .map(|step| {
                let share = f64::from(step) / 5.0;
                (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
            })
            .collect();
        streets.push(Street { name, grade: Grade::Tertiary, points });
    }
    streets
}

/// Counter-clockwise from the east.
fn polar(angle: f64, distance_m: f64) -> Point {
    offset(angle.cos() * distance_m, angle.sin() * distance_m)
}

/// So many metres east and north of the middle.
pub(super) fn offset(east_m: f64, north_m: f64) -> Point {
    let shrink = CENTRE.0.to_radians().cos();
    (CENTRE.0 + north_m / METRES_PER_DEGREE, CENTRE.1 + east_m / (METRES_PER_DEGREE * shrink))
}

/// Metres east and north of the middle.
pub(super) fn metres((latitude, longitude): Point) -> (f64, f64) {
    let shrink = CENTRE.0.to_radians().cos();
    ((longitude - CENTRE.1) * METRES_PER_DEGREE * shrink, (latitude - CENTRE.0) * METRES_PER_DEGREE)
}

/// Of a piece of street, in degrees of latitude.
fn length(ends: &[Point]) -> f64 {
    let [from, to] = ends else { return 0.0 };
    (to.0 - from.0).hypot((to.1 - from.1) * CENTRE.0.to_radians().cos())
}

/// To the decimetre: more digits only look exact.
pub(super) fn round((latitude, longitude): Point) -> Point {
    ((latitude * 1e6).round() / 1e6, (longitude * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(boundary: &[Point], (y, x): Point) -> bool {
        let mut inside = false;
        let mut j = boundary.len() - 1;
        for i in 0..boundary.len() {
            let ((yi, xi), (yj, xj)) = (boundary[i], boundary[j]);
            if (yi > y) != (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi {
                inside = !inside;
            }
            j = i;
        }
        inside
    }

    #[test]
    fn the_city_is_the_same_every_time() {
        assert_eq!(format!("{:?}", City::generate()), format!("{:?}", City::generate()));
    }

    #[test]
    fn districts_run_counter_clockwise_and_do_not_overlap() {
        let city = City::generate();
        assert_eq!(city.districts.len(), 7);
        for district in &city.districts {
            let ring = &district.boundary;
            let area: f64 = (0..ring.len())
                .map(|i| {
                    let ((y1, x1), (y2, x2)) = (ring[i], ring[(i + 1) % ring.len()]);
                    x1 * y2 - x2 * y1
                })
                .sum();
            assert!(area > 0.0, "{} runs the wrong way", district.name);
        }
        let mut random = Random::new(SEED, 9);
        for _ in 0..500 {
            let spot = city.spot(&mut random).expect("a spot");
            let home = city.districts.iter().filter(|d| inside(&d.boundary, spot.point)).count();
            assert!(home <= 1, "{spot:?} lies in {home} districts");
        }
    }

    #[test]
    fn nearly_every_spot_lies_in_a_district() {
        let city = City::generate();
        let mut random = Random::new(SEED, 10);
        let home = (0..500)
            .filter_map(|_| city.spot(&mut random))
            .filter(|spot| city.districts.iter().any(|d| inside(&d.boundary, spot.point)))
            .count();
        assert!(home > 480, "only {home} of 500");
    }
}
