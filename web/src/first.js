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

  // The build puts what `first.words.ts` says in this place.
  /* global FIRST_WORDS */
  const page = FIRST_WORDS[location.pathname];
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
