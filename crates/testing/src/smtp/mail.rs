//! Reads a message as a person would see it: decoded headers, decoded text (MIME, RFC 2045 to 2047, UTF-8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A message that was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The sender on the envelope; empty for a bounce.
    pub from: String,
    /// The recipients on the envelope.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text, decoded, with line ends `\n`; empty when there is none.
    pub text: String,
    /// The HTML, decoded, with line ends `\n`; empty when there is none.
    pub html: String,
    /// The message as it came, headers included.
    pub raw: String,
}

impl Mail {
    /// What a session received.
    pub(super) fn parse(from: String, to: Vec<String>, raw: String) -> Self {
        let mut mail = Self { from, to, ..Self::default() };
        mail.subject = decode_words(&Part::of(&raw).header("subject"));
        mail.read(&Part::of(&raw), 0);
        mail.raw = raw;
        mail
    }

    /// Whether the envelope names this recipient; letter case does not count.
    pub fn is_to(&self, address: &str) -> bool {
        self.to.iter().any(|to| to.eq_ignore_ascii_case(address))
    }

    /// A header by name, unfolded and decoded; empty when it is missing.
    pub fn header(&self, name: &str) -> String {
        decode_words(&Part::of(&self.raw).header(name))
    }

    fn read(&mut self, part: &Part<'_>, depth: u8) {
        let kind = part.header("content-type");
        let media = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match media.as_str() {
            multipart if multipart.starts_with("multipart/") && depth < 8 => {
                let boundary = format!("--{}", parameter(&kind, "boundary"));
                let pieces = part.body.split(boundary.as_str()).skip(1).take_while(|piece| !piece.starts_with("--"));
                pieces.for_each(|piece| self.read(&Part::of(piece.trim_start_matches("\r\n")), depth + 1));
            }
            "" | "text/plain" if self.text.is_empty() => self.text = part.decoded(),
            "text/html" if self.html.is_empty() => self.html = part.decoded(),
            _ => {}
        }
    }
}

/// Headers and body, of the message or of one part of it.
struct Part<'a> {
    head: &'a str,
    body: &'a str,
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        Self { head, body }
    }

    fn header(&self, name: &str) -> String {
        let unfolded = self.head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let named = unfolded.lines().filter_map(|line| line.split_once(':'));
        let mut values =
            named.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
        values.next().unwrap_or_default()
    }

    fn decoded(&self) -> String {
        let bytes = match self.header("content-transfer-encoding").to_ascii_lowercase().as_str() {
            "base64" => decode_base64(self.body),
            "quoted-printable" => decode_quoted(self.body),
            _ => self.body.as_bytes().to_vec(),
        };
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        text.trim_end_matches('\n').to_owned()
    }
}

fn parameter(header: &str, name: &str) -> String {
    let parameters = header.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let mut values =
        parameters.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"'));
    values.next().unwrap_or_default().to_owned()
}

fn decode_base64(text: &str) -> Vec<u8> {
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).unwrap_or_default()
}

fn decode_quoted(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let byte = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, byte) {
            (b'=', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

/// `=?utf-8?B?…?=` and `=?utf-8?Q?…?=`; the space between two encoded words is not part of the text.
fn decode_words(text: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), text, false);
    while let Some((before, word)) = rest.split_once("=?") {
        let mut fields = word.splitn(4, '?');
        let (Some(_), Some(encoding), Some(payload), Some(tail)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            break;
        };
        let Some(tail) = tail.strip_prefix('=') else { break };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        let bytes = match encoding {
            "B" | "b" => decode_base64(payload),
            _ => decode_quoted(&payload.replace('_', " ")),
        };
        out.push_str(&String::from_utf8_lossy(&bytes));
        (rest, after_word) = (tail, true);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_multipart_message_in_russian() {
        let raw = "Subject: =?utf-8?B?0KHQuNCz0L3QsNC7?=\r\n =?utf-8?Q?_=E2=84=96_5?=\r\n\
            Content-Type: multipart/alternative;\r\n boundary=\"b1\"\r\n\r\n--b1\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n0K/QvNCwINC30LDQ\r\nutGA0YvRgtCwLg==\r\n--b1\r\n\
            Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=D0=AF=D0=BC=D0=\r\n=B0 a=3Db</p>\r\n--b1--\r\n";
        let mail = Mail::parse("a@example.org".into(), vec!["B@example.org".into()], raw.into());
        assert_eq!(mail.subject, "Сигнал № 5");
        assert_eq!(mail.text, "Яма закрыта.");
        assert_eq!(mail.html, "<p>Яма a=b</p>");
        assert!(mail.is_to("b@example.org"));
    }

    #[test]
    fn leaves_text_that_only_looks_encoded() {
        assert_eq!(decode_words("2 =? 3"), "2 =? 3");
        assert_eq!(decode_quoted("100=% =Z1"), b"100=% =Z1");
    }
}
