// Memory and training: what does not change with the cursor.

import { line as segment } from "@observablehq/plot";
import { $, brief, element, number, power, svg } from "../dom.js";
import { floats } from "../gru.js";
import { dots, lines, ticks, wholeTicks } from "../plots.js";
import { H, D, data, layerName, net, pickAny, saturation, timeScales, view } from "./state.js";
import { keyed } from "./tracks.js";
import { line } from "../palette.js";

const MOST_ROWS = 512;

export function drawCharts() {
  scaleChart();
  memoryChart();
  const g = data.gradient, layers = net.layers * D;
  $("fig-gradient").hidden = !g;
  if (g) {
    const known = (values) => values.map((v, k) => [k, v]).filter((p) => p[1] !== null);
    const series = g.state.map((values, j) => ({ name: layers === 1 ? "state" : `state, ${layerName(j)}`, points: known(values) }));
    series.push({ name: "input", points: known(g.input) });
    lineChart("gradient", "Norm of the gradient over lag", series, "lag, steps back", "norm of the Jacobian", power);
  }
  const h = data.history || [], column = (key) => h.filter((r) => r[key] !== null && r[key] !== undefined).map((r) => [r.epoch, r[key]]);
  const loss = [["training", "loss"], ["validation", "val_loss"]].map(([name, key]) => ({ name, points: column(key) }));
  lineChart("loss", "Loss of each epoch", loss, "epoch", "loss");
  lineChart("score", "Validation score of each epoch", [{ name: "validation", points: column("val_score") }], "epoch", net.labels ? "accuracy" : "score");
}

// Units as dots, stacked in bins of log time-scale.
function scaleChart() {
  const log = (s) => Math.log10(Math.min(1e6, Math.max(0.05, s)));
  const found = Array.from(timeScales, (s, i) => /** @type {[number, number]} */ ([log(s), i])).filter(([s]) => !Number.isNaN(s));
  if (!found.length) return;
  const all = found.map(([s]) => s), low = Math.floor(Math.min(...all) * 2) / 2, high = Math.max(low + 1, Math.ceil(Math.max(...all) * 2 + 0.001) / 2);
  const bins = 36, stacks = Array.from({ length: bins }, () => []);
  for (const [s, i] of found.sort((a, b) => a[0] - b[0])) stacks[Math.min(bins - 1, Math.floor((s - low) / (high - low) * bins))].push(i);
  const most = Math.max(4, ...stacks.map((s) => s.length));
  const points = stacks.flatMap((stack, b) => stack.map((i, k) => ({
    x: low + (b + 0.5) / bins * (high - low), y: k + 0.5, data: i,
    name: `${net.layers * D > 1 ? `${layerName(Math.floor(i / H))}, ` : ""}unit ${i % H}: ${number(timeScales[i])} steps`,
  })));
  const chart = dots($("f-scale"), {
    title: `How fast the own term of each of ${found.length} units leaks`, height: 240, points, r: Math.max(1.5, Math.min(5, 85 / most)),
    x: { domain: [low, high], ticks: decades(low, high), format: LOG.format, label: "steps until the own term has leaked to 1/e" },
    y: { domain: [0, most + 0.5], ticks: ticks(0, most, 4).filter(Number.isInteger), label: "units" },
    onPick: (p) => pickAny(p.data),
  });
  const read = chart.read;
  chart.read = (x, y) => { const p = read(x, y); return p && { text: p.text.split(" steps")[0] + " steps" }; };
  chart.svg.querySelectorAll("circle").forEach((node, k) => node.setAttribute("data-unit", points[k].data));
  markUnit();
}

// Powers of ten, and 2 and 5 between them where there are few; low and high are logarithms.
function decades(low, high) {
  const found = [];
  for (let e = Math.floor(low); e <= high + 1e-9; e++) {
    for (const m of high - low < 2.1 ? [1, 2, 5] : [1]) if (e + Math.log10(m) >= low - 1e-9 && e + Math.log10(m) <= high + 1e-9) found.push(e + Math.log10(m));
  }
  return found;
}

const LOG = { ticks: [-1, 0, 1, 2, 3, 4, 5, 6], format: (v) => (v > 3.01 || v < -2 ? power(v) : brief(10 ** v)) };

