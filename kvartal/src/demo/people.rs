//! Who lives and works in the demo city: one account for every role, and some colleagues and neighbours.

use kvartal_kernel::{Role, Timestamp};
use tokio::sync::Mutex;

/// The password of every demo account. It is documented, so that anybody can try every role.
pub(crate) const PASSWORD: &str = "kvartal-demo-2026";

/// Somebody with a demo account.
#[derive(Debug)]
pub(crate) struct Person {
    /// What to sign in with.
    pub(crate) email: String,
    /// What others see.
    pub(crate) name: &'static str,
    /// Besides being a citizen.
    pub(crate) role: Role,
    /// Where the calls seem to come from (RFC 5737), so that limits count each person alone.
    pub(crate) address: String,
    /// What the platform gave at sign-in.
    pub(super) session: Mutex<Option<Session>>,
}

/// A signed-in person's tokens.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) access: String,
    pub(super) access_until: Timestamp,
    pub(super) refresh: String,
}

/// Roles that people can have, with somebody who has it; the first of each role is in the documentation.
const PEOPLE: &[(Role, &[&str])] = &[
    (
        Role::Citizen,
        &[
            "Анна Ветрова",
            "Борис Лыков",
            "Вера Снегова",
            "Глеб Рощин",
            "Дарья Полевая",
            "Егор Каменев",
            "Жанна Ручьёва",
            "Захар Морошкин",
        ],
    ),
    (
        Role::Dispatcher,
        &["Нина Дежурова", "Олег Пультов", "Павел Узлов", "Раиса Линейная", "Семён Маршрутов", "Тамара Связина"],
    ),
    (Role::Patrol, &["Ульян Дозоров", "Фёдор Объездов"]),
    (Role::Editor, &["Цветана Газетова"]),
    (Role::Moderator, &["Чеслав Порядков"]),
    (Role::Teacher, &["Шура Учителева"]),
    (Role::Student, &["Эдуард Школьников"]),
    (Role::Parent, &["Юлия Заботина"]),
    (Role::Seller, &["Яков Лавкин"]),
    (Role::Freelancer, &["Арсений Мастеров"]),
    (Role::Analyst, &["Белла Цифрова"]),
    (Role::Support, &["Вадим Ответов"]),
    (Role::Admin, &["Галина Главная"]),
];

/// Everybody.
pub(crate) fn everybody() -> Vec<Person> {
    let mut people = Vec::new();
    for (role, names) in PEOPLE {
        for (index, name) in names.iter().enumerate() {
            // dispatcher@…, then dispatcher2@…, dispatcher3@…
            let number = if index == 0 { String::new() } else { (index + 1).to_string() };
            people.push(Person {
                email: format!("{}{number}@demo.kvartal.example", role.name()),
                name,
                role: *role,
                address: format!("192.0.2.{}", people.len() + 1),
                session: Mutex::new(None),
            });
        }
    }
    people
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_role_of_a_person_has_an_account_of_its_own_name() {
        let people = everybody();
        for role in Role::ALL.iter().filter(|role| **role != Role::Service) {
            let email = format!("{}@demo.kvartal.example", role.name());
            assert!(people.iter().any(|person| person.email == email && person.role == *role), "nobody is {role}");
        }
        let emails: BTreeSet<&str> = people.iter().map(|person| person.email.as_str()).collect();
        assert_eq!(emails.len(), people.len());
    }
}
