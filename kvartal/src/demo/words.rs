//! What people of the demo city write.

use kvartal_proto::incident::v1 as pb;
use kvartal_proto::incident::v1::IncidentKind;

use super::random::Random;

/// What citizens write about each category.
const REPORTS: &[(&str, &[&str])] = &[
    (
        "pothole",
        &[
            "Глубокая яма на правой полосе, машины объезжают по встречной.",
            "После дождя яму не видно, уже двое пробили колёса.",
            "Провал асфальта у люка, размером примерно метр на полметра.",
            "A deep pothole right behind the crossing, cyclists fall into it.",
        ],
    ),
    (
        "traffic_light",
        &[
            "Светофор не переключается для пешеходов.",
            "Мигает жёлтым в час пик, на перекрёстке пробка.",
            "The button does nothing, people cross on red.",
        ],
    ),
    ("road_sign", &["Знак «Пешеходный переход» повёрнут к стене.", "Знак закрыт ветками, его не видно."]),
    ("road_marking", &["Разметка стёрлась, полосы не видны.", "Зебра у школы почти исчезла."]),
    (
        "road_hazard",
        &["На дороге лежит бревно.", "Рассыпали щебень на повороте.", "Машина без знаков стоит за поворотом."],
    ),
    ("crash", &["Столкнулись две машины, занята левая полоса.", "ДТП, собирается пробка."]),
    ("illegal_parking", &["Машины стоят на газоне у подъезда.", "Перекрыт проезд для скорой."]),
    ("open_manhole", &["Открытый люк на тротуаре!", "Крышка люка гремит и сдвигается."]),
    ("sidewalk", &["Плитка провалилась, коляска не проходит.", "Бордюр разбит у самого перехода."]),
    ("public_transport_stop", &["На остановке разбито стекло.", "Нет расписания на остановке."]),
    (
        "street_light",
        &[
            "Не горят три фонаря подряд, вечером идти страшно.",
            "Фонарь мигает всю ночь прямо в окна.",
            "Street light is out near the bus stop since Monday.",
        ],
    ),
    ("garbage", &["Контейнеры переполнены, мусор разносит ветром.", "Свалка строительного мусора за гаражами."]),
    (
        "snow",
        &[
            "Тротуар не чищен третий день, коляска не проходит.",
            "Наледь у входа в школу, дети падают.",
            "Сосульки над тротуаром, ограждения нет.",
        ],
    ),
    ("graffiti", &["Расписали остановку.", "Объявления на каждом столбе."]),
    ("flooding", &["Ливнёвка забита, огромная лужа.", "Подвал затоплен после дождя."]),
    ("water_leak", &["Прорвало трубу, вода течёт по улице.", "Вторую неделю течёт из колодца."]),
    ("heating", &["Батареи холодные со вчерашнего дня.", "No heating on the upper floors."]),
    ("noise", &["Стройка шумит после одиннадцати вечера.", "Музыка из кафе до трёх ночи."]),
    ("playground", &["Сломаны качели, торчит железо.", "На площадке битое стекло."]),
    ("fallen_tree", &["Упало дерево, перегородило тротуар.", "Сухая ветка висит над детской площадкой."]),
    ("stray_animals", &["Стая собак у остановки.", "Собаки бегают по проезжей части."]),
];

const ANY_REPORT: &[&str] = &[
    "Прошу посмотреть и принять меры.",
    "Так уже вторую неделю, сделайте что-нибудь.",
    "Мешает всем жителям двора.",
    "Please have a look, it is getting worse.",
];

/// A report's text for a category.
pub(crate) fn report(category_id: &str, random: &mut Random) -> String {
    let texts = REPORTS.iter().find(|(id, _)| *id == category_id).map_or(ANY_REPORT, |(_, texts)| texts);
    random.pick(texts).copied().unwrap_or_default().to_owned()
}

