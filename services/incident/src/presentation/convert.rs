//! From requests to what they mean. The `buf.validate` rules have been checked before.

use std::collections::{BTreeMap, HashMap};

use kvartal_kernel::{Error, Uuid};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::time::from_proto;

use crate::application::incidents::{FactsPatch, NewIncident};
use crate::application::reports::{Answer, NewReport};
use crate::domain::area::{Area, AreaId};
use crate::domain::category::{ANSWER_WORKING_DAYS, Category, Question};
use crate::domain::filter::{IncidentFilter, ReportFilter};
use crate::domain::geo::{Bounds, LatLng};
use crate::domain::incident::{IncidentId, IncidentKind, IncidentStatus, Priority};
use crate::domain::photo::PhotoId;
use crate::domain::place::{Direction, LaneState, Place};
use crate::domain::report::{ReportId, ReportStatus};
use crate::domain::template::{AnswerTemplate, TemplateId};

/// An id that may be missing.
pub(super) fn maybe<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, Error>) -> Result<Option<T>, Error> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// A UUID; `field` names the input in the error.
pub(super) fn uuid(field: &'static str, text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::invalid(field, "must be a UUID"))
}

/// A value of an enum that must be given.
pub(super) fn given<T>(field: &'static str, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::invalid(field, "must be given"))
}

/// A point.
pub(super) fn point(field: &str, point: pb::LatLng) -> Result<LatLng, Error> {
    LatLng::new(point.latitude, point.longitude).ok_or_else(|| Error::invalid(field, "must be degrees, WGS 84"))
}

fn points(field: &str, given: Vec<pb::LatLng>) -> Result<Vec<LatLng>, Error> {
    let named = given.into_iter().enumerate();
    named.map(|(index, given)| point(&format!("{field}[{index}]"), given)).collect()
}

fn place(place: Option<pb::Place>) -> Result<Place, Error> {
    let pb::Place { points: given_points, road, address, direction } = given("place", place)?;
    Place::new(points("place.points", given_points)?, road, address, Direction::from_number(direction))
}

fn lanes(numbers: Vec<i32>) -> Vec<Option<LaneState>> {
    numbers.into_iter().map(LaneState::from_number).collect()
}

fn bounds(given_box: Option<pb::BoundingBox>) -> Result<Option<Bounds>, Error> {
    let Some(pb::BoundingBox { low, high }) = given_box else { return Ok(None) };
    let low = point("filter.bounds.low", given("filter.bounds.low", low)?)?;
    let high = point("filter.bounds.high", given("filter.bounds.high", high)?)?;
    let bounds = Bounds::new(low, high);
    bounds.map(Some).ok_or_else(|| Error::invalid("filter.bounds", "must have its low corner south of its high corner"))
}

/// Every number that means something.
fn values<T>(numbers: Vec<i32>, value: impl Fn(i32) -> Option<T>) -> Vec<T> {
    numbers.into_iter().filter_map(value).collect()
}

impl TryFrom<pb::CreateIncidentRequest> for NewIncident {
    type Error = Error;

    fn try_from(request: pb::CreateIncidentRequest) -> Result<Self, Error> {
        let pb::CreateIncidentRequest {
            request_id,
            kind,
            priority,
            title,
            description,
            place: given_place,
            lanes: given_lanes,
            start_time,
            end_time,
            report_ids,
        } = request;
        Ok(Self {
            request_id: maybe(&request_id, |text| uuid("request_id", text))?,
            kind: given("kind", IncidentKind::from_number(kind))?,
            priority: Priority::from_number(priority).unwrap_or(Priority::Normal),
            title,
            description,
            place: place(given_place)?,
            lanes: lanes(given_lanes),
            start: from_proto("start_time", start_time.as_ref())?,
            end: from_proto("end_time", end_time.as_ref())?,
            reports: report_ids.iter().map(|id| ReportId::parse("report_ids", id)).collect::<Result<_, _>>()?,
        })
    }
}

/// What an update asks for: which incident, what, made from which state.
pub(super) fn update(request: pb::UpdateIncidentRequest) -> Result<(IncidentId, FactsPatch, String), Error> {
    let pb::UpdateIncidentRequest {
        incident_id,
        kind,
        priority,
        title,
        description,
        place: mut given_place,
        lanes: given_lanes,
        start_time,
        end_time,
        update_mask,
        etag,
    } = request;
    let mask = update_mask.unwrap_or_default();
    if mask.paths.is_empty() {
        return Err(Error::invalid("update_mask", "must name at least one field"));
    }
    let mut patch = FactsPatch::default();
    for path in &mask.paths {
        match path.as_str() {
            "kind" => patch.kind = Some(given("kind", IncidentKind::from_number(kind))?),
            "priority" => patch.priority = Some(given("priority", Priority::from_number(priority))?),
            "title" => patch.title = Some(title.clone()),
            "description" => patch.description = Some(description.clone()),
            "place" if patch.place.is_some() => {}
            "place" => patch.place = Some(place(given_place.take())?),
            "lanes" => patch.lanes = Some(lanes(given_lanes.clone())),
            "start_time" => patch.start = Some(given("start_time", from_proto("start_time", start_time.as_ref())?)?),
            "end_time" => patch.end = Some(from_proto("end_time", end_time.as_ref())?),
            other => {
                let known = "kind, priority, title, description, place, lanes, start_time, end_time";
                let other: String = other.chars().take(100).collect();
                return Err(Error::invalid("update_mask", format!("knows no field {other}; it knows {known}")));
            }
        }
    }
    Ok((IncidentId::parse("incident_id", &incident_id)?, patch, etag))
}

