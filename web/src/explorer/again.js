// Find this again: the places in all sequences where the same units do the same; and what excites the chosen unit most.

import { $, brief, element, number, svg, whenVisible } from "../dom.js";
import { exciting, find, statesOf } from "../find.js";
import { chosenRange } from "./range.js";
import { percent, slowly } from "./slow.js";
import { H, choose, moveTo, net, on, pick, sequence, sequences, view } from "./state.js";
import { quick, unitsText } from "./whatif.js";

const AROUND = 9; // steps before and after a peak
let kept = { layer: -1, states: null };
const due = whenVisible(() => $("again"));

export function beginAgain() {
  $("again").hidden = !quick();
  if (!quick()) return;
  const again = () => due(work);
  on("range", (phase) => { if (phase !== "down" && phase !== "move") again(); });
  for (const what of ["unit", "look", "sequence"]) on(what, again);
  $("again-threshold").addEventListener("input", () => { $("again-out").textContent = brief(+$("again-threshold").value); again(); });
  $("again-here").addEventListener("click", again);
}

// The states of all sequences are worked out once for each layer.
function work() {
  if (kept.layer === view.layer) { draw(); return; }
  const layer = view.layer;
  slowly("states", statesOf(net, sequences, layer), (states) => { kept = { layer, states }; draw(); },
    (share) => { $("again-says").textContent = percent(share); });
}

function draw() {
  const range = chosenRange(), states = kept.states, host = $("again-table"), at = view.list[view.at];
  host.replaceChildren();
  host.hidden = !range || range.steps[0] >= sequence().steps;
  if (host.hidden) $("again-says").textContent = "Choose a range of steps above: drag with “chooses steps”, or hold Shift and press an arrow key.";
  else {
    const steps = /** @type {[number, number]} */ ([range.steps[0], Math.min(sequence().steps, range.steps[1])]);
    const found = find(states, H, at, steps, { threshold: +$("again-threshold").value });
    said(found, steps);
    if (found.places.length) rows(host, found, states, { sequence: at, steps, share: 1 });
    host.hidden = !found.places.length;
  }
  peaks(states);
}

function said(found, [a, b]) {
  const { units, signs, places } = found, of = (sign) => unitsText(units.filter((_, k) => signs[k] === sign));
  const names = [[1, "above"], [-1, "below"]].filter(([sign]) => of(sign)).map(([sign, word]) => `${of(sign)} ${word}`).join("; ");
  $("again-says").textContent = !units.length ? `No unit stays beyond the threshold over steps ${a + 1} to ${b}: lower it.` :
    `Over steps ${a + 1} to ${b}, ${units.length} of ${H} units stay beyond it (${names}). ${places.length ? `${places.length}${places.length === 50 ? " or more" : ""} places do the same:` : "No other place does the same."}`;
}

function rows(host, found, states, own) {
  const head = element("tr", {}, element("thead", {}, host));
  for (const text of ["agrees", "sequence", "steps", "is", "says", "the units, turned to their side"]) element("th", { scope: "col" }, head, text);
  const body = element("tbody", {}, host);
  for (const place of [own, ...found.places]) {
    const row = element("tr", place === own ? { class: "own" } : {}, body), s = sequences[place.sequence], [a, b] = place.steps;
    element("td", { "data-share": "" }, row, `${Math.floor(100 * place.share)} %`);
    const link = element("button", { type: "button" }, element("td", {}, row), s.id);
    link.addEventListener("click", () => go(place.sequence, a));
    element("td", {}, row, `${a + 1}–${b}`);
    element("td", {}, row, s.truth ?? "");
    element("td", {}, row, s.says);
    strip(element("td", {}, row), states[place.sequence], found, place.steps);
  }
}

// Each unit's state from some steps before the range to some after it, in one small picture: all aligned at its begin.
function strip(host, h, { units, signs }, [a, b], pad = 4) {
  const wide = b - a + 2 * pad, T = h.length / H;
  const root = svg("svg", { viewBox: `0 0 ${wide} 20`, class: "strip", preserveAspectRatio: "none", "aria-hidden": "true" }, host);
  svg("rect", { x: pad, y: 0, width: b - a, height: 20, class: "range" }, root);
  svg("path", { d: `M0 10H${wide}`, class: "zero" }, root);
  for (const [k, u] of units.slice(0, 12).entries()) {
    let d = "";
    for (let i = 0; i < wide; i++) {
      const t = a - pad + i;
      if (t >= 0 && t < T) d += `${d ? "L" : "M"}${i + 0.5} ${(10 - 9.5 * signs[k] * h[t * H + u]).toFixed(2)}`;
    }
    svg("path", { d, class: "unit" }, root);
  }
}

function peaks(states) {
  const host = $("exciting"), u = view.unit;
  host.replaceChildren();
  $("exciting-unit").textContent = String(u);
  for (const p of exciting(states, H, u)) {
    const item = element("li", {}, host), s = sequences[p.sequence], h = states[p.sequence];
    const link = element("button", { type: "button" }, item);
    link.addEventListener("click", () => { go(p.sequence, p.step); pick(u); });
    link.append(`${s.id}, step ${p.step + 1}: `);
    element("b", { class: "tick" }, link, number(p.value));
    if (s.truth !== null && net.task !== "tag") link.append(`, is ${s.truth}`);
    const one = { units: [u], signs: [1] };
    strip(item, h, one, [p.step, p.step + 1], AROUND);
  }
}

/** To a step of a sequence, whatever the filter shows. */
function go(i, t) {
  if (!view.list.includes(i)) {
    $("filter").value = "all";
    $("filter").dispatchEvent(new Event("change"));
  }
  choose(view.list.indexOf(i));
  moveTo(t);
}
