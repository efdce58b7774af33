//! Categories, areas and prepared answers.

use async_trait::async_trait;
use kvartal_kernel::Error;
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel, Iterable, PaginatorTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::rows::{answer_template, area, category, count, json_of, json_text, points_of, points_text, stored};
use crate::application::ports::Catalogue;
use crate::domain::area::{Area, AreaId};
use crate::domain::category::{Category, Question};
use crate::domain::report::ReportStatus;
use crate::domain::template::{AnswerTemplate, TEMPLATES_MAX, TemplateId, too_many_templates};

/// More of either are not read; nobody could choose among them.
const ROWS_MAX: u64 = 2_000;

/// Categories and areas in a database.
#[derive(Clone)]
pub struct StoredCatalogue {
    store: Store,
}

impl StoredCatalogue {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

/// A question as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredQuestion {
    key: String,
    ru: String,
    en: String,
    required: bool,
    options: Vec<String>,
}

#[async_trait]
impl Catalogue for StoredCatalogue {
    async fn categories(&self) -> Result<Vec<Category>, Error> {
        let rows = category::Entity::find()
            .order_by_asc(category::Column::Family)
            .order_by_asc(category::Column::Id)
            .limit(ROWS_MAX)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let mut categories = rows.into_iter().map(Category::try_from).collect::<Result<Vec<_>, _>>()?;
        // Again, because databases sort text by different rules.
        categories.sort_by(|a, b| (&a.group, &a.id).cmp(&(&b.group, &b.id)));
        Ok(categories)
    }

    async fn put_category(&self, category: Category) -> Result<(), Error> {
        let row = category::Model::from(category).into_active_model();
        let columns = category::Column::iter().filter(|column| !matches!(column, category::Column::Id));
        let replace = OnConflict::column(category::Column::Id).update_columns(columns).to_owned();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let insert = category::Entity::insert(row).on_conflict(replace);
                    insert.exec_without_returning(tx).await.map_err(db_error)?;
                    Ok(())
                })
            })
            .await
    }

    async fn areas(&self) -> Result<Vec<Area>, Error> {
        let rows = area::Entity::find()
            .order_by_asc(area::Column::Name)
            .limit(ROWS_MAX)
            .all(self.store.reader())
            .await
            .map_err(db_error)?;
        let mut areas = rows.into_iter().map(Area::try_from).collect::<Result<Vec<_>, _>>()?;
        areas.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(areas)
    }

    async fn put_area(&self, area: Area) -> Result<(), Error> {
        let row = area::Model {
            id: area.id.0,
            name: area.name.clone(),
            boundary: points_text(&area.boundary),
            team: area.team.clone(),
        };
        let row = row.into_active_model();
        let columns = area::Column::iter().filter(|column| !matches!(column, area::Column::Id));
        let replace = OnConflict::column(area::Column::Id).update_columns(columns).to_owned();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let insert = area::Entity::insert(row).on_conflict(replace);
                    insert.exec_without_returning(tx).await.map_err(db_error)?;
                    Ok(())
                })
            })
            .await
    }

    async fn templates(&self) -> Result<Vec<AnswerTemplate>, Error> {
        let rows = answer_template::Entity::find().limit(ROWS_MAX).all(self.store.reader()).await.map_err(db_error)?;
        let mut templates = rows.into_iter().map(AnswerTemplate::try_from).collect::<Result<Vec<_>, _>>()?;
        templates.sort_by(|a, b| (&a.title, a.id).cmp(&(&b.title, b.id)));
        Ok(templates)
    }

    async fn put_template(&self, template: AnswerTemplate) -> Result<(), Error> {
        let row = answer_template::Model {
            id: template.id.0,
            title: template.title,
            text: template.text,
            status: template.status.number(),
        };
        let columns = answer_template::Column::iter().filter(|column| !matches!(column, answer_template::Column::Id));
        let replace = OnConflict::column(answer_template::Column::Id).update_columns(columns).to_owned();
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    let insert = answer_template::Entity::insert(row.into_active_model()).on_conflict(replace);
                    insert.exec_without_returning(tx).await.map_err(db_error)?;
                    // Counted after the write: one that replaces another is no further one.
                    let count = answer_template::Entity::find().count(tx).await.map_err(db_error)?;
                    if usize::try_from(count).unwrap_or(usize::MAX) > TEMPLATES_MAX {
                        return Err(too_many_templates());
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn delete_template(&self, id: TemplateId) -> Result<(), Error> {
        self.store
            .transaction(move |tx| {
                Box::pin(async move {
                    answer_template::Entity::delete_by_id(id.0).exec(tx).await.map_err(db_error)?;
                    Ok(())
                })
            })
            .await
    }
}

impl TryFrom<answer_template::Model> for AnswerTemplate {
    type Error = Error;

    fn try_from(row: answer_template::Model) -> Result<Self, Error> {
        let broken = || Error::internal("a stored answer template is broken");
        let status = ReportStatus::from_number(row.status.into()).ok_or_else(broken)?;
        Self::new(TemplateId(row.id), &row.title, &row.text, status).map_err(|error| broken().because(error))
    }
}

impl TryFrom<area::Model> for Area {
    type Error = Error;

    fn try_from(row: area::Model) -> Result<Self, Error> {
        Self::new(AreaId(row.id), row.name, points_of(&row.boundary)?, row.team)
            .map_err(|error| Error::internal("a stored area is broken").because(error))
    }
}

impl From<Category> for category::Model {
    fn from(category: Category) -> Self {
        let Category { id, name_ru, name_en, group, team, questions, answer_working_days, expire_minutes } = category;
        let question = |question: Question| {
            let Question { key, text_ru: ru, text_en: en, required, options } = question;
            StoredQuestion { key, ru, en, required, options }
        };
        let questions: Vec<StoredQuestion> = questions.into_iter().map(question).collect();
        Self {
            id,
            name_ru,
            name_en,
            family: group,
            team,
            questions: json_text(&questions),
            answer_working_days: stored(answer_working_days),
            expire_minutes: stored(expire_minutes),
        }
    }
}

impl TryFrom<category::Model> for Category {
    type Error = Error;

    fn try_from(row: category::Model) -> Result<Self, Error> {
        let question = |question: StoredQuestion| {
            let StoredQuestion { key, ru: text_ru, en: text_en, required, options } = question;
            Question { key, text_ru, text_en, required, options }
        };
        Ok(Self {
            id: row.id,
            name_ru: row.name_ru,
            name_en: row.name_en,
            group: row.family,
            team: row.team,
            questions: json_of::<Vec<StoredQuestion>>(&row.questions)?.into_iter().map(question).collect(),
            answer_working_days: count(row.answer_working_days),
            expire_minutes: count(row.expire_minutes),
        })
    }
}
