// Review and queue: a look lasts while it is held, keys press what is shown, an item stays open while somebody is
// here. Nothing clear is asked for before it is wanted, or kept after.
"use strict";
(() => {
  const all = (what) => [...document.querySelectorAll(what)], one = (what) => all(what)[0];
  const shown = (what) => all(what).find((node) => node.checkVisibility());
  const on = (names, act, ...more) => names.split(" ").forEach((name) => addEventListener(name, act, ...more));
  const room = one("#review"), keys = one("#keys"), texts = room?.dataset || {};
  const isToggle = texts.by === "toggle", csrf = one("[name=csrf]").value;
  const say = (text) => { one("#said").textContent = text; };
  const send = (address, fields) => fetch(address, {
    method: "POST", keepalive: true, headers: { Accept: "application/json" },
    body: new URLSearchParams({ csrf, ...fields }),
  });

  // Two pictures lie upon each other; hiding takes the clear one away.
  let wanted = 0, count = 0, held, clear, look, began, timer;
  const hide = () => {
    wanted = 0;
    clearTimeout(timer);
    if (!clear) return;
    const ms = began ? Math.round(performance.now() - began) : 0;
    const line = clear.closest("article").querySelector(".seen");
    clear.hidden = true;
    clear.removeAttribute("src");
    clear = began = null;
    line.dataset.ms = +line.dataset.ms + ms;
    line.textContent = texts.seen.replace("{seconds}", Math.ceil(line.dataset.ms / 1000));
    send(`${texts.looks}/${look}/end`, { ms }).catch(() => {});
  };
  const show = async (button) => {
    hide();
    const mine = wanted = ++count;
    try {
      const answer = await send(button.form.action, { rendering: button.value }), said = await answer.json();
      if (wanted !== mine) return; // let go already
      if (!answer.ok) throw said;
      look = said.look;
      clear = button.closest("article").querySelector(".clear");
      clear.src = `${texts.looks}/${said.token}`;
      await clear.decode();
      if (wanted !== mine) return;
      began = performance.now();
      clear.hidden = false;
      timer = setTimeout(hide, 1000 * (isToggle ? texts.toggled : texts.longest));
    } catch (fault) {
      if (wanted !== mine) return;
      hide();
      say(fault.error || texts.failed);
    }
  };
  const press = (button) => isToggle && wanted ? hide() : show(button);
  const release = () => isToggle || hide();

  const tiles = all("[data-tile]"), of = (tile) => one(tile.hash);
  const choose = (tile) => {
    hide();
    for (const other of tiles) {
      of(other).hidden = other !== tile;
      other.ariaCurrent = other === tile || null;
    }
  };
  const step = (by) => {
    const list = room ? tiles : all("[data-row]"), here = document.activeElement;
    const next = list[list.findIndex((item) => room ? !of(item).hidden : item.contains(here)) + by];
    if (!room) next?.querySelector("a, button").focus();
    else if (next) { choose(next); say(next.title); }
  };
  const click = (key) => {
    let found = shown(`[data-key="${CSS.escape(key)}" i]`);
    if (!found) return;
    if (found.matches("details")) found = found.firstChild;
    found.matches("textarea") ? found.focus() : found.click();
    if (found.labels?.[0]) say(found.labels[0].textContent);
    return true;
  };
  on("keydown", (event) => {
    const { key, target, ctrlKey, shiftKey } = event, low = key.toLowerCase();
    const isPlain = keys && target.matches("body, main");
    if (ctrlKey && key === "Enter" && target.form) return click("enter");
    if (ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    if (target.matches("textarea, select, input:not([type=radio], [type=checkbox])")) return;
    let button = /^( |Enter)$/.test(key) && target.closest("[data-look]");
    if (key === " " && (button ? shiftKey : isPlain)) button = shown(`[data-look=${shiftKey ? "colour" : "grey_half"}]`);
    if (keys && low === "v") button = shown("[data-look=sheet]");
    if (button) {
      if (!event.repeat) press(button);
      held = event.code;
    } else if (!keys || event.repeat || key === "Enter" && !isPlain) return;
    else if (/^[jk]$/.test(low)) step(low === "j" ? 1 : -1);
    else if (low === "o" && target.closest("[data-row]")) target.click();
    else if (!click(low)) return;
    event.preventDefault();
  });
  on("keyup", (event) => event.code === held && release());
  on("blur pagehide", hide);
  on("visibilitychange", () => document.hidden && hide());
  on("click", (event) => event.target.closest("[data-key='?']") && keys.showModal());
  if (!room) return;

  for (const tile of tiles) tile.onclick = (event) => { event.preventDefault(); choose(tile); };
  const first = tiles.find((tile) => tile.hash === location.hash) || one("[data-first]");
  if (first) choose(first);
  // Another form gets an empty copy of the one detail panel.
  const panel = one("details.detail")?.outerHTML.replace(" ", " open ");
  if (panel) for (const link of all("[data-detail]")) link.onclick = (event) => {
    const id = link.dataset.detail;
    event.preventDefault();
    link.parentNode.outerHTML = panel.replaceAll(/judge-\d+-/g, id);
    for (const field of all(`#${id}detail :is(input, select)`)) field.value = "";
    if (event.isTrusted) one(`#${id}detail`).firstChild.focus();
  };
  on("pointerdown", (event) => {
    const button = event.target.closest("[data-look]");
    if (button && !event.button) press(button);
  });
  on("pointerup pointercancel", release);
  on("contextmenu submit", (event) => event.target.closest("[data-reveal]") && event.preventDefault());
  if (!texts.beat) return;

  // Who is away for long finds the page hidden.
  let last = Date.now();
  on("keydown pointerdown wheel", () => { last = Date.now(); }, true);
  const beat = setInterval(async () => {
    const isAway = Date.now() - last > texts.idle * 1000;
    if (!isAway && (document.hidden || (await send(texts.beat).catch(() => 0)).status !== 403)) return;
    clearInterval(beat);
    hide();
    room.hidden = true;
    one("#asleep").hidden = false;
    one("#asleep button").focus();
  }, 60000);
})();
