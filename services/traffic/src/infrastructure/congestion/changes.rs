//! What a range of steps does to the rows of jams and warnings, and which of it is news.
//!
//! A jam belongs to the range by which it was *found*, its end to the range by which that was found. Computing a range once
//! more therefore takes back what was found within it, keeps what was found before or after, and applies what is found now.

use std::collections::{BTreeMap, BTreeSet};

use kvartal_events::Event;
use kvartal_kernel::{Error, Uuid};
use kvartal_store::db_error;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::log::insert;
use super::rows::{jam, moment, warning};
use super::{events, joined, segments};
use crate::application::congestion::ports::Chunk;
use crate::domain::city::City;
use crate::domain::jam::{Jam, JamEvent, Rule};
use crate::domain::step::Step;
use crate::domain::tracker::{JamMoment, Outcome, Warning};

/// The moments of a step.
pub(super) fn moments(step: Step, outcome: &Outcome) -> impl Iterator<Item = moment::Model> {
    outcome.jams.iter().map(move |told| {
        let JamMoment { jam, pace, .. } = told;
        let absorbed = outcome.jam_events.iter().find_map(|(_, event)| match event {
            JamEvent::Ended { jam: ended, into: Some(into), .. } if *into == jam.id => Some(ended.id.0),
            _ => None,
        });
        moment::Model {
            jam_id: jam.id.0,
            step: step.0,
            segments: joined(jam.segments.iter().map(|id| id.0.as_str())),
            queue_m: jam.queue_m,
            peak_m: jam.peak_m,
            mean_speed_kmh: pace.mean_speed_kmh,
            delay_s: pace.delay_s,
            level: pace.level.number(),
            absorbed_id: absorbed,
        }
    })
}

/// Jams before and after a range was computed.
pub(super) struct JamChanges {
    before: BTreeMap<Uuid, jam::Model>,
    after: BTreeMap<Uuid, jam::Model>,
}

impl JamChanges {
    /// Reads what the range concerns and applies it.
    pub(super) async fn of(tx: &DatabaseTransaction, chunk: &Chunk, city: &City) -> Result<Self, Error> {
        let range = chunk.from.0..=chunk.to.0;
        let before = read_jams(tx, chunk).await?;
        let mut after = before.clone();
        after.retain(|_, row| !range.contains(&row.found_step));
        for row in after.values_mut().filter(|row| row.closed_step.is_some_and(|closed| range.contains(&closed))) {
            (row.end_step, row.closed_step, row.into_id) = (None, None, None);
        }
        for (step, outcome) in &chunk.outcomes {
            apply(*step, outcome, &before, &mut after, chunk.to);
        }
        // Where later steps stay as they were, the newest moment is among them.
        let touched: Vec<Uuid> = after.keys().copied().collect();
        for ids in touched.chunks(500) {
            let later = moment::Entity::find()
                .filter(moment::Column::JamId.is_in(ids.iter().copied()))
                .filter(moment::Column::Step.gt(chunk.to.0))
                .order_by_asc(moment::Column::Step);
            for moment in later.all(tx).await.map_err(db_error)? {
                if let Some(row) = after.get_mut(&moment.jam_id) {
                    take(row, &moment);
                }
            }
        }
        for row in after.values_mut() {
            place(row, city);
        }
        Ok(Self { before, after })
    }

    /// Writes the rows; what others should know.
    pub(super) async fn write(self, tx: &DatabaseTransaction, news_from: Step) -> Result<Vec<Event>, Error> {
        let Self { before, after } = self;
        let changed = |id: &Uuid| before.get(id) != after.get(id);
        let ids: BTreeSet<Uuid> = before.keys().chain(after.keys()).copied().filter(changed).collect();
        let gone: Vec<Uuid> = ids.iter().copied().collect();
        for ids in gone.chunks(500) {
            let rows = jam::Entity::delete_many().filter(jam::Column::Id.is_in(ids.iter().copied()));
            rows.exec(tx).await.map_err(db_error)?;
        }
        let rows = ids.iter().filter_map(|id| after.get(id)).map(|row| row.clone().into_active_model());
        insert::<jam::Entity, _>(tx, rows.collect()).await?;
        let mut news = Vec::new();
        for id in ids {
            match (before.get(&id), after.get(&id)) {
                (None, Some(row)) if row.found_step >= news_from.0 => {
                    news.push(events::jam_started(row)?);
                    if row.end_step.is_some() {
                        news.push(events::jam_ended(row)?);
                    }
                }
                (Some(was), Some(row))
                    if was.end_step.is_none() && row.closed_step.is_some_and(|closed| closed >= news_from.0) =>
                {
                    news.push(events::jam_ended(row)?);
                }
                // Late readings show that there was no jam: whoever heard of it hears that it is over.
                (Some(was), None) if was.end_step.is_none() && was.found_step >= news_from.0 => {
                    news.push(events::jam_ended(&jam::Model { end_step: Some(was.start_step), ..was.clone() })?);
                }
                _ => {}
            }
        }
        Ok(news)
    }
}

