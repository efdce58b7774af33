//! Files of readings: CSV, wide (a column for each detector) or long (a row for each reading).
//!
//! A file is read completely before anything is kept: its first bytes, header, row lengths, each time and each value.
//! Every error is named with its line, and one error is enough to refuse the file.

mod long;
mod times;
mod wide;

use std::collections::HashMap;

use super::detector::is_id;
use super::reading::{MILE_KM, Raw, Values, Window};

/// What values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// km/h.
    SpeedKmh,
    /// Miles per hour.
    SpeedMph,
    /// Percent.
    Occupancy,
    /// Vehicles.
    Count,
    /// Seconds.
    TravelTime,
}

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// A column for each detector.
    Wide,
    /// A row for each reading.
    Long,
}

/// How to read a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Instructions {
    /// Told from the header when `None`.
    pub layout: Option<Layout>,
    /// What values are, where the header does not say.
    pub measure: Option<Measure>,
    /// Whose values are, where the header does not say.
    pub detector: String,
    /// Time of the first row of a wide file, seconds since 1970.
    pub start: Option<i64>,
    /// From row to row of a wide file, seconds.
    pub step: i64,
    /// What the clock of timestamps without a zone is ahead of UTC, seconds.
    pub offset: i64,
    /// Which times are taken.
    pub window: Window,
    /// How many rows a wide file must have; 0 for any number.
    pub expected_rows: u32,
}

/// Something wrong in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// From 1, the header's; 0 for the file as a whole.
    pub line: u32,
    /// The column's name; empty for the whole line.
    pub column: String,
    /// Stable, for programs.
    pub reason: &'static str,
    /// What was found and what should be there.
    pub message: String,
}

/// Errors kept of one file; the others are counted.
pub const ERRORS_KEPT: usize = 200;
/// Detectors of one file at most.
pub const DETECTORS_MAX: usize = 10_000;

/// A file that was read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReadingsFile {
    /// Detectors in the order in which they come.
    pub detectors: Vec<String>,
    /// Place of the detector in `detectors`, time, values.
    pub readings: Vec<(u32, i64, Values)>,
    /// Lines without the header.
    pub lines: u32,
    /// The first errors.
    pub errors: Vec<FileError>,
    /// How many errors there are.
    pub error_count: u32,
    places: HashMap<String, u32>,
}

impl ReadingsFile {
    fn error(&mut self, line: u32, column: &str, reason: &'static str, message: impl Into<String>) {
        self.error_count += 1;
        if self.errors.len() < ERRORS_KEPT {
            self.errors.push(FileError { line, column: column.to_owned(), reason, message: message.into() });
        }
    }

    /// The place of a detector, new if need be.
    fn place(&mut self, detector: &str) -> Result<u32, String> {
        if let Some(place) = self.places.get(detector) {
            return Ok(*place);
        }
        if !is_id(detector) {
            return Err(format!("{:?} is no id of a detector", shown(detector)));
        }
        if self.detectors.len() >= DETECTORS_MAX {
            return Err(format!("more than {DETECTORS_MAX} detectors"));
        }
        let place = u32::try_from(self.detectors.len()).unwrap_or(u32::MAX);
        self.detectors.push(detector.to_owned());
        self.places.insert(detector.to_owned(), place);
        Ok(place)
    }
}

/// The beginning of a text, for messages.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Reads a file.
pub fn read(content: &[u8], how: &Instructions) -> ReadingsFile {
    let mut file = ReadingsFile::default();
    let text = match text_of(content) {
        Ok(text) => text,
        Err((reason, message)) => {
            file.error(0, "", reason, message);
            return file;
        }
    };
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
    let Some(header) = lines.next().filter(|header| !header.trim().is_empty()) else {
        file.error(1, "", "HEADER_MISSING", "the first line is empty; it should name the columns");
        return file;
    };
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    let long = columns.contains(&"timestamp");
    match how.layout.unwrap_or(if long { Layout::Long } else { Layout::Wide }) {
        Layout::Wide => wide::read(&mut file, &columns, lines, how),
        Layout::Long => long::read(&mut file, &columns, lines, how),
    }
    if file.readings.is_empty() && file.error_count == 0 {
        file.error(0, "", "NO_READINGS", "there is not a single reading in the file");
    }
    file
}

/// The text of a file; what else it seems to be is said. Such files are met in public collections of traffic data.
fn text_of(content: &[u8]) -> Result<&str, (&'static str, String)> {
    let magic: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"version https://git-lfs", "a Git LFS pointer instead of the file it stands for"),
        (b"\x93NUMPY", "a NumPy array"),
    ];
    if let Some((_, what)) = magic.iter().find(|(magic, _)| content.starts_with(magic)) {
        return Err(("NOT_CSV", format!("this is {what}; a CSV file is needed")));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = std::str::from_utf8(content)
        .map_err(|error| ("NOT_UTF8", format!("byte {} is no UTF-8; save the file as UTF-8", error.valid_up_to())))?;
    if text.trim_start().starts_with('<') {
        return Err(("NOT_CSV", "this is a web page or XML; a CSV file is needed".to_owned()));
    }
    if text.contains('\0') {
        return Err(("NOT_CSV", "there are zero bytes in the file; a CSV file is needed".to_owned()));
    }
    Ok(text)
}

impl Measure {
    /// Reads one value into a reading.
    fn set(self, raw: &mut Raw, text: &str) -> Result<(), (&'static str, String)> {
        let number: f64 = text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| ("NOT_A_NUMBER", format!("{:?} is no number", shown(text))))?;
        match self {
            Self::SpeedKmh => raw.speed_kmh = Some(number),
            Self::SpeedMph => raw.speed_kmh = Some(number * MILE_KM),
            Self::Occupancy => raw.occupancy_percent = Some(number),
            Self::TravelTime => raw.travel_time_s = Some(number),
            Self::Count => {
                raw.count = Some(
                    whole(number)
                        .ok_or_else(|| ("NOT_A_WHOLE_NUMBER", format!("{:?} is no whole number", shown(text))))?,
                )
            }
        }
        Ok(())
    }
}

/// A whole number that stands as one, such as `12` or `12.0`.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}
