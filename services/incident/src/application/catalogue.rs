//! Categories and areas, kept at hand: every report and incident needs them; and prepared answers.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kvartal_kernel::{Clock, Error, Timestamp};

use super::ports::Catalogue;
use crate::domain::area::Area;
use crate::domain::category::Category;
use crate::domain::template::{AnswerTemplate, TemplateId};

/// How long a change made by another replica may stay unnoticed.
const FRESH: Duration = Duration::from_secs(5);

/// The catalogue with a memory.
pub struct Atlas {
    stored: Arc<dyn Catalogue>,
    clock: Arc<dyn Clock>,
    categories: Kept<Category>,
    areas: Kept<Area>,
}

/// What was read last, and when.
type Kept<T> = RwLock<Option<(Timestamp, Arc<Vec<T>>)>>;

impl Atlas {
    /// Over this storage.
    pub fn new(stored: Arc<dyn Catalogue>, clock: Arc<dyn Clock>) -> Self {
        Self { stored, clock, categories: RwLock::default(), areas: RwLock::default() }
    }

    /// By group and id.
    pub async fn categories(&self) -> Result<Arc<Vec<Category>>, Error> {
        if let Some(known) = self.fresh(&self.categories) {
            return Ok(known);
        }
        let since = self.clock.now();
        Ok(keep(&self.categories, since, self.stored.categories().await?))
    }

    /// One category; `field` names the input in the error.
    pub async fn category(&self, field: &'static str, id: &str) -> Result<Category, Error> {
        let categories = self.categories().await?;
        let found = categories.iter().find(|category| category.id == id);
        found.cloned().ok_or_else(|| Error::invalid(field, "is no known category"))
    }

    /// Adds or replaces a category.
    pub async fn put_category(&self, category: Category) -> Result<Category, Error> {
        category.check()?;
        self.stored.put_category(category.clone()).await?;
        forget(&self.categories);
        Ok(category)
    }

    /// By name.
    pub async fn areas(&self) -> Result<Arc<Vec<Area>>, Error> {
        if let Some(known) = self.fresh(&self.areas) {
            return Ok(known);
        }
        let since = self.clock.now();
        Ok(keep(&self.areas, since, self.stored.areas().await?))
    }

    /// Adds or replaces an area. What lies in it already stays where it was.
    pub async fn put_area(&self, area: Area) -> Result<Area, Error> {
        self.stored.put_area(area.clone()).await?;
        forget(&self.areas);
        Ok(area)
    }

    /// Prepared answers, by title.
    pub async fn templates(&self) -> Result<Vec<AnswerTemplate>, Error> {
        self.stored.templates().await
    }

    /// Adds or replaces a prepared answer.
    pub async fn put_template(&self, template: AnswerTemplate) -> Result<AnswerTemplate, Error> {
        self.stored.put_template(template.clone()).await?;
        Ok(template)
    }

    /// Removes a prepared answer; removing it again is no error.
    pub async fn delete_template(&self, id: TemplateId) -> Result<(), Error> {
        self.stored.delete_template(id).await
    }

    fn fresh<T>(&self, kept: &Kept<T>) -> Option<Arc<Vec<T>>> {
        let kept = kept.read().unwrap_or_else(PoisonError::into_inner);
        let (since, items) = kept.as_ref()?;
        (self.clock.now().since(*since) < FRESH).then(|| items.clone())
    }
}

fn keep<T>(kept: &Kept<T>, since: Timestamp, items: Vec<T>) -> Arc<Vec<T>> {
    let items = Arc::new(items);
    *kept.write().unwrap_or_else(PoisonError::into_inner) = Some((since, items.clone()));
    items
}

fn forget<T>(kept: &Kept<T>) {
    *kept.write().unwrap_or_else(PoisonError::into_inner) = None;
}
