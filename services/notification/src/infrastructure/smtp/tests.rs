//! What a mail looks like on the wire, and what configuration is refused.

use super::*;
use crate::domain::{Address, DeliveryId, Locale, MailText};

fn smtp() -> Smtp {
    Smtp::new("smtp://127.0.0.1:2525", "Квартал <no-reply@city.example>", Duration::from_secs(1)).unwrap()
}

fn mail(email: &str, name: &str) -> Mail {
    Mail {
        id: DeliveryId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
        to: Address { email: email.into(), display_name: name.into(), locale: Locale::Ru },
        text: MailText {
            subject: "Сообщение: выполняется\r\nBcc: all@example.org".into(), text: "Текст".into()
        },
        unsubscribe: Some("https://city.example/account/notifications".into()),
        time: Timestamp(1_795_168_800_000_000),
    }
}

#[tokio::test]
async fn headers_are_complete_and_cannot_be_smuggled_in() {
    let message = smtp().message(&mail("person@example.org", "Мария")).unwrap();
    let raw = String::from_utf8(message.formatted()).unwrap();
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    for line in [
        "Message-ID: <0198c0de-0000-7000-8000-000000000001@city.example>",
        "Date: Fri, 20 Nov 2026 10:00:00 +0000",
        "Content-Type: text/plain; charset=utf-8",
        "Auto-Submitted: auto-generated",
        "List-Unsubscribe: <https://city.example/account/notifications>",
    ] {
        assert!(head.lines().any(|found| found == line), "no {line} in\n{head}");
    }
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert_eq!(message.envelope().to().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_for_good() {
    for address in ["", "nobody", "a@b\r\nRCPT TO:<c@d>", "two@example.org, three@example.org"] {
        assert!(matches!(smtp().message(&mail(address, "x")), Err(MailError::Permanent(_))), "{address}");
    }
}

#[tokio::test]
async fn wrong_configuration_is_refused_without_showing_the_password() {
    let wrong = Smtp::new("http://user:hidden@host", "a@b.example", Duration::from_secs(1)).err().unwrap();
    assert!(!format!("{wrong:?}").contains("hidden"));
    assert!(Smtp::new("smtp://host", "nobody", Duration::from_secs(1)).is_err());
    for url in ["smtp://host", "smtp://u:p%40@host:25?tls=required", "smtps://u:p@host"] {
        assert!(Smtp::new(url, "a@b.example", Duration::from_secs(1)).is_ok(), "{url}");
    }
}

#[test]
fn traces_name_the_host_of_the_mail_server_and_nothing_secret() {
    for (url, expected) in [
        ("smtp://127.0.0.1:2525", "127.0.0.1"),
        ("smtps://user:p%40ss@mail.example", "mail.example"),
        ("smtp://user:pass@mail.example:587?tls=required", "mail.example"),
        ("smtp://[2001:db8::1]:25", "2001:db8::1"),
    ] {
        assert_eq!(host(url), expected, "{url}");
    }
}
