// Keeps the start page's numbers fresh: asks for /start.json every two seconds and replaces what has changed.
"use strict";
(() => {
  const page = document.documentElement;
  const button = document.getElementById("pause");
  const notice = document.getElementById("notice");
  const known = new Map();
  let paused = false;
  let lost = false;

  const show = (id, html) => {
    const element = document.getElementById(id);
    if (!element || known.get(id) === html) return;
    known.set(id, html);
    element.innerHTML = html;
  };

  const refresh = async () => {
    if (paused || document.hidden) return;
    try {
      const answer = await fetch("/start.json?lang=" + page.lang, { signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      for (const [id, html] of Object.entries(data.fragments)) show(id, html);
      if (lost) notice.textContent = "";
      lost = false;
    } catch {
      // Said once, so that a screen reader does not repeat it every two seconds.
      if (!lost) notice.textContent = notice.dataset.lost;
      lost = true;
    }
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? button.dataset.resume : button.dataset.pause;
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);

  const tick = async () => {
    await refresh();
    setTimeout(tick, 2000);
  };
  setTimeout(tick, 2000);
})();