// Beside the leak of a unit's own term: how long a nudge of it matters, by measurement.
function memoryChart() {
  const m = data.memory;
  $("fig-memory").hidden = !m;
  if (!m) return;
  const kinds = /** @type {any[]} */ ([["state", floats(m.state), "circle"], ["answer", floats(m.answer), "square"]]).filter(([, v]) => v && v.some((x) => !Number.isNaN(x)));
  const far = Math.log10(m.most) + 0.35, log = (v) => Math.log10(Math.min(1e6, Math.max(0.05, v)));
  const points = kinds.flatMap(([kind, values, symbol], k) => Array.from(values, (v, i) => ({
    x: log(timeScales[i]), y: v >= 1e30 ? far : log(v), data: i, symbol, colour: line(k).colour,
    name: `unit ${i % H}${net.layers * D > 1 ? `, ${layerName(Math.floor(i / H))}` : ""}, on the ${kind}: ${v >= 1e30 ? "not gone by the end" : `${brief(v)} steps`}; leak ${number(timeScales[i])}`,
  })).filter((p) => !Number.isNaN(p.x) && !Number.isNaN(p.y)));
  const xs = points.map((p) => p.x), low = Math.min(0, ...xs) - 0.1, high = Math.max(0.5, ...xs) + 0.1;
  const chart = dots($("f-memory"), {
    title: "How many steps a nudge of each unit matters, by measurement, over the leak of its own term", height: 240, points, r: 4,
    x: { domain: [low, high], label: "leak of the own term, steps", ...LOG, ticks: LOG.ticks.filter((v) => v >= low && v <= high) },
    y: { domain: [-0.1, far + 0.1], label: "steps that a nudge matters", ticks: [...LOG.ticks.filter((v) => v >= 0 && v < far - 0.3), far], format: (v) => (v === far ? "end" : LOG.format(v)) },
    marks: [segment([[Math.max(low, -0.1), Math.max(low, -0.1)], [Math.min(high, far), Math.min(high, far)]], { x: "0", y: "1", stroke: "var(--muted)", strokeDasharray: "3 4" })],
    onPick: (p) => pickAny(p.data),
  });
  const read = chart.read;
  chart.read = (x, y) => { const p = read(x, y); return p && { text: p.text.replace(/: [^:]*$/, "") }; };
  const key = element("div", { class: "legend" }, $("f-memory"));
  kinds.forEach(([kind, , symbol], k) => spot(key, symbol, line(k).colour, `on the ${kind}`));
  keyed(key, { colour: "var(--muted)", dash: "3 4" }, "as the leak says");
  const said = $("memory-says");
  said.replaceChildren("All units nudged at once: ");
  m.together.forEach((t, j) => {
    said.append(j ? "; " : "", net.layers * D > 1 ? `${layerName(j)}, ` : "", "on the state ");
    steps(said, `together.${j}.state`, t.state);
    if (t.answer === null) return;
    said.append(", on the answer ");
    steps(said, `together.${j}.answer`, t.answer);
  });
  said.append(`. Medians over ${m.sequences === 1 ? "one sequence" : `${m.sequences} sequences`}, nudged at ${D === 2 ? "half" : "a quarter"} of the length.`);
}

function steps(host, key, v) {
  if (typeof v !== "number") { host.append(v === "end" ? "not gone by the end" : "none"); return; }
  element("b", { "data-value": key }, host, brief(v));
  host.append(v === 1 ? " step" : " steps");
}

function spot(host, symbol, colour, said) {
  const key = element("span", { class: "key" }, host), root = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, key);
  const shape = symbol === "circle" ? svg("circle", { cx: 6, cy: 6, r: 4.5 }, root) : svg("rect", { x: 2, y: 2, width: 8, height: 8 }, root);
  shape.style.fill = colour;
  key.append(said);
}

/** The chosen unit among the dots. */
export function markUnit() {
  for (const node of $("f-scale").querySelectorAll("circle")) node.classList.toggle("on", +node.dataset.unit === view.layer * H + view.unit);
}

function lineChart(id, title, all, xLabel, yLabel, yText = undefined) {
  const series = all.filter((s) => s.points.length);
  $(`fig-${id}`).hidden = !series.length;
  if (!series.length) return;
  const points = series.flatMap((s) => s.points), span = (k) => {
    const v = points.map((p) => p[k]), a = Math.min(...v), b = Math.max(...v);
    return a === b ? [a - 0.5, b + 0.5] : [a, b];
  };
  const [x0, x1] = span(0), [y0, y1] = span(1), pad = (y1 - y0) * 0.05;
  lines($(`f-${id}`), {
    title, height: 240, left: 58, series: series.map((s, i) => ({ ...s, look: line(i) })),
    x: { domain: [x0, x1], ticks: wholeTicks(x0, x1), label: xLabel },
    y: { domain: [y0 - pad, y1 + pad], ticks: yText ? decades(y0 - pad, y1 + pad) : 5, format: yText && (y1 - y0 < 2.1 ? (v) => brief(+(10 ** v).toPrecision(3)) : yText), label: yLabel },
  });
  const key = element("div", { class: "legend" }, $(`f-${id}`));
  if (series.length > 1) series.forEach((s, i) => keyed(key, line(i), s.name));
}

export function table() {
  const root = $("units"), total = net.layers * D * H, head = element("tr", {}, element("thead", {}, root));
  for (const text of ["unit", "leak of its own term, steps", "z < 0.1", "z > 0.9", "r < 0.1", "r > 0.9"]) element("th", { scope: "col" }, head, text);
  const body = element("tbody", {}, root);
  if (total > MOST_ROWS) $("table-says").textContent = `The table holds the first ${MOST_ROWS} of ${total} units.`;
  for (let i = 0; i < Math.min(total, MOST_ROWS); i++) {
    const row = element("tr", {}, body);
    element("th", { scope: "row", class: "tick" }, row, net.layers * D > 1 ? `${layerName(Math.floor(i / H))}, ${i % H}` : String(i));
    element("td", { "data-value": `table.${i}.scale` }, row, number(timeScales[i]));
    for (let k = 0; k < 4; k++) element("td", { "data-value": `table.${i}.${k}` }, row, number(saturation[k * total + i]));
  }
}

