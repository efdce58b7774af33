//! Long files: a row for each reading, `timestamp,value` or `detector_id,timestamp` with named measures.

use super::times::timestamp;
use super::{Instructions, Measure, ReadingsFile, shown};
use crate::domain::reading::Raw;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Detector,
    Timestamp,
    Value(Measure),
}

/// Reads the rows.
pub(super) fn read<'a>(
    file: &mut ReadingsFile,
    names: &[&str],
    lines: impl Iterator<Item = &'a str>,
    how: &Instructions,
) {
    let Some(columns) = columns(file, names, how) else { return };
    for (row, line) in (0_u32..).zip(lines) {
        if line.is_empty() {
            continue;
        }
        file.lines += 1;
        let number = row + 2;
        if let Err((column, reason, message)) = row_of(file, &columns, names, line, how) {
            file.error(number, column, reason, message);
        }
    }
}

fn columns(file: &mut ReadingsFile, names: &[&str], how: &Instructions) -> Option<Vec<Column>> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column = match *name {
            "detector_id" => Column::Detector,
            "timestamp" => Column::Timestamp,
            "speed_kmh" => Column::Value(Measure::SpeedKmh),
            "speed_mph" => Column::Value(Measure::SpeedMph),
            "occupancy_percent" => Column::Value(Measure::Occupancy),
            "vehicle_count" => Column::Value(Measure::Count),
            "travel_time_seconds" => Column::Value(Measure::TravelTime),
            "value" => match how.measure {
                Some(measure) => Column::Value(measure),
                None => {
                    file.error(1, "value", "MEASURE_MISSING", "say what the values are");
                    return None;
                }
            },
            other => {
                file.error(1, other, "UNKNOWN_COLUMN", format!("{:?} is no column of such a file", shown(other)));
                return None;
            }
        };
        if columns.contains(&column) {
            file.error(1, name, "COLUMN_TWICE", "the same column stands in the header twice");
            return None;
        }
        columns.push(column);
    }
    let problem = if !columns.contains(&Column::Timestamp) {
        Some(("COLUMN_MISSING", "there is no column timestamp"))
    } else if !columns.iter().any(|column| matches!(column, Column::Value(_))) {
        Some(("COLUMN_MISSING", "there is no column with values"))
    } else if columns.contains(&Column::Detector) != how.detector.is_empty() {
        Some(("DETECTOR_UNCLEAR", "name the detector either in a column detector_id or with the file, not both"))
    } else {
        None
    };
    match problem {
        None => Some(columns),
        Some((reason, message)) => {
            file.error(1, "", reason, message);
            None
        }
    }
}

type Wrong<'a> = (&'a str, &'static str, String);

fn row_of<'a>(
    file: &mut ReadingsFile,
    columns: &[Column],
    names: &[&'a str],
    line: &str,
    how: &Instructions,
) -> Result<(), Wrong<'a>> {
    let count = line.split(',').count();
    if count != columns.len() {
        return Err(("", "ROW_LENGTH", format!("{count} values, but the header names {} columns", columns.len())));
    }
    let (mut detector, mut time, mut raw) = (how.detector.as_str(), None, Raw::default());
    for ((cell, column), name) in line.split(',').map(str::trim).zip(columns).zip(names) {
        match column {
            Column::Detector => detector = cell,
            Column::Timestamp => {
                let wrong = || {
                    let message = format!("{:?} is no time such as 2015-09-01 13:45:00 or RFC 3339", shown(cell));
                    (*name, "BAD_TIMESTAMP", message)
                };
                time = Some(timestamp(cell, how.offset).ok_or_else(wrong)?);
            }
            Column::Value(_) if cell.is_empty() => {}
            Column::Value(measure) => {
                measure.set(&mut raw, cell).map_err(|(reason, message)| (*name, reason, message))?;
            }
        }
    }
    let refused = |refusal: crate::domain::reading::Refusal| ("", refusal.reason(), refusal.message().to_owned());
    let time = time.ok_or_else(|| refused(crate::domain::reading::Refusal::NoTime))?;
    how.window.check(time).map_err(refused)?;
    let values = raw.values().map_err(refused)?;
    let place = file.place(detector).map_err(|message| ("detector_id", "BAD_DETECTOR_ID", message))?;
    file.readings.push((place, time, values));
    Ok(())
}