/// Which incidents.
pub(super) fn incident_filter(filter: Option<pb::IncidentFilter>) -> Result<IncidentFilter, Error> {
    let pb::IncidentFilter { statuses, kinds, min_priority, area_id, bounds: given_bounds, assignee_id, source } =
        filter.unwrap_or_default();
    Ok(IncidentFilter {
        statuses: values(statuses, IncidentStatus::from_number),
        kinds: values(kinds, IncidentKind::from_number),
        min_priority: Priority::from_number(min_priority),
        area: maybe(&area_id, |id| AreaId::parse("filter.area_id", id))?,
        bounds: bounds(given_bounds)?,
        assignee: maybe(&assignee_id, |id| uuid("filter.assignee_id", id))?,
        source: (!source.is_empty()).then_some(source),
    })
}

/// Which reports; `mine` are those of the caller, who must be somebody.
pub(super) fn report_filter(
    filter: Option<pb::ReportFilter>,
    caller: impl FnOnce() -> Result<Uuid, Error>,
) -> Result<ReportFilter, Error> {
    let pb::ReportFilter { statuses, category_ids, area_id, bounds: given_bounds, mine, incident_id } =
        filter.unwrap_or_default();
    Ok(ReportFilter {
        statuses: values(statuses, ReportStatus::from_number),
        categories: category_ids,
        area: maybe(&area_id, |id| AreaId::parse("filter.area_id", id))?,
        bounds: bounds(given_bounds)?,
        reporter: if mine { Some(caller()?) } else { None },
        incident: maybe(&incident_id, |id| IncidentId::parse("filter.incident_id", id))?,
        created_from: None,
        created_to: None,
    })
}

impl TryFrom<pb::CreateReportRequest> for NewReport {
    type Error = Error;

    fn try_from(request: pb::CreateReportRequest) -> Result<Self, Error> {
        let pb::CreateReportRequest {
            request_id,
            category_id,
            description,
            location,
            address,
            photo_ids,
            answers,
            anonymous,
        } = request;
        Ok(Self {
            request_id: maybe(&request_id, |text| uuid("request_id", text))?,
            category: category_id,
            description,
            location: point("location", given("location", location)?)?,
            address,
            photos: photo_ids.iter().map(|id| PhotoId::parse("photo_ids", id)).collect::<Result<_, _>>()?,
            answers: sorted(answers),
            anonymous,
        })
    }
}

fn sorted(map: HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().collect()
}

impl TryFrom<pb::AnswerReportRequest> for Answer {
    type Error = Error;

    fn try_from(request: pb::AnswerReportRequest) -> Result<Self, Error> {
        let pb::AnswerReportRequest { report_id, status, answer, duplicate_of, etag } = request;
        Ok(Self {
            report: ReportId::parse("report_id", &report_id)?,
            status: given("status", ReportStatus::from_number(status))?,
            answer,
            duplicate_of: maybe(&duplicate_of, |id| ReportId::parse("duplicate_of", id))?,
            etag,
        })
    }
}

impl From<pb::PutCategoryRequest> for Category {
    fn from(request: pb::PutCategoryRequest) -> Self {
        let pb::PutCategoryRequest {
            category_id,
            name_ru,
            name_en,
            group,
            team,
            questions,
            answer_working_days,
            expire_minutes,
        } = request;
        let question = |question: pb::Question| {
            let pb::Question { key, text_ru, text_en, required, options } = question;
            Question { key, text_ru, text_en, required, options }
        };
        let answer_working_days = if answer_working_days == 0 { ANSWER_WORKING_DAYS } else { answer_working_days };
        let questions = questions.into_iter().map(question).collect();
        Self { id: category_id, name_ru, name_en, group, team, questions, answer_working_days, expire_minutes }
    }
}

impl TryFrom<pb::PutAreaRequest> for Area {
    type Error = Error;

    fn try_from(request: pb::PutAreaRequest) -> Result<Self, Error> {
        let pb::PutAreaRequest { area_id, display_name, boundary, team } = request;
        Self::new(AreaId::parse("area_id", &area_id)?, display_name, points("boundary", boundary)?, team)
    }
}

impl TryFrom<pb::PutAnswerTemplateRequest> for AnswerTemplate {
    type Error = Error;

    fn try_from(request: pb::PutAnswerTemplateRequest) -> Result<Self, Error> {
        let pb::PutAnswerTemplateRequest { template_id, title, text, status } = request;
        let status = given("status", ReportStatus::from_number(status))?;
        Self::new(TemplateId::parse("template_id", &template_id)?, &title, &text, status)
    }
}
