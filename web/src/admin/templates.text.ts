// Words of the page about messages to people.
import { defineText } from "~/i18n/text";
import { kindsText } from "./kinds.text";

export const templatesText = defineText({
  en: {
    ...kindsText.en,
    title: "Messages to people",
    lead: "Each kind of message with example data, as it is shown on the page and as it is mailed.",
    kind: "Kind",
    language: "Language of the message",
    russian: "Russian",
    english: "English",
    sendTest: "Send me one",
    sent: "Sent; it is among your notifications",
    suppressed: "Your own settings keep this kind away from your notifications",
    inApp: "On the page",
    byMail: "By e-mail",
    subject: "Subject:",
  },
  ru: {
    ...kindsText.ru,
    title: "Письма людям",
    lead: "Каждый вид письма с примерными данными: как он выглядит на странице и в почте.",
    kind: "Вид",
    language: "Язык письма",
    russian: "Русский",
    english: "Английский",
    sendTest: "Отправить мне",
    sent: "Отправлено; посмотрите в уведомлениях",
    suppressed: "Ваши настройки не пропускают такие уведомления",
    inApp: "На странице",
    byMail: "По почте",
    subject: "Тема:",
  },
});
