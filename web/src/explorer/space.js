// The space of states: all runs in their two principal directions, the cursor a dot, a changed run a second path.

import { dot, line as curve, text } from "@observablehq/plot";
import { $, brief, number, svg, whenVisible } from "../dom.js";
import { floats } from "../gru.js";
import { line } from "../palette.js";
import { Chart } from "../plots.js";
import { percent, slowly } from "./slow.js";
import { D, H, data, net, on, sequence, sequences, view } from "./state.js";
import { keyed } from "./tracks.js";
import { alike, compared } from "./twins.js";

let plane = null, paths = null, chart = null;
const due = whenVisible(() => $("space"));

export function beginSpace() {
  $("space").hidden = !data.space;
  if (!data.space) return;
  plane = { mean: floats(data.space.mean), axes: floats(data.space.axes) };
  on("run", () => due(drawn));
  on("step", () => { if (chart) move(); });
  on("theme", () => { chart = null; due(drawn); });
  on("width", () => { chart = null; due(drawn); });
}

/** Where a state of the top layer lies, from the states of its directions at a step. @returns {[number, number]} */
export function placed(tops, t) {
  const P = D * H;
  let x = 0, y = 0;
  for (let d = 0; d < D; d++) {
    for (let u = 0; u < H; u++) {
      const v = tops[d][t * H + u] - plane.mean[d * H + u];
      x += plane.axes[d * H + u] * v;
      y += plane.axes[P + d * H + u] * v;
    }
  }
  return [x, y];
}

const topsOf = (run) => run.runs.slice(-D).map((one) => one.h);
const path = (tops, T) => Array.from({ length: T }, (_, t) => placed(tops, t));

function drawn() {
  if (chart) { move(); return; }
  if (paths) { draw(); move(); return; }
  slowly("space", all(), () => { $("space-says").textContent = words(); draw(); move(); }, (share) => { $("space-says").textContent = percent(share); });
}

// Every sequence's way.
function* all() {
  const found = [];
  for (const [i, s] of sequences.entries()) {
    found.push(path(topsOf(net.run(s)), s.steps));
    yield (i + 1) / sequences.length;
  }
  paths = found;
}

// The class that colours a way: the true one, or what the net says where nobody knows; of numbers none.
const classOf = (s) => (net.task === "classify" ? Math.max(0, data.classes.indexOf(s.truth ?? s.says)) : 0);

const KINDS = { stable: ["circle", "stays"], saddle: ["diamond2", "saddle"], unstable: ["times", "leaves"], slow: ["square2", "slow"] };

function draw() {
  const host = $("c-space"), points = data.space.points.filter((p) => p.at.every(Number.isFinite));
  const flat = paths.flatMap((one, i) => one.map(([x, y]) => ({ x, y, z: i, o: classOf(sequences[i]) })));
  const span = (k) => {
    const v = [...flat.map((p) => (k ? p.y : p.x)), ...points.map((p) => p.at[k])], low = Math.min(...v.slice(0, 1), ...chunkMin(v)), high = Math.max(...v.slice(0, 1), ...chunkMax(v));
    const pad = (high - low) * 0.06 || 0.5;
    return /** @type {[number, number]} */ ([low - pad, high + pad]);
  };
  const share = data.space.shares.map((v) => `${(100 * v).toFixed(0)} % of the variance`);
  chart = new Chart(host, {
    title: "The states of every step of every sequence in their two principal directions", height: 440, left: 50,
    x: { domain: span(0), ticks: 6, label: `first direction, ${share[0]}` }, y: { domain: span(1), ticks: 6, label: `second direction, ${share[1]}` },
    read: (x, y) => near(points, x, y),
  }, [
    curve(flat, { x: "x", y: "y", z: "z", stroke: (p) => line(p.o).colour, strokeOpacity: 0.28, strokeWidth: 1 }),
    dot(paths.map((one, i) => ({ x: one[one.length - 1][0], y: one[one.length - 1][1], o: classOf(sequences[i]) })),
      { x: "x", y: "y", r: 2.6, fill: (p) => line(p.o).colour }),
    dot(points, { x: (p) => p.at[0], y: (p) => p.at[1], r: 7, symbol: (p) => KINDS[p.kind][0], stroke: "var(--ink)", strokeWidth: 2 }),
    text(points, { x: (p) => p.at[0], y: (p) => p.at[1], text: said, dy: -13, fill: "var(--ink)", stroke: "var(--card)", strokeWidth: 4, fontWeight: 600 }),
  ], () => [["sequence", "step", "first direction", "second direction"], ...paths.flatMap((one, i) => one.map(([x, y], t) => [sequences[i].id, t + 1, x, y]))]);
  const key = $("space-key");
  key.replaceChildren();
  if (net.task === "classify") data.classes.slice(0, 12).forEach((c, o) => keyed(key, { colour: line(o).colour, dash: "" }, c));
}

