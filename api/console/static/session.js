// Warns two minutes before the session ends, makes it last without leaving the page, and leaves when it is over.
"use strict";
(() => {
  const WARN = 120, box = document.getElementById("session"), form = document.forms.extend;
  const first = +document.body.dataset.sessionEndsIn;
  if (!box || !first) return;
  const warning = document.getElementById("session-warning");
  let end, timer;

  const plan = (left) => {
    end = Date.now() + left * 1000;
    const isEnding = left <= WARN;
    warning.hidden = !isEnding;
    box.classList.toggle("is-ending", isEnding);
    clearTimeout(timer);
    timer = setTimeout(ask, (isEnding ? left + 1 : left - WARN) * 1000);
  };
  // Another window may have used the session, and this computer may have slept: the server knows what is left.
  const ask = () => fetch("/session").then(async (answer) => {
    if (answer.status === 401) location.replace("/signed-out");
    else if (answer.ok) plan(Number(await answer.text()));
    else throw new Error(answer.status);
  }).catch(() => { timer = setTimeout(ask, 15000); });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) })
      .then((answer) => answer.ok ? ask() : form.submit(), () => form.submit());
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() > end - WARN * 1000) ask();
  });
  plan(first);
})();
