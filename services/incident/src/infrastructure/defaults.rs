//! The categories and prepared answers a new city begins with; it changes them as it likes.

use kvartal_kernel::Uuid;

use super::rows::answer_template;
use crate::domain::category::{ANSWER_WORKING_DAYS, Category, Question};
use crate::domain::report::ReportStatus;

/// Id, group, name in Russian, name in English.
const CATEGORIES: &[(&str, &str, &str, &str)] = &[
    ("pothole", "roads", "Яма на дороге", "Pothole"),
    ("traffic_light", "roads", "Светофор не работает", "Traffic light out of order"),
    ("road_sign", "roads", "Дорожный знак", "Road sign"),
    ("road_marking", "roads", "Дорожная разметка", "Road marking"),
    ("road_hazard", "roads", "Опасность на дороге", "Hazard on the road"),
    ("crash", "roads", "ДТП", "Crash"),
    ("illegal_parking", "roads", "Неправильная парковка", "Illegal parking"),
    ("open_manhole", "roads", "Открытый люк", "Open manhole"),
    ("sidewalk", "roads", "Тротуар", "Sidewalk"),
    ("public_transport_stop", "transport", "Остановка транспорта", "Public transport stop"),
    ("street_light", "lighting", "Уличное освещение", "Street light"),
    ("garbage", "cleaning", "Мусор", "Garbage"),
    ("snow", "cleaning", "Снег и наледь", "Snow and ice"),
    ("graffiti", "cleaning", "Граффити и объявления", "Graffiti and posters"),
    ("flooding", "water", "Подтопление", "Flooding"),
    ("water_leak", "water", "Утечка воды", "Water leak"),
    ("heating", "housing", "Отопление", "Heating"),
    ("noise", "housing", "Шум", "Noise"),
    ("playground", "yards", "Детская площадка", "Playground"),
    ("fallen_tree", "greenery", "Упавшее дерево", "Fallen tree"),
    ("stray_animals", "animals", "Бездомные животные", "Stray animals"),
    ("other", "other", "Другое", "Other"),
];

/// Title, text, status.
const TEMPLATES: &[(&str, &str, ReportStatus)] = &[
    (
        "Принято в работу",
        "Спасибо, обращение принято. Мы передали его исполнителю и сообщим, когда работы начнутся.",
        ReportStatus::Accepted,
    ),
    (
        "Бригада выехала",
        "Бригада выехала на место. Работы идут; по окончании вы получите уведомление.",
        ReportStatus::InProgress,
    ),
    (
        "Устранено",
        "Проблема устранена. Если это не так, нажмите «Не исправлено» в течение 15 дней, и обращение откроется снова.",
        ReportStatus::Fixed,
    ),
    (
        "Не наша ответственность",
        "Этот объект не обслуживается городом. Обратитесь, пожалуйста, в управляющую организацию дома.",
        ReportStatus::Rejected,
    ),
    (
        "Не найдено на месте",
        "На месте проблема не обнаружена. Если она сохраняется, пришлите, пожалуйста, фотографию и точное место.",
        ReportStatus::Rejected,
    ),
];

/// The first prepared answers.
pub(super) fn templates() -> Vec<answer_template::Model> {
    let model = |(number, (title, text, status)): (usize, &(&str, &str, ReportStatus))| answer_template::Model {
        id: Uuid::from_u128(TEMPLATE_IDS + number as u128),
        title: (*title).to_owned(),
        text: (*text).to_owned(),
        status: status.number(),
    };
    TEMPLATES.iter().enumerate().map(model).collect()
}

/// The first id; a UUID of version 8, made by our own rule, so that every city has the same.
const TEMPLATE_IDS: u128 = 0x6b76_6172_7461_8000_8000_0000_0000_0001;

/// The first categories.
pub(super) fn categories() -> Vec<Category> {
    CATEGORIES
        .iter()
        .map(|(id, group, name_ru, name_en)| Category {
            id: (*id).to_owned(),
            name_ru: (*name_ru).to_owned(),
            name_en: (*name_en).to_owned(),
            group: (*group).to_owned(),
            team: String::new(),
            questions: questions(id),
            answer_working_days: match *id {
                "open_manhole" | "road_hazard" | "crash" | "traffic_light" | "fallen_tree" | "water_leak" => 1,
                "snow" | "garbage" | "flooding" | "heating" => 3,
                _ => ANSWER_WORKING_DAYS,
            },
            expire_minutes: match *id {
                "road_hazard" => 60,
                "crash" => 120,
                _ => 0,
            },
        })
        .collect()
}

fn questions(category: &str) -> Vec<Question> {
    match category {
        "pothole" => vec![
            question("size", "Насколько велика яма?", "How large is the hole?", false, &["small", "medium", "large"]),
            question("lane", "На какой полосе?", "In which lane?", false, &[]),
        ],
        "traffic_light" => vec![question(
            "state",
            "Что со светофором?",
            "What is wrong with it?",
            false,
            &["dark", "blinking", "stuck", "damaged"],
        )],
        "street_light" => vec![question(
            "lamps",
            "Сколько фонарей не горит?",
            "How many lamps are out?",
            false,
            &["one", "several", "whole_street"],
        )],
        "crash" => {
            vec![question("injured", "Есть ли пострадавшие?", "Is anybody hurt?", true, &["yes", "no", "unknown"])]
        }
        "illegal_parking" => vec![question("plate", "Номер автомобиля", "Number plate", false, &[])],
        "stray_animals" => {
            vec![question("aggressive", "Ведут ли себя агрессивно?", "Are they aggressive?", false, &["yes", "no"])]
        }
        "water_leak" => {
            vec![question("where", "Где течёт?", "Where is the leak?", false, &["street", "basement", "flat"])]
        }
        _ => Vec::new(),
    }
}

fn question(key: &str, text_ru: &str, text_en: &str, required: bool, options: &[&str]) -> Question {
    Question {
        key: key.to_owned(),
        text_ru: text_ru.to_owned(),
        text_en: text_en.to_owned(),
        required,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    //! The first categories are such as an administrator could add.

    use super::categories;

    #[test]
    fn the_first_categories_are_in_order() {
        let categories = categories();
        let mut ids: Vec<_> = categories.iter().map(|category| &category.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), categories.len());
        for category in categories {
            category.check().unwrap();
        }
    }
}
