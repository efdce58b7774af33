// Words of the inbox and of the notification settings.
import { AreaTopic } from "~/gen/kvartal/notification/v1/area_pb.js";
import { Kind } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { defineText } from "~/i18n/text";

interface InboxText {
  inbox: string;
  all: string;
  unread: string;
  filter: string;
  readAll: string;
  archive: string;
  archiveOf: (title: string) => string;
  markRead: string;
  markReadOf: (title: string) => string;
  emptyAll: string;
  emptyUnread: string;
  emptyLead: string;
  new: string;
  preferences: string;
  preferencesLead: string;
  kindColumn: string;
  inApp: string;
  email: string;
  critical: string;
  kinds: { readonly [kind in Kind]: string };
  areas: string;
  noAreas: string;
  areaColumn: string;
  topics: { readonly [topic in AreaTopic]: string };
  unfollow: string;
  unfollowOf: (name: string) => string;
  saved: string;
}

export const inboxText = defineText<InboxText>({
  en: {
    inbox: "Notifications",
    all: "All",
    unread: "Unread",
    filter: "Which notifications",
    readAll: "Mark all as read",
    archive: "Archive",
    archiveOf: (title) => `Archive: ${title}`,
    markRead: "Mark as read",
    markReadOf: (title) => `Mark as read: ${title}`,
    emptyAll: "Nothing yet",
    emptyUnread: "Everything is read",
    emptyLead: "What you report and follow is told here as it happens.",
    new: "new",
    preferences: "Notification settings",
    preferencesLead: "What you are told, and where. Changes hold at once.",
    kindColumn: "About",
    inApp: "Here",
    email: "E-mail",
    critical: "always: it protects your account",
    kinds: {
      [Kind.UNSPECIFIED]: "Unknown",
      [Kind.EMAIL_CONFIRMATION]: "Confirm your address",
      [Kind.ADDRESS_TAKEN]: "Somebody registers with your address",
      [Kind.PASSWORD_RESET]: "Set a new password",
      [Kind.PASSWORD_CHANGED]: "Your password has changed",
      [Kind.NEW_SIGN_IN]: "Sign-in from a new device",
      [Kind.ROLE_GRANTED]: "You are given a role",
      [Kind.SESSION_COMPROMISED]: "A session may be stolen",
      [Kind.REPORT_RECEIVED]: "Your report was received",
      [Kind.REPORT_STATUS_CHANGED]: "A report you follow moves on",
      [Kind.INCIDENT_ASSIGNED]: "An incident is assigned to you",
      [Kind.AREA_JAMS]: "Jams in a district you follow",
      [Kind.AREA_JAMS_ENDED]: "Jams there are over",
      [Kind.AREA_INCIDENTS]: "Incidents in a district you follow",
      [Kind.AREA_REPORTS]: "Reports in a district you follow",
      [Kind.AREA_DETECTORS]: "Detectors that fail in a district you follow",
    },
    areas: "Parts of the city you follow",
    noAreas: "None yet. Choose a district on the first page and follow it.",
    areaColumn: "District",
    topics: {
      [AreaTopic.UNSPECIFIED]: "Unknown",
      [AreaTopic.JAMS]: "Jams",
      [AreaTopic.INCIDENTS]: "Incidents",
      [AreaTopic.REPORTS]: "Reports",
      [AreaTopic.DETECTORS]: "Detectors",
    },
    unfollow: "Stop following",
    unfollowOf: (name) => `Stop following: ${name}`,
    saved: "Saved",
  },
  ru: {
    inbox: "Уведомления",
    all: "Все",
    unread: "Непрочитанные",
    filter: "Какие уведомления",
    readAll: "Отметить все прочитанными",
    archive: "В архив",
    archiveOf: (title) => `В архив: ${title}`,
    markRead: "Прочитано",
    markReadOf: (title) => `Отметить прочитанным: ${title}`,
    emptyAll: "Пока ничего нет",
    emptyUnread: "Всё прочитано",
    emptyLead: "Здесь появляется всё новое о ваших сообщениях и о том, за чем вы следите.",
    new: "новое",
    preferences: "Настройка уведомлений",
    preferencesLead: "О чём и где вам сообщать. Изменения действуют сразу.",
    kindColumn: "О чём",
    inApp: "Здесь",
    email: "Почта",
    critical: "всегда: это защищает вашу учётную запись",
    kinds: {
      [Kind.UNSPECIFIED]: "Неизвестно",
      [Kind.EMAIL_CONFIRMATION]: "Подтверждение адреса",
      [Kind.ADDRESS_TAKEN]: "Кто-то регистрируется с вашим адресом",
      [Kind.PASSWORD_RESET]: "Установка нового пароля",
      [Kind.PASSWORD_CHANGED]: "Пароль изменён",
      [Kind.NEW_SIGN_IN]: "Вход с нового устройства",
      [Kind.ROLE_GRANTED]: "Вам дали роль",
      [Kind.SESSION_COMPROMISED]: "Сеанс мог быть украден",
      [Kind.REPORT_RECEIVED]: "Ваше сообщение получено",
      [Kind.REPORT_STATUS_CHANGED]: "Новости о сообщении, за которым вы следите",
      [Kind.INCIDENT_ASSIGNED]: "Вам поручен инцидент",
      [Kind.AREA_JAMS]: "Пробки в районе, за которым вы следите",
      [Kind.AREA_JAMS_ENDED]: "Пробок там больше нет",
      [Kind.AREA_INCIDENTS]: "Инциденты в районе, за которым вы следите",
      [Kind.AREA_REPORTS]: "Сообщения в районе, за которым вы следите",
      [Kind.AREA_DETECTORS]: "Неисправные детекторы в районе, за которым вы следите",
    },
    areas: "Районы, за которыми вы следите",
    noAreas: "Пока ни одного. Выберите район на главной странице и следите за ним.",
    areaColumn: "Район",
    topics: {
      [AreaTopic.UNSPECIFIED]: "Неизвестно",
      [AreaTopic.JAMS]: "Пробки",
      [AreaTopic.INCIDENTS]: "Инциденты",
      [AreaTopic.REPORTS]: "Сообщения",
      [AreaTopic.DETECTORS]: "Детекторы",
    },
    unfollow: "Не следить",
    unfollowOf: (name) => `Не следить: ${name}`,
    saved: "Сохранено",
  },
});
