// The start, and what the controls do.

import { CellDiagram } from "../cell.js";
import { $, element, option } from "../dom.js";
import { nudged } from "../gradients.js";
import { dark, refresh } from "../palette.js";
import { charts } from "../plots.js";
import { forgetWidths } from "../width.js";
import { follow } from "./contributions.js";
import { drawCharts, markUnit, table } from "./charts.js";
import { beginControls, dragged, extend, letGo } from "./controls.js";
import { Equations } from "./equations.js";
import { showNumbers } from "./numbers.js";
import { keepAddress } from "./link.js";
import { menus } from "./menu.js";
import { drawNudge, forgetNudge } from "./nudge.js";
import { Playground } from "./playground.js";
import { beginAgain } from "./again.js";
import { beginInfluence } from "./influence.js";
import { beginSentence } from "./sentence.js";
import { beginSpace } from "./space.js";
import { beginTwins, twin } from "./twins.js";
import * as state from "./state.js";
import { D, H, choose, data, layerName, moveTo, net, on, open, pick, pickLayer, pickRow, sequence, sequences, setTheme, tell, timeScales, view } from "./state.js";
import { GATES, OVER_TIME, drawContributions, drawInput, drawTracks, placeCursor } from "./tracks.js";
import { fillSequences, showTargets, showVerdict } from "./verdict.js";

let timer = 0;

/** @param {string} script the page's own script */
export function start(script) {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  open($("data").textContent, script);
  Object.assign(window, { gruvy: window_() });
  $("summary").textContent = data.summary;
  $("notes").replaceChildren(...data.notes.map((text) => element("li", {}, null, text)));
  const diagram = new CellDiagram($("cell"), net), equations = new Equations($("equations"), net), playground = new Playground(net, data.features);
  charts.set($("cell"), /** @type {any} */ ({ svg: diagram.root, table: () => [["number", "value"], ...Object.entries(diagram.numbers)] }));
  const numbers = () => { if (!view.run) return; placeCursor(); showNumbers(diagram, equations, playground); drawNudge(); };
  fill();
  table();
  listen();
  printed();
  on("run", () => { $("step").max = sequence().steps; showTargets(); showVerdict(); drawTracks(); numbers(); });
  on("step", () => { if (!view.run) return; numbers(); follow(() => { drawContributions(); if ($("shows").value === "c") drawInput(); numbers(); }); });
  on("unit", () => { numbers(); markUnit(); });
  on("look", () => { $("layer").value = view.layer; if (view.run) { drawTracks(); placeCursor(); } });
  on("busy", busy);
  on("theme", () => { refresh(); forgetWidths(); forgetNudge(); nameTheme(); if (view.run) { drawCharts(); drawTracks(); numbers(); } });
  view.asked = view.unit = net.unitOf(0, net.rowOf(0, firstUnit()));
  nameTheme();
  drawCharts();
  beginControls();
  for (const begin of [beginTwins, beginSentence, beginInfluence, beginAgain, beginSpace]) begin();
  fillSequences("all");
  moveTo(Math.floor(sequence().steps / 2));
  menus();
  keepAddress();
}

// On paper the page is light, and as wide as the paper.
function printed() {
  let was = "";
  window.addEventListener("beforeprint", () => { was = document.documentElement.dataset.theme; setTheme("light"); });
  window.addEventListener("afterprint", () => setTheme(was));
}

// What a person at the browser's console finds, and the tests.
function window_() {
  return { view, twin, state: { ...state, nudgedBy: (j, t, unit) => nudged(net, state.before(), j, t, unit) }, charts, get data() { return data; }, get net() { return net; }, get sequences() { return sequences; }, get sequence() { return sequence(); } };
}

// How far a run is that takes a moment.
function busy(share) {
  const node = $("busy");
  node.hidden = share >= 1;
  node.querySelector("progress").value = share;
  node.querySelector("span").textContent = `${Math.round(100 * share)} %`;
}

function nameTheme() {
  $("theme").textContent = dark() ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(dark()));
}

