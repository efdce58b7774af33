//! What others say about a report: duplicates, followers, votes.

use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::ReportStatus as S;
use tonic::Code;

use crate::city::{City, Filing, at, on_both, pothole, reason};

on_both!(
    duplicates_are_suggested_the_likeliest_first,
    a_duplicate_is_followed_through_its_original,
    followers_are_counted_once,
    a_vote_is_counted_once_and_may_be_changed,
);

pub(crate) async fn suggest(city: &City, category: &str, description: &str) -> Vec<pb::DuplicateCandidate> {
    let request = pb::SuggestDuplicatesRequest {
        category_id: category.to_owned(),
        location: Some(at(55.75, 37.61)),
        description: description.to_owned(),
    };
    city.reports(&city.nobody()).suggest_duplicates(request).await.unwrap().into_inner().candidates
}

async fn duplicates_are_suggested_the_likeliest_first(city: City) {
    let citizen = city.citizen();
    let mut client = city.reports(&citizen);
    let mut file = async |category: &str, latitude: f64, description: &str| {
        let request = pb::CreateReportRequest {
            category_id: category.into(),
            location: Some(at(latitude, 37.61)),
            description: description.into(),
            ..Default::default()
        };
        client.file(request).await.report_id
    };
    let alike = file("pothole", 55.7502, "Глубокая яма на второй полосе").await;
    let near = file("pothole", 55.7501, "Сломан бордюр").await;
    let related = file("road_sign", 55.7501, "Знак упал").await;
    file("pothole", 55.76, "Глубокая яма на второй полосе").await;
    file("noise", 55.751, "Шум ночью").await;
    let fixed = file("pothole", 55.7501, "Глубокая яма").await;
    city.reports(&city.dispatcher()).reply(&fixed, S::Fixed).await.unwrap();

    let found = suggest(&city, "pothole", "глубокие ямы, вторая полоса").await;
    let ids: Vec<_> = found.iter().map(|found| found.report.as_ref().unwrap().report_id.clone()).collect();
    assert_eq!(ids, [alike, near, related]);
    assert!(found[0].distance_m > 20.0 && found[0].distance_m < 25.0);
    assert!(found.iter().all(|found| (0.0..=1.0).contains(&found.score)));
    assert!(found.iter().all(|found| found.report.as_ref().unwrap().reporter_id.is_empty()));
}

async fn a_duplicate_is_followed_through_its_original(city: City) {
    let (first, second) = (city.citizen(), city.citizen());
    let original = city.reports(&first).file(pothole()).await;
    let copy = city.reports(&second).file(pothole()).await;
    let mut dispatcher = city.reports(&city.dispatcher());
    let repeat = |report: &pb::Report, of: &str| pb::AnswerReportRequest {
        report_id: report.report_id.clone(),
        status: S::Duplicate.into(),
        answer: "the same hole".into(),
        duplicate_of: of.to_owned(),
        ..Default::default()
    };
    for wrong in [String::new(), copy.report_id.clone(), Uuid::new_v4().to_string()] {
        let refused = dispatcher.answer_report(repeat(&copy, &wrong)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}");
    }
    dispatcher.answer_report(repeat(&copy, &original.report_id)).await.unwrap();
    let refused = dispatcher.answer_report(repeat(&original, &copy.report_id)).await.unwrap_err();
    assert_eq!(reason(&refused), "ORIGINAL_IS_DUPLICATE");
    let seen = dispatcher.look(&copy.report_id).await.unwrap().report.unwrap();
    assert_eq!((seen.status(), seen.duplicate_of), (S::Duplicate, original.report_id.clone()));
    let seen = dispatcher.look(&original.report_id).await.unwrap().report.unwrap();
    assert_eq!(seen.subscriber_count, 1, "the second reporter follows the first report");
}

async fn followers_are_counted_once(city: City) {
    let filed = city.reports(&city.citizen()).file(pothole()).await;
    let (a, b) = (city.citizen(), city.citizen());
    let report_id = filed.report_id.clone();
    for (who, follows, count) in
        [(&a, true, 1), (&a, true, 1), (&b, true, 2), (&a, false, 1), (&a, false, 1), (&b, false, 0)]
    {
        let mut client = city.reports(who);
        let counted = if follows {
            let request = pb::SubscribeToReportRequest { report_id: report_id.clone() };
            client.subscribe_to_report(request).await.unwrap().into_inner().subscriber_count
        } else {
            let request = pb::UnsubscribeFromReportRequest { report_id: report_id.clone() };
            client.unsubscribe_from_report(request).await.unwrap().into_inner().subscriber_count
        };
        assert_eq!(counted, count);
    }
    let request = pb::SubscribeToReportRequest { report_id: Uuid::new_v4().to_string() };
    assert_eq!(city.reports(&a).subscribe_to_report(request).await.unwrap_err().code(), Code::NotFound);
}

async fn a_vote_is_counted_once_and_may_be_changed(city: City) {
    let filed = city.reports(&city.citizen()).file(pothole()).await;
    let (a, b) = (city.citizen(), city.citizen());
    for (who, confirmed, counts) in
        [(&a, true, (1, 0)), (&a, true, (1, 0)), (&b, true, (2, 0)), (&a, false, (1, 1)), (&a, true, (2, 0))]
    {
        let seen = city.reports(who).vote(&filed.report_id, confirmed).await.unwrap();
        assert_eq!((seen.confirmed_count, seen.refuted_count), counts);
    }
    city.reports(&city.dispatcher()).reply(&filed.report_id, S::Fixed).await.unwrap();
    let seen = city.reports(&a).vote(&filed.report_id, true).await.unwrap();
    assert_eq!((seen.confirmed_count, seen.refuted_count), (1, 0), "that it is fixed is another question");
    assert_eq!(
        city.reports(&city.nobody()).vote(&filed.report_id, true).await.unwrap_err().code(),
        Code::Unauthenticated
    );
}
