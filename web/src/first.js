// Runs before anything is painted, as a file of its own because the policy of the page allows no script within it: the
// reader's language and colours, and on the city's page its first words, so that there is something to read while the
// app is being fetched. `i18n/locale.ts` and `theme/theme.ts` go on from here.
{
  const root = document.documentElement;
  const chosen = localStorage.getItem("kvartal.locale");
  const languages = [chosen ?? "", ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  root.lang = languages.find((language) => language === "ru" || language === "en") ?? "ru";

  const theme = localStorage.getItem("kvartal.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = theme === "light" || theme === "dark" ? theme : dark ? "dark" : "light";

  // As `citizen/citizen.text.ts` has them.
  const words = {
    en: ["The city now", "What is happening on the streets, and what is being done about it."],
    ru: ["Город сейчас", "Что происходит на улицах и что с этим делают."],
  };
  // When the whole of index.html has been read, and nothing else yet.
  const show = () => {
    const [title, lead] = words[root.lang];
    const page = document.querySelector("#root > .page");
    page?.insertAdjacentHTML(
      "afterbegin",
      `<div class="page-head"><div><p class="title">${title}</p><p class="lead">${lead}</p></div></div>`,
    );
  };
  if (location.pathname === "/") document.addEventListener("readystatechange", show, { once: true });
}
