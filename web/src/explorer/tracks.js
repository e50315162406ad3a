// The plots over time: input, contributions, gates, answers.

import { areaY, text } from "@observablehq/plot";
import { $, brief, element, number, svg } from "../dom.js";
import { css, diverging, line, sequential } from "../palette.js";
import { bars, charts, heatMap, lines, overSteps, perColumn, ruleY } from "../plots.js";
import { widthOf } from "../width.js";
import { explained } from "./contributions.js";
import { drawTags } from "./tags.js";
import { alike, compared, twin, twinName } from "./twins.js";
import { H, I, data, name, nameOfOutput, net, sequence, timeScales, view } from "./state.js";
import * as python from "./python.js";

export const GATES = {
  z: ["Update gate z", sequential, 0, 1],
  keep: ["Kept of the old state", sequential, 0, 1],
  r: ["Reset gate r", sequential, 0, 1],
  n: ["Candidate h̃", diverging, -1, 1],
  h: ["State h", diverging, -1, 1],
};
export const OVER_TIME = ["c-input", "c-contribution", "c-gate", "c-twin", "c-answer", "c-tags"];
const LEFT = 50;
let says = [], inputSays = [];
const drawnOf = { input: null, contribution: null };

// Whether what a plot shows is what it showed: then it stays.
function same(plot, host, ...parts) {
  const now = [...parts, widthOf(host), document.documentElement.dataset.theme], old = drawnOf[plot];
  drawnOf[plot] = now;
  return Boolean(old) && old.length === now.length && old.every((v, i) => v === now[i]);
}

/** All of them, and what they leave out. */
export function drawTracks() {
  says = [];
  drawInput();
  drawContributions();
  drawGate();
  drawTwinGate();
  drawAnswers();
  drawTags(LEFT);
  $("aggregated").textContent = says.length ?
    `More than fits the screen: ${says.join("; ")}. The cursor still reads single steps${net.sizes ? `, and ${net.rows === H ?
      "every unit" : "one unit of each row"}, exactly.` : " and units."}` : "";
}

export function drawInput() {
  const s = sequence(), T = s.steps, found = explained(), x = overSteps(T, true);
  const byFeature = found && found.values.length === T * I;
  $("shows").parentNode.hidden = !byFeature;
  const showing = byFeature && $("shows").value === "c", values = showing ? found.values : view.run.input || s.x;
  const before = !showing && view.ghost ? view.ghost.input : null, title = showing ? "Contributions of each feature over time" : "Input over time";
  const read = (f, t) => ({ text: `${data.features[f]}, step ${t + 1}: ${number(values[t * I + f])}`,
    python: showing ? python.contribution(found, t, f) : python.input(t, f) });
  if (same("input", $("c-input"), values, before, T)) { says.push(...inputSays); return; }
  inputSays = [];
  $("input-scale").replaceChildren();
  if (I <= 4) {
    let [low, high] = [Infinity, -Infinity];
    if (showing) for (const v of values) [low, high] = [Math.min(low, v, 0), Math.max(high, v, 0)];
    else [low, high] = [Math.min(...data.ranges.map((r) => r[0])), Math.max(...data.ranges.map((r) => r[1]))];
    for (const v of before ? values : []) [low, high] = [Math.min(low, v), Math.max(high, v)];
    const series = data.features.flatMap((feature, f) => [
      ...(before ? [{ name: `${feature} before`, points: over(T, (t) => before[t * I + f]), ghost: true }] : []),
      { name: feature, points: over(T, (t) => values[t * I + f]), look: line(f), labelAt: I > 1 ? peaks(T, (t) => values[t * I + f]) : null },
    ]);
    const chart = lines($("c-input"), { title, height: 116, left: LEFT, x, y: padded(low, high), series });
    chart.read = (at, y) => {
      const t = Math.floor(at), fs = Array.from({ length: I }, (_, f) => f);
      if (t < 0 || t >= T) return null;
      return read(fs.sort((a, b) => Math.abs(values[t * I + a] - y) - Math.abs(values[t * I + b] - y))[0], t);
    };
    if (I > 1) data.features.forEach((feature, f) => keyed($("input-scale"), line(f), feature));
    return;
  }
  let size = 1e-12;
  if (showing) for (const v of values) size = Math.max(size, Math.abs(v));
  const middle = data.ranges.map((r) => (showing ? 0 : (r[0] + r[1]) / 2)), half = data.ranges.map((r) => (showing ? size : (r[1] - r[0]) / 2 || 1));
  const shown = heatMap($("c-input"), {
    title, height: Math.max(96, Math.min(196, I * 9)), left: LEFT, rows: I, steps: T, x, y: {}, colour: diverging,
    value: (f, t) => (values[t * I + f] - middle[f]) / half[f], rowName: (f) => short(data.features[f] ?? ""),
    read: (at, row) => (at >= 0 && at < T && row >= 0 && row < I ? read(Math.floor(row), Math.floor(at)) : null),
  });
  shown.table = () => [["feature", ...steps(T)], ...data.features.map((feature, f) => [feature, ...over(T, (t) => values[t * I + f]).map((p) => p[1])])];
  ramp($("input-scale"), diverging, showing ? -size : -1, showing ? size : 1);
  element("span", { class: "tick" }, $("input-scale"), showing ? `${I} features` : `${I} features, each over its own range`);
  if (shown.rowsPerCell > 1) inputSays.push(`each input row is the mean of ${shown.rowsPerCell} features`);
  says.push(...inputSays);
}

