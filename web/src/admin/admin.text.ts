// Words that administrator pages share.
import { defineText } from "~/i18n/text";

export const adminText = defineText({
  en: {
    administration: "Administration",
    sections: "Sections of the administration",
    services: "Services",
    jobs: "Jobs",
    users: "Accounts",
    programs: "Programs",
    audit: "Audit",
    deliveries: "Deliveries",
    templates: "Messages",
    catalogue: "Catalogue",
    refresh: "Refresh",
    cancel: "Cancel",
    save: "Save",
    filters: "Filters",
    apply: "Search",
  },
  ru: {
    administration: "Управление",
    sections: "Разделы управления",
    services: "Сервисы",
    jobs: "Задания",
    users: "Учётные записи",
    programs: "Программы",
    audit: "Аудит",
    deliveries: "Отправки",
    templates: "Письма",
    catalogue: "Справочник",
    refresh: "Обновить",
    cancel: "Отмена",
    save: "Сохранить",
    filters: "Фильтры",
    apply: "Найти",
  },
});
