//! Incidents and reports in the words of the contract: what answers, streams and events are made of.

use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::time::to_proto;

use crate::domain::area::Area;
use crate::domain::category::{Category, Question};
use crate::domain::geo::LatLng;
use crate::domain::incident::{Facts, Incident, TrafficLink};
use crate::domain::place::{Direction, LaneState, Place};
use crate::domain::report::Report;
use crate::domain::suggestion::Suggestion;
use crate::domain::template::AnswerTemplate;
use crate::domain::timeline::Entry;

/// A point.
pub fn point(point: LatLng) -> pb::LatLng {
    pb::LatLng { latitude: point.latitude, longitude: point.longitude }
}

/// A place.
pub fn place(place: &Place) -> pb::Place {
    let Place { points, road, address, direction } = place;
    pb::Place {
        points: points.iter().copied().map(point).collect(),
        road: road.clone(),
        address: address.clone(),
        direction: direction.map_or(0, Direction::number).into(),
    }
}

/// An incident, everything told.
pub fn incident(incident: &Incident) -> pb::Incident {
    let Incident { id, facts, status, area, assignee, team, reports, source, .. } = incident;
    let Incident { created, updated, version, traffic, close_due: _, .. } = incident;
    let Facts { kind, priority, title, description, place: facts_place, lanes, start, end } = facts;
    pb::Incident {
        incident_id: id.to_string(),
        kind: kind.number().into(),
        status: status.number().into(),
        priority: priority.number().into(),
        title: title.clone(),
        description: description.clone(),
        place: Some(place(facts_place)),
        lanes: lanes.iter().map(|lane| lane.map_or(0, LaneState::number).into()).collect(),
        area_id: text(area.map(|area| area.0)),
        assignee_id: text(*assignee),
        team: team.clone(),
        start_time: Some(to_proto(*start)),
        end_time: end.map(to_proto),
        report_ids: reports.iter().map(ToString::to_string).collect(),
        source: source.clone(),
        create_time: Some(to_proto(*created)),
        update_time: Some(to_proto(*updated)),
        etag: version.etag(),
        traffic: (!traffic.is_empty()).then(|| traffic_link(traffic)),
    }
}

/// What traffic knows of it.
pub fn traffic_link(link: &TrafficLink) -> pb::TrafficLink {
    let TrafficLink { jams, segments, detectors } = link.clone();
    pb::TrafficLink { jam_ids: jams, segment_ids: segments, detector_ids: detectors }
}

/// A suggestion.
pub fn suggestion(of: &Suggestion) -> pb::Suggestion {
    pb::Suggestion {
        suggestion_id: of.id.to_string(),
        kind: of.kind.number().into(),
        status: of.status.number().into(),
        display_name: of.name(),
        points: of.points.iter().copied().map(point).collect(),
        corridor: of.road.clone(),
        traffic: Some(traffic_link(&of.link())),
        queue_length_m: of.queue_m,
        incident_id: text(of.incident.map(|incident| incident.0)),
        reason: of.reason.clone(),
        actor_id: of.actor.clone(),
        create_time: Some(to_proto(of.created)),
        update_time: Some(to_proto(of.updated)),
        etag: of.version.etag(),
    }
}

/// A report without its reporter.
pub fn report(report: &Report) -> pb::Report {
    let Report {
        id,
        number,
        category,
        status,
        description,
        location,
        address,
        photos,
        answers,
        reporter: _,
        anonymous: _,
        area,
        team,
        incident,
        duplicate_of,
        answer,
        answer_due,
        subscribers,
        confirmed,
        refuted,
        round: _,
        hidden,
        expire_minutes: _,
        expire_due: _,
        close_due: _,
        created,
        updated,
        version,
    } = report;
    pb::Report {
        report_id: id.to_string(),
        tracking_number: number.to_string(),
        category_id: category.clone(),
        status: status.number().into(),
        description: description.clone(),
        location: Some(point(*location)),
        address: address.clone(),
        photo_ids: photos.iter().map(ToString::to_string).collect(),
        answers: answers.clone().into_iter().collect(),
        reporter_id: String::new(),
        area_id: text(area.map(|area| area.0)),
        team: team.clone(),
        incident_id: text(incident.map(|incident| incident.0)),
        duplicate_of: text(duplicate_of.map(|report| report.0)),
        answer: answer.clone(),
        answer_due_time: Some(to_proto(*answer_due)),
        subscriber_count: *subscribers,
        confirmed_count: *confirmed,
        refuted_count: *refuted,
        hidden: *hidden,
        create_time: Some(to_proto(*created)),
        update_time: Some(to_proto(*updated)),
        etag: version.etag(),
    }
}

/// An entry of a timeline.
pub fn entry(entry: &Entry) -> pb::TimelineEntry {
    let Entry { id, time, actor, action, before, after, comment, public: _ } = entry;
    pb::TimelineEntry {
        entry_id: id.to_string(),
        time: Some(to_proto(*time)),
        actor_id: actor.clone(),
        action: (*action).to_owned(),
        before: before.clone(),
        after: after.clone(),
        comment: comment.clone(),
    }
}

/// An area.
pub fn area(area: &Area) -> pb::Area {
    pb::Area {
        area_id: area.id.to_string(),
        display_name: area.name.clone(),
        boundary: area.boundary.iter().copied().map(point).collect(),
        team: area.team.clone(),
    }
}

/// A category.
pub fn category(category: Category) -> pb::Category {
    let Category { id, name_ru, name_en, group, team, questions, answer_working_days, expire_minutes } = category;
    let question = |question: Question| {
        let Question { key, text_ru, text_en, required, options } = question;
        pb::Question { key, text_ru, text_en, required, options }
    };
    pb::Category {
        category_id: id,
        name_ru,
        name_en,
        group,
        team,
        questions: questions.into_iter().map(question).collect(),
        answer_working_days,
        expire_minutes,
    }
}

/// A prepared answer.
pub fn template(template: AnswerTemplate) -> pb::AnswerTemplate {
    pb::AnswerTemplate {
        template_id: template.id.to_string(),
        title: template.title,
        text: template.text,
        status: template.status.number().into(),
    }
}

/// An id, or nothing.
pub fn text(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
