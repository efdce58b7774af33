//! Lists against what filters mean, over many random incidents and reports: whichever index answers, the answer is the
//! same.

use kvartal_incident::application::ports::{Cases, Incidents, Reports};
use kvartal_incident::domain::area::AreaId;
use kvartal_incident::domain::case::{TrackedIncident, TrackedReport};
use kvartal_incident::domain::category::Category;
use kvartal_incident::domain::filter::{IncidentFilter, ReportFilter, Viewer};
use kvartal_incident::domain::geo::{Bounds, LatLng};
use kvartal_incident::domain::incident::{
    Facts, Incident, IncidentId, IncidentKind, IncidentStatus, Priority, Routing,
};
use kvartal_incident::domain::place::Place;
use kvartal_incident::domain::report::{Filing, Report, ReportId, ReportStatus};
use kvartal_incident::domain::timeline::Act;
use kvartal_incident::infrastructure::{StoredCases, StoredIncidents, StoredReports};
use kvartal_kernel::{PageRequest, Timestamp, Uuid};

use crate::city::{City, NOW, on_both};

on_both!(
    every_filter_of_incidents_finds_exactly_what_it_means,
    every_filter_of_reports_finds_exactly_what_it_means,
    a_crowded_box_is_listed_too,
);

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    fn some_of<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        match self.below(3) {
            0 => Vec::new(),
            count => (0..count).map(|_| self.one_of(items)).collect(),
        }
    }

    fn maybe<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        if self.below(3) == 0 { Some(self.one_of(items)) } else { None }
    }

    fn point(&mut self) -> LatLng {
        let degrees = |dice: &mut Self| f64::from(u32::try_from(dice.below(2_000)).unwrap()) / 10_000.0;
        LatLng::new(55.7 + degrees(self), 37.5 + degrees(self)).unwrap()
    }

    fn bounds(&mut self) -> Bounds {
        let (a, b) = (self.point(), self.point());
        let reach = if self.below(2) == 0 { 0.02 } else { 1.0 };
        let within = |low: f64, high: f64| low + (high - low).min(reach);
        let (south, west) = (a.latitude.min(b.latitude), a.longitude.min(b.longitude));
        Bounds {
            south,
            west,
            north: within(south, a.latitude.max(b.latitude)),
            east: within(west, a.longitude.max(b.longitude)),
        }
    }
}

fn ids(count: u128) -> Vec<Uuid> {
    (1..=count).map(Uuid::from_u128).collect()
}

fn act(dice: &mut Dice) -> Act {
    // Few different moments: the id has to decide between equal ones.
    Act { actor: String::new(), time: Timestamp(NOW.0 + i64::try_from(dice.below(40)).unwrap()) }
}

async fn incident(cases: &StoredCases, dice: &mut Dice) -> Incident {
    let first = dice.point();
    let points = match dice.below(3) {
        0 => vec![first],
        1 => vec![first, LatLng::new(first.latitude + 0.004, first.longitude - 0.006).unwrap()],
        _ => vec![first, dice.point(), dice.point()],
    };
    let facts = Facts {
        kind: dice.one_of(IncidentKind::ALL),
        priority: dice.one_of(Priority::ALL),
        title: "Something".to_owned(),
        description: String::new(),
        place: Place::new(points, String::new(), String::new(), None).unwrap(),
        lanes: Vec::new(),
        start: NOW,
        end: None,
    };
    let areas: Vec<_> = ids(4).into_iter().map(AreaId).collect();
    let routing = Routing { area: dice.maybe(&areas), team: String::new() };
    let act = act(dice);
    let source = dice.maybe(&["works".to_owned(), "crashes".to_owned()]).unwrap_or_default();
    let (mut incident, change) = Incident::log(IncidentId(Uuid::new_v4()), facts, routing, source, &act).unwrap();
    incident.status = dice.one_of(IncidentStatus::ALL);
    incident.assignee = dice.maybe(&ids(3));
    cases.create_incident(None, TrackedIncident::new(incident, change), Vec::new(), act).await.unwrap()
}

