//! The repositories give the same answers on SQLite and PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kvartal_host::Runtime;
use kvartal_identity::application::{Changed, EndedSession, KeyChange, MachineClients, SigningKeys, Users};
use kvartal_identity::domain::{
    Account, ClientId, Device, DisplayName, Email, Event, KeyRing, Locale, MachineClient, MailLink, NewSession,
    PasswordHash, Phone, Profile, Purpose, RefreshToken, RevocationReason, SessionId, SigningKey, TimeZone, Token,
    UserId,
};
use kvartal_identity::infrastructure::{StoredClients, StoredKeys, StoredUsers};
use kvartal_kernel::{Cursor, Kind, PageRequest, Role, Roles, Timestamp, Uuid};

use crate::world::Place;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

struct Database {
    users: Arc<StoredUsers>,
    clients: Arc<StoredClients>,
    keys: Arc<StoredKeys>,
    runtime: Runtime,
    _place: Place,
}

/// The repositories on SQLite and on PostgreSQL.
async fn databases() -> [Database; 2] {
    let open = async |place: Place| {
        let runtime = Runtime::start_with_clock(place.config.clone(), place.clock.clone()).await.unwrap();
        let store = runtime.store("identity", kvartal_identity::migrations()).await.unwrap();
        let users = StoredUsers::new(store.clone(), runtime.jobs(&store), runtime.clock());
        let clients = Arc::new(StoredClients::new(store.clone(), runtime.clock()));
        let keys = Arc::new(StoredKeys::new(store));
        Database { users: Arc::new(users), clients, keys, runtime, _place: place }
    };
    [open(Place::embedded()).await, open(Place::postgres().await).await]
}

fn account(number: u128) -> Account {
    let email = Email::parse("email", &format!("User{number}@city.example")).unwrap();
    let profile = Profile {
        name: DisplayName::parse("name", "Anna").unwrap(),
        locale: Locale::En,
        time_zone: TimeZone::parse("time_zone", "Asia/Omsk").unwrap(),
        phone: Some(Phone::parse("phone", "+79161234567").unwrap()),
    };
    let link = MailLink::generate(Purpose::Confirmation, NOW);
    let id = UserId(Uuid::from_u128(number));
    Account::register(id, email, PasswordHash::new("hash"), profile, &link, NOW).0
}

impl Database {
    /// Lets go of the database before it is dropped.
    async fn close(self) {
        self.runtime.shutdown().await;
    }

    async fn register(&self, account: &Account) {
        assert!(self.users.register(account.clone(), Vec::new()).await.unwrap());
    }

    /// Starts a session; gives its refresh token.
    async fn start(&self, user: UserId, session: u128, now: Timestamp) -> RefreshToken {
        let token = RefreshToken::generate();
        let new = NewSession {
            id: SessionId(Uuid::from_u128(session)),
            token: token.clone(),
            device: Device { user_agent: format!("Browser {session}"), address: "192.0.2.1".to_owned() },
            known_device: false,
        };
        let start = self.users.change(
            user,
            Box::new(move |user| {
                let proof = user.account.password.clone();
                user.start_session(&proof, new, now)
            }),
        );
        start.await.unwrap();
        token
    }

    async fn end(&self, user: UserId, session: u128, now: Timestamp) {
        let id = SessionId(Uuid::from_u128(session));
        let end =
            self.users.change(user, Box::new(move |user| Ok(user.end_session(id, RevocationReason::Remote, now))));
        assert_eq!(end.await.unwrap().events.len(), 1);
    }
}