// One number per step: the sum over the features, on the scale of what is explained.
export function drawContributions() {
  const found = explained(), host = $("c-contribution");
  for (const node of [host, host.previousElementSibling, $("contribution-says")]) node.hidden = !found;
  if (!found) return;
  const T = sequence().steps, per = perColumn(T, widthOf(host) - 68), sums = [];
  if (per > 1) says.push(`each bar of the contributions is the sum of ${per} steps`);
  if (same("contribution", host, found, found.sums, T)) return;
  for (let t = 0; t < T; t++) sums[Math.floor(t / per)] = (sums[Math.floor(t / per)] || 0) + found.sums[t];
  const size = sums.reduce((a, v) => Math.max(a, Math.abs(v)), 0) || 1, words = direction();
  bars(host, {
    title: "Contributions of each step to the answer", height: 92, left: LEFT, values: sums, each: per, last: T,
    x: overSteps(T, true), y: { domain: [-size * 1.06, size * 1.06], ticks: 3 },
    read: (at) => {
      const t = Math.floor(at);
      return t >= 0 && t < T ? { text: `step ${t + 1}: ${number(found.sums[t])}, ${found.sums[t] < 0 ? words[1] : words[0]}`, python: python.contribution(found, t) } : null;
    },
  });
  const key = $("contribution-scale");
  key.replaceChildren();
  element("span", { class: "was" }, key, "of the sequence as it was, ");
  element("span", { class: "to" }, key, `to ${nameOfOutput(found.output)}${found.at === null ? "" : ` at step ${found.at + 1}`}`);
  keyed(key, { colour: "var(--positive)", dash: "" }, `up: ${words[0]}`);
  keyed(key, { colour: "var(--negative)", dash: "" }, `down: ${words[1]}`);
  sentence(found);
}

const direction = () => (net.labels ? ["for", "against"] : ["raises", "lowers"]);

// The method, the baseline and the unit, and that the bars add up.
function sentence(found) {
  const host = $("contribution-says"), sum = found.sums.reduce((a, v) => a + v, 0), what = nameOfOutput(found.output);
  host.replaceChildren();
  if (found.base === undefined || found.base === null) return;
  const item = (key, v) => element("b", { "data-value": `explained.${key}` }, host, number(v));
  host.append(net.labels ? `Score of ${what}${found.at === null ? "" : ` at step ${found.at + 1}`}: base ` : `${what}: base `);
  item("base", found.base);
  host.append(sum < 0 ? " − " : " + ");
  item("size", Math.abs(sum));
  host.append(" = ");
  item("total", found.base + sum);
  host.append(`. The bars add up to the middle number (integrated gradients, from ${net.shift ? "the mean of the training data" : "an input of zeros"}); ` +
    (net.labels ? "the unit is the score before it becomes a probability." : "the unit is the target's own."));
  const gap = found.own - found.base - sum;
  if (Math.abs(gap) < 5e-5) return;
  host.append(` The net's own ${net.labels ? "score" : "answer"} is `);
  item("own", found.own);
  host.append("; the bars miss it by ");
  item("gap", gap);
  host.append(".");
}

