// Names of what people are told, and how.
import { Channel, Kind } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { defineText } from "~/i18n/text";

interface KindsText {
  kinds: { readonly [kind in Kind]: string };
  channels: { readonly [channel in Channel]: string };
}

export const kindsText = defineText<KindsText>({
  en: {
    kinds: {
      [Kind.UNSPECIFIED]: "Unknown",
      [Kind.EMAIL_CONFIRMATION]: "Confirm the address",
      [Kind.ADDRESS_TAKEN]: "Address is taken",
      [Kind.PASSWORD_RESET]: "Reset the password",
      [Kind.PASSWORD_CHANGED]: "Password changed",
      [Kind.NEW_SIGN_IN]: "New sign-in",
      [Kind.ROLE_GRANTED]: "Role given",
      [Kind.SESSION_COMPROMISED]: "Session in danger",
      [Kind.REPORT_RECEIVED]: "Report received",
      [Kind.REPORT_STATUS_CHANGED]: "Report changed",
      [Kind.INCIDENT_ASSIGNED]: "Incident assigned",
      [Kind.AREA_JAMS]: "Jams in an area",
      [Kind.AREA_JAMS_ENDED]: "Jams in an area ended",
      [Kind.AREA_INCIDENTS]: "Incidents in an area",
      [Kind.AREA_REPORTS]: "Reports in an area",
      [Kind.AREA_DETECTORS]: "Detectors failed in an area",
    },
    channels: {
      [Channel.UNSPECIFIED]: "unknown",
      [Channel.IN_APP]: "on the page",
      [Channel.EMAIL]: "by e-mail",
    },
  },
  ru: {
    kinds: {
      [Kind.UNSPECIFIED]: "Неизвестно",
      [Kind.EMAIL_CONFIRMATION]: "Подтверждение адреса",
      [Kind.ADDRESS_TAKEN]: "Адрес уже занят",
      [Kind.PASSWORD_RESET]: "Сброс пароля",
      [Kind.PASSWORD_CHANGED]: "Пароль изменён",
      [Kind.NEW_SIGN_IN]: "Новый вход",
      [Kind.ROLE_GRANTED]: "Выдана роль",
      [Kind.SESSION_COMPROMISED]: "Сеанс под угрозой",
      [Kind.REPORT_RECEIVED]: "Сообщение получено",
      [Kind.REPORT_STATUS_CHANGED]: "Сообщение изменилось",
      [Kind.INCIDENT_ASSIGNED]: "Назначен инцидент",
      [Kind.AREA_JAMS]: "Пробки в районе",
      [Kind.AREA_JAMS_ENDED]: "Пробки в районе закончились",
      [Kind.AREA_INCIDENTS]: "Инциденты в районе",
      [Kind.AREA_REPORTS]: "Сообщения в районе",
      [Kind.AREA_DETECTORS]: "Неисправны детекторы в районе",
    },
    channels: {
      [Channel.UNSPECIFIED]: "неизвестно",
      [Channel.IN_APP]: "на странице",
      [Channel.EMAIL]: "по почте",
    },
  },
});
