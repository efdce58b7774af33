//! People follow parts of the city and are told what happens there, calmly.

use std::time::Duration;

use kvartal_events::Event;
use kvartal_kernel::{Clock as _, SystemClock, Uuid};
use kvartal_mesh::from_status;
use kvartal_notification::Config;
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::notification::v1::area_service_client::AreaServiceClient;
use kvartal_proto::notification::v1::{
    AreaTopic, BoundingBox, Circle, DeliveryState, FollowAreaRequest, FollowedArea, Kind, LatLng,
    ListFollowedAreasRequest, Notification, UnfollowAreaRequest, UpdateFollowedAreaRequest,
};
use kvartal_proto::traffic::v1 as traffic;
use kvartal_testing::eventually;
use tonic::{Code, Status};

use crate::incident::CENTRE;
use crate::stage::{Database, Person, SOON, Stage, event};

crate::on_both_databases![
    an_area_a_box_and_a_circle_can_be_followed,
    what_cannot_be_followed_is_refused,
    a_jam_is_told_where_it_is_followed_and_its_end_to_those_who_know_it,
    what_takes_itself_back_at_once_is_not_told,
    fifty_failing_detectors_make_one_message,
    the_same_place_is_not_told_again_so_soon,
    incidents_and_reports_are_told_but_not_to_who_filed_them,
];

async fn follow(person: &Person, wish: FollowAreaRequest) -> Result<FollowedArea, Status> {
    let answer = AreaServiceClient::new(person.service()).follow_area(person.request(wish)).await?;
    Ok(answer.into_inner().followed_area.unwrap())
}

async fn followed(person: &Person) -> Vec<FollowedArea> {
    let request = person.request(ListFollowedAreasRequest {});
    AreaServiceClient::new(person.service()).list_followed_areas(request).await.unwrap().into_inner().followed_areas
}

fn topics(topics: &[AreaTopic]) -> Vec<i32> {
    topics.iter().map(|topic| i32::from(*topic)).collect()
}

fn centre(told: &[AreaTopic]) -> FollowAreaRequest {
    FollowAreaRequest { area_id: CENTRE.to_owned(), topics: topics(told), ..Default::default() }
}

fn circle(name: &str, latitude: f64) -> FollowAreaRequest {
    let center = Some(LatLng { latitude, longitude: 37.61 });
    FollowAreaRequest {
        display_name: name.to_owned(),
        circle: Some(Circle { center, radius_m: 500.0 }),
        topics: topics(&[AreaTopic::Jams]),
        ..Default::default()
    }
}

/// Everything is told at once, again and again.
fn hasty(config: &mut Config) {
    config.area_settle = Duration::from_millis(100);
    config.area_quiet = Duration::ZERO;
    config.area_again = Duration::ZERO;
}

/// Nothing is told before [`settled`] says so, however slow the machine is.
fn patient(config: &mut Config) {
    config.area_settle = Duration::from_secs(3_600);
}

/// Waits until the last line was gathered, and lets the time to settle be over.
async fn settled(stage: &Stage, last: &str) {
    eventually(SOON, || async move {
        let gathered = stage.dump("area_news").await;
        if gathered.contains(last) { Ok(()) } else { Err(gathered.lines().count()) }
    })
    .await;
    stage.sql("UPDATE area_messages SET ready_time = 0").await;
}

fn jam(number: u128) -> traffic::Jam {
    traffic::Jam {
        jam_id: Uuid::from_u128(number).to_string(),
        display_name: format!("Тверская, {number}"),
        head_location: Some(traffic::LatLng { latitude: 55.75, longitude: 37.61 }),
        segment_ids: vec!["t1".to_owned()],
        ..Default::default()
    }
}

/// Events about one thing keep their order.
fn in_order(message: &impl prost::Name) -> Event {
    Event::new("traffic", "one", SystemClock.now(), message)
}

fn started(jam: &traffic::Jam) -> Event {
    in_order(&traffic::JamStarted { jam: Some(jam.clone()) })
}

fn ended(jam: &traffic::Jam) -> Event {
    in_order(&traffic::JamEnded { jam: Some(jam.clone()) })
}

