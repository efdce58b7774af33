//! Texts from outside, made harmless.

/// A name to greet a person with. Whoever registers chooses both the name and the address a mail goes to; a name that
/// could carry a message to a stranger is left out.
pub(crate) fn greeting_name(name: &str) -> String {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let harmless = name.chars().count() <= 60
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '@' | ':' | '<' | '>' | '\\'))
        && !name.to_lowercase().contains("www.");
    if harmless { name } else { String::new() }
}

/// Everything but unreserved characters as `%XX`, for a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What a mail server said, in one bounded line without addresses: neither anything with an `@` nor the name before the
/// `@` of the receiver's own.
pub(crate) fn without_addresses(text: &str, email: &str) -> String {
    const CHARS_MAX: usize = 200;
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    let domain = email.split('@').nth(1).unwrap_or_default().to_lowercase();
    let tells = |word: &str| {
        let word = word.to_lowercase();
        word.contains('@')
            || (!local.is_empty() && word.contains(&local) && (local.chars().count() > 3 || bare(&word) == local))
            || (!domain.is_empty() && word.contains(&domain))
    };
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.map(|word| if tells(word) { "…" } else { word }).collect::<Vec<_>>().join(" ");
    line.chars().take(CHARS_MAX).collect()
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}