/// Answers to the questions that must be answered.
pub(crate) fn answers(category: &pb::Category) -> std::collections::HashMap<String, String> {
    let needed = category.questions.iter().filter(|question| question.required);
    needed
        .map(|question| {
            let answer = question.options.first().cloned().unwrap_or_else(|| "не знаю".to_owned());
            (question.key.clone(), answer)
        })
        .collect()
}

/// What dispatchers answer on the way to a status.
pub(crate) fn answer(status: pb::ReportStatus, random: &mut Random) -> String {
    let texts: &[&str] = match status {
        pb::ReportStatus::Accepted => {
            &["Спасибо, обращение принято. Ответственная служба назначена.", "Приняли, выезд в течение двух дней."]
        }
        pb::ReportStatus::InProgress => &["Бригада на месте.", "Материалы заказаны, работы начаты."],
        pb::ReportStatus::Fixed => &["Исправлено. Проверьте, пожалуйста, и подтвердите.", "Работы закончены сегодня."],
        pb::ReportStatus::Rejected => {
            &["Это частная территория, обратитесь к собственнику.", "Проверили на месте: не подтвердилось."]
        }
        pb::ReportStatus::Duplicate => &["Об этом уже сообщили, следите за первым обращением."],
        pb::ReportStatus::Closed => &["Закрыто, спасибо за помощь городу."],
        _ => &["Обращение рассмотрено."],
    };
    random.pick(texts).copied().unwrap_or_default().to_owned()
}

/// Kinds of incidents, each with titles and how many lanes it may touch.
const INCIDENTS: &[(IncidentKind, &[&str])] = &[
    (
        IncidentKind::Crash,
        &["Столкновение двух автомобилей", "Наезд на ограждение", "ДТП с автобусом, без пострадавших"],
    ),
    (IncidentKind::Stall, &["Заглох грузовик на подъёме", "Автобус не едет, аварийка", "Stalled van in the left lane"]),
    (IncidentKind::Hazard, &["Бревно на проезжей части", "Разлив масла", "Щебень на повороте"]),
    (IncidentKind::Roadwork, &["Ямочный ремонт", "Замена бордюров", "Укладка асфальта, сужение"]),
    (IncidentKind::Weather, &["Гололёд на мосту", "Снежные заносы", "Туман, видимость 50 м"]),
    (IncidentKind::Closure, &["Движение перекрыто: прорыв трубы", "Мост закрыт на проверку"]),
    (IncidentKind::Infrastructure, &["Не работает светофор", "Упал дорожный знак", "Обрыв контактной сети"]),
    (IncidentKind::Event, &["Городской забег", "Ярмарка, улица пешеходная"]),
    (IncidentKind::Other, &["Лось у дороги", "Неизвестный предмет на обочине"]),
];

/// What happened, and its title.
pub(crate) fn incident(random: &mut Random) -> (IncidentKind, String) {
    let (kind, titles) = random.pick(INCIDENTS).copied().unwrap_or((IncidentKind::Other, &["Происшествие"]));
    (kind, random.pick(titles).copied().unwrap_or_default().to_owned())
}

/// What is said about an incident on its way.
pub(crate) fn comment(random: &mut Random) -> String {
    const TEXTS: &[&str] = &[
        "Патруль выехал, будет через 10 минут.",
        "Передано дорожной службе.",
        "Скорая не нужна, ждём эвакуатор.",
        "Одна полоса свободна, движение медленное.",
        "Camera 14 confirms, one lane blocked.",
        "Пробка рассосалась.",
        "Звонил водитель, ему помогли.",
    ];
    random.pick(TEXTS).copied().unwrap_or_default().to_owned()
}

/// What stands in the way of traffic all of a sudden.
pub(crate) fn obstacle(random: &mut Random) -> (IncidentKind, String) {
    let sudden: Vec<_> =
        INCIDENTS.iter().filter(|(kind, _)| matches!(kind, IncidentKind::Crash | IncidentKind::Stall)).collect();
    let (kind, titles) = random.pick(&sudden).map_or((IncidentKind::Crash, &[][..]), |(kind, titles)| (*kind, *titles));
    (kind, random.pick(titles).copied().unwrap_or("Авария").to_owned())
}
