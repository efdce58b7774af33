//! Who sees which report, and whose it is.

use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::ReportStatus as S;
use tonic::Code;

use crate::city::{City, Filing, on_both, pothole};
use crate::crowd::suggest;

on_both!(
    a_hidden_report_exists_for_moderators_and_its_reporter_only,
    an_anonymous_reporter_is_shown_to_nobody,
    the_reporter_is_shown_to_those_who_may_know,
    reports_are_listed_for_those_who_see_them,
);

async fn a_hidden_report_exists_for_moderators_and_its_reporter_only(city: City) {
    let (citizen, moderator) = (city.citizen(), city.person(&["moderator"]));
    let filed = city.reports(&citizen).file(pothole()).await;
    let moderate = |hidden| pb::ModerateReportRequest {
        report_id: filed.report_id.clone(),
        hidden,
        reason: "names a person".into(),
    };
    let hidden = city.reports(&moderator).moderate_report(moderate(true)).await.unwrap().into_inner().report.unwrap();
    assert!(hidden.hidden);
    for (who, sees) in [
        (city.nobody(), false),
        (city.citizen(), false),
        (city.dispatcher(), false),
        (citizen.clone(), true),
        (moderator.clone(), true),
    ] {
        let mut client = city.reports(&who);
        for name in [&filed.report_id, &filed.tracking_number] {
            match client.look(name).await {
                Ok(_) => assert!(sees),
                Err(refused) => assert!(!sees && refused.code() == Code::NotFound),
            }
        }
        let listed = client.list_reports(pb::ListReportsRequest::default()).await.unwrap().into_inner().reports;
        assert_eq!(listed.len(), usize::from(sees));
        if who.is_known() && !sees {
            let follow = pb::SubscribeToReportRequest { report_id: filed.report_id.clone() };
            assert_eq!(client.subscribe_to_report(follow).await.unwrap_err().code(), Code::NotFound);
            assert_eq!(client.vote(&filed.report_id, true).await.unwrap_err().code(), Code::NotFound);
        }
    }
    let mut dispatcher = city.reports(&city.dispatcher());
    assert_eq!(dispatcher.reply(&filed.report_id, S::Accepted).await.unwrap_err().code(), Code::NotFound);
    let link = pb::LinkReportRequest { report_id: filed.report_id.clone(), ..Default::default() };
    assert_eq!(dispatcher.link_report(link).await.unwrap_err().code(), Code::NotFound);
    let near = suggest(&city, "pothole", "").await;
    assert!(near.is_empty(), "what is hidden is not suggested either");

    city.reports(&moderator).moderate_report(moderate(false)).await.unwrap();
    let public = city.reports(&city.nobody()).look(&filed.report_id).await.unwrap();
    assert!(public.timeline.iter().all(|entry| entry.action != "moderation"));
    let history = city.reports(&moderator).look(&filed.report_id).await.unwrap().timeline;
    let moderated: Vec<_> = history.iter().filter(|entry| entry.action == "moderation").collect();
    assert_eq!(moderated.len(), 2);
    assert_eq!(moderated[0].comment, "names a person");
}

async fn an_anonymous_reporter_is_shown_to_nobody(city: City) {
    let citizen = city.citizen();
    let request = pb::CreateReportRequest { anonymous: true, ..pothole() };
    let filed = city.reports(&citizen).file(request).await;
    city.reports(&city.dispatcher()).reply(&filed.report_id, S::Fixed).await.unwrap();
    city.reports(&citizen).vote(&filed.report_id, false).await.unwrap();
    for who in [city.nobody(), city.citizen(), city.dispatcher(), city.person(&["moderator"]), citizen.clone()] {
        let seen = city.reports(&who).look(&filed.report_id).await.unwrap();
        assert_eq!(seen.report.unwrap().reporter_id, "");
        assert!(seen.timeline.iter().all(|entry| entry.actor_id != citizen.name()));
    }
    let filter = Some(pb::ReportFilter { mine: true, ..Default::default() });
    let mine = city.reports(&citizen).list_reports(pb::ListReportsRequest { filter, ..Default::default() }).await;
    assert_eq!(mine.unwrap().into_inner().reports.len(), 1, "and still it is the citizen's own");
}

async fn the_reporter_is_shown_to_those_who_may_know(city: City) {
    let citizen = city.citizen();
    let filed = city.reports(&citizen).file(pothole()).await;
    for (who, told) in [
        (city.nobody(), false),
        (city.citizen(), false),
        (city.person(&["analyst"]), false),
        (city.dispatcher(), true),
        (city.person(&["moderator"]), true),
        (citizen.clone(), true),
    ] {
        let mut client = city.reports(&who);
        let seen = client.look(&filed.report_id).await.unwrap().report.unwrap();
        assert_eq!(seen.reporter_id == citizen.name(), told);
        let listed = client.list_reports(pb::ListReportsRequest::default()).await.unwrap().into_inner().reports;
        assert_eq!(listed[0].reporter_id == citizen.name(), told);
    }
}

async fn reports_are_listed_for_those_who_see_them(city: City) {
    let citizen = city.citizen();
    let mut client = city.reports(&citizen);
    for number in 0..7 {
        let category_id = if number % 2 == 0 { "pothole" } else { "noise" }.to_owned();
        client.file(pb::CreateReportRequest { category_id, ..pothole() }).await;
    }
    city.reports(&city.citizen()).file(pothole()).await;
    let count = async |who: &crate::city::Person, filter: pb::ReportFilter| {
        let (mut count, mut page_token) = (0, String::new());
        loop {
            let request = pb::ListReportsRequest { page_size: 3, page_token, filter: Some(filter.clone()) };
            let page = city.reports(who).list_reports(request).await.unwrap().into_inner();
            count += page.reports.len();
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return count;
            }
        }
    };
    let all = pb::ReportFilter::default();
    assert_eq!(count(&city.nobody(), all.clone()).await, 8);
    assert_eq!(count(&citizen, pb::ReportFilter { mine: true, ..all.clone() }).await, 7);
    let noise = pb::ReportFilter { category_ids: vec!["noise".into()], ..all.clone() };
    assert_eq!(count(&city.nobody(), noise).await, 3);
    let filter = Some(pb::ReportFilter { mine: true, ..all });
    let mine = city.reports(&city.nobody()).list_reports(pb::ListReportsRequest { filter, ..Default::default() }).await;
    assert_eq!(mine.unwrap_err().code(), Code::Unauthenticated);
}
