//! Values: what is read, what is refused, what is hidden.

use kvartal_kernel::{Role, Roles};

use super::*;

#[test]
fn an_address_is_trimmed_and_its_domain_lowercased() {
    let email = Email::parse("email", " Anna.Petrova@City.EXAMPLE ").unwrap();
    assert_eq!(email.address(), "Anna.Petrova@city.example");
    assert_eq!(email.key(), "anna.petrova@city.example");
    assert_eq!(email, Email::parse("email", "ANNA.petrova@city.example").unwrap());
    assert_eq!(email, Email::stored(email.address().to_owned()));
    assert!(!email.fingerprint().contains("anna"));
}

#[test]
fn what_is_no_address_is_refused() {
    for wrong in ["", "anna", "@city.example", "anna@", "an na@city.example", "anna@city\n.example"] {
        let error = Email::parse("email", wrong).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "email", "{wrong:?}");
    }
    assert!(Email::parse("email", &format!("{}@city.example", "a".repeat(250))).is_err());
}

#[test]
fn a_name_has_1_to_80_visible_characters() {
    assert_eq!(DisplayName::parse("name", "  Анна  ").unwrap().as_str(), "Анна");
    assert!(DisplayName::parse("name", &"я".repeat(80)).is_ok());
    for wrong in [String::new(), "   ".to_owned(), "я".repeat(81), "An\u{0}na".to_owned(), "An\nna".to_owned()] {
        assert!(DisplayName::parse("name", &wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_time_zone_looks_like_one() {
    assert_eq!(TimeZone::parse("time_zone", "").unwrap().as_str(), "Europe/Moscow");
    for right in ["UTC", "Europe/Moscow", "America/Argentina/Salta", "Etc/GMT+3", "America/Port-au-Prince"] {
        assert!(TimeZone::parse("time_zone", right).is_ok(), "{right}");
    }
    for wrong in ["/Moscow", "Europe/", "Europe//Moscow", "A/b/c/d", "../etc/passwd", "Europe/3", "+03:00"] {
        assert!(TimeZone::parse("time_zone", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_telephone_is_in_e164() {
    assert!(Phone::parse("phone", "+79161234567").is_ok());
    for wrong in ["", "79161234567", "+0916123456", "+7916", "+7 916 123 45 67", "+7916123456789012"] {
        assert!(Phone::parse("phone", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn passwords_that_are_short_or_easy_to_guess_are_refused() {
    let parse = |text: &str| NewPassword::parse("password", Secret::new(text), &email(), &name());
    assert!(parse("correct horse").is_ok());
    assert!(parse("десять букв!").is_ok());
    for wrong in ["nine char", "девятьбук", "Anna@City.example", "ANNA PETROVA", "Qwertyuiop", "PASSWORD123"] {
        let error = parse(wrong).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "password", "{wrong}");
        assert!(!error.message().contains(wrong), "a refusal must not repeat the password");
    }
}

#[test]
fn nothing_that_grants_power_or_tells_about_a_person_shows_in_debug() {
    let token = RefreshToken::generate();
    let (account, link) = registered();
    let event = account.registered_again();
    let text = format!("{:?} {token:?} {account:?} {link:?} {event:?}", Secret::new("canary"));
    for hidden in ["canary", "anna", "Anna", "first", token.reveal().expose(), link.token.reveal().expose()] {
        assert!(!text.contains(hidden), "{hidden} shows in {text}");
    }
}

#[test]
fn tokens_are_read_back_and_nothing_else_is() {
    let token = Token::generate();
    let text = token.reveal();
    assert_eq!(text.expose().len(), 43);
    assert_eq!(Token::parse(text.expose()).unwrap().hash(), token.hash());
    assert_ne!(Token::generate().hash(), token.hash());
    assert!(Token::parse(&text.expose()[1..]).is_none());
    assert!(Token::parse("not base64 at all, but 43 characters long!!").is_none());

    let refresh = RefreshToken::generate();
    let again = RefreshToken::parse(refresh.reveal().expose()).unwrap();
    assert_eq!(again.family.hash(), refresh.family.hash());
    assert_eq!(again.turn.hash(), refresh.turn.hash());
    assert_eq!(refresh.next().family.hash(), refresh.family.hash());
    assert_ne!(refresh.next().turn.hash(), refresh.turn.hash());
    assert!(RefreshToken::parse(text.expose()).is_none());
}

#[test]
fn a_machine_client_is_always_a_service() {
    let secret = Token::generate();
    let id = ClientId(Uuid::from_u128(9));
    let (mut client, events) = MachineClient::create(id, name(), Roles::NONE.with(Role::Analyst), &secret, NOW);
    assert_eq!(client.roles, Roles::NONE.with(Role::Analyst).with(Role::Service));
    assert_eq!(events, [Event::MachineClientCreated { client: id }]);
    assert!(client.accepts(&secret.hash()));
    assert!(!client.accepts(&Token::generate().hash()));
    client.deleted_at = Some(NOW);
    assert!(!client.accepts(&secret.hash()));
}
