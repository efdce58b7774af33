//! `/_dev/mail`: the mails that an installation without a mail server kept. For laptops: whoever reaches the page reads
//! every mail, tokens included.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use kvartal_kernel::Error;

use crate::application::{KeptMail, Outbox};
use crate::domain::DeliveryId;

/// Nothing but the page's own style is loaded, and no address of it leaves the browser.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Clone)]
struct Page {
    outbox: Arc<dyn Outbox>,
    public_url: Arc<str>,
}

/// The pages. In a mail, links that begin with `public_url` can be followed.
pub(crate) fn mail_page(outbox: Arc<dyn Outbox>, public_url: &str) -> Router {
    Router::new()
        .route("/_dev/mail", get(list))
        .route("/_dev/mail/{id}", get(show))
        .with_state(Page { outbox, public_url: public_url.trim_end_matches('/').into() })
}

async fn list(State(page): State<Page>) -> Response {
    match page.outbox.list().await {
        Ok(mails) => html(StatusCode::OK, "Mail", &listing(&mails)),
        Err(error) => failed(&error),
    }
}

async fn show(State(page): State<Page>, Path(id): Path<String>) -> Response {
    let Ok(id) = DeliveryId::parse("id", &id) else { return missing() };
    match page.outbox.find(id).await {
        Ok(Some(mail)) => html(StatusCode::OK, &mail.subject, &letter(&mail, &page.public_url)),
        Ok(None) => missing(),
        Err(error) => failed(&error),
    }
}

fn listing(mails: &[KeptMail]) -> String {
    if mails.is_empty() {
        return "<h1>Mail</h1><p>No mail yet.</p>".to_owned();
    }
    let mut out = "<h1>Mail</h1><table><tr><th>Time<th>To<th>Subject</tr>".to_owned();
    for KeptMail { id, time, to, subject, .. } in mails {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<tr><td>{time}<td>{}<td><a href=\"/_dev/mail/{id}\">{}</a></tr>",
            escaped(to),
            escaped(subject)
        );
    }
    out + "</table>"
}

fn letter(mail: &KeptMail, public_url: &str) -> String {
    let KeptMail { time, to, subject, text, .. } = mail;
    format!(
        "<p><a href=\"/_dev/mail\">All mail</a></p><h1>{}</h1><p>{time} · {}</p><pre>{}</pre>",
        escaped(subject),
        escaped(to),
        linked(text, public_url)
    )
}

/// Escaped, with the platform's own links made links.
fn linked(text: &str, public_url: &str) -> String {
    let is_ours = |word: &str| {
        word.strip_prefix(public_url)
            .is_some_and(|rest| !public_url.is_empty() && (rest.is_empty() || rest.starts_with('/')))
    };
    let mut out = String::new();
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if is_ours(word) {
            let url = escaped(word);
            let _ = write!(out, "<a href=\"{url}\">{url}</a>{}", escaped(&piece[word.len()..]));
        } else {
            out.push_str(&escaped(piece));
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}}\
         pre{{white-space:pre-wrap;background:#f4f4f4;padding:1rem}}</style>{body}",
        escaped(title)
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(page)).into_response()
}

fn missing() -> Response {
    html(StatusCode::NOT_FOUND, "Mail", "<p>There is no such mail. <a href=\"/_dev/mail\">All mail</a></p>")
}

fn failed(error: &Error) -> Response {
    tracing::error!(error = error.chain(), "the outbox cannot be read");
    html(StatusCode::INTERNAL_SERVER_ERROR, "Mail", "<p>The outbox cannot be read.</p>")
}

#[cfg(test)]
mod tests {
    use super::{escaped, linked};

    #[test]
    fn nothing_a_mail_says_becomes_markup() {
        assert_eq!(escaped("<b a='1'>&\"</b>"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;&lt;/b&gt;");
        let text = "see http://city.example/confirm?token=a&b\nhttp://city.example.evil/ <script>";
        assert_eq!(
            linked(text, "http://city.example"),
            "see <a href=\"http://city.example/confirm?token=a&amp;b\">http://city.example/confirm?token=a&amp;b</a>\n\
             http://city.example.evil/ &lt;script&gt;"
        );
    }
}