// One row per unit, or a row of units that move alike.
export function drawGate() {
  const T = sequence().steps, { run } = view, R = net.rows, against = compared();
  const moved = against && $("w-moved").checked && (!view.twin || alike());
  const [what, plain, least, high] = /** @type {any} */ (GATES[view.gate]);
  const [title, colour, low] = moved ? [`${view.twin ? "Difference" : "Change"} of the ${what[0].toLowerCase()}${what.slice(1)}`, diverging, -1] : [what, plain, least];
  view.order = Array.from({ length: R }, (_, row) => row);
  const scales = view.order.map(rowScale), units = view.order.map((row) => net.unitOf(view.layer, row));
  if ($("order").value === "scale") view.order.sort((a, b) => (scales[b] > scales[a] ? 1 : scales[b] < scales[a] ? -1 : units[a] - units[b]));
  else view.order.sort((a, b) => units[a] - units[b]);
  const unit = (place) => net.unitOf(view.layer, view.order[place]);
  const of = (one, place, t) => net.shown(one, view.layer, view.gate, view.order[place], t);
  const value = (place, t) => (moved ? of(run, place, t) - of(against.run, place, t) : of(run, place, t));
  view.shown = heatMap($("c-gate"), {
    title: `${title} over time, one row per unit`, height: Math.max(124, Math.min(310, R * 4 + 14)), left: LEFT, rows: R, steps: T, value, colour,
    block: run.block, x: overSteps(T), y: {}, rowName: (place) => String(unit(place)),
    read: (at, y) => {
      const t = Math.floor(at), place = Math.floor(y);
      return t >= 0 && t < T && place >= 0 && place < R ? {
        text: `${net.sizes ? "row of unit" : "unit"} ${unit(place)}, step ${t + 1}: ${number(value(place, t))}`,
        python: net.sizes || moved ? undefined : python.gate(view.gate, view.layer, t, unit(place)),
      } : null;
    },
  });
  $("gate-name").textContent = title;
  ramp($("gate-scale"), colour, low, high);
  const meaning = {
    z: net.keeps ? "1 keeps the old state, 0 takes the candidate" : "0 keeps the old state, 1 takes the candidate",
    keep: "1 keeps all of it", r: "0 hides the old state from the candidate", n: "what would be let in", h: "what is remembered",
  };
  element("span", { class: "tick" }, $("gate-scale"), `${moved ? `now, minus ${view.twin ? twinName() : "what it was"}` : meaning[view.gate]}; ${H} ${H === 1 ? "unit" : "units"}`);
  const many = net.sizes ? range(net.sizes[view.layer]) : String(view.shown.rowsPerCell);
  if (many !== "1") says.push(`each row of the gates is the mean of ${many} units${net.sizes ? " that move alike" : ""}`);
  if (view.shown.stepsPerCell > 1) says.push(`each column of the gates is the mean of ${view.shown.stepsPerCell} steps`);
}

// The same gate of the net beside it: in the same order where it has the same units, else by their numbers.
function drawTwinGate() {
  const host = $("c-twin"), own = twin();
  host.hidden = $("twin-head").hidden = !view.twin;
  if (!view.twin) return;
  const T = sequence().steps, [title, colour, low, high] = /** @type {any} */ (GATES[view.gate]), R = own.units;
  const layer = Math.min(view.layer, own.layers * own.directions - 1), order = alike() ? view.order : null;
  const unit = (place) => (order ? order[place] : place), value = (place, t) => own.shown(view.twin, layer, view.gate, unit(place), t);
  heatMap(host, {
    title: `${title} of ${twinName()} over time, one row per unit`, height: Math.max(124, Math.min(310, R * 4 + 14)), left: LEFT, rows: R, steps: T,
    value, colour, x: overSteps(T), y: {}, rowName: (place) => String(unit(place)),
    read: (at, y) => {
      const t = Math.floor(at), place = Math.floor(y);
      return t >= 0 && t < T && place >= 0 && place < R ? { text: `${twinName()}, unit ${unit(place)}, step ${t + 1}: ${number(value(place, t))}`,
        python: python.twinGate(view.gate, layer, t, unit(place)) } : null;
    },
  });
  $("twin-gate-name").textContent = `${title}, ${twinName()}`;
  ramp($("twin-scale"), colour, low, high);
  element("span", { class: "tick" }, $("twin-scale"), `${R} ${R === 1 ? "unit" : "units"}${order ? "" : ", which are not those above"}`);
}

