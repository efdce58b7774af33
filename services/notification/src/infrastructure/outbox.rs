//! What takes mails where there is no mail server.

use async_trait::async_trait;
use kvartal_kernel::{Error, Timestamp, Uuid};
use kvartal_store::{Store, db_error};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::rows::outbox::{ActiveModel, Column, Entity, Model};
use crate::application::{KeptMail, Mail, MailError, Mailer, Outbox};
use crate::domain::DeliveryId;

/// Mails kept; older ones are deleted.
const KEEP: u64 = 200;

/// Keeps mails in a table instead of sending them.
pub(crate) struct LocalOutbox {
    store: Store,
}

impl LocalOutbox {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Mailer for LocalOutbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let row = ActiveModel {
            delivery_id: Set(mail.id.0),
            create_time: Set(mail.time.0),
            recipient: Set(mail.to.email.clone()),
            subject: Set(mail.text.subject.clone()),
            body: Set(mail.text.text.clone()),
        };
        let kept = self.store.transaction(move |tx| Box::pin(keep(tx, row))).await;
        kept.map_err(|error| MailError::Transient(format!("the outbox: {}", error.reason())))
    }
}

async fn keep(tx: &DatabaseTransaction, row: ActiveModel) -> Result<(), Error> {
    let again = OnConflict::column(Column::DeliveryId)
        .update_columns([Column::CreateTime, Column::Recipient, Column::Subject, Column::Body])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await.map_err(db_error)?;
    let surplus: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::DeliveryId)
        .order_by_desc(Column::CreateTime)
        .order_by_desc(Column::DeliveryId)
        .offset(KEEP)
        .limit(KEEP)
        .into_tuple()
        .all(tx)
        .await
        .map_err(db_error)?;
    if !surplus.is_empty() {
        Entity::delete_many().filter(Column::DeliveryId.is_in(surplus)).exec(tx).await.map_err(db_error)?;
    }
    Ok(())
}

#[async_trait]
impl Outbox for LocalOutbox {
    async fn list(&self) -> Result<Vec<KeptMail>, Error> {
        let newest = Entity::find().order_by_desc(Column::CreateTime).order_by_desc(Column::DeliveryId);
        let rows = newest.limit(KEEP).all(self.store.reader()).await.map_err(db_error)?;
        Ok(rows.into_iter().map(KeptMail::from).collect())
    }

    async fn find(&self, id: DeliveryId) -> Result<Option<KeptMail>, Error> {
        let row = Entity::find_by_id(id.0).one(self.store.reader()).await.map_err(db_error)?;
        Ok(row.map(KeptMail::from))
    }
}

impl From<Model> for KeptMail {
    fn from(row: Model) -> Self {
        Self {
            id: DeliveryId(row.delivery_id),
            time: Timestamp(row.create_time),
            to: row.recipient,
            subject: row.subject,
            text: row.body,
        }
    }
}

/// Takes nothing: neither a mail server nor the local outbox is configured.
pub(crate) struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Err(MailError::Permanent("no mail server is configured".to_owned()))
    }
}