// The ends of a long list, a piece at a time: arguments of a call are limited.
const chunkMin = (v) => pieces(v).map((p) => Math.min(...p));
const chunkMax = (v) => pieces(v).map((p) => Math.max(...p));
const pieces = (v) => Array.from({ length: Math.ceil(v.length / 9999) }, (_, i) => v.slice(i * 9999, (i + 1) * 9999));

const said = (p) => `${KINDS[p.kind][1]}${p.slowest === null ? "" : `, ${brief(+Math.abs(p.slowest).toPrecision(2))} steps`}`;

function words() {
  const { points, looked } = data.space, from = net.shift ? "the mean of the training data" : "an input of zeros";
  if (!looked) return "Fixed points are not looked for: the net reads in both directions, or has more than 128 units.";
  if (!points.length) return `Under ${from} no fixed or slow point was found from the states that were visited.`;
  const count = (kind) => points.filter((p) => p.kind === kind).length;
  const list = [["stable", "where the state stays"], ["saddle", "that it nears and leaves again"], ["unstable", "that it leaves"], ["slow", "where it is only slow"]];
  return `Under ${from}: ${list.filter(([k]) => count(k)).map(([k, what]) => `${count(k)} ${what}`).join(", ")}. The number is the slowest time constant in steps: a distance shrinks to 1/e in so many, or grows e times where the state leaves.`;
}

// The way of the sequence, of the run before, and the cursor.
function move() {
  if (!chart) return;
  const d = (run) => `M${path(topsOf(run), sequence().steps).map(([x, y]) => `${chart.x.apply(x).toFixed(1)} ${chart.y.apply(y).toFixed(1)}`).join("L")}`;
  const put = (name, kind, attributes) => {
    const node = chart.over.querySelector(`.${name}`) || svg(kind, { class: name }, chart.over);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  };
  const other = compared();
  put("way-before", "path", { d: other && (!view.twin || alike()) ? d(other.run) : "" });
  put("way", "path", { d: d(view.run) });
  const [x, y] = placed(topsOf(view.run), view.t);
  put("here", "circle", { cx: chart.x.apply(x).toFixed(1), cy: chart.y.apply(y).toFixed(1), r: 6, "data-x": x, "data-y": y });
}

function near(points, x, y) {
  const apart = (a, b) => Math.hypot(chart.x.apply(a) - chart.x.apply(x), chart.y.apply(b) - chart.y.apply(y));
  const fixed = points.find((p) => apart(...p.at) < 12);
  if (fixed) return { text: `${said(fixed)}; speed ${fixed.speed.toExponential(1)} a step` };
  let best = null, least = 14;
  paths.forEach((one, i) => one.forEach(([a, b], t) => { const d = apart(a, b); if (d < least) [best, least] = [[i, t], d]; }));
  if (!best) return null;
  const [i, t] = best, s = sequences[i];
  return { text: `${s.id}, step ${t + 1}${s.truth !== null && net.task === "classify" ? `, is ${s.truth}` : ""}: ${number(paths[i][t][0])}, ${number(paths[i][t][1])}` };
}

