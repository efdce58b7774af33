//! The tables, their indexes and the first categories.

use async_trait::async_trait;
use sea_orm::sea_query::{ConditionalStatement, Expr, ExprTrait, IntoIden};
use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryTrait, Set};
use sea_orm_migration::prelude::{
    ColumnDef, Index, IndexCreateStatement, MigrationName, MigrationTrait, SchemaManager, Table,
};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, double, integer, small_integer, text, text_null, uuid, uuid_null,
};

mod suggestions;

use self::suggestions::CreateSuggestions;
use super::defaults;
use super::rows::{
    answer_template, area, category, change_log, feed, incident, photo, photo_content, report, road_event,
    subscription, timeline, vote,
};

/// Every migration, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateTables),
        Box::new(AddCategories),
        Box::new(BeginLog),
        Box::new(CreateTemplates),
        Box::new(CreateSuggestions),
    ]
}

struct CreateTables;

impl MigrationName for CreateTables {
    fn name(&self) -> &str {
        "incident_0001_create_tables"
    }
}

#[async_trait]
impl MigrationTrait for CreateTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        incidents(manager).await?;
        reports(manager).await?;
        trail(manager).await?;
        catalogue(manager).await?;
        photos(manager).await
    }
}

async fn incidents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use incident::Column as C;
    let table = Table::create()
        .table(incident::Entity)
        .col(uuid(C::Id).primary_key())
        .col(small_integer(C::Kind))
        .col(small_integer(C::Status))
        .col(small_integer(C::Priority))
        .col(text(C::Title))
        .col(text(C::Description))
        .col(text(C::Points))
        .col(text(C::Road))
        .col(text(C::Address))
        .col(small_integer(C::Direction))
        .col(double(C::South))
        .col(double(C::West))
        .col(double(C::North))
        .col(double(C::East))
        .col(integer(C::Cell))
        .col(text(C::Lanes))
        .col(uuid_null(C::AreaId))
        .col(uuid_null(C::AssigneeId))
        .col(text(C::Team))
        .col(text(C::ReportIds))
        .col(big_integer(C::StartTime))
        .col(big_integer_null(C::EndTime))
        .col(text_null(C::Source))
        .col(big_integer(C::CreateTime))
        .col(big_integer(C::UpdateTime))
        .col(big_integer(C::Version))
        .col(big_integer_null(C::CloseTime))
        .col(text_null(C::RequestBy))
        .col(uuid_null(C::RequestId))
        .col(ColumnDef::new(C::Fingerprint).blob())
        .to_owned();
    manager.create_table(table).await?;
    // Lists are sorted by (update_time, id); see `newest` for how each filter finds the index that has its order.
    let order = [C::UpdateTime, C::Id];
    let by = |name: &str, columns: &[C]| index(name, incident::Entity, columns.iter().copied().chain(order));
    let indexes = [
        by("incident_by_update", &[]),
        by("incident_by_status", &[C::Status, C::Kind]),
        by("incident_by_area", &[C::AreaId, C::Status]).cond_where(Expr::col(C::AreaId).is_not_null()).to_owned(),
        by("incident_by_assignee", &[C::AssigneeId, C::Status])
            .cond_where(Expr::col(C::AssigneeId).is_not_null())
            .to_owned(),
        by("incident_by_source", &[C::Source, C::Status]).cond_where(Expr::col(C::Source).is_not_null()).to_owned(),
        // With the edges: what only its cell says to be near is passed over without looking at its row.
        by("incident_by_cell", &[C::Cell, C::South, C::West, C::North, C::East, C::Status, C::Kind]),
        index("incident_by_close", incident::Entity, [C::CloseTime])
            .cond_where(Expr::col(C::CloseTime).is_not_null())
            .to_owned(),
        index("incident_by_request", incident::Entity, [C::RequestBy, C::RequestId])
            .unique()
            .cond_where(Expr::col(C::RequestId).is_not_null())
            .to_owned(),
    ];
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}

