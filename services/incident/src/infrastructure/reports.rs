//! Reports as they are read.

use async_trait::async_trait;
use kvartal_kernel::{Cursor, Error, Page, PageRequest, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::grid;
use super::incidents::numbers;
use super::newest::{List, Search, combinations};
use super::rows::report::{Column, Entity, Model};
use super::rows::timeline;
use crate::application::ports::Reports;
use crate::domain::filter::{ReportFilter, Viewer};
use crate::domain::geo::Bounds;
use crate::domain::report::{Report, ReportId, ReportStatus};
use crate::domain::timeline::Entry;
use crate::domain::tracking::TrackingNumber;

const LIST: List<Entity> = List { key: Column::UpdateTime, id: Column::Id, cell: Column::Cell };
/// More combinations of category and status than this are left to one walk over all rows.
const BRANCHES_MAX: usize = 80;

/// Reports in a database.
#[derive(Clone)]
pub struct StoredReports {
    store: Store,
}

impl StoredReports {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    async fn newest(&self, search: Search, page: &PageRequest) -> Result<Vec<Model>, Error> {
        let db = self.store.reader();
        let keys = LIST.page(db, search, page).await?;
        let ids = keys.iter().map(|cursor| cursor.id);
        let mut rows = Entity::find().filter(Column::Id.is_in(ids)).all(db).await.map_err(db_error)?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.update_time, row.id)));
        Ok(rows)
    }

    async fn due(&self, column: Column, now: Timestamp, limit: u64) -> Result<Vec<ReportId>, Error> {
        let ids = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(column.is_not_null())
            .filter(column.lte(now.0))
            .order_by_asc(column)
            .limit(limit)
            .into_tuple()
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        Ok(ids.into_iter().map(ReportId).collect())
    }
}

#[async_trait]
impl Reports for StoredReports {
    async fn find(&self, id: ReportId) -> Result<Option<Report>, Error> {
        let row = Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        row.map(Report::try_from).transpose()
    }

    async fn find_number(&self, number: &TrackingNumber) -> Result<Option<Report>, Error> {
        let select = Entity::find().filter(Column::Number.eq(number.as_str()));
        let row = select.one(self.store.reader()).await.map_err(db_error)?;
        row.map(Report::try_from).transpose()
    }

    async fn page(&self, filter: &ReportFilter, viewer: Viewer, page: PageRequest) -> Result<Page<Report>, Error> {
        let rows = self.newest(search(filter, viewer), &page).await?;
        let page = Page::from_surplus(rows, page.size, |row| Cursor { key: row.update_time, id: row.id });
        let items = page.items.into_iter().map(Report::try_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn newest(&self, filter: &ReportFilter, viewer: Viewer, limit: u64) -> Result<Vec<Report>, Error> {
        let rows = Entity::find()
            .filter(every(filter, viewer))
            .order_by_desc(Column::CreateTime)
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        rows.into_iter().map(Report::try_from).collect()
    }

    async fn open_in(&self, bounds: Bounds, limit: u64) -> Result<Vec<Report>, Error> {
        let open = ReportStatus::ALL.iter().copied().filter(|status| status.is_open());
        let filter = ReportFilter { statuses: open.collect(), bounds: Some(bounds), ..ReportFilter::default() };
        let page = PageRequest { size: u32::try_from(limit).unwrap_or(u32::MAX), after: None };
        let rows = self.newest(search(&filter, Viewer::default()), &page).await?;
        rows.into_iter().map(Report::try_from).collect()
    }

    async fn timeline(&self, id: ReportId, limit: u64) -> Result<Vec<Entry>, Error> {
        let rows = timeline::Entity::find()
            .filter(timeline::Column::SubjectId.eq(id.0))
            .order_by_asc(timeline::Column::Time)
            .order_by_asc(timeline::Column::Id)
            .limit(limit)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        rows.into_iter().map(Entry::try_from).collect()
    }

    async fn expiring(&self, now: Timestamp, limit: u64) -> Result<Vec<ReportId>, Error> {
        self.due(Column::ExpireTime, now, limit).await
    }

    async fn unobjected(&self, now: Timestamp, limit: u64) -> Result<Vec<ReportId>, Error> {
        self.due(Column::CloseTime, now, limit).await
    }
}

fn search(filter: &ReportFilter, viewer: Viewer) -> Search {
    let statuses = numbers(&filter.statuses, ReportStatus::ALL, ReportStatus::number);
    let statuses_of = (Column::Status, statuses.as_slice());
    let mut branches = if let Some(incident) = filter.incident {
        vec![Condition::all().add(Column::IncidentId.eq(incident.0))]
    } else if let Some(reporter) = filter.reporter {
        vec![Condition::all().add(Column::ReporterId.eq(reporter))]
    } else if let Some(area) = filter.area {
        combinations((Column::AreaId, &[area.0]), statuses_of)
    } else if !filter.categories.is_empty() {
        combinations((Column::CategoryId, &filter.categories), statuses_of)
    } else if !filter.statuses.is_empty() {
        statuses.iter().map(|status| Condition::all().add(Column::Status.eq(*status))).collect()
    } else {
        vec![Condition::all()]
    };
    if branches.len() > BRANCHES_MAX {
        branches = vec![Condition::all()];
    }
    let cells = filter.bounds.map(|bounds| grid::ranges(&bounds, false));
    Search { branches, every: every(filter, viewer), cells }
}

fn every(filter: &ReportFilter, viewer: Viewer) -> Condition {
    let ReportFilter { statuses, categories, area, bounds, reporter, incident, created_from, created_to } = filter;
    let mut every = Condition::all();
    if !viewer.moderator {
        let mut shown = Condition::any().add(Column::Hidden.eq(false));
        if let Some(user) = viewer.user {
            shown = shown.add(Column::ReporterId.eq(user));
        }
        every = every.add(shown);
    }
    if !statuses.is_empty() {
        every = every.add(Column::Status.is_in(statuses.iter().map(|status| status.number())));
    }
    if !categories.is_empty() {
        every = every.add(Column::CategoryId.is_in(categories));
    }
    if let Some(area) = area {
        every = every.add(Column::AreaId.eq(area.0));
    }
    if let Some(reporter) = reporter {
        every = every.add(Column::ReporterId.eq(*reporter));
    }
    if let Some(incident) = incident {
        every = every.add(Column::IncidentId.eq(incident.0));
    }
    if let Some(from) = created_from {
        every = every.add(Column::CreateTime.gte(from.0));
    }
    if let Some(to) = created_to {
        every = every.add(Column::CreateTime.lt(to.0));
    }
    if let Some(bounds) = bounds {
        every = every.add(bounds.parts().iter().fold(Condition::any(), |any, part| {
            any.add(
                Condition::all()
                    .add(Column::Latitude.gte(part.south))
                    .add(Column::Latitude.lte(part.north))
                    .add(Column::Longitude.gte(part.west))
                    .add(Column::Longitude.lte(part.east)),
            )
        }));
    }
    every
}
