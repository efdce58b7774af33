//! Photos in the database.

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::rows::{photo, photo_content, stored};
use crate::application::ports::Photos;
use crate::domain::photo::{Photo, PhotoId, PhotoSize, ProcessedPhoto};
use crate::domain::report::ReportId;

/// Photos in a database.
#[derive(Clone)]
pub struct StoredPhotos {
    store: Store,
}

impl StoredPhotos {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Photos for StoredPhotos {
    async fn store(&self, photo: Photo, picture: ProcessedPhoto) -> Result<(), Error> {
        self.store.transaction(move |tx| Box::pin(insert(tx, photo, picture))).await
    }

    async fn find(&self, id: PhotoId) -> Result<Option<Photo>, Error> {
        let row = photo::Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(|row| Photo {
            id,
            owner: row.owner,
            created: Timestamp(row.create_time),
            report: row.report_id.map(ReportId),
        }))
    }

    async fn content(&self, id: PhotoId, size: PhotoSize) -> Result<Option<Vec<u8>>, Error> {
        let row = photo_content::Entity::find_by_id((id.0, size == PhotoSize::Thumbnail));
        let row = row.one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(|row| row.content))
    }

    async fn remove_unlinked(&self, before: Timestamp, limit: u64) -> Result<u64, Error> {
        self.store.transaction(move |tx| Box::pin(remove(tx, before, limit))).await
    }
}

async fn insert(tx: &DatabaseTransaction, photo: Photo, picture: ProcessedPhoto) -> Result<(), Error> {
    // Where it was taken is told once and not kept.
    let ProcessedPhoto { full, thumbnail, width, height, location: _ } = picture;
    let row = photo::ActiveModel {
        id: Set(photo.id.0),
        owner: Set(photo.owner),
        width: Set(stored(width)),
        height: Set(stored(height)),
        create_time: Set(photo.created.0),
        report_id: Set(photo.report.map(|report| report.0)),
    };
    photo::Entity::insert(row).exec_without_returning(tx).await.map_err(db_error)?;
    let contents = [(false, full), (true, thumbnail)].map(|(small, content)| photo_content::ActiveModel {
        photo_id: Set(photo.id.0),
        thumbnail: Set(small),
        content: Set(content),
    });
    photo_content::Entity::insert_many(contents).exec_without_returning(tx).await.map_err(db_error)?;
    Ok(())
}

async fn remove(tx: &DatabaseTransaction, before: Timestamp, limit: u64) -> Result<u64, Error> {
    // Held, so that no report takes one while its picture goes.
    let ids: Vec<Uuid> = photo::Entity::find()
        .select_only()
        .column(photo::Column::Id)
        .filter(photo::Column::ReportId.is_null())
        .filter(photo::Column::CreateTime.lt(before.0))
        .order_by_asc(photo::Column::CreateTime)
        .limit(limit)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    let contents = photo_content::Entity::delete_many().filter(photo_content::Column::PhotoId.is_in(ids.clone()));
    contents.exec(tx).await.map_err(db_error)?;
    let photos = photo::Entity::delete_many().filter(photo::Column::Id.is_in(ids));
    Ok(photos.exec(tx).await.map_err(db_error)?.rows_affected)
}
