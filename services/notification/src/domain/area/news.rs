//! What happens in areas, and the message that tells several things at once.

use kvartal_kernel::geo::LatLng;

use super::FollowedArea;
use crate::domain::{Confidence, Data, Kind, Notice, UserId};

/// Lines that a message tells; of the others it tells how many.
pub(crate) const LINES_MAX: usize = 5;

/// Something that happened at a place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Arisen {
    /// What is made of it.
    pub kind: Kind,
    /// The thing itself, such as a jam's id.
    pub subject: String,
    /// Where it is, as far as happening again goes; empty for what does not happen again.
    pub spot: String,
    /// It lies in every area that has one of these.
    pub points: Vec<LatLng>,
    /// What people would call it.
    pub line: String,
    /// Path on the page.
    pub link: String,
    /// Who knows it already.
    pub except: Option<UserId>,
}

/// Something that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Over {
    /// As what it arose.
    pub kind: Kind,
    /// The thing itself.
    pub subject: String,
    /// What those are told who were told of it; `None` for nothing.
    pub told: Option<Kind>,
}

/// What an event means for areas.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum AreaNews {
    /// Something happened.
    Arisen(Arisen),
    /// Something is over: whoever was not told yet never hears of it.
    Over(Over),
}

/// One message about things of one kind in an area: line and link of each, oldest first. `None` for nothing.
pub(crate) fn digest(area: &FollowedArea, kind: Kind, things: &[(String, String, String)]) -> Option<Notice> {
    let (subject, _, link) = things.first()?;
    let alone = things.len() == 1;
    let (lines, more) = (things.len().min(LINES_MAX), things.len().saturating_sub(LINES_MAX));
    let lines: Vec<&str> = things[..lines].iter().map(|(_, line, _)| line.as_str()).collect();
    let more = if more == 0 { String::new() } else { more.to_string() };
    let data =
        [("area", area.name.clone()), ("count", things.len().to_string()), ("lines", lines.join("\n")), ("more", more)];
    Some(Notice {
        kind,
        user: Some(area.user),
        subject: if alone { subject.clone() } else { area.id.to_string() },
        link: if alone { link.clone() } else { page(kind).to_owned() },
        data: data.into_iter().map(|(name, text)| (name.to_owned(), text)).collect::<Data>(),
        confidence: Confidence::default(),
    })
}

/// Where several things of a kind are seen together.
fn page(kind: Kind) -> &'static str {
    match kind {
        Kind::AreaJams | Kind::AreaJamsEnded => "/map",
        Kind::AreaReports => "/reports",
        Kind::AreaDetectors => "/dispatch/detectors",
        _ => "/",
    }
}
