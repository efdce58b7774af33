//! How to reach people: identity knows.

use std::time::Duration;

use async_trait::async_trait;
use kvartal_kernel::{Error, Kind};
use kvartal_mesh::{Channel, from_status};
use kvartal_proto::identity::v1::identity_service_client::IdentityServiceClient;
use kvartal_proto::identity::v1::{GetContactRequest, GetContactResponse};
use moka::sync::Cache;

use crate::application::Contacts;
use crate::domain::{Address, Locale, UserId};

/// A change of language shows within this time.
const REMEMBER: Duration = Duration::from_secs(60);
const REMEMBERED_MAX: u64 = 10_000;
/// An inbox does not wait longer for its language.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks identity.
pub(crate) struct IdentityContacts {
    identity: IdentityServiceClient<Channel>,
    locales: Cache<UserId, Locale>,
}

impl IdentityContacts {
    pub(crate) fn new(channel: Channel) -> Self {
        let locales = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBER).build();
        Self { identity: IdentityServiceClient::new(channel), locales }
    }

    async fn contact(&self, user: UserId) -> Result<GetContactResponse, Error> {
        let request = GetContactRequest { user_id: user.to_string() };
        let answer = self.identity.clone().get_contact(request).await;
        let contact = answer.map_err(|status| from_status(&status))?.into_inner();
        self.locales.insert(user, Locale::from_tag(&contact.locale));
        Ok(contact)
    }
}

#[async_trait]
impl Contacts for IdentityContacts {
    async fn address(&self, user: UserId) -> Result<Option<Address>, Error> {
        match self.contact(user).await {
            Ok(contact) if contact.email.is_empty() => Ok(None),
            Ok(contact) => Ok(Some(Address {
                email: contact.email,
                display_name: contact.display_name,
                locale: Locale::from_tag(&contact.locale),
            })),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn locale(&self, user: UserId) -> Locale {
        if let Some(locale) = self.locales.get(&user) {
            return locale;
        }
        match tokio::time::timeout(PATIENCE, self.contact(user)).await {
            Ok(Ok(contact)) => Locale::from_tag(&contact.locale),
            Ok(Err(error)) => {
                tracing::debug!(error = error.chain(), "the reader's language is not known");
                Locale::default()
            }
            Err(_) => Locale::default(),
        }
    }
}
