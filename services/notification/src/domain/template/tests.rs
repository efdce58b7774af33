//! Every kind has both languages, complete.

use kvartal_kernel::Uuid;

use super::super::{Topic, UserId};
use super::*;

fn templates() -> Templates {
    Templates::new("https://city.example/").unwrap()
}

#[test]
fn every_kind_is_written_in_every_language_with_its_example_data() {
    let templates = templates();
    for kind in Kind::ALL {
        let notice = kind.example(UserId(Uuid::nil()));
        for locale in Locale::ALL {
            let place = format!("{kind:?} {locale:?}");
            let text = templates.text(kind, locale, &notice.data).unwrap();
            let secrets = &notice.confidence.secrets;
            let mail = templates.mail(kind, locale, &notice.data, secrets, &notice.link, "Мария").unwrap();
            for part in [&text.title, &text.body, &mail.subject, &mail.text] {
                assert!(!part.trim().is_empty(), "{place} has an empty part");
                assert!(!part.contains("{{") && !part.contains("{%"), "{place}: {part}");
                assert!(!part.contains("https://city.example//"), "{place}: {part}");
            }
            assert!(!text.title.contains('\n') && text.title.chars().count() <= 80, "{place}: {}", text.title);
            assert_eq!(mail.subject, text.title);
            assert!(mail.text.contains("Мария") && mail.text.contains("https://city.example"), "{place}");
            assert!(!mail.text.contains("\n\n\n"), "{place} has holes:\n{}", mail.text);
            let cyrillic = text.body.contains(|c: char| ('а'..='я').contains(&c));
            let russian_names = [Kind::ReportStatusChanged, Kind::ReportReceived, Kind::IncidentAssigned];
            if !russian_names.contains(&kind) && Topic::of(kind).is_none() {
                assert_eq!(cyrillic, locale == Locale::Ru, "{place} is in another language: {}", text.body);
            }
        }
    }
}

#[test]
fn a_missing_text_is_an_error_and_tells_nothing_of_the_others() {
    let data = Data::from([("status".to_owned(), "very-private".to_owned())]);
    let error = templates().text(Kind::ReportStatusChanged, Locale::En, &data).unwrap_err();
    assert!(!error.chain().contains("very-private"), "{}", error.chain());
}

#[test]
fn texts_are_not_escaped_and_not_evaluated() {
    let mut data = Kind::IncidentAssigned.example(UserId(Uuid::nil())).data;
    data.insert("title".to_owned(), "Fire & <smoke> {{ 7 * 7 }}\nin two lines".to_owned());
    let text = templates().text(Kind::IncidentAssigned, Locale::En, &data).unwrap();
    assert!(text.title.ends_with("Fire & <smoke> {{ 7 * 7 }} in two lines"), "{}", text.title);
}

#[test]
fn the_token_is_in_the_link_and_nowhere_else() {
    let secrets = Data::from([("token".to_owned(), "a+b/c".to_owned())]);
    let mail = templates().mail(Kind::EmailConfirmation, Locale::Ru, &Data::new(), &secrets, "", "").unwrap();
    assert!(mail.text.contains("https://city.example/confirm?token=a%2Bb%2Fc\n"), "{}", mail.text);
    assert!(mail.text.starts_with("Здравствуйте!\n"));
    let mail = templates().mail(Kind::PasswordReset, Locale::En, &Data::new(), &secrets, "", "").unwrap();
    assert!(mail.text.contains("https://city.example/reset-password?token=a%2Bb%2Fc\n"), "{}", mail.text);
}

#[test]
fn settings_are_offered_for_what_can_be_switched_off() {
    for kind in Kind::ALL {
        assert_eq!(templates().settings_url(kind).is_some(), !kind.is_critical(), "{kind:?}");
    }
    assert_eq!(Templates::new("").unwrap().settings_url(Kind::RoleGranted), None);
}

#[test]
fn moments_are_written_as_people_write_them() {
    assert_eq!(moment(Locale::Ru, "2026-11-20T09:05:00Z"), "20.11.2026 09:05 UTC");
    assert_eq!(moment(Locale::En, "2026-11-20T09:05:00Z"), "20 November 2026 09:05 UTC");
    assert_eq!(moment(Locale::En, "soon"), "soon");
}

#[test]
fn every_role_has_words() {
    for role in kvartal_kernel::Role::ALL {
        assert_ne!(labels::label(Locale::Ru, "role", role.name()), role.name());
    }
    assert_eq!(labels::label(Locale::Ru, "role", "astronaut"), "astronaut");
}