/** The classes worth a line: all that lead at any step, the likeliest three at the end, and the truth. @returns {number[]} */
export function drawn() {
  const s = sequence(), { run } = view, final = run.final;
  if (!net.labels) return final.map((_, o) => o).slice(0, 6);
  const found = new Set(final.map((_, o) => o).sort((a, b) => final[b] - final[a]).slice(0, 3));
  for (const one of view.twin && view.twin.over ? [run, view.twin] : [run]) {
    for (let t = 0; t < s.steps; t++) if (one.best(t) >= 0) found.add(one.best(t)); // -1: the step is cut out
  }
  if (s.labels) for (const o of s.labels) found.add(o);
  const truth = data.classes.indexOf(s.truth);
  if (truth >= 0) found.add(truth);
  return [...found].filter((o) => !net.sizes || run.outputs.includes(o));
}

function drawAnswers() {
  const s = sequence(), T = s.steps, { run } = view, none = run.over === null, against = compared(), other = against && against.run.over ? against : null;
  $("answer-head").hidden = $("c-answer").hidden = none;
  if (none) return;
  const shown = drawn(), truth = net.labels && net.task !== "tag" ? data.classes.indexOf(s.truth) : -1;
  const goals = !net.labels && s.target ? s.target.slice(0, 6) : [];
  let [low, high] = net.labels ? [0, 1] : [Math.min(...goals), Math.max(...goals)];
  for (let t = 0; t < T && !net.labels; t++) for (const o of shown) {
    for (const one of other ? [run, other.run] : [run]) [low, high] = [Math.min(low, one.over(t, o)), Math.max(high, one.over(t, o))];
  }
  const look = (o) => line(net.labels ? o : shown.indexOf(o));
  const series = shown.flatMap((o) => [
    ...(other ? [{ name: `${name(o)} ${other.word}`, points: over(T, (t) => other.run.over(t, o)), ghost: true }] : []),
    { name: o === truth ? `${name(o)} (true)` : name(o), points: over(T, (t) => run.over(t, o)), look: look(o), thick: o === truth ? 3 : 2,
      data: { "data-class": String(o) }, labelAt: net.labels ? leads(T, o) : shown.length > 1 ? [[T - 0.5, run.over(T - 1, o)]] : null },
  ]);
  const apart = view.twin && other ? shown.map((o) => areaY(over(T, (t) => run.over(t, o)), {
    x: "0", y1: "1", y2: ([at]) => other.run.over(Math.floor(at), o), fill: look(o).colour, fillOpacity: 0.16,
  })) : [];
  const marks = goals.flatMap((v, o) => [ruleY([v], { stroke: "var(--ink)", strokeDasharray: "2 4" }),
    text([[T, v]], { x: "0", y: "1", text: () => `true${goals.length > 1 ? ` ${name(o)}` : ""}`, textAnchor: "end", dy: -7, dx: -4, fill: "var(--ink)" })]);
  const chart = lines($("c-answer"), {
    title: net.task === "tag" ? "Answer at each step" : "Answer if the sequence ended at each step", height: net.labels ? 150 : 130, left: LEFT,
    x: overSteps(T), y: net.labels ? { domain: [-0.02, 1.02], ticks: [0, 0.5, 1] } : padded(low, high), series, marks: [...apart, ...marks],
  });
  chart.read = (at, y) => {
    const t = Math.floor(at);
    if (t < 0 || t >= T) return null;
    const o = [...shown].sort((a, b) => Math.abs(run.over(t, a) - y) - Math.abs(run.over(t, b) - y))[0];
    return { text: `${name(o)}, step ${t + 1}: ${number(run.over(t, o))}`, python: python.answer(t, o) };
  };
  $("answer-name").textContent = net.task === "tag" ? "Answer at each step" : "Answer so far";
  $("answer-key").replaceChildren();
  shown.slice(0, 12).forEach((o) => keyed($("answer-key"), look(o), name(o)));
  if (goals.length) keyed($("answer-key"), { colour: "var(--ink)", dash: "2 4" }, "true");
  if (shown.length > 12) element("span", { class: "tick" }, $("answer-key"), `and ${shown.length - 12} more, named at their lines`);
}

