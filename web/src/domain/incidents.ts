// Names and colours of what incidents and reports can be; every page says them alike.

import {
  Direction,
  IncidentKind,
  IncidentStatus,
  LaneState,
  Priority,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { defineText } from "~/i18n/text";
import type { Tone } from "~/kit";

interface IncidentText {
  incidentStatus: { readonly [key in IncidentStatus]: string };
  kind: { readonly [key in IncidentKind]: string };
  priority: { readonly [key in Priority]: string };
  direction: { readonly [key in Direction]: string };
  lane: { readonly [key in LaneState]: string };
  reportStatus: { readonly [key in ReportStatus]: string };
}

export const incidentText = defineText<IncidentText>({
  en: {
    incidentStatus: {
      [IncidentStatus.UNSPECIFIED]: "Unknown",
      [IncidentStatus.NEW]: "New",
      [IncidentStatus.CONFIRMED]: "Confirmed",
      [IncidentStatus.ASSIGNED]: "Assigned",
      [IncidentStatus.IN_PROGRESS]: "In progress",
      [IncidentStatus.RESOLVED]: "Resolved",
      [IncidentStatus.CLOSED]: "Closed",
      [IncidentStatus.REJECTED]: "Rejected",
    },
    kind: {
      [IncidentKind.UNSPECIFIED]: "Unknown",
      [IncidentKind.CRASH]: "Crash",
      [IncidentKind.STALL]: "Stalled vehicle",
      [IncidentKind.HAZARD]: "Hazard",
      [IncidentKind.ROADWORK]: "Road works",
      [IncidentKind.WEATHER]: "Weather",
      [IncidentKind.CLOSURE]: "Closure",
      [IncidentKind.INFRASTRUCTURE]: "Infrastructure",
      [IncidentKind.EVENT]: "Event",
      [IncidentKind.OTHER]: "Other",
    },
    priority: {
      [Priority.UNSPECIFIED]: "Unknown",
      [Priority.LOW]: "Low",
      [Priority.NORMAL]: "Normal",
      [Priority.HIGH]: "High",
      [Priority.CRITICAL]: "Critical",
    },
    direction: {
      [Direction.UNSPECIFIED]: "Not given",
      [Direction.UNKNOWN]: "Unknown",
      [Direction.NORTHBOUND]: "Northbound",
      [Direction.EASTBOUND]: "Eastbound",
      [Direction.SOUTHBOUND]: "Southbound",
      [Direction.WESTBOUND]: "Westbound",
      [Direction.BOTH]: "Both ways",
    },
    lane: {
      [LaneState.UNSPECIFIED]: "Unknown",
      [LaneState.FREE]: "Free",
      [LaneState.AFFECTED]: "Affected",
      [LaneState.BLOCKED]: "Blocked",
    },
    reportStatus: {
      [ReportStatus.UNSPECIFIED]: "Unknown",
      [ReportStatus.RECEIVED]: "Received",
      [ReportStatus.ACCEPTED]: "Accepted",
      [ReportStatus.IN_PROGRESS]: "In progress",
      [ReportStatus.FIXED]: "Fixed",
      [ReportStatus.CLOSED]: "Closed",
      [ReportStatus.REJECTED]: "Rejected",
      [ReportStatus.DUPLICATE]: "Duplicate",
      [ReportStatus.EXPIRED]: "Expired",
    },
  },
  ru: {
    incidentStatus: {
      [IncidentStatus.UNSPECIFIED]: "Неизвестно",
      [IncidentStatus.NEW]: "Новый",
      [IncidentStatus.CONFIRMED]: "Подтверждён",
      [IncidentStatus.ASSIGNED]: "Назначен",
      [IncidentStatus.IN_PROGRESS]: "В работе",
      [IncidentStatus.RESOLVED]: "Устранён",
      [IncidentStatus.CLOSED]: "Закрыт",
      [IncidentStatus.REJECTED]: "Отклонён",
    },
    kind: {
      [IncidentKind.UNSPECIFIED]: "Неизвестно",
      [IncidentKind.CRASH]: "ДТП",
      [IncidentKind.STALL]: "Неподвижный автомобиль",
      [IncidentKind.HAZARD]: "Опасность",
      [IncidentKind.ROADWORK]: "Дорожные работы",
      [IncidentKind.WEATHER]: "Погода",
      [IncidentKind.CLOSURE]: "Перекрытие",
      [IncidentKind.INFRASTRUCTURE]: "Инфраструктура",
      [IncidentKind.EVENT]: "Мероприятие",
      [IncidentKind.OTHER]: "Другое",
    },
    priority: {
      [Priority.UNSPECIFIED]: "Неизвестно",
      [Priority.LOW]: "Низкий",
      [Priority.NORMAL]: "Обычный",
      [Priority.HIGH]: "Высокий",
      [Priority.CRITICAL]: "Критический",
    },
    direction: {
      [Direction.UNSPECIFIED]: "Не указано",
      [Direction.UNKNOWN]: "Неизвестно",
      [Direction.NORTHBOUND]: "На север",
      [Direction.EASTBOUND]: "На восток",
      [Direction.SOUTHBOUND]: "На юг",
      [Direction.WESTBOUND]: "На запад",
      [Direction.BOTH]: "В обе стороны",
    },
    lane: {
      [LaneState.UNSPECIFIED]: "Неизвестно",
      [LaneState.FREE]: "Свободна",
      [LaneState.AFFECTED]: "Затруднена",
      [LaneState.BLOCKED]: "Закрыта",
    },
    reportStatus: {
      [ReportStatus.UNSPECIFIED]: "Неизвестно",
      [ReportStatus.RECEIVED]: "Получено",
      [ReportStatus.ACCEPTED]: "Принято",
      [ReportStatus.IN_PROGRESS]: "В работе",
      [ReportStatus.FIXED]: "Исправлено",
      [ReportStatus.CLOSED]: "Закрыто",
      [ReportStatus.REJECTED]: "Отклонено",
      [ReportStatus.DUPLICATE]: "Повтор",
      [ReportStatus.EXPIRED]: "Истекло",
    },
  },
});

export const incidentTone: { readonly [key in IncidentStatus]: Tone } = {
  [IncidentStatus.UNSPECIFIED]: "neutral",
  [IncidentStatus.NEW]: "danger",
  [IncidentStatus.CONFIRMED]: "warn",
  [IncidentStatus.ASSIGNED]: "info",
  [IncidentStatus.IN_PROGRESS]: "info",
  [IncidentStatus.RESOLVED]: "good",
  [IncidentStatus.CLOSED]: "neutral",
  [IncidentStatus.REJECTED]: "neutral",
};

export const reportTone: { readonly [key in ReportStatus]: Tone } = {
  [ReportStatus.UNSPECIFIED]: "neutral",
  [ReportStatus.RECEIVED]: "warn",
  [ReportStatus.ACCEPTED]: "info",
  [ReportStatus.IN_PROGRESS]: "info",
  [ReportStatus.FIXED]: "good",
  [ReportStatus.CLOSED]: "neutral",
  [ReportStatus.REJECTED]: "danger",
  [ReportStatus.DUPLICATE]: "neutral",
  [ReportStatus.EXPIRED]: "neutral",
};

export const priorityTone: { readonly [key in Priority]: Tone } = {
  [Priority.UNSPECIFIED]: "neutral",
  [Priority.LOW]: "neutral",
  [Priority.NORMAL]: "info",
  [Priority.HIGH]: "warn",
  [Priority.CRITICAL]: "danger",
};

/** Statuses in which somebody still has to do something. */
export const OPEN_INCIDENTS: readonly IncidentStatus[] = [
  IncidentStatus.NEW,
  IncidentStatus.CONFIRMED,
  IncidentStatus.ASSIGNED,
  IncidentStatus.IN_PROGRESS,
];
export const OPEN_REPORTS: readonly ReportStatus[] = [
  ReportStatus.RECEIVED,
  ReportStatus.ACCEPTED,
  ReportStatus.IN_PROGRESS,
  ReportStatus.FIXED,
];
