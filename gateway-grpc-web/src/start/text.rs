//! The words of the start page in Russian and English.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// A language of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// What `?lang=` says, else what the browser prefers, else Russian.
    pub(crate) fn choose(query: Option<&str>, headers: &HeaderMap) -> Self {
        let asked = query.into_iter().flat_map(|q| q.split('&')).find_map(|pair| pair.strip_prefix("lang="));
        match asked {
            Some("en") => return Self::En,
            Some("ru") => return Self::Ru,
            _ => {}
        }
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self::preferred(accepted).unwrap_or(Self::Ru)
    }

    /// The best known language of an Accept-Language header (RFC 9110, section 12.5.4).
    fn preferred(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality =
                parts.find_map(|p| p.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok())).unwrap_or(1.0);
            let language = match tag.split('-').next().unwrap_or_default() {
                "ru" => Self::Ru,
                "en" => Self::En,
                _ => continue,
            };
            if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The tag for `lang=`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// Picks the word of this language.
    pub(crate) fn of(self, words: (&'static str, &'static str)) -> &'static str {
        match self {
            Self::Ru => words.0,
            Self::En => words.1,
        }
    }
}

/// Name of an incident status; the index is the number in the contract.
pub(crate) const INCIDENT_STATUSES: [(&str, &str); 8] = [
    ("Неизвестно", "Unknown"),
    ("Новый", "New"),
    ("Подтверждён", "Confirmed"),
    ("Назначен", "Assigned"),
    ("В работе", "In progress"),
    ("Устранён", "Resolved"),
    ("Закрыт", "Closed"),
    ("Отклонён", "Rejected"),
];

/// Name of a report status; the index is the number in the contract.
pub(crate) const REPORT_STATUSES: [(&str, &str); 9] = [
    ("Неизвестно", "Unknown"),
    ("Получено", "Received"),
    ("Принято", "Accepted"),
    ("В работе", "In progress"),
    ("Исправлено", "Fixed"),
    ("Закрыто", "Closed"),
    ("Отклонено", "Rejected"),
    ("Повтор", "Duplicate"),
    ("Истекло", "Expired"),
];

/// What a service does, in a few words.
pub(crate) fn purpose(service: &str) -> (&'static str, &'static str) {
    match service {
        "identity" => ("пользователи, вход, роли, ключи", "accounts, sign-in, roles, keys"),
        "incident" => ("инциденты и обращения жителей", "incidents and citizens' reports"),
        "notification" => ("почта, входящие, настройки", "mail, inbox, preferences"),
        "audit" => ("журнал действий с цепочкой хешей", "hash-chained record of actions"),
        "gateway" => ("вход: gRPC, gRPC-Web, HTTP", "the edge: gRPC, gRPC-Web, HTTP"),
        _ => ("", ""),
    }
}

/// Name of a role in both languages; the English one serves for roles not known here.
pub(crate) fn role(name: &str) -> (&'static str, &'static str) {
    match name {
        "citizen" => ("житель", "citizen"),
        "dispatcher" => ("диспетчер", "dispatcher"),
        "patrol" => ("патруль", "patrol"),
        "editor" => ("редактор", "editor"),
        "moderator" => ("модератор", "moderator"),
        "teacher" => ("учитель", "teacher"),
        "student" => ("ученик", "student"),
        "parent" => ("родитель", "parent"),
        "seller" => ("продавец", "seller"),
        "freelancer" => ("исполнитель", "freelancer"),
        "analyst" => ("аналитик", "analyst"),
        "support" => ("поддержка", "support"),
        "admin" => ("администратор", "administrator"),
        _ => ("участник", "member"),
    }
}

/// What is found under a path of the start page.
pub(crate) fn link(path: &str) -> (&'static str, &'static str) {
    match path {
        "/" => ("приложение для браузера", "the browser app"),
        "/healthz" => ("здоровье служб", "health of the services"),
        "/metrics" => ("показатели для Prometheus", "metrics for Prometheus"),
        "/.well-known/jwks.json" => ("открытые ключи подписи (JWKS)", "public signing keys (JWKS)"),
        "/start.json" => ("числа этой страницы", "the numbers of this page"),
        "/_dev/mail" => ("письма, которые отправила платформа", "mail the platform has sent"),
        crate::OPEN311_PATH => {
            ("Open311 GeoReport v2: о чём можно сообщить", "Open311 GeoReport v2: what can be reported")
        }
        crate::WZDX_PATH => ("дорожные работы, WZDx 4.2", "work zones, WZDx 4.2"),
        _ => ("", ""),
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $ru:literal, $en:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: (&str, &str) = ($ru, $en);)*
    };
}