async fn reports(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use report::Column as C;
    let table = Table::create()
        .table(report::Entity)
        .col(uuid(C::Id).primary_key())
        .col(text(C::Number))
        .col(text(C::CategoryId))
        .col(small_integer(C::Status))
        .col(text(C::Description))
        .col(double(C::Latitude))
        .col(double(C::Longitude))
        .col(integer(C::Cell))
        .col(text(C::Address))
        .col(text(C::PhotoIds))
        .col(text(C::Answers))
        .col(uuid_null(C::ReporterId))
        .col(boolean(C::Anonymous))
        .col(uuid_null(C::AreaId))
        .col(text(C::Team))
        .col(uuid_null(C::IncidentId))
        .col(uuid_null(C::DuplicateOf))
        .col(text(C::Answer))
        .col(big_integer(C::AnswerDueTime))
        .col(integer(C::SubscriberCount))
        .col(integer(C::ConfirmedCount))
        .col(integer(C::RefutedCount))
        .col(integer(C::Round))
        .col(boolean(C::Hidden))
        .col(integer(C::ExpireMinutes))
        .col(big_integer_null(C::ExpireTime))
        .col(big_integer_null(C::CloseTime))
        .col(big_integer(C::CreateTime))
        .col(big_integer(C::UpdateTime))
        .col(big_integer(C::Version))
        .col(text_null(C::RequestBy))
        .col(uuid_null(C::RequestId))
        .col(ColumnDef::new(C::Fingerprint).blob())
        .to_owned();
    manager.create_table(table).await?;
    let order = [C::UpdateTime, C::Id];
    let by = |name: &str, columns: &[C]| index(name, report::Entity, columns.iter().copied().chain(order));
    let some = |name: &str, columns: &[C], column: C| {
        index(name, report::Entity, columns.iter().copied()).cond_where(Expr::col(column).is_not_null()).to_owned()
    };
    let indexes = [
        by("report_by_update", &[]),
        by("report_by_status", &[C::Status]),
        by("report_by_category", &[C::CategoryId, C::Status]),
        by("report_by_area", &[C::AreaId, C::Status]).cond_where(Expr::col(C::AreaId).is_not_null()).to_owned(),
        by("report_by_reporter", &[C::ReporterId]).cond_where(Expr::col(C::ReporterId).is_not_null()).to_owned(),
        by("report_by_incident", &[C::IncidentId]).cond_where(Expr::col(C::IncidentId).is_not_null()).to_owned(),
        by("report_by_cell", &[C::Cell, C::Latitude, C::Longitude, C::Status]),
        index("report_by_create", report::Entity, [C::CreateTime, C::Id]),
        index("report_by_number", report::Entity, [C::Number]).unique().to_owned(),
        some("report_by_expire", &[C::ExpireTime], C::ExpireTime),
        some("report_by_close", &[C::CloseTime], C::CloseTime),
        some("report_by_request", &[C::RequestBy, C::RequestId], C::RequestId).unique().to_owned(),
    ];
    for index in indexes {
        manager.create_index(index).await?;
    }
    let votes = Table::create()
        .table(vote::Entity)
        .col(uuid(vote::Column::ReportId))
        .col(integer(vote::Column::Round))
        .col(uuid(vote::Column::UserId))
        .col(boolean(vote::Column::Confirmed))
        .primary_key(Index::create().col(vote::Column::ReportId).col(vote::Column::Round).col(vote::Column::UserId))
        .to_owned();
    manager.create_table(votes).await?;
    let subscriptions = Table::create()
        .table(subscription::Entity)
        .col(uuid(subscription::Column::ReportId))
        .col(uuid(subscription::Column::UserId))
        .col(big_integer(subscription::Column::CreateTime))
        .primary_key(Index::create().col(subscription::Column::ReportId).col(subscription::Column::UserId))
        .to_owned();
    manager.create_table(subscriptions).await
}

async fn trail(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use timeline::Column as T;
    let entries = Table::create()
        .table(timeline::Entity)
        .col(uuid(T::Id).primary_key())
        .col(uuid(T::SubjectId))
        .col(big_integer(T::Time))
        .col(text(T::Actor))
        .col(text(T::Action))
        .col(text(T::Was))
        .col(text(T::Now))
        .col(text(T::Comment))
        .col(boolean(T::Public))
        .to_owned();
    manager.create_table(entries).await?;
    manager.create_index(index("timeline_by_subject", timeline::Entity, [T::SubjectId, T::Time, T::Id])).await?;
    use change_log::Column as C;
    let log = Table::create()
        .table(change_log::Entity)
        .col(big_integer(C::Position).primary_key().auto_increment())
        .col(small_integer(C::Subject))
        .col(big_integer(C::Time))
        .col(text_null(C::Was))
        .col(text(C::Now))
        .to_owned();
    manager.create_table(log).await
}

