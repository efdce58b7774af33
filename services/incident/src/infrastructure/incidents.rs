//! Incidents as they are read.

use async_trait::async_trait;
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp};
use kvartal_store::{Store, db_error, keyset};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::grid;
use super::newest::{List, Search, combinations};
use super::rows::incident::{Column, Entity, Model};
use super::rows::{road_event, timeline};
use crate::application::ports::Incidents;
use crate::domain::feed::ExportedIncident;
use crate::domain::filter::IncidentFilter;
use crate::domain::geo::Bounds;
use crate::domain::incident::{Incident, IncidentId, IncidentKind, IncidentStatus};
use crate::domain::timeline::Entry;

const LIST: List<Entity> = List { key: Column::UpdateTime, id: Column::Id, cell: Column::Cell };

/// Incidents in a database.
#[derive(Clone)]
pub struct StoredIncidents {
    store: Store,
}

impl StoredIncidents {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Incidents for StoredIncidents {
    async fn find(&self, id: IncidentId) -> Result<Option<Incident>, Error> {
        let row = Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        row.map(Incident::try_from).transpose()
    }

    async fn page(&self, filter: &IncidentFilter, page: PageRequest) -> Result<Page<Incident>, Error> {
        let db = self.store.reader();
        let keys = LIST.page(db, search(filter), &page).await?;
        let ids = keys.iter().map(|cursor| cursor.id);
        let mut rows = Entity::find().filter(Column::Id.is_in(ids)).all(db).await.map_err(db_error)?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.update_time, row.id)));
        let page = Page::from_surplus(rows, page.size, |row| Cursor { key: row.update_time, id: row.id });
        let items = page.items.into_iter().map(Incident::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn timeline(&self, id: IncidentId, page: PageRequest) -> Result<Page<Entry>, Error> {
        let rows = timeline::Entity::find().filter(timeline::Column::SubjectId.eq(id.0));
        let rows = keyset::ascending(rows, timeline::Column::Time, timeline::Column::Id, &page);
        let rows = rows.all(self.store.reader()).await.map_err(db_error)?;
        let page = Page::from_surplus(rows, page.size, |row| Cursor { key: row.time, id: row.id });
        let items = page.items.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn due(&self, now: Timestamp, limit: u64) -> Result<Vec<IncidentId>, Error> {
        let ids = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::CloseTime.is_not_null())
            .filter(Column::CloseTime.lte(now.0))
            .order_by_asc(Column::CloseTime)
            .limit(limit)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(ids.into_iter().map(IncidentId).collect())
    }

    async fn export(
        &self,
        kinds: &[IncidentKind],
        after: Option<IncidentId>,
        limit: u64,
    ) -> Result<Vec<ExportedIncident>, Error> {
        let db = self.store.reader();
        let open = IncidentStatus::ALL.iter().filter(|status| status.is_open()).map(|status| status.number());
        let mut select = Entity::find()
            .filter(Column::Status.is_in(open))
            .filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.number())));
        if let Some(after) = after {
            select = select.filter(Column::Id.gt(after.0));
        }
        let rows: Vec<Model> = select.order_by_asc(Column::Id).limit(limit).all(db).await.map_err(db_error)?;
        let ids = rows.iter().map(|row| row.id);
        let features = road_event::Entity::find()
            .filter(road_event::Column::IncidentId.is_in(ids))
            .all(db)
            .await
            .map_err(db_error)?;
        let mut raw: std::collections::HashMap<_, _> =
            features.into_iter().map(|feature| (feature.incident_id, feature.raw)).collect();
        rows.into_iter()
            .map(|row| Ok(ExportedIncident { raw: raw.remove(&row.id), incident: row.try_into()? }))
            .collect()
    }
}

fn search(filter: &IncidentFilter) -> Search {
    let IncidentFilter { statuses, kinds, min_priority, area, bounds, assignee, source } = filter;
    let status_numbers: Vec<i16> = numbers(statuses, IncidentStatus::ALL, IncidentStatus::number);
    let kind_numbers: Vec<i16> = numbers(kinds, IncidentKind::ALL, IncidentKind::number);
    let statuses_of = (Column::Status, status_numbers.as_slice());
    let branches = if let Some(assignee) = assignee {
        combinations((Column::AssigneeId, &[*assignee]), statuses_of)
    } else if let Some(source) = source.as_ref().filter(|source| !source.is_empty()) {
        combinations((Column::Source, std::slice::from_ref(source)), statuses_of)
    } else if let Some(area) = area {
        combinations((Column::AreaId, &[area.0]), statuses_of)
    } else if !statuses.is_empty() || !kinds.is_empty() {
        combinations(statuses_of, (Column::Kind, &kind_numbers))
    } else {
        vec![Condition::all()]
    };
    let mut every = Condition::all();
    if !statuses.is_empty() {
        every = every.add(Column::Status.is_in(status_numbers));
    }
    if !kinds.is_empty() {
        every = every.add(Column::Kind.is_in(kind_numbers));
    }
    if let Some(least) = min_priority {
        every = every.add(Column::Priority.gte(least.number()));
    }
    if let Some(area) = area {
        every = every.add(Column::AreaId.eq(area.0));
    }
    if let Some(assignee) = assignee {
        every = every.add(Column::AssigneeId.eq(*assignee));
    }
    if let Some(source) = source {
        every = every.add(if source.is_empty() { Column::Source.is_null() } else { Column::Source.eq(source) });
    }
    if let Some(bounds) = bounds {
        every = every.add(touches(bounds));
    }
    let cells = bounds.map(|bounds| {
        let mut ranges = grid::ranges(&bounds, true);
        ranges.push((grid::WIDE, grid::WIDE));
        ranges
    });
    Search { branches, every, cells }
}

fn touches(bounds: &Bounds) -> Condition {
    bounds.parts().iter().fold(Condition::any(), |any, part| {
        any.add(
            Condition::all()
                .add(Column::South.lte(part.north))
                .add(Column::North.gte(part.south))
                .add(Column::West.lte(part.east))
                .add(Column::East.gte(part.west)),
        )
    })
}

/// Numbers of the values; of all when none are given.
pub(super) fn numbers<T: Copy>(given: &[T], all: &[T], number: impl Fn(T) -> i16) -> Vec<i16> {
    let mut numbers: Vec<i16> = if given.is_empty() { all } else { given }.iter().copied().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
