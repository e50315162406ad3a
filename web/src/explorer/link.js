// The view in the address: sequence, step, layer, unit, gate and what else was chosen; a link brings another to the same.

import { $ } from "../dom.js";
import { dark } from "../palette.js";
import { choose, moveTo, net, on, pick, sequence, sequences, setTheme, tell, view } from "./state.js";

/** @type {Map<string, {get: () => string | null, set: (text: string) => void}>} */
const parts = new Map();

/**
 * What else belongs to the address, under a name: `get` gives its text, or null where it is as at the start.
 * @param {string} name @param {() => string | null} get @param {(text: string) => void} set
 */
export function linked(name, get, set) { parts.set(name, { get, set }); }

const whole = (text, most) => (/^\d+$/.test(text ?? "") ? Math.min(most, +text) : null);
const chosen = (id) => ({ get: () => ($(id).selectedIndex > 0 ? $(id).value : null),
  set: (text) => { if (Array.from($(id).options).some((o) => o.value === text)) $(id).value = text; } });
let timer = 0, writing = false;

/** @returns {string} */
export function fragment() {
  const said = new URLSearchParams({ sequence: String(sequence().at), step: String(view.t + 1), unit: String(view.asked) });
  if (view.layer) said.set("layer", String(view.layer));
  if (view.gate !== "z") said.set("gate", view.gate);
  for (const [name, part] of parts) {
    const text = part.get();
    if (text !== null) said.set(name, text);
  }
  return `#${said}`;
}

/** Go where a fragment says, as far as this page has it. @param {string} text */
export function follow(text) {
  const said = new URLSearchParams(text.replace(/^#/, ""));
  const layer = whole(said.get("layer"), net.layers * net.directions - 1), unit = whole(said.get("unit"), net.units - 1), step = whole(said.get("step"), 1e9);
  view.layer = layer ?? view.layer;
  if (Array.from($("gate").options).some((o) => o.value === said.get("gate"))) $("gate").value = view.gate = said.get("gate");
  $("layer").value = String(view.layer);
  for (const [name, part] of parts) if (said.has(name) && name !== "edits") part.set(said.get(name));
  const place = view.list.findIndex((i) => String(sequences[i].at) === said.get("sequence"));
  choose(place >= 0 ? place : view.at);
  if (unit !== null) pick(unit);
  if (step !== null) moveTo(step - 1);
  if (said.has("edits") && parts.has("edits")) parts.get("edits").set(said.get("edits"));
  tell("look");
}

/** Restore what the address says, and keep it up to date from then on. */
export function keepAddress() {
  for (const id of ["order", "shows", "target", "nudged"]) linked(id, chosen(id).get, chosen(id).set);
  const system = dark() ? "dark" : "light";
  linked("theme", () => ((dark() ? "dark" : "light") === system ? null : document.documentElement.dataset.theme),
    (text) => { if (text === "dark" || text === "light") setTheme(text); });
  // A page inside another one's frame has no address of its own.
  if (location.protocol === "about:") { $("link").hidden = true; return; }
  if (location.hash.length > 1) follow(location.hash);
  const write = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => { if (location.hash !== fragment()) { writing = true; history.replaceState(null, "", fragment()); writing = false; } }, 300);
  };
  for (const what of ["run", "step", "unit", "look", "theme"]) on(what, write);
  window.addEventListener("hashchange", () => { if (!writing && location.hash.length > 1 && location.hash !== fragment()) follow(location.hash); });
}