async fn every_filter_of_incidents_finds_exactly_what_it_means(city: City) {
    let (cases, stored) = (StoredCases::new(city.store.clone()), StoredIncidents::new(city.store.clone()));
    let mut dice = Dice(1);
    let mut all = Vec::new();
    for _ in 0..400 {
        all.push(incident(&cases, &mut dice).await);
    }
    all.sort_by_key(|incident| std::cmp::Reverse((incident.updated, incident.id)));
    for round in 0..150 {
        let filter = IncidentFilter {
            statuses: dice.some_of(IncidentStatus::ALL),
            kinds: dice.some_of(IncidentKind::ALL),
            min_priority: dice.maybe(Priority::ALL),
            area: dice.maybe(&ids(4)).map(AreaId),
            bounds: (dice.below(2) == 0).then(|| dice.bounds()),
            assignee: dice.maybe(&ids(3)),
            source: dice.maybe(&["works".to_owned(), String::new()]),
        };
        let meant: Vec<_> = all.iter().filter(|incident| filter.matches(incident)).cloned().collect();
        let mut found = Vec::new();
        let mut page = PageRequest { size: 1 + u32::try_from(dice.below(60)).unwrap(), after: None };
        loop {
            let answer = stored.page(&filter, page).await.unwrap();
            found.extend(answer.items);
            page.after = answer.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(found, meant, "round {round}: {filter:?}");
    }
}

async fn report(cases: &StoredCases, dice: &mut Dice) -> Report {
    let category = Category {
        id: dice.one_of(&["pothole".to_owned(), "noise".to_owned(), "snow".to_owned()]),
        name_ru: String::new(),
        name_en: String::new(),
        group: String::new(),
        team: String::new(),
        questions: Vec::new(),
        answer_working_days: 8,
        expire_minutes: 0,
    };
    let filing = Filing {
        description: "Something".to_owned(),
        location: dice.point(),
        address: String::new(),
        photos: Vec::new(),
        answers: Default::default(),
        reporter: dice.maybe(&ids(3)),
        anonymous: false,
    };
    let areas: Vec<_> = ids(4).into_iter().map(AreaId).collect();
    let routing = Routing { area: dice.maybe(&areas), team: String::new() };
    let act = act(dice);
    let (mut report, change) = Report::file(ReportId(Uuid::new_v4()), filing, &category, routing, &act);
    report.status = dice.one_of(ReportStatus::ALL);
    report.hidden = dice.below(5) == 0;
    report.incident = dice.maybe(&ids(3)).map(IncidentId);
    cases.create_report(None, TrackedReport::new(report, change), String::new()).await.unwrap()
}

async fn every_filter_of_reports_finds_exactly_what_it_means(city: City) {
    let (cases, stored) = (StoredCases::new(city.store.clone()), StoredReports::new(city.store.clone()));
    let mut dice = Dice(2);
    let mut all = Vec::new();
    for _ in 0..400 {
        all.push(report(&cases, &mut dice).await);
    }
    all.sort_by_key(|report| std::cmp::Reverse((report.updated, report.id)));
    for round in 0..150 {
        let moment = |dice: &mut Dice| Timestamp(NOW.0 + i64::try_from(dice.below(40)).unwrap());
        let filter = ReportFilter {
            statuses: dice.some_of(ReportStatus::ALL),
            categories: dice.some_of(&["pothole".to_owned(), "noise".to_owned(), "none".to_owned()]),
            area: dice.maybe(&ids(4)).map(AreaId),
            bounds: (dice.below(2) == 0).then(|| dice.bounds()),
            reporter: dice.maybe(&ids(3)),
            incident: dice.maybe(&ids(3)).map(IncidentId),
            created_from: (dice.below(4) == 0).then(|| moment(&mut dice)),
            created_to: (dice.below(4) == 0).then(|| moment(&mut dice)),
        };
        let moderator = dice.below(3) == 0;
        let viewer = Viewer { user: dice.maybe(&ids(3)), staff: moderator, moderator };
        let wanted = all.iter().filter(|report| filter.matches(report) && viewer.sees(report));
        let meant: Vec<_> = wanted.cloned().collect();
        let mut found = Vec::new();
        let mut page = PageRequest { size: 1 + u32::try_from(dice.below(60)).unwrap(), after: None };
        loop {
            let answer = stored.page(&filter, viewer, page).await.unwrap();
            found.extend(answer.items);
            page.after = answer.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(found, meant, "round {round}: {filter:?}");
        let mut newest = meant;
        newest.sort_by_key(|report| std::cmp::Reverse((report.created, report.id)));
        newest.truncate(50);
        assert_eq!(stored.newest(&filter, viewer, 50).await.unwrap(), newest);
    }
}

async fn a_crowded_box_is_listed_too(city: City) {
    use kvartal_incident::infrastructure::rows::incident::{ActiveModel, Entity, Model};
    use sea_orm::{EntityTrait, IntoActiveModel};

    let mut dice = Dice(3);
    let cases = StoredCases::new(city.store.clone());
    let template = incident(&cases, &mut dice).await;
    // More than are sorted: the list has to find its pages by walking.
    let rows: Vec<ActiveModel> = (0..21_000_i64)
        .map(|number| {
            let mut copy = template.clone();
            copy.id = IncidentId(Uuid::new_v4());
            copy.facts.place = Place::point(LatLng::new(55.75, 37.61).unwrap(), String::new());
            copy.updated = Timestamp(NOW.0 + number);
            Model::from(&copy).into_active_model()
        })
        .collect();
    let insert = async move |tx: &sea_orm::DatabaseTransaction| {
        for slice in rows.chunks(500) {
            let insert = Entity::insert_many(slice.to_vec());
            insert.exec_without_returning(tx).await.map_err(kvartal_store::db_error)?;
        }
        Ok(())
    };
    city.store.transaction(|tx| Box::pin(async move { insert(tx).await })).await.unwrap();
    let stored = StoredIncidents::new(city.store.clone());
    let bounds = Some(Bounds { south: 55.74, west: 37.6, north: 55.76, east: 37.62 });
    let filter = IncidentFilter { bounds, ..IncidentFilter::default() };
    let first = stored.page(&filter, PageRequest { size: 200, after: None }).await.unwrap();
    let second = stored.page(&filter, PageRequest { size: 200, after: first.next }).await.unwrap();
    let times: Vec<_> = first.items.iter().chain(&second.items).map(|incident| incident.updated.0 - NOW.0).collect();
    assert_eq!(times, (20_600..21_000).rev().collect::<Vec<_>>());
}
