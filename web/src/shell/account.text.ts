// Words of the pages about the reader's account.
import { defineText } from "~/i18n/text";

export const accountText = defineText({
  en: {
    signIn: "Sign in",
    email: "E-mail",
    password: "Password",
    demo: "Demo accounts",
    demoLead: "This is a demonstration: anybody may try every role with one click.",
  },
  ru: {
    signIn: "Вход",
    email: "Электронная почта",
    password: "Пароль",
    demo: "Учётные записи для пробы",
    demoLead: "Это демонстрация: любую роль можно попробовать одним нажатием.",
  },
});
