//! Categories and areas through gRPC.

use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use tonic::Code;

use crate::city::{Calls, City, Filing, at, crash, on_both, pothole};

on_both!(
    a_city_begins_with_categories,
    a_category_can_be_replaced,
    an_area_decides_who_looks_after_it,
    dispatchers_keep_prepared_answers,
    there_is_a_limit_to_prepared_answers,
);

async fn a_city_begins_with_categories(city: City) {
    let list = city.reports(&city.nobody()).list_categories(pb::ListCategoriesRequest {}).await.unwrap();
    let categories = list.into_inner().categories;
    assert!(categories.len() >= 20);
    let hazard = categories.iter().find(|category| category.category_id == "road_hazard").unwrap();
    assert_eq!(hazard.expire_minutes, 60);
    assert!(categories.iter().all(|category| !category.name_ru.is_empty() && !category.name_en.is_empty()));
    let keys: Vec<_> = categories.iter().map(|category| (&category.group, &category.category_id)).collect();
    assert!(keys.is_sorted(), "by group and id");
}

async fn a_category_can_be_replaced(city: City) {
    let mut admin = city.reports(&city.person(&["admin"]));
    let question = pb::Question {
        key: "depth".into(),
        text_ru: "Глубина?".into(),
        text_en: "How deep?".into(),
        required: true,
        options: vec!["ankle".into(), "knee".into()],
    };
    let request = pb::PutCategoryRequest {
        category_id: "pothole".into(),
        name_ru: "Яма".into(),
        name_en: "Hole".into(),
        group: "roads".into(),
        team: "asphalt".into(),
        questions: vec![question],
        ..Default::default()
    };
    let stored = admin.put_category(request.clone()).await.unwrap().into_inner().category.unwrap();
    assert_eq!(stored.answer_working_days, 8);
    let list = admin.list_categories(pb::ListCategoriesRequest {}).await.unwrap().into_inner().categories;
    assert_eq!(list.iter().filter(|category| category.category_id == "pothole").collect::<Vec<_>>(), [&stored]);
    let mut citizen = city.reports(&city.citizen());
    assert_eq!(citizen.create_report(pothole()).await.unwrap_err().code(), Code::InvalidArgument);
    let answers = [("depth".to_owned(), "knee".to_owned())].into();
    let filed = citizen.file(pb::CreateReportRequest { answers, ..pothole() }).await;
    assert_eq!(filed.team, "asphalt", "the category's team works on it");
    let twice = vec![request.questions[0].clone(), request.questions[0].clone()];
    let wrong = pb::PutCategoryRequest { questions: twice, ..request.clone() };
    assert_eq!(admin.put_category(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(citizen.put_category(request).await.unwrap_err().code(), Code::PermissionDenied);
}

async fn an_area_decides_who_looks_after_it(city: City) {
    let mut admin = city.reports(&city.person(&["admin"]));
    let area_id = Uuid::new_v4().to_string();
    let request = pb::PutAreaRequest {
        area_id: area_id.clone(),
        display_name: "Center".into(),
        boundary: vec![at(55.7, 37.5), at(55.8, 37.5), at(55.8, 37.7), at(55.7, 37.7), at(55.7, 37.5)],
        team: "center".into(),
    };
    let area = admin.put_area(request.clone()).await.unwrap().into_inner().area.unwrap();
    assert_eq!(area.boundary.len(), 4, "the first point is not repeated");
    assert_eq!(area.boundary[0], at(55.7, 37.7), "and the ring runs counter-clockwise");
    let listed = admin.list_areas(pb::ListAreasRequest {}).await.unwrap().into_inner().areas;
    assert_eq!(listed, [area]);

    let filed = city.reports(&city.citizen()).file(pothole()).await;
    assert_eq!((filed.area_id.as_str(), filed.team.as_str()), (area_id.as_str(), "center"));
    let incident = city.incidents(&city.dispatcher()).log(crash()).await;
    assert_eq!((incident.area_id.as_str(), incident.team.as_str()), (area_id.as_str(), "center"));
    let elsewhere = pb::CreateReportRequest { location: Some(at(56.0, 37.6)), ..pothole() };
    let outside = city.reports(&city.citizen()).file(elsewhere).await;
    assert_eq!((outside.area_id.as_str(), outside.team.as_str()), ("", ""));

    let line = vec![at(0.0, 0.0), at(1.0, 1.0), at(2.0, 2.0)];
    let wrong = pb::PutAreaRequest { boundary: line, ..request };
    assert_eq!(admin.put_area(wrong).await.unwrap_err().code(), Code::InvalidArgument);
}

fn template(title: &str) -> pb::PutAnswerTemplateRequest {
    pb::PutAnswerTemplateRequest {
        template_id: Uuid::new_v4().to_string(),
        title: title.into(),
        text: "The crew is on its way.".into(),
        status: pb::ReportStatus::InProgress.into(),
    }
}

async fn dispatchers_keep_prepared_answers(city: City) {
    const LIST: pb::ListAnswerTemplatesRequest = pb::ListAnswerTemplatesRequest {};
    let mut dispatcher = city.reports(&city.dispatcher());
    let before = dispatcher.list_answer_templates(LIST).await.unwrap().into_inner().templates;
    assert!(before.len() >= 5 && before.iter().any(|known| known.status() == pb::ReportStatus::Rejected));
    let request = template("  A crew \n");
    let stored = dispatcher.put_answer_template(request.clone()).await.unwrap().into_inner().template.unwrap();
    assert_eq!(stored.title, "A crew");
    let renamed = pb::PutAnswerTemplateRequest { title: "Another crew".into(), ..request.clone() };
    let renamed = dispatcher.put_answer_template(renamed).await.unwrap().into_inner().template.unwrap();
    let after = dispatcher.list_answer_templates(LIST).await.unwrap().into_inner().templates;
    assert_eq!(after.len(), before.len() + 1, "the second replaced the first");
    assert!(after.contains(&renamed) && after.iter().map(|known| &known.title).is_sorted());

    let blank = pb::PutAnswerTemplateRequest { text: " ".into(), ..request.clone() };
    assert_eq!(dispatcher.put_answer_template(blank).await.unwrap_err().code(), Code::InvalidArgument);
    let duplicate = pb::PutAnswerTemplateRequest { status: pb::ReportStatus::Duplicate.into(), ..request.clone() };
    assert_eq!(dispatcher.put_answer_template(duplicate).await.unwrap_err().code(), Code::InvalidArgument);
    let mut citizen = city.reports(&city.citizen());
    assert_eq!(citizen.list_answer_templates(LIST).await.unwrap_err().code(), Code::PermissionDenied);

    let delete = pb::DeleteAnswerTemplateRequest { template_id: request.template_id };
    for _ in 0..2 {
        dispatcher.delete_answer_template(delete.clone()).await.unwrap();
    }
    assert_eq!(dispatcher.list_answer_templates(LIST).await.unwrap().into_inner().templates, before);
}

async fn there_is_a_limit_to_prepared_answers(city: City) {
    let mut dispatcher = city.reports(&city.dispatcher());
    let known = dispatcher.list_answer_templates(pb::ListAnswerTemplatesRequest {}).await.unwrap().into_inner();
    let last = template("200");
    for number in known.templates.len()..199 {
        dispatcher.put_answer_template(template(&number.to_string())).await.unwrap();
    }
    dispatcher.put_answer_template(last.clone()).await.unwrap();
    let refused = dispatcher.put_answer_template(template("201")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    dispatcher.put_answer_template(last).await.unwrap();
}
