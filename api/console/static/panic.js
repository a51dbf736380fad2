// Esc, whatever has the focus: an empty page at once; then the server is told, and neutral notes open.
"use strict";
(() => {
  const hide = () => [...document.images].map((one) => one.removeAttribute("src"));
  const leave = (event) => {
    const form = document.forms.panic;
    event.preventDefault();
    event.stopImmediatePropagation();
    hide();
    if (form) {
      document.title = form.dataset.title;
      navigator.sendBeacon("/panic", new URLSearchParams(new FormData(form)));
      document.body.replaceChildren();
    }
    location.replace("/notes");
  };
  addEventListener("keydown", (event) => event.key === "Escape" && leave(event), true);
  onsubmit = (event) => event.target.id !== "panic" || leave(event);
  onpagehide = hide;
  onpageshow = (event) => event.persisted && location.reload();
})();
