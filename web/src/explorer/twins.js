// Another net beside the one that is shown: a second model, or the same one at some epochs of its training. It reads the
// same sequence with the same changes; the cursor is one, and what differs is coloured.

import { $, element, number, option } from "../dom.js";
import { changes, fitting } from "../edit.js";
import { Net } from "../gru.js";
import { linked } from "./link.js";
import { besideBy, data, name, net, on, sequence, sequences, show, view } from "./state.js";
import { edits } from "./whatif.js";

/** @type {any[]} as the page carries them */
let others = [];
/** @type {Map<number, Net>} those that were looked at */
const nets = new Map();
let at = -1;

/** The net beside, or null. @returns {any} */
export const twin = () => (at < 0 ? null : nets.get(at));
export const twinName = () => (at < 0 ? "" : others[at].name);
/** Whether a unit of the one is a unit of the other: only then gates can be compared one by one. */
export const alike = () => at >= 0 && ["units", "layers", "directions"].every((key) => twin()[key] === net[key]);
/** Whether the two answer a sequence differently. @param {number} i */
export const differs = (i) => Boolean(at >= 0 && others[at].differs && others[at].differs[i]);

/** What the plots draw the run against, and what they call it: the other net's, or else the run before a change. */
export function compared() {
  if (view.twin) return { run: view.twin, word: twinName() };
  return view.ghost ? { run: view.ghost, word: "before" } : null;
}

export function beginTwins() {
  others = data.twins;
  $("twins").hidden = !others.length;
  if (!others.length) return;
  option($("twin"), [[-1, "no other net"], ...others.map((one, k) => [k, one.name])], -1);
  Object.assign($("twin-slide"), { min: 0, max: others.length - 1, value: others.length - 1 });
  $("twin-slide-label").hidden = others.length < 2;
  besideBy(() => (at < 0 ? null : runOf(sequence())));
  $("twin").addEventListener("change", () => pickTwin(+$("twin").value));
  $("twin-slide").addEventListener("input", () => pickTwin(+$("twin-slide").value));
  linked("beside", () => (at < 0 ? null : String(at)), (text) => { if (/^\d+$/.test(text) && +text < others.length) pickTwin(+text); });
  on("run", say);
  pickTwin(-1);
}

/** @param {number} k -1: none */
export function pickTwin(k) {
  at = k;
  if (k >= 0 && !nets.has(k)) nets.set(k, new Net(others[k]));
  $("twin").value = String(k);
  if (k >= 0) $("twin-slide").value = String(k);
  $("twin-slide").setAttribute("aria-valuetext", k < 0 ? "no other net" : others[k].name);
  const kind = /** @type {any} */ (document.querySelector("#filter option[value=differ]"));
  if (kind) {
    const count = k < 0 ? 0 : others[k].differs.filter(Boolean).length;
    kind.hidden = kind.disabled = !count;
    kind.textContent = `where the two differ (${count})`;
    if ($("filter").value === "differ") {
      if (!count) $("filter").value = "all";
      $("filter").dispatchEvent(new Event("change")); // which are shown depends on it
      return;
    }
  }
  if (view.run) show(view.run, view.ghost);
}

/** The changes that fit the other net. */
export const twinEdits = () => fitting(edits(), twin(), sequence().steps);

const runOf = (s) => twin().run(s, changes(twinEdits(), twin(), s));

/** What a run ends with, in words, after others. @param {HTMLElement} host @param {string} word @param {any} run @param {string} key */
export function sayAnswer(host, word, run, key, whose = net) {
  const o = whose.leads(run.final);
  host.append(`${word} ${net.labels ? `${name(o)}, ` : ""}`);
  element("b", { "data-value": `${key}.${o}` }, host, number(run.final[o]));
}

// What each of them says, and how many of the page's sequences each has right.
function say() {
  const host = $("twin-says");
  host.replaceChildren();
  if (!view.twin) return;
  sayAnswer(host, `${twinName()}:`, view.twin, "twin", twin());
  sayAnswer(host, "; this net:", view.run, "now");
  const right = others[at].right;
  if (right !== null) {
    host.append(`. Of the ${sequences.length} sequences here ${twinName()} has `);
    element("b", { "data-count": "twin.right" }, host, String(right));
    host.append(" right, this net ");
    element("b", { "data-count": "own.right" }, host, String(sequences.filter((s) => s.right).length));
  }
  host.append(".");
  host.classList.toggle("turned", twin().leads(view.twin.final) !== net.leads(view.run.final));
}
