//! The start page as HTML. What moves lies in fragments, which `/start.json` sends again.

use std::collections::BTreeMap;

use super::html::{escape, number, push};
use super::map;
use super::snapshot::{Snapshot, Subject, Tally};
use super::text::{self, Language};
use crate::{Account, Line};

/// What the page shows that does not move.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Base of every address on the page, such as `http://localhost:8080`.
    pub(crate) url: String,
    /// `host:port` for gRPC.
    pub(crate) authority: String,
    /// Accounts to sign in with.
    pub(crate) accounts: Vec<Account>,
    /// Scenery of the map.
    pub(crate) streets: Vec<Line>,
    /// Whether mails that have been sent are shown under `/_dev/mail`.
    pub(crate) mail_page: bool,
    /// Paths worth a look.
    pub(crate) links: Vec<&'static str>,
    /// Version of the program.
    pub(crate) version: String,
}

/// The whole page.
pub(crate) fn render(scene: &Scene, snapshot: &Snapshot, language: Language) -> String {
    let of = |words| language.of(words);
    let parts = fragments(scene, snapshot, language);
    let part = |id: &str| parts.get(id).map_or("", String::as_str);
    let mut page = String::with_capacity(128 * 1024);
    head(&mut page, of(text::TITLE), language);
    push(
        &mut page,
        format_args!(
            "<header><h1>{}</h1><p>{}</p>{}<div class=\"bar\"><span id=\"state\">{}</span>\
             <button type=\"button\" id=\"pause\" hidden data-pause=\"{pause}\" data-resume=\"{}\">{pause}</button>\
             <span id=\"notice\" role=\"status\" class=\"warning\" data-lost=\"{}\"></span></div></header>",
            of(text::NAME),
            of(text::LEAD),
            languages(language),
            part("state"),
            of(text::RESUME),
            of(text::LOST),
            pause = of(text::PAUSE),
        ),
    );
    push(
        &mut page,
        format_args!(
            "<main id=\"content\" tabindex=\"-1\"><h2>{}</h2><ul class=\"tiles\" id=\"tiles\">{}</ul>\
             <h2>{}</h2><div class=\"city\"><div><div id=\"map\">{}</div><p class=\"soft\">{}</p></div><div>{}{}</div></div>",
            of(text::NOW),
            part("tiles"),
            of(text::CITY),
            part("map"),
            of(text::MAP_NOTE),
            table("incidents", text::INCIDENTS, &[text::STATUS, text::COUNT], part("incidents"), language),
            table("reports", text::REPORTS, &[text::STATUS, text::COUNT], part("reports"), language),
        ),
    );
    let latest = [text::WHEN, text::WHAT, text::STATUS, text::WHERE];
    let services = [text::SERVICE, text::STATE, text::CALLS, text::FAILED];
    push(
        &mut page,
        format_args!(
            "{}<h2>{}</h2>{}",
            scrolling(text::LATEST, &table("latest", text::LATEST, &latest, part("latest"), language), language),
            of(text::SERVICES),
            scrolling(
                text::SERVICES,
                &table("services", text::SERVICES, &services, part("services"), language),
                language
            ),
        ),
    );
    accounts(&mut page, &scene.accounts, language);
    addresses(&mut page, scene, language);
    push(
        &mut page,
        format_args!(
            "</main><footer><p>Kvartal {} · Apache-2.0</p><noscript><p>{}</p></noscript></footer></body></html>",
            escape(&scene.version),
            of(text::NEED_SCRIPT)
        ),
    );
    page
}

/// A page that says what is wrong.
pub(crate) fn problem(language: Language) -> String {
    let mut page = String::new();
    head(&mut page, language.of(text::NOT_FOUND), language);
    push(
        &mut page,
        format_args!(
            "<main id=\"content\" tabindex=\"-1\"><h1>404</h1><p>{}. {}</p><p><a href=\"/\">{}</a></p></main></body></html>",
            language.of(text::NOT_FOUND),
            language.of(text::NOT_FOUND_BODY),
            language.of(text::START)
        ),
    );
    page
}

/// What moves, by element id.
pub(crate) fn fragments(scene: &Scene, snapshot: &Snapshot, language: Language) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("state", state(snapshot, language)),
        ("tiles", tiles(snapshot, language)),
        ("map", map::draw(snapshot, &scene.streets, language)),
        ("incidents", tally(Subject::Incident, &snapshot.incidents, language)),
        ("reports", tally(Subject::Report, &snapshot.reports, language)),
        ("latest", latest(snapshot, language)),
        ("services", services(snapshot, language)),
    ])
}

fn head(page: &mut String, title: &str, language: Language) {
    push(
        page,
        format_args!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <link rel=\"icon\" href=\"/favicon.ico\"><link rel=\"stylesheet\" href=\"/start.css\">\
             <script src=\"/start.js\" defer></script></head><body><a class=\"skip\" href=\"#content\">{}</a>",
            language.tag(),
            language.of(text::SKIP)
        ),
    );
}

fn languages(current: Language) -> String {
    let link = |language: Language, name: &str| {
        let mark = if language == current { " aria-current=\"true\"" } else { "" };
        format!("<a href=\"/start?lang={0}\" lang=\"{0}\" hreflang=\"{0}\"{mark}>{name}</a>", language.tag())
    };
    format!(
        "<div class=\"bar\"><nav aria-label=\"{}\">{}{}</nav></div>",
        current.of(text::LANGUAGE),
        link(Language::Ru, "Русский"),
        link(Language::En, "English")
    )
}

fn state(snapshot: &Snapshot, language: Language) -> String {
    let (class, words) = if snapshot.ready { ("good", text::READY) } else { ("bad", text::NOT_READY) };
    format!(
        "<span class=\"{class}\">{}</span> · {} {}",
        language.of(words),
        language.of(text::UPDATED),
        clock(&snapshot.time)
    )
}

