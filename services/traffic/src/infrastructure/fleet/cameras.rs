//! Cameras and their newest frames in the database.

use async_trait::async_trait;
use kvartal_kernel::{Error, Kind, Timestamp};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QuerySelect as _,
};

use super::rows::{camera, camera_frame};
use crate::application::cameras::{CAMERAS_MAX, Cameras, CheckCamera, DecideCamera};
use crate::domain::camera::{Camera, Picture};

/// Cameras in a database.
#[derive(Clone)]
pub struct StoredCameras {
    store: Store,
}

impl StoredCameras {
    /// In this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Cameras for StoredCameras {
    async fn all(&self) -> Result<Vec<Camera>, Error> {
        let rows = camera::Entity::find().limit(CAMERAS_MAX as u64).all(self.store.reader()).await.map_err(db_error)?;
        Ok(rows.into_iter().map(Camera::from).collect())
    }

    async fn find(&self, name: &str) -> Result<Option<Camera>, Error> {
        let row = camera::Entity::find_by_id(name).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(Camera::from))
    }

    async fn create(&self, new: Camera) -> Result<Camera, Error> {
        self.store.transaction(move |tx| Box::pin(create(tx, new))).await
    }

    async fn change(
        &self,
        name: String,
        picture: Option<Picture>,
        decide: DecideCamera,
    ) -> Result<Option<Camera>, Error> {
        self.store.transaction(move |tx| Box::pin(change(tx, name, picture, decide))).await
    }

    async fn remove(&self, name: String, check: CheckCamera) -> Result<bool, Error> {
        self.store.transaction(move |tx| Box::pin(remove(tx, name, check))).await
    }

    async fn picture(&self, name: &str) -> Result<Option<(Timestamp, Vec<u8>)>, Error> {
        let row = camera_frame::Entity::find_by_id(name).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(|row| (Timestamp(row.time), row.content)))
    }
}

async fn create(tx: &DatabaseTransaction, new: Camera) -> Result<Camera, Error> {
    if camera::Entity::find().count(tx).await.map_err(db_error)? >= CAMERAS_MAX as u64 {
        let message = format!("there may be at most {CAMERAS_MAX} cameras");
        return Err(Error::new(Kind::ResourceExhausted, "TOO_MANY_CAMERAS", message));
    }
    let ignore = OnConflict::column(camera::Column::Name).do_nothing().to_owned();
    let insert = camera::Entity::insert(camera::Model::from(&new).into_active_model()).on_conflict(ignore);
    match insert.exec_without_returning(tx).await {
        Ok(_) | Err(sea_orm::DbErr::RecordNotInserted) => {}
        Err(error) => return Err(db_error(error)),
    }
    let row = camera::Entity::find_by_id(new.name).one(tx).await.map_err(db_error)?;
    Ok(row.ok_or_else(|| Error::internal("a camera was stored and is not there"))?.into())
}

async fn change(
    tx: &DatabaseTransaction,
    name: String,
    picture: Option<Picture>,
    decide: DecideCamera,
) -> Result<Option<Camera>, Error> {
    let row = camera::Entity::find_by_id(name).lock_exclusive().one(tx).await.map_err(db_error)?;
    let Some(row) = row else { return Ok(None) };
    let mut camera = Camera::from(row);
    if !decide(&mut camera)? {
        return Ok(Some(camera));
    }
    camera::Model::from(&camera).into_active_model().reset_all().update(tx).await.map_err(db_error)?;
    if let (Some(picture), Some(frame)) = (picture, &camera.frame) {
        let row = camera_frame::Model { camera: camera.name.clone(), time: frame.time.0, content: picture.content };
        let replace = OnConflict::column(camera_frame::Column::Camera)
            .update_columns([camera_frame::Column::Time, camera_frame::Column::Content])
            .to_owned();
        let insert = camera_frame::Entity::insert(row.into_active_model()).on_conflict(replace);
        insert.exec_without_returning(tx).await.map_err(db_error)?;
    }
    Ok(Some(camera))
}

async fn remove(tx: &DatabaseTransaction, name: String, check: CheckCamera) -> Result<bool, Error> {
    let row = camera::Entity::find_by_id(name.clone()).lock_exclusive().one(tx).await.map_err(db_error)?;
    let Some(row) = row else { return Ok(false) };
    check(&row.into())?;
    camera_frame::Entity::delete_by_id(name.clone()).exec(tx).await.map_err(db_error)?;
    camera::Entity::delete_by_id(name).exec(tx).await.map_err(db_error)?;
    Ok(true)
}