fn page(size: u32, after: Option<Cursor>) -> PageRequest {
    PageRequest { size, after }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_found_again() {
    for database in databases().await {
        let mut anna = account(1);
        database.register(&anna).await;
        let users = &database.users;
        assert_eq!(users.find(anna.id).await.unwrap().as_ref(), Some(&anna));
        let other_case = Email::parse("email", "USER1@city.example").unwrap();
        assert_eq!(users.find_by_email(&other_case).await.unwrap().as_ref(), Some(&anna));
        let hash = anna.confirmation.unwrap().hash;
        assert_eq!(users.find_by_link(Purpose::Confirmation, &hash).await.unwrap().as_ref(), Some(&anna));
        assert_eq!(users.find_by_link(Purpose::Reset, &hash).await.unwrap(), None);
        assert_eq!(users.find(UserId(Uuid::from_u128(2))).await.unwrap(), None);

        let changed = users
            .change(
                anna.id,
                Box::new(move |user| {
                    let link = MailLink::generate(Purpose::Reset, NOW);
                    user.account.request_mail(Purpose::Reset, &link);
                    user.account.confirm_email(&hash, NOW)?;
                    user.account.grant_role(Role::Editor, "boss", NOW.plus(SECOND))
                }),
            )
            .await;
        let Changed { user, events } = changed.unwrap();
        assert!(matches!(events[..], [Event::RoleGranted { .. }]));
        anna = users.find(anna.id).await.unwrap().unwrap();
        assert_eq!(anna, user.account);
        assert!(anna.email_confirmed && anna.reset.is_some() && anna.roles.contains(Role::Editor));
        assert_eq!(users.find_by_link(Purpose::Confirmation, &hash).await.unwrap(), None);
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_registrations_of_one_address_one_succeeds() {
    for database in databases().await {
        let attempts = (0..20).map(|number| {
            let account = Account { email: account(0).email, ..account(number) };
            database.users.register(account, Vec::new())
        });
        let answers: Vec<bool> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|stored| **stored).count(), 1);
        assert_eq!(database.users.page(None, "", page(10, None)).await.unwrap().items.len(), 1);
        assert_eq!(database.users.page(Some(Role::Citizen), "", page(10, None)).await.unwrap().items.len(), 1);
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_user_take_turns() {
    for database in databases().await {
        let anna = account(1);
        database.register(&anna).await;
        join_all((1..=60).map(|session| database.start(anna.id, session, NOW))).await;
        assert_eq!(database.users.sessions(anna.id).await.unwrap().len(), 50);
        let promotions = [Role::Editor, Role::Teacher, Role::Seller, Role::Analyst].map(|role| {
            database.users.change(anna.id, Box::new(move |user| user.account.grant_role(role, "boss", NOW)))
        });
        assert!(join_all(promotions).await.iter().all(Result::is_ok));
        let anna = database.users.find(anna.id).await.unwrap().unwrap();
        assert_eq!((anna.generation, anna.roles.iter().count()), (5, 5));
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_leaves_everything_as_it_was() {
    for database in databases().await {
        let anna = account(1);
        database.register(&anna).await;
        let change = database.users.change(
            anna.id,
            Box::new(|user| {
                user.account.grant_role(Role::Editor, "boss", NOW)?;
                user.account.revoke_role(Role::Citizen, "boss", NOW)
            }),
        );
        assert_eq!(change.await.err().unwrap().kind(), Kind::InvalidArgument);
        assert_eq!(database.users.find(anna.id).await.unwrap(), Some(anna));
        let nobody = database.users.change(UserId(Uuid::nil()), Box::new(|_| Ok(Vec::new())));
        assert_eq!(nobody.await.err().unwrap().reason(), "USER_NOT_FOUND");
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_paged_newest_first_with_and_without_a_role() {
    for database in databases().await {
        for number in 1..=25 {
            // Several of the same moment: then the id decides.
            let created_at = NOW.plus(SECOND * u32::try_from(number / 4).unwrap());
            let mut account = Account { created_at, ..account(number) };
            if number % 2 == 0 {
                account.roles = account.roles.with(Role::Teacher);
            }
            database.register(&account).await;
        }
        for (role, expected) in
            [(None, (1..=25).collect::<Vec<u128>>()), (Some(Role::Teacher), (1..=12).map(|n| n * 2).collect())]
        {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = database.users.page(role, "", page(7, after)).await.unwrap();
                found.extend(page.items.iter().map(|account| account.id.0.as_u128()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            found.reverse();
            assert_eq!(found, expected, "{role:?}");
        }
        assert!(database.users.page(Some(Role::Patrol), "", page(7, None)).await.unwrap().items.is_empty());
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_words_of_their_name_or_address_in_any_case() {
    for database in databases().await {
        for (number, name) in [(1, "Анна Ветрова"), (2, "Борис Лыков"), (3, "100% Anna_")] {
            let mut account = account(number);
            account.profile.name = DisplayName::parse("name", name).unwrap();
            if number == 2 {
                account.roles = account.roles.with(Role::Teacher);
            }
            database.register(&account).await;
        }
        for (role, query, expected) in [
            (None, "ВЕТР", &[1_u128][..]),
            (None, "uSER2@", &[2]),
            (None, "anna", &[3]),
            (None, "0% anna_", &[3]),
            (None, "%", &[3]),
            (None, "n_a", &[]),
            (Some(Role::Teacher), "лык", &[2]),
            (Some(Role::Teacher), "анна", &[]),
            (None, "00000000-0000-0000-0000-000000000002", &[2]),
            (None, "00000000-0000-0000-0000-000000000004", &[]),
        ] {
            let found = database.users.page(role, query, page(10, None)).await.unwrap().items;
            let found: Vec<u128> = found.iter().map(|account| account.id.0.as_u128()).collect();
            assert_eq!(found, expected, "{query}");
        }
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_until_they_are_ended_and_kept_until_forgotten() {
    for database in databases().await {
        let (anna, boris) = (account(1), account(2));
        database.register(&anna).await;
        database.register(&boris).await;
        let users = &database.users;
        assert!(users.knows_device(anna.id, "Browser 1").await.unwrap(), "there is no other");
        let token = database.start(anna.id, 1, NOW).await;
        let (one, two) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        assert!(users.knows_device(anna.id, "Browser 1").await.unwrap());
        assert!(!users.knows_device(anna.id, "Browser 2").await.unwrap());
        database.start(anna.id, 2, NOW.plus(SECOND)).await;
        let order: Vec<_> = users.sessions(anna.id).await.unwrap().iter().map(|session| session.id).collect();
        assert_eq!(order, [two, one]);
        assert_eq!(users.find_session(&token.family.hash()).await.unwrap(), Some((anna.id, one)));
        assert!(users.owns_session(anna.id, one).await.unwrap());
        assert!(!users.owns_session(boris.id, one).await.unwrap());

        database.end(anna.id, 1, NOW.plus(2 * SECOND)).await;
        assert_eq!(users.find_session(&token.family.hash()).await.unwrap(), None);
        assert!(users.owns_session(anna.id, one).await.unwrap());
        assert!(users.knows_device(anna.id, "Browser 1").await.unwrap());
        assert_eq!(users.forget_sessions(NOW.plus(SECOND)).await.unwrap(), 1);
        assert!(!users.owns_session(anna.id, one).await.unwrap());
        assert_eq!(users.forget_sessions(NOW.plus(SECOND)).await.unwrap(), 0);
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_are_found_by_their_time() {
    for database in databases().await {
        let anna = account(1);
        database.register(&anna).await;
        for number in 1..=5 {
            database.start(anna.id, number, NOW).await;
            database.end(anna.id, number, NOW.plus(SECOND * u32::try_from(number).unwrap())).await;
        }
        let (mut found, mut after) = (Vec::new(), Some(Cursor { key: NOW.plus(SECOND).0, id: Uuid::from_u128(1) }));
        while after.is_some() {
            let page = database.users.ended_sessions(page(2, after)).await.unwrap();
            found.extend(page.items);
            after = page.next;
        }
        let expected = (2..=5).map(|number: u128| EndedSession {
            id: SessionId(Uuid::from_u128(number)),
            at: NOW.plus(SECOND * u32::try_from(number).unwrap()),
        });
        assert_eq!(found, expected.collect::<Vec<_>>());

        let since = Some(Cursor { key: NOW.0, id: Uuid::nil() });
        assert!(database.users.changed_roles(page(10, since)).await.unwrap().items.is_empty());
        let later = NOW.plus(SECOND);
        let grant =
            database.users.change(anna.id, Box::new(move |user| user.account.grant_role(Role::Editor, "", later)));
        grant.await.unwrap();
        assert_eq!(database.users.changed_roles(page(10, since)).await.unwrap().items[0].id, anna.id);
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_clients_are_listed_until_they_are_deleted() {
    for database in databases().await {
        let clients = &database.clients;
        let name = DisplayName::parse("name", "Feed").unwrap();
        let mut made = Vec::new();
        for number in 1..=3 {
            let id = ClientId(Uuid::from_u128(number));
            let roles = Roles::NONE.with(Role::Analyst);
            let (client, events) = MachineClient::create(id, name.clone(), roles, &Token::generate(), NOW);
            clients.create(client.clone(), events).await.unwrap();
            assert_eq!(clients.find(id).await.unwrap(), Some(client.clone()));
            made.push(client);
        }
        clients.delete(made[1].id, NOW.plus(SECOND), Vec::new()).await.unwrap();
        clients.delete(made[1].id, NOW.plus(2 * SECOND), Vec::new()).await.unwrap();
        let left = clients.page(page(10, None)).await.unwrap().items;
        assert_eq!(left, [made[2].clone(), made[0].clone()]);
        let deleted = clients.find(made[1].id).await.unwrap().unwrap();
        assert_eq!(deleted.deleted_at, Some(NOW.plus(SECOND)), "the first time counts");
        let since = page(10, Some(Cursor { key: NOW.0, id: Uuid::nil() }));
        assert_eq!(clients.deleted(since).await.unwrap().items[0].id, made[1].id);
        database.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rotations_at_once_keep_the_ring_whole() {
    for database in databases().await {
        let key =
            |kid: String| SigningKey { kid, public: [7; 32], sealed: vec![1, 2], published_at: NOW, signs_from: None };
        let begin: KeyChange = Box::new(move |ring| {
            *ring = KeyRing::begin(key("a".to_owned()), key("b".to_owned()), NOW);
            Ok(())
        });
        let begun = database.keys.change(begin).await.unwrap();
        assert_eq!(database.keys.read().await.unwrap(), begun);
        let rotations = (0..10).map(|number| {
            let rotate: KeyChange = Box::new(move |ring| ring.rotate(key(number.to_string()), NOW).map(drop));
            database.keys.change(rotate)
        });
        let answers = join_all(rotations).await;
        assert!(answers.iter().all(Result::is_ok));
        let ring = database.keys.read().await.unwrap();
        assert_eq!(ring.keys.len(), 12);
        assert_eq!(ring.keys.iter().filter(|key| key.signs_from.is_none()).count(), 1);
        let sweep: KeyChange = Box::new(|ring| {
            ring.keys.retain(|key| key.signs_from.is_none());
            Ok(())
        });
        database.keys.change(sweep).await.unwrap();
        assert_eq!(database.keys.read().await.unwrap().keys.len(), 1);

        let twice: KeyChange = Box::new(move |ring| {
            ring.keys.push(key("second next".to_owned()));
            Ok(())
        });
        assert_eq!(database.keys.change(twice).await.err().unwrap().kind(), Kind::AlreadyExists);
        database.close().await;
    }
}
