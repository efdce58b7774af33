//! Between messages and the domain.

use kvartal_kernel::{Error, Timestamp};
use kvartal_proto::notification::v1 as pb;
use kvartal_proto::time;

use crate::application::{DeliveryFilter, Shown, Which};
use crate::domain::{Channels, Choice, Delivery, Kind, NotificationId, Preferences, State, UserId};

/// The kind of a request.
pub(super) fn kind(field: &str, number: i32) -> Result<Kind, Error> {
    let kind = i16::try_from(number).ok().and_then(Kind::from_number);
    kind.ok_or_else(|| Error::invalid(field, "must be a kind of notification"))
}

/// What a list of ids means.
pub(super) fn ids(texts: &[String]) -> Result<Vec<NotificationId>, Error> {
    texts.iter().map(|text| NotificationId::parse("notification_ids", text)).collect()
}

impl TryFrom<pb::MarkNotificationsReadRequest> for Which {
    type Error = Error;

    fn try_from(request: pb::MarkNotificationsReadRequest) -> Result<Self, Error> {
        let pb::MarkNotificationsReadRequest { notification_ids, all } = request;
        match (all, notification_ids.is_empty()) {
            (true, true) => Ok(Self::All),
            (true, false) => Err(Error::invalid("notification_ids", "must be empty with `all`")),
            (false, true) => Err(Error::invalid("notification_ids", "must name something without `all`")),
            (false, false) => Ok(Self::These(ids(&notification_ids)?)),
        }
    }
}

impl TryFrom<&pb::ListDeliveriesRequest> for DeliveryFilter {
    type Error = Error;

    fn try_from(request: &pb::ListDeliveriesRequest) -> Result<Self, Error> {
        let user = match request.user_id.as_str() {
            "" => None,
            id => Some(UserId::parse("user_id", id)?),
        };
        Ok(Self { user, state: i16::try_from(request.state).ok().and_then(State::from_number) })
    }
}

/// What a request chooses, by its place in the request.
pub(super) fn choices(preferences: &[pb::Preference]) -> Result<Vec<Choice>, Error> {
    let choice = |(index, preference): (usize, &pb::Preference)| {
        // Whether a kind is critical is not for the caller to say; it may send back what it was told.
        let pb::Preference { kind: number, in_app, email, critical: _ } = preference;
        let kind = kind(&format!("preferences[{index}].kind"), *number)?;
        Ok(Choice { kind, channels: Channels { in_app: *in_app, email: *email } })
    };
    preferences.iter().enumerate().map(choice).collect()
}

/// Every kind with its channels.
pub(super) fn preferences(preferences: &Preferences) -> Vec<pb::Preference> {
    let preference = |Choice { kind, channels }| pb::Preference {
        kind: i32::from(kind.number()),
        in_app: channels.in_app,
        email: channels.email,
        critical: kind.is_critical(),
    };
    preferences.choices().into_iter().map(preference).collect()
}

impl From<Shown> for pb::Notification {
    fn from(shown: Shown) -> Self {
        let Shown { notification, text } = shown;
        Self {
            notification_id: notification.id.to_string(),
            kind: i32::from(notification.kind.number()),
            title: text.title,
            body: text.body,
            link: notification.link,
            subject: notification.subject,
            create_time: Some(time::to_proto(notification.created)),
            read_time: notification.read.map(time::to_proto),
        }
    }
}

impl From<Delivery> for pb::Delivery {
    fn from(delivery: Delivery) -> Self {
        let moment = |moment: Option<Timestamp>| moment.map(time::to_proto);
        Self {
            delivery_id: delivery.id.to_string(),
            user_id: delivery.user.map(|user| user.to_string()).unwrap_or_default(),
            kind: i32::from(delivery.kind.number()),
            channel: i32::from(delivery.channel.number()),
            state: i32::from(delivery.state.number()),
            attempt_count: delivery.attempts,
            last_error: delivery.last_error,
            create_time: Some(time::to_proto(delivery.created)),
            attempt_time: moment(delivery.attempted),
            next_attempt_time: moment(delivery.next_attempt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, State, pb};
    use crate::domain::Channel;

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        for kind in Kind::ALL {
            let name = pb::Kind::try_from(i32::from(kind.number())).unwrap().as_str_name().replace('_', "");
            assert_eq!(name, format!("KIND{kind:?}").to_uppercase());
        }
        assert_eq!(State::Suppressed.number(), pb::DeliveryState::Suppressed as i16);
        assert_eq!(State::Failed.number(), pb::DeliveryState::Failed as i16);
        assert_eq!(State::Delivered.number(), pb::DeliveryState::Delivered as i16);
        assert_eq!(State::Pending.number(), pb::DeliveryState::Pending as i16);
        assert_eq!(Channel::InApp.number(), pb::Channel::InApp as i16);
        assert_eq!(Channel::Email.number(), pb::Channel::Email as i16);
    }
}
