//! What is wrong with a request is said precisely, and all of it.

use prost_types::FieldMask;

use super::*;

fn update(paths: &[&str]) -> pb::UpdateProfileRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    pb::UpdateProfileRequest { update_mask: Some(FieldMask { paths }), ..Default::default() }
}

fn fields(error: &Error) -> Vec<&str> {
    error.field_violations().iter().map(|violation| violation.field.as_str()).collect()
}

#[test]
fn only_what_the_mask_names_is_changed() {
    let request = pb::UpdateProfileRequest {
        display_name: "Anna".to_owned(),
        locale: "en".to_owned(),
        phone: "+79161234567".to_owned(),
        etag: "v3".to_owned(),
        ..update(&["locale", "phone"])
    };
    let (change, etag) = profile_change(request).unwrap();
    let phone = Some(Some(Phone::parse("phone", "+79161234567").unwrap()));
    assert_eq!(change, ProfileChange { locale: Some(Locale::En), phone, ..Default::default() });
    assert_eq!(etag, "v3");
    assert_eq!(profile_change(update(&["phone"])).unwrap().0.phone, Some(None));
}

#[test]
fn every_unknown_path_is_named_by_its_place() {
    let error = profile_change(update(&["email", "locale", "roles", "display_name"])).unwrap_err();
    assert_eq!(fields(&error), ["update_mask.paths[0]", "update_mask.paths[2]", "display_name"]);
    assert_eq!(fields(&profile_change(update(&[])).unwrap_err()), ["update_mask"]);
}

#[test]
fn a_registration_tells_everything_that_is_wrong() {
    let request = pb::RegisterRequest {
        email: "anna".to_owned(),
        password: "correct horse".to_owned(),
        display_name: " ".to_owned(),
        locale: "de".to_owned(),
        time_zone: "/".to_owned(),
    };
    let error = Registration::try_from(request).err().unwrap();
    assert_eq!(fields(&error), ["email", "display_name", "locale", "time_zone"]);
}

#[test]
fn an_unconfirmed_address_is_nobody_s_contact() {
    use crate::domain::{MailLink, PasswordHash, Purpose, UserId};
    use kvartal_kernel::{Timestamp, Uuid};

    let email = Email::parse("email", "anna@city.example").unwrap();
    let profile = Profile {
        name: DisplayName::parse("name", "Anna").unwrap(),
        locale: Locale::En,
        time_zone: TimeZone::default(),
        phone: None,
    };
    let now = Timestamp(0);
    let link = MailLink::generate(Purpose::Confirmation, now);
    let id = UserId(Uuid::from_u128(1));
    let (mut account, _) = Account::register(id, email, PasswordHash::new(""), profile, &link, now);
    assert_eq!(contact(account.clone()).email, "");
    account.confirm_email(&link.token.hash(), now).unwrap();
    assert_eq!(contact(account).email, "anna@city.example");
}
