//! Which passwords are accepted.

use std::fmt;

use kvartal_kernel::Error;

use super::{DisplayName, Email, Secret};

/// Fewest characters of a password.
const MIN_CHARS: usize = 10;

/// What people choose most often among passwords of ten characters or more, lowercase. An attacker tries these first.
const COMMON: &str = "
    0000000000 0123456789 0987654321 1029384756 1111111111 1122334455 1212121212 123123123123 123321123321
    1234512345 12345678900 1234567890 12345678901 123456789012 1234567891 1234567890-= 12345678910 1234567890q
    1234567890qwertyuiop 1234qwerasdf 123456789a 123456789q 123456789qwe 123456qwerty 123qweasdzxc 1q2w3e4r5t
    1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qazxsw23edc 2222222222 5555555555 7777777777 9876543210 987654321a
    9999999999 aaaaaaaaaa a123456789 aa123456789 aa12345678 abc123456789 abcd123456 abcd1234567 abcdefghij
    abcdefghijk adminadmin administrator admin12345 admin123456 asdasdasdasd asdf123456 asdfasdfasdf asdfghjkl1
    asdfghjkl; asdfghjkl;' baseball123 changeme123 computer123 football123 helloworld iloveyou123 iloveyou12
    internet123 jordan23jordan letmein123 liverpool1 manchester microsoft1 monkey12345 moscow2024 mypassword
    mypassword1 passw0rd123 password01 password10 password11 password12 password123 password1234 password12345
    password123456 password!1 passwordpassword p@ssw0rd123 p@ssword123 princess123 q1w2e3r4t5 q1w2e3r4t5y6
    qazwsxedcrfv qazwsx12345 qwaszxqwaszx qwer1234qwer qwerasdfzxcv qwerty1234 qwerty12345 qwerty123456
    qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop[] qwertyuiop123 spiderman1 starwars123 sunshine123 superman123
    test123456 testtest123 trustno1trustno1 welcome123 welcome1234 whatever123 zaq12wsxcde3 zxcvbnm123
    zxcvbnmasdfghjkl йцукенгшщз йцукенгшщзхъ пароль1234 пароль12345 парольпароль фывапролдж qwertyйцукен
";

/// A password that is good enough to be set.
#[derive(Clone, Debug)]
pub struct NewPassword(Secret);

impl NewPassword {
    /// Refuses what is short or easy to guess for this person; `field` names the input in the error.
    pub fn parse(field: &str, text: Secret, email: &Email, name: &DisplayName) -> Result<Self, Error> {
        let lower = text.expose().to_lowercase();
        let wrong = if text.expose().chars().count() < MIN_CHARS {
            "must have 10 characters or more"
        } else if lower == email.key() {
            "must not be the e-mail address"
        } else if lower == name.as_str().to_lowercase() {
            "must not be the name"
        } else if COMMON.split_whitespace().any(|common| common == lower) {
            "is one of the most common passwords"
        } else {
            return Ok(Self(text));
        };
        Err(Error::invalid(field, wrong))
    }

    /// What to hash.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// A salted, slow hash of a password (PHC string). It is replaced whenever the password is, so equality of two hashes
/// tells that the password has not been changed in between.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From storage or from the hasher.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// For storage and for the hasher.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}
