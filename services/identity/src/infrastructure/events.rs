//! Domain events as the messages other services read.

use kvartal_events::Event as Message;
use kvartal_kernel::Timestamp;
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::time;

use crate::NAME;
use crate::domain::Event;

/// The messages of these events, which happened at `at`. The subject is the user or the machine client.
pub(super) fn messages(events: Vec<Event>, at: Timestamp) -> Vec<Message> {
    events.into_iter().map(|event| message(event, at)).collect()
}

fn message(event: Event, at: Timestamp) -> Message {
    match event {
        Event::UserRegistered { user } => {
            Message::new(NAME, user, at, &pb::UserRegistered { user_id: user.to_string() })
        }
        Event::EmailConfirmationRequested { user, email, name, locale, link } => {
            let (token, expire_time) = link.unzip();
            let message = pb::EmailConfirmationRequested {
                user_id: user.to_string(),
                email: email.address().to_owned(),
                display_name: name.as_str().to_owned(),
                locale: locale.as_str().to_owned(),
                token: token.map(|token| token.expose().to_owned()).unwrap_or_default(),
                expire_time: expire_time.map(time::to_proto),
            };
            Message::new(NAME, user, at, &message)
        }
        Event::EmailConfirmed { user } => {
            Message::new(NAME, user, at, &pb::EmailConfirmed { user_id: user.to_string() })
        }
        Event::PasswordResetRequested { user, email, name, locale, link: (token, expires_at) } => {
            let message = pb::PasswordResetRequested {
                user_id: user.to_string(),
                email: email.address().to_owned(),
                display_name: name.as_str().to_owned(),
                locale: locale.as_str().to_owned(),
                token: token.expose().to_owned(),
                expire_time: Some(time::to_proto(expires_at)),
            };
            Message::new(NAME, user, at, &message)
        }
        Event::PasswordChanged { user } => {
            Message::new(NAME, user, at, &pb::PasswordChanged { user_id: user.to_string() })
        }
        Event::UserUpdated { user, locale } => {
            let message = pb::UserUpdated { user_id: user.to_string(), locale: locale.as_str().to_owned() };
            Message::new(NAME, user, at, &message)
        }
        Event::RoleGranted { user, role, actor } => {
            let message = pb::RoleGranted { user_id: user.to_string(), role: role as i32, actor_id: actor };
            Message::new(NAME, user, at, &message)
        }
        Event::RoleRevoked { user, role, actor } => {
            let message = pb::RoleRevoked { user_id: user.to_string(), role: role as i32, actor_id: actor };
            Message::new(NAME, user, at, &message)
        }
        Event::SessionStarted { user, session, user_agent, address, known_device } => {
            let (user_id, session_id) = (user.to_string(), session.to_string());
            let message = pb::SessionStarted { user_id, session_id, user_agent, address, known_device };
            Message::new(NAME, user, at, &message)
        }
        Event::SessionRevoked { user, session, reason } => {
            let (user_id, session_id) = (user.to_string(), session.to_string());
            let message = pb::SessionRevoked { user_id, session_id, reason: reason as i32 };
            Message::new(NAME, user, at, &message)
        }
        Event::RefreshTokenReused { user, session } => {
            let message = pb::RefreshTokenReused { user_id: user.to_string(), session_id: session.to_string() };
            Message::new(NAME, user, at, &message)
        }
        Event::MachineClientCreated { client } => {
            Message::new(NAME, client, at, &pb::MachineClientCreated { client_id: client.to_string() })
        }
        Event::MachineClientDeleted { client } => {
            Message::new(NAME, client, at, &pb::MachineClientDeleted { client_id: client.to_string() })
        }
    }
}
