// Words of the page about deliveries.
import { DeliveryState } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { defineText } from "~/i18n/text";
import { kindsText } from "./kinds.text";

const enStates: { readonly [state in DeliveryState]: string } = {
  [DeliveryState.UNSPECIFIED]: "unknown",
  [DeliveryState.PENDING]: "waiting",
  [DeliveryState.DELIVERED]: "delivered",
  [DeliveryState.FAILED]: "failed",
  [DeliveryState.SUPPRESSED]: "not sent",
};
const ruStates: { readonly [state in DeliveryState]: string } = {
  [DeliveryState.UNSPECIFIED]: "неизвестно",
  [DeliveryState.PENDING]: "ждёт",
  [DeliveryState.DELIVERED]: "доставлено",
  [DeliveryState.FAILED]: "не удалось",
  [DeliveryState.SUPPRESSED]: "не отправлялось",
};

export const deliveriesText = defineText({
  en: {
    ...kindsText.en,
    title: "Deliveries",
    lead: "Every message to every receiver by every channel, with the reason where it did not arrive.",
    kind: "Message",
    receiver: "To",
    receiverId: "To (id of the account)",
    noUuid: "An id looks like 0198c0de-0000-7000-8000-000000000001",
    noAccount: "an address without an account",
    state: "State",
    anyState: "Any state",
    states: enStates,
    attempts: "Attempts",
    lastError: "Last error",
    created: "Asked for",
    next: "Next attempt",
    retry: "Try again",
    retried: "It is tried again",
    empty: "Nothing was sent",
  },
  ru: {
    ...kindsText.ru,
    title: "Отправки",
    lead: "Каждое письмо каждому получателю каждым способом, с причиной, если не дошло.",
    kind: "Письмо",
    receiver: "Кому",
    receiverId: "Кому (номер учётной записи)",
    noUuid: "Номер выглядит так: 0198c0de-0000-7000-8000-000000000001",
    noAccount: "адрес без учётной записи",
    state: "Состояние",
    anyState: "Любое состояние",
    states: ruStates,
    attempts: "Попыток",
    lastError: "Последняя ошибка",
    created: "Запрошено",
    next: "Следующая попытка",
    retry: "Повторить",
    retried: "Отправляется снова",
    empty: "Ничего не отправляли",
  },
});
