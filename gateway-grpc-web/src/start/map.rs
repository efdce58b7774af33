//! The city as SVG: areas, streets, and what is open in them.

use std::collections::BTreeMap;

use super::html::{escape, push};
use super::snapshot::{Area, Point, Snapshot, Subject};
use super::text::{self, INCIDENT_STATUSES, Language, REPORT_STATUSES};
use crate::{Line, LineClass};

/// Width of the picture in its own units; the height follows from the city's shape.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 20.0;

/// From degrees to the picture's units.
#[derive(Clone, Copy, Debug)]
struct Projection {
    west: f64,
    north: f64,
    scale_x: f64,
    scale_y: f64,
    height: f64,
}

impl Projection {
    /// Fits the places into the picture. Degrees of longitude shrink towards the poles, hence the cosine.
    fn fit(places: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let (mut south, mut west, mut north, mut east) =
            (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (latitude, longitude) in places.filter(|(a, b)| a.is_finite() && b.is_finite()) {
            (south, north) = (south.min(latitude), north.max(latitude));
            (west, east) = (west.min(longitude), east.max(longitude));
        }
        if south > north {
            return None;
        }
        // One place alone still needs a picture around it: at least about a kilometre.
        let pad_latitude = ((0.01 - (north - south)) / 2.0).max(0.0);
        let pad_longitude = ((0.02 - (east - west)) / 2.0).max(0.0);
        let (south, north) = (south - pad_latitude, north + pad_latitude);
        let (west, east) = (west - pad_longitude, east + pad_longitude);
        let shrink = ((south + north) / 2.0).to_radians().cos().max(0.05);
        let scale_x = (WIDTH - 2.0 * MARGIN) / (east - west);
        let scale_y = scale_x / shrink;
        let height = ((north - south) * scale_y + 2.0 * MARGIN).clamp(200.0, 1400.0);
        Some(Self { west, north, scale_x, scale_y: (height - 2.0 * MARGIN) / (north - south), height })
    }

    fn place(&self, (latitude, longitude): (f64, f64)) -> (f64, f64) {
        (MARGIN + (longitude - self.west) * self.scale_x, MARGIN + (self.north - latitude) * self.scale_y)
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (index, point) in points.iter().enumerate() {
            let (x, y) = self.place(*point);
            push(&mut path, format_args!("{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" }));
        }
        path
    }
}

/// Draws the map. `streets` is scenery that no service knows.
pub(crate) fn draw(snapshot: &Snapshot, streets: &[Line], language: Language) -> String {
    let ring = snapshot.areas.iter().flat_map(|area| area.boundary.iter().copied());
    // The areas decide the frame, so that it does not jump when something far away is reported.
    let projection = Projection::fit(ring)
        .or_else(|| Projection::fit(snapshot.points.iter().map(|point| (point.latitude, point.longitude))));
    let Some(projection) = projection else {
        return format!("<p class=\"soft\">{}</p>", language.of(text::MAP_EMPTY));
    };
    let mut svg = String::with_capacity(64 * 1024);
    let label = language.of(text::MAP_LABEL);
    push(
        &mut svg,
        format_args!(
            "<svg class=\"map\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{label}\">",
            projection.height
        ),
    );
    for area in &snapshot.areas {
        push(&mut svg, format_args!("<path class=\"area\" d=\"{}Z\"/>", projection.path(&area.boundary)));
    }
    for line in streets {
        let class = match line.class {
            LineClass::Street => "street",
            LineClass::Water => "water",
        };
        let path = projection.path(&line.points);
        push(
            &mut svg,
            format_args!("<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", escape(&line.name)),
        );
    }
    // Incidents last: they are fewer and matter more, so they lie on top.
    for subject in [Subject::Report, Subject::Incident] {
        for point in snapshot.points.iter().filter(|point| point.subject == subject) {
            draw_point(&mut svg, point, &projection, language);
        }
    }
    // Names above everything: there are few of them, and points may lie beside.
    for area in &snapshot.areas {
        let (x, y) = projection.place(middle(area));
        push(
            &mut svg,
            format_args!("<text class=\"area-name\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>", escape(&area.name)),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn draw_point(svg: &mut String, point: &Point, projection: &Projection, language: Language) {
    let (x, y) = projection.place((point.latitude, point.longitude));
    if !(0.0..=WIDTH).contains(&x) || !(0.0..=projection.height).contains(&y) {
        return;
    }
    let status = point.status;
    let title = format!("{}: {}", status_name(point.subject, status, language), escape(&point.title));
    let shape = shape(point.subject, status, x, y);
    push(
        svg,
        format_args!(
            "<g><title>{title}</title>{shape}<text class=\"digit\" x=\"{x:.1}\" y=\"{:.1}\">{status}</text></g>",
            y + 4.6
        ),
    );
}

/// The sign of a status: a diamond for an incident, a circle for a report.
fn shape(subject: Subject, status: usize, x: f64, y: f64) -> String {
    match subject {
        Subject::Incident => format!(
            "<path class=\"point i{status}\" d=\"M{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}Z\"/>",
            y - 15.0,
            x + 15.0,
            y + 15.0,
            x - 15.0
        ),
        Subject::Report => format!("<circle class=\"point r{status}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9.5\"/>"),
    }
}

/// The sign of a status by itself, for the tables that explain the map.
pub(crate) fn swatch(subject: Subject, status: usize) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">{}<text class=\"digit\" x=\"16\" y=\"20.6\">{status}</text></svg>",
        shape(subject, status, 16.0, 16.0)
    )
}

/// Name of a status.
pub(crate) fn status_name(subject: Subject, status: usize, language: Language) -> &'static str {
    let words = match subject {
        Subject::Incident => INCIDENT_STATUSES.get(status).unwrap_or(&INCIDENT_STATUSES[0]),
        Subject::Report => REPORT_STATUSES.get(status).unwrap_or(&REPORT_STATUSES[0]),
    };
    language.of(*words)
}

fn middle(area: &Area) -> (f64, f64) {
    let count = area.boundary.len().max(1) as f64;
    let (latitude, longitude) = area.boundary.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    (latitude / count, longitude / count)
}

/// Names of areas by id.
pub(crate) fn area_names(areas: &[Area]) -> BTreeMap<&str, &str> {
    areas.iter().map(|area| (area.id.as_str(), area.name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(subject: Subject, latitude: f64, longitude: f64, title: &str) -> Point {
        Point { subject, id: String::new(), status: 1, latitude, longitude, title: title.to_owned() }
    }

    #[test]
    fn an_empty_city_says_how_to_fill_it() {
        assert!(draw(&Snapshot::default(), &[], Language::En).contains("--demo"));
    }

    #[test]
    fn titles_are_escaped_and_statuses_named() {
        let points = vec![
            point(Subject::Report, 61.0, 45.0, "<script>alert(1)</script>"),
            point(Subject::Incident, 61.1, 45.1, "crash"),
        ];
        let svg = draw(&Snapshot { points, ..Snapshot::default() }, &[], Language::En);
        assert!(!svg.contains("<script"));
        assert!(svg.contains("Received: &lt;script"));
        assert!(svg.contains("New: crash"));
    }

    #[test]
    fn a_single_place_does_not_divide_by_zero() {
        let points = vec![point(Subject::Incident, 61.0, 45.0, "alone")];
        let svg = draw(&Snapshot { points, ..Snapshot::default() }, &[], Language::Ru);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
