//! New editions of feeds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{NOW, act, at};
use crate::domain::case::{Case, TrackedIncident};
use crate::domain::feed::{ImportCounts, KnownEvent, RoadEvent, reconcile};
use crate::domain::incident::{Incident, IncidentId, IncidentKind, IncidentStatus};
use crate::domain::place::Place;

fn event(id: &str, title: &str) -> RoadEvent {
    RoadEvent {
        id: id.to_owned(),
        kind: IncidentKind::Roadwork,
        title: title.to_owned(),
        description: String::new(),
        place: Place::point(at(55.0, 37.0), String::new()),
        lanes: Vec::new(),
        start: NOW,
        end: None,
        raw: format!("{{\"title\":\"{title}\"}}"),
    }
}

/// What storage would keep: incident, raw and gone by event id.
#[derive(Default)]
struct Kept(BTreeMap<String, (Incident, String, bool)>);

impl Kept {
    fn import(&mut self, minute: u64, events: Vec<RoadEvent>) -> ImportCounts {
        let named: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
        let known = self.0.iter().filter(|(id, (_, _, gone))| !gone || named.contains(id));
        let known = known.map(|(id, (incident, raw, gone))| KnownEvent {
            id: id.clone(),
            raw: raw.clone(),
            gone: *gone,
            case: Case { incident: Some(TrackedIncident::read(incident.clone())), ..Case::default() },
        });
        let plan = reconcile("feed", events, known.collect(), &[], &act("m", minute)).unwrap();
        let incidents: BTreeMap<IncidentId, Incident> =
            plan.cases.into_iter().map(|case| case.incident.unwrap().now).map(|now| (now.id, now)).collect();
        for (incident, _, _) in self.0.values_mut() {
            if let Some(now) = incidents.get(&incident.id) {
                *incident = now.clone();
            }
        }
        for (id, incident, raw) in plan.features {
            self.0.insert(id, (incidents[&incident].clone(), raw, false));
        }
        for id in plan.gone {
            self.0.get_mut(&id).unwrap().2 = true;
        }
        plan.counts
    }

    fn status(&self, id: &str) -> IncidentStatus {
        self.0[id].0.status
    }
}

#[test]
fn an_edition_creates_updates_leaves_and_closes() {
    let mut kept = Kept::default();
    let counts = kept.import(0, vec![event("a", "1"), event("b", "1"), event("c", "1")]);
    assert_eq!(counts, ImportCounts { created: 3, ..ImportCounts::default() });
    assert_eq!(kept.status("a"), IncidentStatus::Confirmed);
    let counts = kept.import(1, vec![event("a", "1"), event("b", "2")]);
    assert_eq!(counts, ImportCounts { created: 0, updated: 1, unchanged: 1, closed: 1 });
    assert_eq!(kept.status("c"), IncidentStatus::Closed);
    let counts = kept.import(2, vec![event("a", "1"), event("b", "2"), event("c", "1")]);
    assert_eq!(counts, ImportCounts { updated: 1, unchanged: 2, ..ImportCounts::default() });
    assert_eq!(kept.status("c"), IncidentStatus::Confirmed, "back in the feed");
}

#[test]
fn what_a_person_closed_stays_closed() {
    let mut kept = Kept::default();
    kept.import(0, vec![event("a", "1")]);
    let incident = &mut kept.0.get_mut("a").unwrap().0;
    incident.transition(IncidentStatus::Rejected, "", &act("d", 1)).unwrap();
    kept.import(2, vec![event("a", "2")]);
    assert_eq!(kept.status("a"), IncidentStatus::Rejected);
}

#[test]
fn an_event_given_twice_is_refused() {
    assert!(reconcile("feed", vec![event("a", "1"), event("a", "2")], Vec::new(), &[], &act("m", 0)).is_err());
}

proptest! {
    #[test]
    fn after_an_edition_exactly_its_events_are_open(
        editions in prop::collection::vec(prop::collection::btree_map("[a-e]", "[12]", 0..5), 1..12),
    ) {
        let mut kept = Kept::default();
        for (minute, edition) in editions.into_iter().enumerate() {
            let events: Vec<_> = edition.iter().map(|(id, title)| event(id, title)).collect();
            let counts = kept.import(minute as u64, events.clone());
            let open = kept.0.iter().filter(|(_, kept)| kept.0.status.is_open()).map(|(id, _)| id);
            prop_assert!(open.eq(edition.keys()));
            prop_assert_eq!((counts.created + counts.updated + counts.unchanged) as usize, edition.len());
            for (id, title) in &edition {
                prop_assert_eq!(&kept.0[id].0.facts.title, title);
            }
            prop_assert_eq!(kept.import(minute as u64, events).unchanged as usize, edition.len(), "the same again");
        }
    }
}
