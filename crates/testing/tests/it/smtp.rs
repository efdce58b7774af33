//! The SMTP sink, spoken to over a plain connection.

use kvartal_testing::{SmtpMode, smtp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LETTER: &str = "EHLO here\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\
    Subject: =?utf-8?B?0K/QvNCw?=\r\n\r\nfirst\r\n..dot\r\n.\r\nQUIT\r\n";

async fn send(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(LETTER.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn keeps_a_message_and_decodes_it() {
    let smtp = smtp().await;
    assert!(send(smtp.port()).await.ends_with("221 bye\r\n"));
    let mail = smtp.wait_for("b@example.org", |mail| mail.subject == "Яма").await;
    assert_eq!(mail.from, "a@example.org");
    assert_eq!(mail.text, "first\n.dot");
    assert_eq!(smtp.mails_to("c@example.org"), []);
}

#[tokio::test]
async fn fails_as_it_is_told() {
    let smtp = smtp().await;
    smtp.set_mode(SmtpMode::FailTransiently).await;
    assert!(send(smtp.port()).await.contains("451 "));
    smtp.set_mode(SmtpMode::FailPermanently).await;
    assert!(send(smtp.port()).await.contains("550 "));
    smtp.set_mode(SmtpMode::Refuse).await;
    assert!(TcpStream::connect(("127.0.0.1", smtp.port())).await.is_err());
    assert_eq!(smtp.mails(), []);
    smtp.set_mode(SmtpMode::HangUpAfterData).await;
    let answer = send(smtp.port()).await;
    assert!(answer.contains("354 ") && !answer.contains("250 OK, kept"), "{answer}");
    assert_eq!(smtp.mails().len(), 1);
    smtp.set_mode(SmtpMode::Accept).await;
    assert!(send(smtp.port()).await.contains("250 OK, kept"));
}