/// Jams that were found or closed within the range, and those that it tells of.
async fn read_jams(tx: &DatabaseTransaction, chunk: &Chunk) -> Result<BTreeMap<Uuid, jam::Model>, Error> {
    let within = Condition::any()
        .add(jam::Column::FoundStep.between(chunk.from.0, chunk.to.0))
        .add(jam::Column::ClosedStep.between(chunk.from.0, chunk.to.0));
    let mut rows = jam::Entity::find().filter(within).all(tx).await.map_err(db_error)?;
    let told = chunk.outcomes.iter().flat_map(|(_, outcome)| {
        outcome
            .jams
            .iter()
            .map(|told| told.jam.id.0)
            .chain(outcome.jam_events.iter().map(|(_, event)| event.jam().id.0))
    });
    let told: Vec<Uuid> = told.collect::<BTreeSet<Uuid>>().into_iter().collect();
    for ids in told.chunks(500) {
        let found = jam::Entity::find().filter(jam::Column::Id.is_in(ids.iter().copied()));
        rows.extend(found.all(tx).await.map_err(db_error)?);
    }
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Applies a step to the rows.
fn apply(
    step: Step,
    outcome: &Outcome,
    before: &BTreeMap<Uuid, jam::Model>,
    rows: &mut BTreeMap<Uuid, jam::Model>,
    to: Step,
) {
    for (rule, event) in &outcome.jam_events {
        if let JamEvent::Started(jam) = event {
            let mut row = started(*rule, jam, step);
            // The same jam again: its end may have been found after the range, which stays.
            let known = before.get(&row.id).filter(|row| row.closed_step.is_some_and(|closed| closed > to.0));
            if let Some(known) = known {
                (row.end_step, row.closed_step, row.into_id) = (known.end_step, known.closed_step, known.into_id);
            }
            rows.insert(row.id, row);
        }
    }
    for moment in moments(step, outcome) {
        if let Some(row) = rows.get_mut(&moment.jam_id) {
            take(row, &moment);
        }
    }
    for (_, event) in &outcome.jam_events {
        if let JamEvent::Ended { jam, end, into } = event
            && let Some(row) = rows.get_mut(&jam.id.0)
        {
            (row.end_step, row.closed_step, row.into_id) = (Some(end.0), Some(step.0), into.map(|into| into.0));
        }
    }
}

fn started(rule: Rule, jam: &Jam, found: Step) -> jam::Model {
    jam::Model {
        id: jam.id.0,
        rule: rule.number().into(),
        start_step: jam.start.0,
        found_step: found.0,
        end_step: None,
        closed_step: None,
        into_id: None,
        update_step: found.0,
        segments: joined(jam.segments.iter().map(|id| id.0.as_str())),
        districts: joined([]),
        corridor: String::new(),
        name: String::new(),
        latitude: None,
        longitude: None,
        south: None,
        west: None,
        north: None,
        east: None,
        queue_m: jam.queue_m,
        peak_m: jam.peak_m,
        mean_speed_kmh: 0.0,
        delay_s: 0.0,
        level: 1,
    }
}

fn take(row: &mut jam::Model, moment: &moment::Model) {
    row.update_step = moment.step;
    row.segments.clone_from(&moment.segments);
    row.queue_m = moment.queue_m;
    row.peak_m = moment.peak_m;
    row.mean_speed_kmh = moment.mean_speed_kmh;
    row.delay_s = moment.delay_s;
    row.level = moment.level;
}

fn place(row: &mut jam::Model, city: &City) {
    let whereabouts = city.whereabouts(&segments(&row.segments).into_iter().collect());
    if !whereabouts.segments.is_empty() {
        row.segments = joined(whereabouts.segments.iter().map(|id| id.0.as_str()));
    }
    row.districts = joined(whereabouts.districts.iter().map(String::as_str));
    row.corridor = whereabouts.corridor;
    row.name = whereabouts.name;
    let place = whereabouts.place;
    (row.latitude, row.longitude) = (place.map(|place| place.head.0), place.map(|place| place.head.1));
    (row.south, row.west) = (place.map(|place| place.low.0), place.map(|place| place.low.1));
    (row.north, row.east) = (place.map(|place| place.high.0), place.map(|place| place.high.1));
}

/// Warnings before and after a range was computed.
pub(super) struct WarningChanges {
    before: BTreeMap<Uuid, warning::Model>,
    after: BTreeMap<Uuid, warning::Model>,
}

impl WarningChanges {
    /// Reads what the range concerns and applies it.
    pub(super) async fn of(tx: &DatabaseTransaction, chunk: &Chunk, city: &City) -> Result<Self, Error> {
        let range = chunk.from.0..=chunk.to.0;
        let within = Condition::any()
            .add(warning::Column::FoundStep.between(chunk.from.0, chunk.to.0))
            .add(warning::Column::ClosedStep.between(chunk.from.0, chunk.to.0));
        let mut rows = warning::Entity::find().filter(within).all(tx).await.map_err(db_error)?;
        let told = chunk.outcomes.iter().flat_map(|(_, outcome)| &outcome.warnings).map(|warning| warning.id.0);
        let told: Vec<Uuid> = told.collect::<BTreeSet<Uuid>>().into_iter().collect();
        for ids in told.chunks(500) {
            let found = warning::Entity::find().filter(warning::Column::Id.is_in(ids.iter().copied()));
            rows.extend(found.all(tx).await.map_err(db_error)?);
        }
        let before: BTreeMap<Uuid, warning::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut after = before.clone();
        after.retain(|_, row| !range.contains(&row.found_step));
        for row in after.values_mut().filter(|row| row.closed_step.is_some_and(|closed| range.contains(&closed))) {
            (row.end_step, row.closed_step) = (None, None);
        }
        for (step, outcome) in &chunk.outcomes {
            for told in &outcome.warnings {
                match told.end {
                    Some(end) => {
                        if let Some(row) = after.get_mut(&told.id.0) {
                            (row.end_step, row.closed_step) = (Some(end.0), Some(step.0));
                        }
                    }
                    None => {
                        let mut row = warned(told, *step, city);
                        let known = before.get(&row.id).filter(|row| row.closed_step.is_some_and(|at| at > chunk.to.0));
                        if let Some(known) = known {
                            (row.end_step, row.closed_step) = (known.end_step, known.closed_step);
                        }
                        after.insert(row.id, row);
                    }
                }
            }
        }
        Ok(Self { before, after })
    }

    /// Writes the rows; what others should know.
    pub(super) async fn write(self, tx: &DatabaseTransaction, news_from: Step) -> Result<Vec<Event>, Error> {
        let Self { before, after } = self;
        let changed = |id: &Uuid| before.get(id) != after.get(id);
        let ids: Vec<Uuid> =
            before.keys().chain(after.keys()).copied().filter(changed).collect::<BTreeSet<_>>().into_iter().collect();
        for ids in ids.chunks(500) {
            let rows = warning::Entity::delete_many().filter(warning::Column::Id.is_in(ids.iter().copied()));
            rows.exec(tx).await.map_err(db_error)?;
        }
        let rows = ids.iter().filter_map(|id| after.get(id)).map(|row| row.clone().into_active_model());
        insert::<warning::Entity, _>(tx, rows.collect()).await?;
        let new = ids.iter().filter(|id| !before.contains_key(id)).filter_map(|id| after.get(id));
        new.filter(|row| row.found_step >= news_from.0).map(events::warning_issued).collect()
    }
}

fn warned(told: &Warning, found: Step, city: &City) -> warning::Model {
    let detector = |segment| city.detectors(segment).first().cloned().unwrap_or_default();
    let place = city.segment(&told.segment).and_then(|segment| segment.place);
    warning::Model {
        id: told.id.0,
        rule: told.rule.number().into(),
        segment_id: told.segment.0.clone(),
        compared_segment_id: told.compared.0.clone(),
        detector_id: detector(&told.segment),
        compared_detector_id: detector(&told.compared),
        latitude: place.map(|place| place.head.0),
        longitude: place.map(|place| place.head.1),
        speed_kmh: told.speed_kmh,
        upstream_kmh: told.upstream_kmh,
        start_step: told.start.0,
        found_step: found.0,
        end_step: None,
        closed_step: None,
    }
}
