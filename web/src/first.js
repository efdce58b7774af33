// Runs before anything is painted, as a file of its own because the policy of the page allows no script within it: the
// reader's language and colours, and on pages where people begin the first words, so that there is something to read
// while the app is being fetched. `i18n/locale.ts` and `theme/theme.ts` go on from here.
{
  const root = document.documentElement;
  const chosen = localStorage.getItem("kvartal.locale");
  const languages = [chosen ?? "", ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  root.lang = languages.find((language) => language === "ru" || language === "en") ?? "ru";

  const theme = localStorage.getItem("kvartal.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = theme === "light" || theme === "dark" ? theme : dark ? "dark" : "light";

  // Of the pages where people begin, as their texts have them; a story compares.
  const pages = {
    "/": {
      width: "normal",
      en: ["The city now", "What is happening on the streets, and what is being done about it."],
      ru: ["Город сейчас", "Что происходит на улицах и что с этим делают."],
    },
    "/map": {
      width: "wide",
      en: ["Map of the city", "Incidents and reports; the list beside it says the same."],
      ru: ["Карта города", "Инциденты и сообщения; в списке рядом — то же самое."],
    },
    "/report": {
      width: "narrow",
      en: ["Report a problem", "A photo, a place, what it is about: done. No account is needed."],
      ru: ["Сообщить о проблеме", "Снимок, место, о чём речь — и готово. Учётная запись не нужна."],
    },
    "/reports": {
      width: "normal",
      en: ["Reports", "What citizens have reported and what became of it."],
      ru: ["Сообщения", "О чём сообщили жители и что из этого вышло."],
    },
    "/sign-in": {
      width: "narrow",
      en: [
        "Sign in",
        "You can look around and report without an account. With one you follow what becomes of it.",
      ],
      ru: [
        "Вход",
        "Смотреть и сообщать можно без учётной записи. С ней удобнее следить, что стало с вашим сообщением.",
      ],
    },
  };
  const page = pages[location.pathname];
  // When the whole of index.html has been read, and nothing else yet.
  const show = () => {
    const [title, lead] = page[root.lang];
    const frame = document.querySelector("#root > .page");
    if (!frame) return;
    frame.className = `page page-${page.width}`;
    frame.insertAdjacentHTML(
      "afterbegin",
      `<div class="page-head"><div><p class="title">${title}</p><p class="lead">${lead}</p></div></div>`,
    );
  };
  if (page) document.addEventListener("readystatechange", show, { once: true });
}
