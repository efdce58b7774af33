// Words of the page about services.
import { EndpointState } from "~/gen/kvartal/operations/v1/operations_pb.js";
import { defineText } from "~/i18n/text";

interface ServicesText {
  title: string;
  lead: string;
  allWell: string;
  someIll: (names: string) => string;
  version: string;
  serving: string;
  notServing: string;
  silent: string;
  failedTasks: string;
  dependencies: string;
  optional: string;
  up: string;
  down: string;
  since: string;
  lastError: string;
  ways: string;
  sameProcess: string;
  endpoint: { readonly [state in EndpointState]: string };
  load: (connections: number, pending: number, ejections: number) => string;
}

export const servicesText = defineText<ServicesText>({
  en: {
    title: "Services",
    lead: "How each service is, what it depends on, and how the platform reaches it. Asked every five seconds.",
    allWell: "Every service takes calls",
    someIll: (names) => `Not well: ${names}`,
    version: "Version",
    serving: "takes calls",
    notServing: "takes no calls",
    silent: "does not answer",
    failedTasks: "Tasks that panicked; start the process again",
    dependencies: "Depends on",
    optional: "(works without it)",
    up: "answers",
    down: "does not answer",
    since: "since",
    lastError: "last error",
    ways: "Ways to it",
    sameProcess: "It runs in the same process.",
    endpoint: {
      [EndpointState.UNSPECIFIED]: "unknown",
      [EndpointState.OPEN]: "open",
      [EndpointState.SHUT]: "taken out",
      [EndpointState.PROBING]: "on probation",
    },
    load: (connections, pending, ejections) =>
      `connections ${connections}, calls ${pending}, taken out ${ejections} times`,
  },
  ru: {
    title: "Сервисы",
    lead: "Как работает каждый сервис, от чего зависит и как платформа до него доходит. Обновляется каждые пять секунд.",
    allWell: "Все сервисы принимают вызовы",
    someIll: (names) => `Не в порядке: ${names}`,
    version: "Версия",
    serving: "принимает вызовы",
    notServing: "не принимает вызовы",
    silent: "не отвечает",
    failedTasks: "Задачи упали; перезапустите процесс",
    dependencies: "Зависит от",
    optional: "(работает и без этого)",
    up: "отвечает",
    down: "не отвечает",
    since: "с тех пор:",
    lastError: "последняя ошибка",
    ways: "Пути к сервису",
    sameProcess: "Работает в том же процессе.",
    endpoint: {
      [EndpointState.UNSPECIFIED]: "неизвестно",
      [EndpointState.OPEN]: "открыт",
      [EndpointState.SHUT]: "исключён",
      [EndpointState.PROBING]: "на испытании",
    },
    load: (connections, pending, ejections) =>
      `соединений: ${connections}, вызовов: ${pending}, исключался раз: ${ejections}`,
  },
});
