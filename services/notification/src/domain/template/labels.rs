//! Names of roles, statuses and priorities in people's words.

use super::Locale;

/// The words for a name; the name itself when there are none, so that a newer publisher does no harm.
pub(super) fn label(locale: Locale, group: &str, name: &str) -> String {
    let found = LABELS.iter().find(|(in_group, of, _, _)| *in_group == group && *of == name);
    let words = found.map(|(_, _, ru, en)| match locale {
        Locale::Ru => *ru,
        Locale::En => *en,
    });
    words.unwrap_or(name).to_owned()
}

/// Group, name, Russian, English.
const LABELS: &[(&str, &str, &str, &str)] = &[
    ("role", "citizen", "житель", "citizen"),
    ("role", "dispatcher", "диспетчер", "dispatcher"),
    ("role", "patrol", "патруль", "patrol"),
    ("role", "editor", "редактор", "editor"),
    ("role", "moderator", "модератор", "moderator"),
    ("role", "teacher", "учитель", "teacher"),
    ("role", "student", "ученик", "student"),
    ("role", "parent", "родитель", "parent"),
    ("role", "seller", "продавец", "seller"),
    ("role", "freelancer", "исполнитель", "freelancer"),
    ("role", "analyst", "аналитик", "analyst"),
    ("role", "support", "поддержка", "support"),
    ("role", "admin", "администратор", "administrator"),
    ("role", "service", "программа", "program"),
    ("report_status", "received", "получено", "received"),
    ("report_status", "accepted", "принято в работу", "accepted"),
    ("report_status", "in_progress", "выполняется", "in progress"),
    ("report_status", "fixed", "исправлено", "fixed"),
    ("report_status", "closed", "закрыто", "closed"),
    ("report_status", "rejected", "отклонено", "rejected"),
    ("report_status", "duplicate", "объединено с другим сообщением", "merged with another report"),
    ("report_status", "expired", "устарело", "expired"),
    ("priority", "low", "низкий", "low"),
    ("priority", "normal", "обычный", "normal"),
    ("priority", "high", "высокий", "high"),
    ("priority", "critical", "критический", "critical"),
];
