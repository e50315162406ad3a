// Memory and training: what does not change with the cursor.

import { $, element, number, power, brief } from "../dom.js";
import { dots, lines, ticks, wholeTicks } from "../plots.js";
import { H, D, data, layerName, net, pickAny, saturation, timeScales, view } from "./state.js";
import { keyed } from "./tracks.js";
import { line } from "../palette.js";

const MOST_ROWS = 512;

export function drawCharts() {
  scaleChart();
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
  const exponents = [];
  for (let e = Math.ceil(low - 1e-9); e <= high + 1e-9; e++) {
    for (const m of high - low < 2.1 ? [1, 2, 5] : [1]) {
      const v = e + Math.log10(m);
      if (v >= low && v <= high) exponents.push(v);
    }
  }
  const chart = dots($("f-scale"), {
    title: `How fast the own term of each of ${found.length} units leaks`, height: 240, points, r: Math.max(1.5, Math.min(5, 85 / most)),
    x: { domain: [low, high], ticks: exponents, format: (v) => (v > 3.01 || v < -2 ? power(v) : brief(10 ** v)), label: "steps until the own term has leaked to 1/e" },
    y: { domain: [0, most + 0.5], ticks: ticks(0, most, 4).filter(Number.isInteger), label: "units" },
    onPick: (p) => pickAny(p.data),
  });
  const read = chart.read;
  chart.read = (x, y) => { const p = read(x, y); return p && { text: p.text.split(" steps")[0] + " steps" }; };
  chart.svg.querySelectorAll("circle").forEach((node, k) => node.setAttribute("data-unit", points[k].data));
  markUnit();
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
    y: { domain: [y0 - pad, y1 + pad], ticks: yText ? wholeTicks(y0, y1, 5) : 5, format: yText, label: yLabel },
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