/// The time of day out of RFC 3339, with the date and zone for whoever wants them.
fn clock(time: &str) -> String {
    let hours = time.get(11..19).unwrap_or(time);
    format!("<time datetime=\"{}\">{} UTC</time>", escape(time), escape(hours))
}

fn tiles(snapshot: &Snapshot, language: Language) -> String {
    let mut html = String::new();
    let mut tile = |value: String, words| {
        push(&mut html, format_args!("<li><strong>{value}</strong><span>{}</span></li>", language.of(words)));
    };
    tile(bound(snapshot.incidents.open, snapshot.incidents.truncated), text::OPEN_INCIDENTS);
    tile(bound(snapshot.reports.open, snapshot.reports.truncated), text::OPEN_REPORTS);
    tile(format!("{:.1}", snapshot.calls_per_second), text::PER_SECOND);
    tile(number(snapshot.calls), text::RPCS);
    tile(number(snapshot.events_handled), text::EVENTS);
    html
}

/// A count, marked when it is a lower bound.
fn bound(count: u64, truncated: bool) -> String {
    format!("{}{}", if truncated { "≥\u{202f}" } else { "" }, number(count))
}

fn tally(subject: Subject, tally: &Tally, language: Language) -> String {
    let mut html = String::new();
    for (status, count) in tally.by_status.iter().enumerate().skip(1) {
        push(
            &mut html,
            format_args!(
                "<tr><td>{}{}</td><td class=\"number\">{}</td></tr>",
                map::swatch(subject, status),
                map::status_name(subject, status, language),
                bound(*count, tally.truncated)
            ),
        );
    }
    html
}

fn latest(snapshot: &Snapshot, language: Language) -> String {
    let mut html = String::new();
    for change in &snapshot.latest {
        let subject = match change.subject {
            Subject::Incident => text::INCIDENT,
            Subject::Report => text::REPORT,
        };
        push(
            &mut html,
            format_args!(
                "<tr><td>{}</td><td>{}: {}</td><td>{}</td><td>{}</td></tr>",
                clock(&change.time.to_string()),
                language.of(subject),
                escape(&change.title),
                map::status_name(change.subject, change.status, language),
                escape(&change.place)
            ),
        );
    }
    html
}

fn services(snapshot: &Snapshot, language: Language) -> String {
    let mut html = String::new();
    for service in &snapshot.services {
        let (class, words) = if service.serving { ("good", text::SERVING) } else { ("bad", text::NOT_SERVING) };
        let problem =
            if service.problem.is_empty() { String::new() } else { format!(": {}", escape(&service.problem)) };
        push(
            &mut html,
            format_args!(
                "<tr><td><strong>{}</strong> <span class=\"soft\">{}</span></td><td><span class=\"{class}\">{}</span>{problem}</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                escape(&service.name),
                language.of(text::purpose(&service.name)),
                language.of(words),
                number(service.calls),
                number(service.failed)
            ),
        );
    }
    html
}

/// A table whose body is a fragment.
fn table(
    id: &str,
    caption: (&'static str, &'static str),
    columns: &[(&'static str, &'static str)],
    body: &str,
    language: Language,
) -> String {
    // Under a heading that says the same, the caption is for those who do not see the heading beside it.
    let class = if ["services", "accounts"].contains(&id) { " class=\"unseen\"" } else { "" };
    let mut html = format!("<table><caption{class}>{}</caption><thead><tr>", language.of(caption));
    for column in columns {
        let number = [text::COUNT, text::CALLS, text::FAILED].contains(column);
        let class = if number { " class=\"number\"" } else { "" };
        push(&mut html, format_args!("<th scope=\"col\"{class}>{}</th>", language.of(*column)));
    }
    push(&mut html, format_args!("</tr></thead><tbody id=\"{id}\">{body}</tbody></table>"));
    html
}

/// A table that may be wider than the screen: it scrolls by itself, by keyboard too.
fn scrolling(name: (&'static str, &'static str), table: &str, language: Language) -> String {
    let name = language.of(name);
    format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">{table}</div>")
}

fn accounts(page: &mut String, accounts: &[Account], language: Language) {
    if accounts.is_empty() {
        return;
    }
    let mut rows = String::new();
    for account in accounts {
        push(
            &mut rows,
            format_args!(
                "<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>",
                language.of(text::role(&account.role)),
                escape(&account.email),
                escape(&account.password)
            ),
        );
    }
    let columns = [text::ROLE, text::EMAIL, text::PASSWORD];
    push(
        page,
        format_args!(
            "<h2>{}</h2><p class=\"warning\">{}</p>{}",
            language.of(text::ACCOUNTS),
            language.of(text::ACCOUNTS_WARNING),
            scrolling(text::ACCOUNTS, &table("accounts", text::ACCOUNTS, &columns, &rows, language), language)
        ),
    );
}

fn addresses(page: &mut String, scene: &Scene, language: Language) {
    let (url, authority) = (escape(&scene.url), escape(&scene.authority));
    push(
        page,
        format_args!(
            "<h2>{}</h2><p>gRPC: <code>{authority}</code> · gRPC-Web: <code>{url}</code></p><ul class=\"links\">",
            language.of(text::ADDRESSES)
        ),
    );
    for path in &scene.links {
        let words = language.of(text::link(path));
        push(page, format_args!("<li><a href=\"{path}\"><code>{path}</code></a> – {words}</li>"));
    }
    push(page, format_args!("</ul><h2>{}</h2><pre><code>", language.of(text::TRY)));
    for example in crate::examples(&scene.url, &scene.authority) {
        push(page, format_args!("{}\n", escape(&example)));
    }
    page.push_str("</code></pre>");
}
