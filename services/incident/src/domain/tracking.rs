//! Tracking numbers: what a reporter quotes on the telephone.

use std::fmt;

use kvartal_kernel::{Error, Uuid};

/// Digits and letters that nobody mistakes for one another: no 0 O, 1 I L, 2 Z, 5 S, 8 B pairs.
const ALPHABET: &[u8; 28] = b"23456789ACDEFGHJKMNPQRTUVWXY";
const BASE: u64 = ALPHABET.len() as u64;
/// Characters that carry the number; one more checks them.
const LENGTH: usize = 6;
const PREFIX: &str = "KV";

/// A tracking number, such as `KV-7F3K-92Q`: six characters of 28 and a check character that catches every single
/// wrong character and nearly every swap of neighbours.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TrackingNumber(String);

impl TrackingNumber {
    /// The number that belongs to a report's id, drawn from its random bits. Different ids may give the same number;
    /// whoever stores it makes it unique.
    pub fn of(id: Uuid) -> Self {
        let mut rest = u64::try_from(id.as_u128() & u128::from(u64::MAX)).unwrap_or_default();
        let mut digits = Vec::with_capacity(LENGTH + 1);
        for _ in 0..LENGTH {
            digits.push(rest % BASE);
            rest /= BASE;
        }
        digits.push(check_digit(&digits));
        Self::from_digits(&digits)
    }

    /// Reads what somebody typed: any case, with or without prefix and dashes, `B`, `S` and `Z` for `8`, `5` and `2`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong =
            || Error::invalid("report", "must be a report's id or its tracking number; check for a mistyped character");
        let upper = text.to_ascii_uppercase();
        let compact: String = upper.chars().filter(|c| *c != '-' && !c.is_whitespace()).collect();
        let body = compact.strip_prefix(PREFIX).filter(|body| body.len() == LENGTH + 1).unwrap_or(&compact);
        let digits: Vec<u64> = body.bytes().map(digit).collect::<Option<_>>().ok_or_else(wrong)?;
        match digits.split_last() {
            Some((check, number)) if number.len() == LENGTH && *check == check_digit(number) => {
                Ok(Self::from_digits(&digits))
            }
            _ => Err(wrong()),
        }
    }

    /// From storage, unchecked.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// As printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_digits(digits: &[u64]) -> Self {
        let characters = digits.iter().map(|digit| {
            let index = usize::try_from(*digit).unwrap_or_default();
            char::from(ALPHABET[index % ALPHABET.len()])
        });
        let body: String = characters.collect();
        let (left, right) = body.split_at(4);
        Self(format!("{PREFIX}-{left}-{right}"))
    }
}

impl fmt::Display for TrackingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digit(character: u8) -> Option<u64> {
    let meant = match character {
        b'B' => b'8',
        b'S' => b'5',
        b'Z' => b'2',
        other => other,
    };
    ALPHABET.iter().position(|known| *known == meant).and_then(|position| u64::try_from(position).ok())
}

/// ISO 7064 hybrid system, modulus 29 and 28: doubling modulo a prime keeps every single change visible.
fn check_digit(digits: &[u64]) -> u64 {
    let product = digits.iter().fold(BASE, |product, digit| {
        let sum = match (product + digit) % BASE {
            0 => BASE,
            sum => sum,
        };
        sum * 2 % (BASE + 1)
    });
    (BASE + 1 - product % BASE) % BASE
}