function fill() {
  const truths = net.task === "classify" ? new Set(sequences.map((s) => s.truth)) : new Set(), kinds = [["all", `all, ${data.order}`]];
  if (sequences.some((s) => s.right === false)) kinds.push(["wrong", "mistakes only"]);
  if (sequences.some((s) => s.right)) kinds.push(["right", "right ones only"]);
  if (data.twins.some((one) => one.differs)) kinds.push(["differ", "where the two differ"]);
  option($("filter"), [...kinds, ...data.classes.filter((c) => truths.has(c)).map((c) => [`class:${c}`, `only ${c}`])], "all");
  option($("gate"), Object.entries(GATES).map(([key, [label]]) => [key, label]), "z");
  option($("layer"), Array.from({ length: net.layers * D }, (_, j) => [j, layerName(j)]), 0);
  $("layer-label").hidden = net.layers * D === 1;
  $("unit").max = H - 1;
  if (net.sizes) {
    $("made").textContent = "The gates were computed beforehand";
    $("p-others").textContent = " The other units stay as they were.";
  }
}

function listen() {
  const does = (id, what, f) => $(id).addEventListener(what, f);
  does("filter", "change", (e) => fillSequences(e.target.value));
  does("sequence", "change", (e) => choose(+e.target.value));
  does("earlier", "click", () => choose(view.at - 1));
  does("later", "click", () => choose(view.at + 1));
  does("gate", "change", (e) => { view.gate = e.target.value; tell("look"); });
  does("layer", "change", (e) => pickLayer(+e.target.value));
  does("order", "change", () => tell("look"));
  does("nudged", "change", () => drawNudge());
  does("shows", "change", () => tell("look"));
  does("target", "change", (e) => { view.target = +e.target.value; tell("look"); tell("step"); });
  does("step", "input", (e) => moveTo(+e.target.value - 1));
  does("unit", "change", (e) => pick(+e.target.value));
  does("play", "click", play);
  does("theme", "click", () => setTheme(dark() ? "light" : "dark"));
  const tracks = $("tracks");
  for (const id of OVER_TIME) {
    does(id, "pointerdown", (e) => { $(id).setPointerCapture(e.pointerId); if (!dragged(id, e, "down")) scrub(id, e, true); });
    does(id, "pointermove", (e) => { if (e.buttons && !dragged(id, e, "move")) scrub(id, e, false); });
    does(id, "pointerup", (e) => dragged(id, e, "up"));
  }
  tracks.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[e.key];
    const row = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (step && e.shiftKey) extend(step);
    else if (step) { letGo(); moveTo(view.t + step); }
    else if (row) pickRow(view.order.indexOf(net.rowOf(view.layer, view.unit)) + row);
    else return;
    e.preventDefault();
  });
  let width = 0; // drawing changes the height, and that alone must not draw again
  new ResizeObserver(() => {
    if (tracks.clientWidth === width) return;
    width = tracks.clientWidth;
    requestAnimationFrame(() => { forgetWidths(); if (view.run) { drawTracks(); placeCursor(); drawCharts(); tell("width"); } });
  }).observe(tracks);
}

function scrub(id, event, pressed) {
  const [x, y] = charts.get($(id)).where(event.clientX, event.clientY);
  moveTo(Math.floor(x));
  if (id === "c-gate" && pressed) pickRow(Math.floor(y));
}

function play() {
  const going = timer !== 0;
  clearInterval(timer);
  timer = 0;
  $("play").textContent = going ? "Play" : "Pause";
  if (going) return;
  const T = sequence().steps; // eight seconds at most, in strides where there are too many steps
  if (view.t === T - 1) moveTo(0);
  timer = window.setInterval(() => (view.t < T - 1 ? moveTo(view.t + Math.ceil(T / 200)) : play()), Math.max(40, Math.min(250, 8000 / T)));
}

// The unit in the middle of the time-scales: neither the fastest nor one that never moves.
function firstUnit() {
  const order = Array.from({ length: H }, (_, u) => u).sort((a, b) => timeScales[a] - timeScales[b] || a - b);
  return order[Math.floor(H / 2)];
}
