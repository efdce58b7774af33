//! The inbox as a person sees it.

use kvartal_kernel::{Error, Page, PageRequest};

use super::{Notifier, Which};
use crate::domain::{Locale, Notification, NotificationId, Text, UserId};

/// A notification with its words.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) notification: Notification,
    pub(crate) text: Text,
}

impl Notifier {
    /// A page of the inbox, newest first, and how many are unread in all.
    pub(crate) async fn inbox(
        &self,
        user: UserId,
        unread_only: bool,
        request: &PageRequest,
    ) -> Result<(Page<Shown>, u32), Error> {
        let page = self.ports.inboxes.page(user, unread_only, request).await?;
        let unread = self.unread(user).await?;
        let locale = self.ports.contacts.locale(user).await;
        let next = page.next;
        let items = page.items.into_iter().map(|n| self.shown(n, locale)).collect::<Result<_, _>>()?;
        Ok((Page { items, next }, unread))
    }

    /// Marks notifications of the person as read; returns how many are unread then.
    pub(crate) async fn mark_read(&self, user: UserId, which: Which) -> Result<u32, Error> {
        Ok(self.ports.inboxes.mark_read(user, which, self.ports.clock.now()).await?.unread)
    }

    /// Puts notifications of the person out of sight; returns how many are unread then.
    pub(crate) async fn archive(&self, user: UserId, which: Vec<NotificationId>) -> Result<u32, Error> {
        Ok(self.ports.inboxes.archive(user, which).await?.unread)
    }

    pub(super) async fn unread(&self, user: UserId) -> Result<u32, Error> {
        let states = self.ports.inboxes.states(&[user]).await?;
        Ok(states.first().map_or(0, |(_, state)| state.unread))
    }

    /// In the reader's language, so that a change of language changes the whole inbox.
    pub(super) fn shown(&self, notification: Notification, locale: Locale) -> Result<Shown, Error> {
        let text = self.templates.text(notification.kind, locale, &notification.data)?;
        Ok(Shown { notification, text })
    }
}
