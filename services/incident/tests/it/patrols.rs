//! What traffic tells of patrols is in the timeline of their incident, once.

use kvartal_events::Event;
use kvartal_kernel::{Timestamp, Uuid};
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::traffic::v1 as traffic;

use crate::city::{Calls as _, City, NOW, SOON, crash, on_both};

on_both!(a_patrol_that_was_sent_is_in_the_timeline_once);

async fn a_patrol_that_was_sent_is_in_the_timeline_once(city: City) {
    let dispatcher = city.dispatcher();
    let mut incidents = city.incidents(&dispatcher);
    let incident = incidents.log(crash()).await;
    let sent = traffic::PatrolAssigned {
        patrol_id: "p1".to_owned(),
        call_sign: "Dozor-1".to_owned(),
        incident_id: incident.incident_id.clone(),
        actor_id: dispatcher.name(),
    };
    let lost = traffic::PatrolAssigned { incident_id: Uuid::now_v7().to_string(), ..sent.clone() };
    let back = traffic::PatrolReleased {
        patrol_id: "p1".to_owned(),
        call_sign: "Dozor-1".to_owned(),
        incident_id: incident.incident_id.clone(),
        actor_id: String::new(),
    };
    let event = Event::new("traffic", "p1", NOW, &sent);
    let bus = city.runtime.bus();
    // The same event twice, one about an incident that nobody knows, and the end.
    bus.publish(&[event.clone(), event, Event::new("traffic", "p1", NOW, &lost)]).await.unwrap();
    bus.publish(&[Event::new("traffic", "p1", Timestamp(NOW.0 + 1_000_000), &back)]).await.unwrap();
    let entries = kvartal_testing::eventually(SOON, || async {
        let request =
            pb::ListIncidentTimelineRequest { incident_id: incident.incident_id.clone(), ..Default::default() };
        let timeline = city.incidents(&dispatcher).list_incident_timeline(request).await.unwrap().into_inner();
        let of_patrols = timeline.entries.into_iter().filter(|entry| entry.action == "patrol").collect::<Vec<_>>();
        if of_patrols.iter().any(|entry| entry.before == "Dozor-1") { Ok(of_patrols) } else { Err(of_patrols) }
    })
    .await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!((entries[0].after.as_str(), entries[0].actor_id.clone()), ("Dozor-1", dispatcher.name()));
}