/// What the inbox holds, the oldest first, once there is so much.
async fn told(person: &Person, count: usize) -> Vec<Notification> {
    let mut told = person.inbox_of(count).await.notifications;
    told.reverse();
    told
}

async fn an_area_a_box_and_a_circle_can_be_followed(database: Database) {
    let stage = Stage::start(database).await;
    let (person, other) = (stage.person(&["citizen"]), stage.person(&["citizen"]));
    let area = follow(&person, centre(&[AreaTopic::Jams])).await.unwrap();
    assert_eq!((area.display_name.as_str(), area.area_id.as_str()), ("Центральный", CENTRE));
    let corner = |latitude, longitude| Some(LatLng { latitude, longitude });
    let block = BoundingBox { low: corner(55.7, 37.6), high: corner(55.71, 37.62) };
    let block = FollowAreaRequest {
        display_name: "Work".to_owned(),
        bounds: Some(block),
        topics: topics(&[AreaTopic::Incidents, AreaTopic::Reports]),
        ..Default::default()
    };
    let block = follow(&person, block).await.unwrap();
    let home = follow(&person, circle("Home", 55.75)).await.unwrap();
    assert_eq!(followed(&person).await, [area.clone(), block, home.clone()]);
    assert_eq!(followed(&other).await, []);

    // The same place again is the same area, with what is asked for now.
    assert_eq!(follow(&person, centre(&[AreaTopic::Jams])).await.unwrap(), area);
    let more = follow(&person, centre(&[AreaTopic::Jams, AreaTopic::Reports])).await.unwrap();
    assert_eq!((more.followed_area_id.as_str(), more.topics.len()), (area.followed_area_id.as_str(), 2));
    assert_ne!(more.etag, area.etag);

    let change = |person: &Person, etag: &str| {
        let request = person.request(UpdateFollowedAreaRequest {
            followed_area_id: area.followed_area_id.clone(),
            display_name: "The centre".to_owned(),
            topics: topics(&[AreaTopic::Incidents]),
            etag: etag.to_owned(),
        });
        let mut client = AreaServiceClient::new(person.service());
        async move { client.update_followed_area(request).await.map(|answer| answer.into_inner().followed_area) }
    };
    assert_eq!(change(&person, &area.etag).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(change(&other, "").await.unwrap_err().code(), Code::NotFound, "another's area");
    let changed = change(&person, &more.etag).await.unwrap().unwrap();
    assert_eq!((changed.display_name.as_str(), changed.topics.len()), ("The centre", 1));

    let unfollow = |person: &Person| {
        let request = person.request(UnfollowAreaRequest { followed_area_id: home.followed_area_id.clone() });
        let mut client = AreaServiceClient::new(person.service());
        async move { client.unfollow_area(request).await.unwrap() }
    };
    unfollow(&other).await;
    assert_eq!(followed(&person).await.len(), 3, "another's area stays");
    unfollow(&person).await;
    unfollow(&person).await;
    assert_eq!(followed(&person).await.len(), 2);
}

async fn what_cannot_be_followed_is_refused(database: Database) {
    let stage = Stage::start(database).await;
    let citizen = stage.person(&["citizen"]);
    let field = |wish: FollowAreaRequest| {
        let citizen = citizen.clone();
        async move { from_status(&follow(&citizen, wish).await.unwrap_err()).field_violations()[0].field.clone() }
    };
    let jams = topics(&[AreaTopic::Jams]);
    assert_eq!(field(FollowAreaRequest { topics: jams.clone(), ..Default::default() }).await, "area_id");
    assert_eq!(field(FollowAreaRequest { area_id: CENTRE.to_owned(), ..circle("Both", 55.7) }).await, "area_id");
    assert_eq!(field(FollowAreaRequest { display_name: " ".to_owned(), ..circle("", 55.7) }).await, "display_name");
    assert_eq!(field(FollowAreaRequest { topics: vec![], ..circle("Nothing", 55.7) }).await, "topics");
    assert_eq!(field(FollowAreaRequest { topics: vec![99], ..circle("What", 55.7) }).await, "topics[0]");
    let corner = |latitude, longitude| Some(LatLng { latitude, longitude });
    let wide = BoundingBox { low: corner(55.0, 37.0), high: corner(57.0, 37.1) };
    let wide = FollowAreaRequest { bounds: Some(wide), circle: None, ..circle("Wide", 55.7) };
    assert_eq!(field(wide).await, "bounds");
    let unknown = FollowAreaRequest { area_id: Uuid::from_u128(1).to_string(), topics: jams, ..Default::default() };
    assert_eq!(follow(&citizen, unknown).await.unwrap_err().code(), Code::NotFound);
    let staff = follow(&citizen, centre(&[AreaTopic::Detectors])).await.unwrap_err();
    assert_eq!((staff.code(), from_status(&staff).reason()), (Code::PermissionDenied, "TOPIC_FOR_STAFF"));
    follow(&stage.person(&["dispatcher"]), centre(&[AreaTopic::Detectors])).await.unwrap();
    assert_eq!(followed(&citizen).await, [], "nothing of what was refused is kept");
    for number in 0..20 {
        follow(&citizen, circle("Home", 50.0 + f64::from(number))).await.unwrap();
    }
    let full = follow(&citizen, circle("One more", 49.0)).await.unwrap_err();
    assert_eq!(from_status(&full).reason(), "TOO_MANY_AREAS");
    follow(&citizen, circle("Known", 50.0)).await.unwrap();
}

async fn a_jam_is_told_where_it_is_followed_and_its_end_to_those_who_know_it(database: Database) {
    let stage = Stage::start_with(database, hasty).await;
    let (inside, outside, careless) =
        (stage.person(&["citizen"]), stage.person(&["citizen"]), stage.person(&["citizen"]));
    follow(&inside, centre(&[AreaTopic::Jams])).await.unwrap();
    follow(&outside, circle("Elsewhere", 56.5)).await.unwrap();
    follow(&careless, centre(&[AreaTopic::Incidents])).await.unwrap();
    let event = started(&jam(1));
    stage.publish(&[event.clone(), event]).await;
    let first = told(&inside, 1).await.remove(0);
    assert_eq!((first.kind(), first.title.as_str()), (Kind::AreaJams, "Пробка: Тверская, 1"));
    assert_eq!((first.body.as_str(), first.link), ("Центральный: Тверская, 1.", format!("/jams/{}", jam(1).jam_id)));
    let mail = stage.smtp.wait_for(&inside.email, |mail| mail.subject == first.title).await;
    assert!(mail.text.contains("Центральный") && mail.text.contains("https://city.example/jams/"), "{}", mail.text);

    // One that was taken in by another goes on there; one that ended is told in the inbox, without a mail.
    stage.publish(&[started(&jam(2))]).await;
    told(&inside, 2).await;
    let swallowed = traffic::Jam { merged_into_jam_id: jam(1).jam_id, ..jam(2) };
    stage.publish(&[ended(&swallowed), ended(&jam(1))]).await;
    let last = told(&inside, 3).await.remove(2);
    assert_eq!((last.kind(), last.title.as_str()), (Kind::AreaJamsEnded, "Пробки больше нет: Тверская, 1"));
    let deliveries = stage.deliveries(inside.id).await;
    let of_end: Vec<_> = deliveries.iter().filter(|delivery| delivery.kind() == Kind::AreaJamsEnded).collect();
    assert_eq!((of_end.len(), of_end[0].channel, of_end[0].state()), (1, 1, DeliveryState::Delivered));
    assert_eq!(outside.inbox().await.notifications, []);
    assert_eq!(careless.inbox().await.notifications, []);
}

async fn what_takes_itself_back_at_once_is_not_told(database: Database) {
    let stage = Stage::start_with(database, patient).await;
    let person = stage.person(&["citizen"]);
    follow(&person, centre(&[AreaTopic::Jams])).await.unwrap();
    stage.publish(&[started(&jam(1)), ended(&jam(1)), started(&jam(2))]).await;
    settled(&stage, "Тверская, 2").await;
    let only = told(&person, 1).await.remove(0);
    assert_eq!(only.title, "Пробка: Тверская, 2");
}

async fn fifty_failing_detectors_make_one_message(database: Database) {
    let stage = Stage::start_with(database, patient).await;
    let staff = stage.person(&["dispatcher"]);
    follow(&staff, centre(&[AreaTopic::Detectors])).await.unwrap();
    let failed = |number: u32| {
        in_order(&traffic::DetectorFailed {
            detector_id: format!("d{number}"),
            display_name: format!("Датчик {number}"),
            location: Some(traffic::LatLng { latitude: 55.75, longitude: 37.61 }),
            ..Default::default()
        })
    };
    let recovered = traffic::DetectorRecovered { detector_id: "d7".to_owned(), ..Default::default() };
    let mut events: Vec<_> = (0..50).map(failed).collect();
    events.extend([in_order(&recovered), failed(50)]);
    stage.publish(&events).await;
    settled(&stage, "Датчик 50").await;
    let only = told(&staff, 1).await.remove(0);
    assert_eq!(only.title, "Неисправны датчики: 50 (Центральный)");
    assert!(only.body.ends_with("Датчик 4 и ещё 45."), "{}", only.body);
    assert_eq!(only.link, "/dispatch/detectors");
}

async fn the_same_place_is_not_told_again_so_soon(database: Database) {
    let change = |config: &mut Config| {
        hasty(config);
        config.area_again = Duration::from_secs(3_600);
    };
    let stage = Stage::start_with(database, change).await;
    let person = stage.person(&["citizen"]);
    follow(&person, centre(&[AreaTopic::Jams])).await.unwrap();
    stage.publish(&[started(&jam(1))]).await;
    told(&person, 1).await;
    let elsewhere = traffic::Jam { segment_ids: vec!["t9".to_owned()], ..jam(3) };
    stage.publish(&[started(&jam(2)), started(&elsewhere)]).await;
    let second = told(&person, 2).await.remove(1);
    assert_eq!(second.title, "Пробка: Тверская, 3", "and not the one at the place that was told");
    // News of long ago are none.
    let old = Event::new(
        "traffic",
        "one",
        SystemClock.now().minus(Duration::from_secs(3 * 3_600)),
        &traffic::JamStarted { jam: Some(traffic::Jam { segment_ids: vec!["t7".to_owned()], ..jam(4) }) },
    );
    let fresh = traffic::Jam { segment_ids: vec!["t8".to_owned()], ..jam(5) };
    stage.publish(&[old, started(&fresh)]).await;
    assert_eq!(told(&person, 3).await[2].title, "Пробка: Тверская, 5");
}

async fn incidents_and_reports_are_told_but_not_to_who_filed_them(database: Database) {
    let stage = Stage::start_with(database, hasty).await;
    let (reporter, neighbour) = (stage.person(&["citizen"]), stage.person(&["citizen"]));
    for person in [&reporter, &neighbour] {
        follow(person, centre(&[AreaTopic::Incidents, AreaTopic::Reports])).await.unwrap();
    }
    let here = || incident::LatLng { latitude: 55.75, longitude: 37.61 };
    let report = incident::Report {
        report_id: Uuid::from_u128(5).to_string(),
        tracking_number: "KV-1".to_owned(),
        location: Some(here()),
        address: "Тверская, 1".to_owned(),
        ..Default::default()
    };
    let received = |report| incident::ReportReceived { report: Some(report), reporter_id: reporter.id.to_string() };
    let hidden = incident::Report { report_id: Uuid::from_u128(6).to_string(), hidden: true, ..report.clone() };
    stage.publish(&[event(&received(hidden)), event(&received(report))]).await;
    let news = told(&neighbour, 1).await.remove(0);
    assert_eq!((news.kind(), news.title.as_str()), (Kind::AreaReports, "Сообщение жителя: Тверская, 1"));
    let place = incident::Place { points: vec![here()], ..Default::default() };
    let crash = incident::Incident {
        incident_id: Uuid::from_u128(7).to_string(),
        title: "ДТП на Тверской".to_owned(),
        place: Some(place),
        ..Default::default()
    };
    stage.publish(&[event(&incident::IncidentCreated { incident: Some(crash) })]).await;
    assert_eq!(told(&neighbour, 2).await[1].title, "Происшествие: ДТП на Тверской");
    let told: Vec<_> = told(&reporter, 3).await.iter().map(Notification::kind).collect();
    assert_eq!(told, [Kind::ReportReceived, Kind::ReportReceived, Kind::AreaIncidents]);
    stage.smtp.wait_for(&neighbour.email, |mail| mail.subject.contains("ДТП")).await;
}
