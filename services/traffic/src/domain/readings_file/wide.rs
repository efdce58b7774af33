//! Wide files: ids of detectors in the header, a row for each period, times that follow from the first.

use super::{Instructions, ReadingsFile, shown};
use crate::domain::reading::Raw;

/// Reads the rows.
pub(super) fn read<'a>(
    file: &mut ReadingsFile,
    columns: &[&str],
    lines: impl Iterator<Item = &'a str>,
    how: &Instructions,
) {
    let Some(measure) = how.measure else {
        return file.error(0, "", "MEASURE_MISSING", "say what the values are, such as speed in miles per hour");
    };
    let Some(start) = how.start else {
        return file.error(0, "", "START_MISSING", "say the time of the first row");
    };
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        match file.place(column) {
            Ok(place) if places.contains(&place) => {
                file.error(1, column, "COLUMN_TWICE", "the same detector stands in the header twice");
            }
            Ok(place) => places.push(place),
            Err(message) => file.error(1, column, "BAD_DETECTOR_ID", message),
        }
    }
    if file.error_count > 0 {
        return;
    }
    for (row, line) in (0_u32..).zip(lines) {
        let number = row + 2;
        let time = start + i64::from(row) * how.step;
        file.lines += 1;
        let cells = line.split(',').count();
        if cells != columns.len() {
            let message = format!("{cells} values, but the header names {} detectors", columns.len());
            file.error(number, "", "ROW_LENGTH", message);
            continue;
        }
        if let Err(refusal) = how.window.check(time) {
            file.error(number, "", refusal.reason(), refusal.message());
            continue;
        }
        for ((cell, column), place) in line.split(',').zip(columns).zip(&places) {
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            let mut raw = Raw::default();
            let read = measure.set(&mut raw, cell).and_then(|()| {
                raw.values()
                    .map_err(|refusal| (refusal.reason(), format!("{} is {:?}", refusal.message(), shown(cell))))
            });
            match read {
                Ok(values) => file.readings.push((*place, time, values)),
                Err((reason, message)) => file.error(number, column, reason, message),
            }
        }
    }
    if how.expected_rows > 0 && file.lines != how.expected_rows {
        let message = format!("{} rows, but {} are expected; is the file complete?", file.lines, how.expected_rows);
        file.error(0, "", "ROW_COUNT", message);
    }
}