words! {
    TITLE = "Квартал – городская платформа", "Kvartal – the city platform";
    NAME = "Квартал", "Kvartal";
    LEAD = "Дороги, обращения жителей, уведомления, журнал действий – одна программа, один порт.",
        "Roads, citizens' reports, notifications, the audit record – one program, one port.";
    SKIP = "К содержанию", "Skip to content";
    LANGUAGE = "Язык", "Language";
    READY = "Все службы работают", "All services are up";
    NOT_READY = "Не все службы работают", "Some services are not up";
    PAUSE = "Остановить обновление", "Pause updates";
    RESUME = "Обновлять дальше", "Resume updates";
    LOST = "Связь потеряна, пробую снова", "Connection lost, trying again";
    UPDATED = "обновлено", "updated";
    NOW = "Сейчас", "Right now";
    PER_SECOND = "вызовов в секунду", "calls per second";
    RPCS = "вызовов с начала", "calls since start";
    EVENTS = "событий обработано", "events handled";
    OPEN_INCIDENTS = "инцидентов открыто", "open incidents";
    OPEN_REPORTS = "обращений открыто", "open reports";
    CITY = "Город", "The city";
    MAP_LABEL = "Карта: открытые инциденты (ромбы) и обращения (круги). Те же сведения – в таблицах ниже.",
        "Map: open incidents (diamonds) and reports (circles). The tables below tell the same.";
    MAP_NOTE = "Ромб – инцидент, круг – обращение; цвет и цифра – статус из таблицы.",
        "A diamond is an incident, a circle a report; colour and digit are the status in the table.";
    MAP_EMPTY = "Пока ничего нет. Запустите с --demo, чтобы увидеть живой город.",
        "Nothing yet. Start with --demo to see a living city.";
    INCIDENTS = "Инциденты", "Incidents";
    REPORTS = "Обращения", "Reports";
    INCIDENT = "инцидент", "incident";
    REPORT = "обращение", "report";
    STATUS = "Статус", "Status";
    COUNT = "Сколько", "How many";
    LATEST = "Последние изменения", "Latest changes";
    WHEN = "Когда", "When";
    WHAT = "Что", "What";
    WHERE = "Где", "Where";
    SERVICES = "Службы", "Services";
    SERVICE = "Служба", "Service";
    STATE = "Состояние", "State";
    CALLS = "Вызовов", "Calls";
    FAILED = "Неудачных", "Failed";
    SERVING = "работает", "up";
    NOT_SERVING = "не работает", "down";
    ACCOUNTS = "Учётные записи для знакомства", "Demo accounts";
    ACCOUNTS_WARNING = "Пароль у всех один и известен всем. Не открывайте этот адрес наружу.",
        "They share one password that everybody knows. Do not expose this address.";
    ROLE = "Роль", "Role";
    EMAIL = "Почта", "E-mail";
    PASSWORD = "Пароль", "Password";
    ADDRESSES = "Адреса", "Addresses";
    TRY = "Попробуйте", "Try it";
    NEED_SCRIPT = "Без скриптов числа обновляются при перезагрузке страницы.",
        "Without scripts the numbers update when the page is loaded again.";
    NOT_FOUND = "Такой страницы нет", "There is no such page";
    NOT_FOUND_BODY = "Начните с главной страницы.", "Go to the start page.";
    START = "На главную", "Start page";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: Option<&str>, header: Option<&'static str>) -> Language {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(ACCEPT_LANGUAGE, http::HeaderValue::from_static(value));
        }
        Language::choose(query, &headers)
    }

    #[test]
    fn the_query_beats_the_header_beats_russian() {
        assert_eq!(chosen(Some("lang=en"), Some("ru")), Language::En);
        assert_eq!(chosen(None, Some("de, en;q=0.8, ru;q=0.9")), Language::Ru);
        assert_eq!(chosen(None, Some("en-GB,en;q=0.9")), Language::En);
        assert_eq!(chosen(None, Some("de")), Language::Ru);
        assert_eq!(chosen(Some("lang=xx"), None), Language::Ru);
    }
}
