//! What happens by itself when its time has come.

use std::time::Duration;

use futures::StreamExt as _;

use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::{IncidentStatus as I, ReportStatus as S};

use crate::city::{Calls, City, Filing, crash, on_both, pothole};

on_both!(
    an_unconfirmed_hazard_expires_after_an_hour,
    a_resolved_incident_is_closed_after_five_minutes,
    a_fixed_report_is_closed_after_fifteen_days,
    many_that_are_due_are_all_done,
    photos_nobody_used_are_removed_after_a_day,
);

fn hazard() -> pb::CreateReportRequest {
    pb::CreateReportRequest { category_id: "road_hazard".into(), ..pothole() }
}

async fn an_unconfirmed_hazard_expires_after_an_hour(city: City) {
    let mut client = city.reports(&city.citizen());
    let (seen, unseen) = (client.file(hazard()).await, client.file(hazard()).await);
    city.clock.advance(Duration::from_mins(50));
    city.reports(&city.citizen()).vote(&seen.report_id, true).await.unwrap();
    city.clock.advance(Duration::from_mins(11));
    city.upkeep().expire_hazards().await.unwrap();
    assert_eq!(client.look(&unseen.report_id).await.unwrap().report.unwrap().status(), S::Expired);
    assert_eq!(client.look(&seen.report_id).await.unwrap().report.unwrap().status(), S::Received);
    for _ in 0..4 {
        // One confirmation and three more refusals than that.
        city.reports(&city.citizen()).vote(&seen.report_id, false).await.unwrap();
    }
    assert_eq!(client.look(&seen.report_id).await.unwrap().report.unwrap().status(), S::Expired);
}

async fn a_resolved_incident_is_closed_after_five_minutes(city: City) {
    let mut client = city.incidents(&city.dispatcher());
    let (left, undone) = (client.log(crash()).await, client.log(crash()).await);
    for incident in [&left, &undone] {
        client.go(&incident.incident_id, I::Resolved).await.unwrap();
    }
    city.clock.advance(Duration::from_mins(4));
    city.upkeep().close_resolved().await.unwrap();
    assert_eq!(client.see(&left.incident_id).await.status(), I::Resolved);
    client.go(&undone.incident_id, I::InProgress).await.unwrap();
    city.clock.advance(Duration::from_mins(2));
    city.upkeep().close_resolved().await.unwrap();
    assert_eq!(client.see(&left.incident_id).await.status(), I::Closed);
    assert_eq!(client.see(&undone.incident_id).await.status(), I::InProgress);
}

async fn a_fixed_report_is_closed_after_fifteen_days(city: City) {
    let mut client = city.reports(&city.citizen());
    let filed = client.file(pothole()).await;
    city.reports(&city.dispatcher()).reply(&filed.report_id, S::Fixed).await.unwrap();
    city.clock.advance(Duration::from_hours(15 * 24 - 1));
    city.upkeep().close_fixed().await.unwrap();
    assert_eq!(client.look(&filed.report_id).await.unwrap().report.unwrap().status(), S::Fixed);
    city.clock.advance(Duration::from_hours(2));
    assert_eq!(crate::city::reason(&client.vote(&filed.report_id, false).await.unwrap_err()), "OBJECTION_WINDOW_OVER");
    city.upkeep().close_fixed().await.unwrap();
    assert_eq!(client.look(&filed.report_id).await.unwrap().report.unwrap().status(), S::Closed);
}

async fn many_that_are_due_are_all_done(city: City) {
    let citizen = city.citizen();
    let files = (0..250).map(|_| {
        let mut client = city.reports(&citizen);
        async move { client.file(hazard()).await }
    });
    // Not all at once: on a busy machine the service would rightly turn some of such a burst away.
    futures::stream::iter(files).buffer_unordered(32).collect::<Vec<_>>().await;
    city.clock.advance(Duration::from_mins(61));
    // Two replicas at once do each of them once.
    let (one, other) = (city.upkeep(), city.upkeep());
    let (one, other) = tokio::join!(one.expire_hazards(), other.expire_hazards());
    one.unwrap();
    other.unwrap();
    let filter = Some(pb::ReportFilter { statuses: vec![S::Expired.into()], ..Default::default() });
    let (mut expired, mut page_token) = (0, String::new());
    loop {
        let request = pb::ListReportsRequest { page_size: 200, page_token, filter: filter.clone() };
        let page = city.reports(&city.nobody()).list_reports(request).await.unwrap().into_inner();
        expired += page.reports.len();
        assert!(page.reports.iter().all(|report| report.etag == "v2"));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(expired, 250);
}

async fn photos_nobody_used_are_removed_after_a_day(city: City) {
    use kvartal_incident::application::ports::Photos as _;
    use kvartal_incident::domain::photo::{Photo, PhotoId, PhotoSize, ProcessedPhoto};
    use kvartal_incident::infrastructure::StoredPhotos;
    use kvartal_kernel::{Clock as _, Uuid};

    let photos = StoredPhotos::new(city.store.clone());
    let citizen = city.citizen();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = PhotoId(Uuid::new_v4());
        let photo = Photo { id, owner: citizen.name(), created: city.clock.now(), report: None };
        let picture = ProcessedPhoto { full: vec![1], thumbnail: vec![2], width: 1, height: 1, location: None };
        photos.store(photo, picture).await.unwrap();
        ids.push(id);
    }
    let used = pb::CreateReportRequest { photo_ids: vec![ids[0].to_string()], ..pothole() };
    city.reports(&citizen).file(used).await;
    city.upkeep().remove_photos().await.unwrap();
    assert!(photos.find(ids[1]).await.unwrap().is_some());
    city.clock.advance(Duration::from_hours(25));
    city.upkeep().remove_photos().await.unwrap();
    assert!(photos.find(ids[0]).await.unwrap().is_some());
    for gone in &ids[1..] {
        assert!(photos.find(*gone).await.unwrap().is_none());
        assert!(photos.content(*gone, PhotoSize::Full).await.unwrap().is_none());
    }
}