// Where a class may be named: in the middle of its longest lead, where it leads by most, where it is highest.
function leads(T, o) {
  const { run } = view, found = [];
  let from = -1;
  for (let t = 0; t <= T; t++) {
    const leading = t < T && run.best(t) === o;
    if (leading && from < 0) from = t;
    if (!leading && from >= 0) { found.push([t - from, (from + t - 1) >> 1]); from = -1; }
  }
  const middles = found.sort((a, b) => b[0] - a[0]).slice(0, 6).map((p) => p[1]);
  const highest = Array.from({ length: T }, (_, t) => t).filter((t) => run.best(t) >= 0).sort((a, b) => run.over(b, o) - run.over(a, o)).slice(0, 8);
  return [...middles, ...highest].map((t) => [t + 0.5, run.over(t, o)]);
}

const over = (T, value) => Array.from({ length: T }, (_, t) => [t + 0.5, value(t)]);
const steps = (T) => Array.from({ length: T }, (_, t) => `step ${t + 1}`);
const short = (said) => (said.length > 7 ? `${said.slice(0, 6)}…` : said);
const peaks = (T, value) => [...over(T, value)].sort((a, b) => b[1] - a[1]).slice(0, 10);
const padded = (low, high) => {
  const pad = (high - low) * 0.05 || 0.5;
  return { domain: /** @type {[number, number]} */ ([low - pad, high + pad]), ticks: 4 };
};
const range = (counts) => (Math.min(...counts) === Math.max(...counts) ? String(counts[0]) : `${Math.min(...counts)} or ${Math.max(...counts)}`);

// The time-scale of a row: of its unit, or the middle one of its units.
function rowScale(row) {
  const from = view.layer * H;
  if (!net.sizes) return timeScales[from + row];
  const found = [];
  for (let u = 0; u < H; u++) if (net.rowOf(view.layer, u) === row) found.push(timeScales[from + u]);
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)];
}

/** A piece of a line with its name. */
export function keyed(host, look, said) {
  const key = element("span", { class: "key" }, host);
  const path = svg("path", { d: "M0 3H28" }, svg("svg", { viewBox: "0 0 28 6", width: 28, height: 6, "aria-hidden": "true" }, key));
  path.style.stroke = look.colour;
  path.style.strokeDasharray = look.dash || "none";
  key.append(said);
}

function ramp(host, colour, low, high) {
  host.replaceChildren();
  const stops = Array.from({ length: 9 }, (_, i) => css(colour(low < 0 ? -1 + i / 4 : i / 8)));
  element("span", { class: "ramp" }, host).style.background = `linear-gradient(90deg, ${stops.join(",")})`;
  const ends = element("span", { class: "ends tick" }, host);
  element("span", {}, ends, brief(+low.toPrecision(3)));
  element("span", {}, ends, brief(+high.toPrecision(3)));
}

/** The cursor in every plot over time, and the row of the unit. */
export function placeCursor() {
  for (const id of OVER_TIME) {
    const chart = $(id).hidden ? null : charts.get($(id));
    if (chart) chart.box("cursor", view.t, view.t + 1);
  }
  const gate = charts.get($("c-gate")), per = view.shown.rowsPerCell;
  const row = Math.floor(view.order.indexOf(net.rowOf(view.layer, view.unit)) / per) * per;
  if (gate) gate.box("row-mark", 0, sequence().steps, row, Math.min(net.rows, row + per));
}
