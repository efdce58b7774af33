//! A Rust file with its comments and the contents of its strings blanked, so that words are found in code only.

/// Path from the root, the text as it is, and the code in it; all three have the same lines.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) code: String,
}

impl<'a> Source<'a> {
    /// Blanks what is not code.
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, code: code(text) }
    }

    /// Whether the file holds tests: a folder `tests`, or a module of that name.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Lines, counted from 1, on which `words` stand in the code with nothing but other characters around them:
    /// `tokio::spawn` is found in `tokio::spawn(…)`, not in `tokio::spawn_local`.
    pub(super) fn lines_with(&self, words: &str) -> Vec<usize> {
        let found = self.code.match_indices(words).filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + words.len()..].chars().next();
            let joined = |c: Option<char>| c.is_some_and(is_word);
            let part_of_more =
                joined(before) && words.starts_with(is_word) || joined(after) && words.ends_with(is_word);
            !part_of_more
        });
        found.map(|(at, _)| self.line(at)).collect()
    }

    /// The line, counted from 1, of a byte of the code.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// Part of a name.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.chars().next_back().is_some_and(is_word);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = (!after_word).then(|| raw_string(rest)).flatten() {
            length
        } else if first == '"' {
            string(rest)
        } else if first == '\'' {
            character(rest)
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            match rest.chars().next() {
                Some(c) => at += c.len_utf8(),
                None => return at,
            }
        }
    }
}

fn raw_string(text: &str) -> Option<usize> {
    let start = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let body = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| opening + at + end.len()))
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'x'` or `'\n'`; one for the quote of a lifetime.
fn character(text: &str) -> usize {
    let body = &text[1..];
    if let Some(escape) = body.strip_prefix('\\') {
        return escape.char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 3);
    }
    let mut chars = body.char_indices();
    match (chars.next(), chars.next()) {
        (Some(_), Some((at, '\''))) => at + 2,
        _ => 1,
    }
}
