// Esc, whatever has the focus: an empty page at once; then the server is told, and neutral notes open.
"use strict";
(() => {
  const form = document.getElementById("panic");
  const hide = () => [...document.images].map((one) => one.removeAttribute("src"));
  const leave = (event) => {
    const body = new URLSearchParams(new FormData(form));
    event.preventDefault();
    event.stopImmediatePropagation();
    hide();
    document.title = form.dataset.title;
    document.body.replaceChildren();
    navigator.sendBeacon("/panic", body);
    location.replace("/notes");
  };
  addEventListener("keydown", (event) => event.key === "Escape" && leave(event), true);
  form.onsubmit = leave;
  onpagehide = hide;
  onpageshow = (event) => event.persisted && location.reload();
})();
