//! One SMTP connection (RFC 5321): greeting, envelope, message.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Mail, Mailbox, SmtpMode};

/// Larger than anything the platform sends.
const LARGEST: usize = 16 << 20;

/// Until the peer leaves; what goes wrong on a connection is the peer's to notice.
pub(super) async fn run(stream: TcpStream, mailbox: Mailbox) {
    let _ = talk(BufReader::new(stream), &mailbox).await;
}

async fn talk(mut stream: BufReader<TcpStream>, mailbox: &Mailbox) -> io::Result<()> {
    if mailbox.mode() == SmtpMode::Stall {
        return std::future::pending().await;
    }
    reply(&mut stream, "220 localhost ESMTP").await?;
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let (verb, rest) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
        let mode = mailbox.mode();
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 16777216",
            "HELO" | "NOOP" => "250 OK",
            "MAIL" => {
                from = address(rest);
                to.clear();
                "250 OK"
            }
            "RCPT" if mode == SmtpMode::FailPermanently => "550 5.1.1 no such mailbox",
            "RCPT" => {
                to.push(address(rest));
                "250 OK"
            }
            "DATA" if to.is_empty() => "503 5.5.1 no recipient",
            "DATA" => {
                reply(&mut stream, "354 end with a dot on a line of its own").await?;
                let raw = message(&mut stream).await?;
                if mode == SmtpMode::FailTransiently {
                    "451 4.3.0 try again later"
                } else {
                    mailbox.lock().push(Mail::parse(std::mem::take(&mut from), std::mem::take(&mut to), raw));
                    if mode == SmtpMode::HangUpAfterData {
                        return Ok(());
                    }
                    "250 OK, kept"
                }
            }
            "RSET" => {
                from.clear();
                to.clear();
                "250 OK"
            }
            "QUIT" => return reply(&mut stream, "221 bye").await,
            _ => "502 5.5.2 not known here",
        };
        reply(&mut stream, answer).await?;
    }
}

async fn reply(stream: &mut BufReader<TcpStream>, text: &str) -> io::Result<()> {
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
}

/// Up to the lone dot, which is left out, as are the dots that were doubled to tell them from it.
async fn message(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut raw = Vec::new();
    loop {
        let start = raw.len();
        if stream.read_until(b'\n', &mut raw).await? == 0 || raw.len() > LARGEST {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &raw[start..] == b".\r\n" {
            raw.truncate(start);
            return Ok(String::from_utf8_lossy(&raw).into_owned());
        }
        if raw[start] == b'.' {
            raw.remove(start);
        }
    }
}

/// The address in `FROM:<someone@example.org> SIZE=100`.
fn address(argument: &str) -> String {
    let inside = argument.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(address, _)| address).to_owned()
}

impl Mailbox {
    fn mode(&self) -> SmtpMode {
        *self.mode.borrow()
    }
}
