// Who made this: each step's influence on each later answer, and what a gate's sum is made of.

import { $, element, number, option, whenVisible } from "../dom.js";
import { influence, sources } from "../find.js";
import { diverging } from "../palette.js";
import { bars, heatMap, overSteps } from "../plots.js";
import { percent, slowly, stop } from "./slow.js";
import { D, backward, data, moveTo, name, net, on, pick, sequence, view } from "./state.js";
import * as whatif from "./whatif.js";

const MOST = 6e10; // multiplications that are begun without being asked
let found = null, wire = "x", gate = "z", timer = 0;
const due = whenVisible(() => $("influence"));

export function beginInfluence() {
  $("sources").hidden = !whatif.possible();
  if (whatif.possible()) beginSources();
  $("influence").hidden = !whatif.quick();
  if (!whatif.quick()) return;
  on("run", () => { clearTimeout(timer); stop("influence"); found = null; timer = window.setTimeout(() => due(again), 400); });
  on("step", () => { if (found) mark(); });
  on("theme", () => { if (found) draw(); });
  $("influence-go").addEventListener("click", start);
}

function beginSources() {
  option($("source-gate"), [["z", "the update gate z"], ["r", "the reset gate r"], ["n", "the candidate h̃"]], gate);
  option($("source-wire"), [["x", "the input"], ["h", "the old state"]], wire);
  for (const id of ["source-gate", "source-wire"]) $(id).addEventListener("change", () => choose($("source-gate").value, $("source-wire").value));
  for (const what of ["run", "step", "unit", "look"]) on(what, list);
  $("cell").addEventListener("click", (e) => {
    const node = /** @type {Element} */ (e.target).closest("[data-wire], [data-gate]");
    if (!node) return;
    const g = node.getAttribute("data-gate"), w = node.getAttribute("data-wire");
    const of = { r: "r", z: "z", z_keep: "z", z_add: "z", n: "n", added: "n", rh: "n", h_rh: "n" };
    choose(g || of[w] || gate, w === "x" ? "x" : w === "h" || w === "h_rh" || w === "rh" ? "h" : wire);
    $("sources").scrollIntoView({ block: "nearest" });
  });
}

function again() {
  const s = sequence(), each = s.steps * net.layers * D * 3 * net.units * (net.units + net.inputs);
  $("influence-go").hidden = each * s.steps < MOST;
  if (each * s.steps < MOST) start();
}

function start() {
  $("influence-go").hidden = true;
  slowly("influence", influence(net, sequence(), whatif.here()), (rows) => { found = rows; $("influence-says").textContent = ""; draw(); },
    (share) => { $("influence-says").textContent = percent(share); });
}

function draw() {
  const T = sequence().steps, host = $("c-influence"), last = found[0].length === 1;
  let most = 1e-12;
  for (const row of found) for (const v of row) most = Math.max(most, Math.abs(v));
  const unit = net.labels ? "the probability of what it says there" : "the answer there";
  $("influence-says").textContent = last ? "This net has no answer before the end: how much each step changed the final one." :
    `A row is a step that is blanked, a column an answer; vermilion: without the step ${unit} is smaller. The strongest colour stands for ${number(most)}.`;
  if (last) {
    bars(host, { title: "How much each step changed the answer", height: 140, left: 50, values: found.map((r) => r[0]), x: overSteps(T), y: { ticks: 3 } });
    return;
  }
  const read = (x, y) => {
    const t = Math.floor(x), s = Math.floor(y);
    if (t < 0 || s < 0 || t >= T || s >= T) return null;
    const o = net.labels && view.run.best(t) >= 0 ? ` (${name(view.run.best(t))})` : "";
    return { text: `step ${s + 1} on the answer at step ${t + 1}${o}: ${number(found[s][t])}` };
  };
  const chart = heatMap(host, {
    title: "How much each step changed the answer at each later step", height: Math.max(160, Math.min(420, T * 5 + 40)), left: 50, rows: T, steps: T,
    value: (s, t) => found[s][t] / most, colour: diverging, x: { ...overSteps(T), label: "answer at step" }, y: { label: "step that is blanked" }, rowName: (s) => String(s + 1), read,
  });
  chart.table = () => [["step", ...found.map((_, t) => `answer at step ${t + 1}`)], ...found.map((row, s) => [s + 1, ...row])];
  chart.svg.style.cursor = "pointer";
  chart.svg.addEventListener("click", (e) => moveTo(Math.floor(chart.where(e.clientX, e.clientY)[1])));
  host.querySelector("svg").setAttribute("data-most", String(most));
  shown = chart;
  mark();
}

let shown = null;
function mark() {
  if (!shown || found[0].length === 1) return;
  shown.box("row-mark", 0, sequence().steps, view.t, view.t + 1);
  shown.box("cursor", view.t, view.t + 1);
}

/** @param {string} g @param {string} w */
function choose(g, w) {
  [gate, wire] = [g, w];
  $("source-gate").value = g;
  $("source-wire").value = w;
  list();
}

// The largest products of the wire, and what they come from.
function list() {
  if (!view.run) return; // it is on its way
  const host = $("source-list"), first = view.layer < D, all = sources(net, view.run, view.layer, view.unit, view.t, /** @type {any} */ (gate), /** @type {any} */ (wire));
  host.replaceChildren();
  const old = backward() ? "t+1" : "t−1", below = (i) => `unit ${i % net.units} below${D === 2 ? (i < net.units ? ", forward" : ", backward") : ""}`;
  all.slice(0, 8).forEach((p, k) => {
    const item = element("li", {}, host), label = wire === "h" ? `${gate === "n" && net.reset === "before" ? "r ∘ h" : "h"} of unit ${p.index}` : first ? data.features[p.index] : below(p.index);
    if (wire === "h") element("button", { type: "button" }, item, label).addEventListener("click", () => pick(p.index));
    else element("span", {}, item, label);
    item.append(": weight ");
    element("span", { "data-value": `source.${k}.weight` }, item, number(p.weight));
    item.append(" × ");
    element("span", { "data-value": `source.${k}.from` }, item, number(p.from));
    item.append(" = ");
    element("b", { "data-value": `source.${k}.value` }, item, number(p.value));
  });
  const rest = all.slice(8).reduce((a, p) => a + p.value, 0);
  $("source-says").textContent = `${wire === "h" ? `Old state at ${old}` : first ? "Input, as the net sees it" : "States of the layer below"}; ` +
    (all.length > 8 ? `the other ${all.length - 8} add up to ` : "nothing is left out");
  if (all.length > 8) element("b", { "data-value": "source.rest" }, $("source-says"), number(rest));
  $("source-says").append(".");
}