async fn catalogue(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let categories = Table::create()
        .table(category::Entity)
        .col(text(category::Column::Id).primary_key())
        .col(text(category::Column::NameRu))
        .col(text(category::Column::NameEn))
        .col(text(category::Column::Family))
        .col(text(category::Column::Team))
        .col(text(category::Column::Questions))
        .col(integer(category::Column::AnswerWorkingDays))
        .col(integer(category::Column::ExpireMinutes))
        .to_owned();
    manager.create_table(categories).await?;
    let areas = Table::create()
        .table(area::Entity)
        .col(uuid(area::Column::Id).primary_key())
        .col(text(area::Column::Name))
        .col(text(area::Column::Boundary))
        .col(text(area::Column::Team))
        .to_owned();
    manager.create_table(areas).await?;
    let feeds = Table::create()
        .table(feed::Entity)
        .col(text(feed::Column::Source).primary_key())
        .col(big_integer(feed::Column::UpdateTime))
        .to_owned();
    manager.create_table(feeds).await?;
    use road_event::Column as R;
    let events = Table::create()
        .table(road_event::Entity)
        .col(text(R::Source))
        .col(text(R::EventId))
        .col(uuid(R::IncidentId))
        .col(text(R::Raw))
        .col(boolean(R::Gone))
        .primary_key(Index::create().col(R::Source).col(R::EventId))
        .to_owned();
    manager.create_table(events).await?;
    manager.create_index(index("road_event_by_incident", road_event::Entity, [R::IncidentId])).await?;
    manager.create_index(index("road_event_by_gone", road_event::Entity, [R::Source, R::Gone])).await
}

async fn photos(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use photo::Column as P;
    let photos = Table::create()
        .table(photo::Entity)
        .col(uuid(P::Id).primary_key())
        .col(text(P::Owner))
        .col(integer(P::Width))
        .col(integer(P::Height))
        .col(big_integer(P::CreateTime))
        .col(uuid_null(P::ReportId))
        .to_owned();
    manager.create_table(photos).await?;
    let unlinked =
        index("photo_unlinked", photo::Entity, [P::CreateTime]).cond_where(Expr::col(P::ReportId).is_null()).to_owned();
    manager.create_index(unlinked).await?;
    use photo_content::Column as C;
    let contents = Table::create()
        .table(photo_content::Entity)
        .col(uuid(C::PhotoId))
        .col(boolean(C::Thumbnail))
        .col(ColumnDef::new(C::Content).blob().not_null())
        .primary_key(Index::create().col(C::PhotoId).col(C::Thumbnail))
        .to_owned();
    manager.create_table(contents).await
}

fn index<E: EntityTrait>(
    name: &str,
    table: E,
    columns: impl IntoIterator<Item = impl IntoIden>,
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table.table_ref()).to_owned();
    for column in columns {
        index.col(column.into_iden());
    }
    index
}

struct AddCategories;

impl MigrationName for AddCategories {
    fn name(&self) -> &str {
        "incident_0002_add_categories"
    }
}

#[async_trait]
impl MigrationTrait for AddCategories {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rows = defaults::categories().into_iter().map(|row| category::Model::from(row).into_active_model());
        let insert = category::Entity::insert_many(rows).into_query();
        manager.get_connection().execute(&insert).await?;
        Ok(())
    }
}

struct BeginLog;

impl MigrationName for BeginLog {
    fn name(&self) -> &str {
        "incident_0003_begin_change_log"
    }
}

#[async_trait]
impl MigrationTrait for BeginLog {
    /// The log is never empty: its first entry is one that nobody needs any more, and marks from where on it is complete.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mark = change_log::ActiveModel {
            position: ActiveValue::NotSet,
            subject: Set(0),
            time: Set(0),
            was: Set(None),
            now: Set(String::new()),
        };
        let insert = change_log::Entity::insert(mark).into_query();
        manager.get_connection().execute(&insert).await?;
        Ok(())
    }
}

struct CreateTemplates;

impl MigrationName for CreateTemplates {
    fn name(&self) -> &str {
        "incident_0004_create_answer_templates"
    }
}

#[async_trait]
impl MigrationTrait for CreateTemplates {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use answer_template::Column as C;
        let table = Table::create()
            .table(answer_template::Entity)
            .col(uuid(C::Id).primary_key())
            .col(text(C::Title))
            .col(text(C::Text))
            .col(small_integer(C::Status))
            .to_owned();
        manager.create_table(table).await?;
        let rows = defaults::templates().into_iter().map(IntoActiveModel::into_active_model);
        let insert = answer_template::Entity::insert_many(rows).into_query();
        manager.get_connection().execute(&insert).await?;
        Ok(())
    }
}
