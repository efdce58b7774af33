//! Reading states, jams, warnings and scores.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kvartal_kernel::{Cursor, Error, Page, PageRequest};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, LikeExpr, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::rows::{jam, level, moment, score, warning};
use super::{segments, split};
use crate::application::congestion::ports::{
    CongestionBook, JamFilter, Since, StoredJam, StoredMoment, StoredScore, StoredWarning, WarningFilter,
};
use crate::domain::city::{Place, SegmentName, Whereabouts};
use crate::domain::congestion::Level;
use crate::domain::history::LevelChange;
use crate::domain::jam::{Jam, JamId, Rule};
use crate::domain::step::Step;
use crate::domain::tracker::{Pace, Warning};

/// The book in a database.
#[derive(Clone)]
pub(crate) struct StoredBook {
    store: Store,
}

impl StoredBook {
    /// In this database.
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl CongestionBook for StoredBook {
    async fn levels_at(&self, step: Step) -> Result<BTreeMap<SegmentName, Since>, Error> {
        use level::Column as C;
        // The last change of each segment up to the step, then its level.
        let mut last = Query::select();
        last.column(C::SegmentId).expr_as(Func::max(Expr::col(C::Step)), Alias::new("last"));
        last.from(level::Entity).and_where(Expr::col(C::Step).lte(step.0)).group_by_col(C::SegmentId);
        let mut query = Query::select();
        query
            .column((level::Entity, C::SegmentId))
            .column((level::Entity, C::Step))
            .column((level::Entity, C::Level))
            .from(level::Entity)
            .join_subquery(
                sea_orm::JoinType::InnerJoin,
                last,
                Alias::new("newest"),
                Expr::col((level::Entity, C::SegmentId))
                    .equals((Alias::new("newest"), C::SegmentId))
                    .and(Expr::col((level::Entity, C::Step)).equals((Alias::new("newest"), Alias::new("last")))),
            )
            .and_where(Expr::col((level::Entity, C::Level)).is_not_null());
        let rows = self.store.reader().query_all(&query).await.map_err(db_error)?;
        let mut levels = BTreeMap::new();
        for row in rows {
            let segment: String = row.try_get_by_index(0).map_err(db_error)?;
            let since: i64 = row.try_get_by_index(1).map_err(db_error)?;
            let number: i16 = row.try_get_by_index(2).map_err(db_error)?;
            levels.insert(SegmentName(segment), (known(number)?, Step(since)));
        }
        Ok(levels)
    }

    async fn level_at(&self, segment: &SegmentName, step: Step) -> Result<Option<LevelChange>, Error> {
        let rows = level::Entity::find().filter(level::Column::SegmentId.eq(&segment.0));
        let last = rows.filter(level::Column::Step.lte(step.0)).order_by_desc(level::Column::Step);
        last.one(self.store.reader()).await.map_err(db_error)?.map(change).transpose()
    }

    async fn changes(
        &self,
        segment: &SegmentName,
        after: Step,
        before: Step,
        limit: u64,
    ) -> Result<Vec<LevelChange>, Error> {
        let rows = level::Entity::find()
            .filter(level::Column::SegmentId.eq(&segment.0))
            .filter(level::Column::Step.gt(after.0))
            .filter(level::Column::Step.lt(before.0))
            .order_by_asc(level::Column::Step)
            .limit(limit);
        rows.all(self.store.reader()).await.map_err(db_error)?.into_iter().map(change).collect()
    }

    async fn jams(&self, filter: &JamFilter, page: PageRequest) -> Result<Page<StoredJam>, Error> {
        let rows = newest_jams(jam::Entity::find().filter(wanted(filter)), page);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let jams: Vec<StoredJam> = rows.into_iter().map(stored_jam).collect::<Result<_, Error>>()?;
        Ok(Page::from_surplus(jams, page.size, |jam| Cursor { key: jam.jam.start.0, id: jam.jam.id.0 }))
    }

    async fn jam(&self, id: JamId) -> Result<Option<StoredJam>, Error> {
        let row = jam::Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        row.map(stored_jam).transpose()
    }

    async fn moments(&self, id: JamId, limit: u64) -> Result<Vec<StoredMoment>, Error> {
        let rows = moment::Entity::find().filter(moment::Column::JamId.eq(id.0));
        let newest = rows.order_by_desc(moment::Column::Step).limit(limit);
        let mut rows = newest.all(self.store.reader()).await.map_err(db_error)?;
        rows.reverse();
        let stored = |row: moment::Model| StoredMoment {
            step: Step(row.step),
            segments: segments(&row.segments),
            queue_m: row.queue_m,
            mean_speed_kmh: row.mean_speed_kmh,
            absorbed: row.absorbed_id.map(JamId),
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn scores_at(&self, from: Step, to: Step) -> Result<Vec<StoredScore>, Error> {
        let rows = score::Entity::find().filter(score::Column::Step.between(from.0, to.0));
        let rows = rows.order_by_asc(score::Column::Step).all(self.store.reader()).await.map_err(db_error)?;
        let newest: BTreeMap<String, StoredScore> =
            rows.into_iter().map(|row| (row.district_id.clone(), stored_score(row))).collect();
        Ok(newest.into_values().collect())
    }

    async fn scores(&self, district: &str, from: Step, before: Step, limit: u64) -> Result<Vec<StoredScore>, Error> {
        let rows = score::Entity::find()
            .filter(score::Column::DistrictId.eq(district))
            .filter(score::Column::Step.gte(from.0))
            .filter(score::Column::Step.lt(before.0))
            .order_by_asc(score::Column::Step)
            .limit(limit);
        Ok(rows.all(self.store.reader()).await.map_err(db_error)?.into_iter().map(stored_score).collect())
    }

    async fn warnings(&self, filter: &WarningFilter, page: PageRequest) -> Result<Page<StoredWarning>, Error> {
        use warning::Column as C;
        let mut wanted = Condition::all();
        if filter.active {
            wanted = wanted.add(C::EndStep.is_null());
        }
        if let Some(rule) = filter.rule {
            wanted = wanted.add(C::Rule.eq(i16::from(rule.number())));
        }
        if let Some(after) = filter.after {
            wanted = wanted.add(Condition::any().add(C::EndStep.is_null()).add(C::EndStep.gt(after.0)));
        }
        if let Some(before) = filter.before {
            wanted = wanted.add(C::StartStep.lt(before.0));
        }
        if let Some(after) = page.after {
            let row = Expr::tuple([Expr::col(C::StartStep), Expr::col(C::Id)]);
            wanted = wanted.add(row.lt(Expr::tuple([Expr::val(after.key), Expr::val(after.id)])));
        }
        let rows = warning::Entity::find().filter(wanted).order_by_desc(C::StartStep).order_by_desc(C::Id);
        let rows = rows.limit(u64::from(page.size) + 1).all(self.store.reader()).await.map_err(db_error)?;
        let warnings: Vec<StoredWarning> = rows.into_iter().map(stored_warning).collect::<Result<_, Error>>()?;
        let cursor = |told: &StoredWarning| Cursor { key: told.warning.start.0, id: told.warning.id.0 };
        Ok(Page::from_surplus(warnings, page.size, cursor))
    }
}

fn newest_jams(rows: Select<jam::Entity>, page: PageRequest) -> Select<jam::Entity> {
    use jam::Column as C;
    let rows = rows.order_by_desc(C::StartStep).order_by_desc(C::Id).limit(u64::from(page.size) + 1);
    let Some(after) = page.after else { return rows };
    let row = Expr::tuple([Expr::col(C::StartStep), Expr::col(C::Id)]);
    rows.filter(row.lt(Expr::tuple([Expr::val(after.key), Expr::val(after.id)])))
}

fn wanted(filter: &JamFilter) -> Condition {
    use jam::Column as C;
    let lasts_after = |step: Step| Condition::any().add(C::EndStep.is_null()).add(C::EndStep.gt(step.0));
    let mut wanted = Condition::all();
    if let Some(at) = filter.at {
        wanted = wanted.add(C::StartStep.lte(at.0)).add(lasts_after(at));
    }
    if filter.active {
        wanted = wanted.add(C::EndStep.is_null());
    }
    if let Some((low, high)) = filter.bounds {
        wanted = wanted.add(C::South.lte(high.0)).add(C::North.gte(low.0));
        wanted = wanted.add(C::West.lte(high.1)).add(C::East.gte(low.1));
    }
    if let Some(district) = &filter.district {
        wanted = wanted.add(contains(C::Districts, district));
    }
    if let Some(segment) = &filter.segment {
        wanted = wanted.add(contains(C::Segments, &segment.0));
    }
    if let Some(rule) = filter.rule {
        wanted = wanted.add(C::Rule.eq(i16::from(rule.number())));
    }
    if let Some(after) = filter.after {
        wanted = wanted.add(lasts_after(after));
    }
    if let Some(before) = filter.before {
        wanted = wanted.add(C::StartStep.lt(before.0));
    }
    wanted
}

/// Whether a text made by [`super::joined`] holds this id.
fn contains(column: jam::Column, id: &str) -> Expr {
    let escaped = id.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Expr::col(column).like(LikeExpr::new(format!("%|{escaped}|%")).escape('\\'))
}

fn known(number: i16) -> Result<Level, Error> {
    Level::from_number(number).ok_or_else(|| Error::internal(format!("{number} is no level")))
}

fn rule(number: i16) -> Result<Rule, Error> {
    Rule::from_number(number.into()).ok_or_else(|| Error::internal(format!("{number} is no rule")))
}

fn change(row: level::Model) -> Result<LevelChange, Error> {
    let level = row.level.map(known).transpose()?;
    Ok(LevelChange { segment: SegmentName(row.segment_id), step: Step(row.step), level })
}

fn stored_score(row: score::Model) -> StoredScore {
    let score::Model { district_id: district, step, value, coverage, jam_m } = row;
    StoredScore { district, step: Step(step), value, coverage, jam_m }
}

/// The jam of a row.
pub(super) fn stored_jam(row: jam::Model) -> Result<StoredJam, Error> {
    let segments = segments(&row.segments);
    let corners = (row.latitude.zip(row.longitude), row.south.zip(row.west), row.north.zip(row.east));
    let place = match corners {
        (Some(head), Some(low), Some(high)) => Some(Place { head, low, high }),
        _ => None,
    };
    Ok(StoredJam {
        rule: rule(row.rule)?,
        jam: Jam {
            id: JamId(row.id),
            start: Step(row.start_step),
            segments: segments.iter().cloned().collect(),
            queue_m: row.queue_m,
            peak_m: row.peak_m,
        },
        whereabouts: Whereabouts {
            segments,
            corridor: row.corridor,
            name: row.name,
            districts: split(&row.districts).map(str::to_owned).collect(),
            place,
        },
        pace: Pace { mean_speed_kmh: row.mean_speed_kmh, delay_s: row.delay_s, level: known(row.level)? },
        end: row.end_step.map(Step),
        updated: Step(row.update_step),
        into: row.into_id.map(JamId),
    })
}

/// The warning of a row.
pub(super) fn stored_warning(row: warning::Model) -> Result<StoredWarning, Error> {
    Ok(StoredWarning {
        warning: Warning {
            id: JamId(row.id),
            rule: rule(row.rule)?,
            segment: SegmentName(row.segment_id),
            compared: SegmentName(row.compared_segment_id),
            speed_kmh: row.speed_kmh,
            upstream_kmh: row.upstream_kmh,
            start: Step(row.start_step),
            end: row.end_step.map(Step),
        },
        detector: row.detector_id,
        compared_detector: row.compared_detector_id,
        location: row.latitude.zip(row.longitude),
    })
}
