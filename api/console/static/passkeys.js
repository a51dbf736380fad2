// Asks an authenticator when a button with data-passkey is pressed, and sends its answer with the button's form.
// Parts with data-passkey-part stay hidden where there are no passkeys; then the page works without.
"use strict";
(() => {
  const api = window.PublicKeyCredential;
  if (!api || !api.parseCreationOptionsFromJSON || !api.parseRequestOptionsFromJSON) return;

  const ask = (kind, options) => kind === "create"
    ? navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: api.parseRequestOptionsFromJSON(options) });

  const run = async (form, button) => {
    const said = form.querySelector("[data-passkey-said]");
    const texts = button.dataset;
    button.disabled = true;
    said.textContent = texts.waiting;
    try {
      const credential = await ask(texts.passkey, JSON.parse(texts.options));
      form.elements[texts.field].value = JSON.stringify(credential.toJSON());
      HTMLFormElement.prototype.submit.call(form); // a field of the form may be called submit
    } catch (error) {
      said.textContent = error.name === "InvalidStateError" ? texts.stands : texts.failed;
      button.disabled = false;
    }
  };

  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.form.addEventListener("submit", (event) => {
      if (event.submitter !== button) return;
      event.preventDefault();
      run(button.form, button);
    });
  }
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
})();
