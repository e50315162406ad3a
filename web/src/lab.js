// The lab's page: every figure is described by data, drawn once as SVG, and named for whoever does not see it.

import * as Plot from "@observablehq/plot";
import { $, brief, element } from "./dom.js";
import { dark as isDark } from "./palette.js";

/**
 * @typedef {{label: string, log: boolean, ends: [number, number] | null, ticks: number[]}} Axis
 * @typedef {{name: string, colour: string, x: number[], y: number[], shape: string, dash: string,
 *   low: number[], high: number[], dots: number[][]}} Curve
 * @typedef {{name: string, series: string, colour: string, dots: number[], mean: number, low: number, high: number,
 *   shape: string}} Row
 * @typedef {{title: string, x: Axis, y: Axis, curves: Curve[], rows: Row[], marks: {at: number, text: string}[],
 *   said: string}} Figure
 */

/** @type {Record<string, string>} */
const DASHES = { solid: "", dash: "7 4", dot: "2 3" };
const ROOM = { row: 44, heading: 22, apart: 16 };
const FEW = 12; // points on a curve: of more, the interval is a band

/** @param {string} name */
const colour = (name) => (name === "ink" ? "currentColor" : `var(--${name})`);
/** @param {string} shape */
const symbol = (shape) => (shape === "none" ? "circle" : shape);

/** @param {Axis} axis @param {[number, number] | null} ends */
const within = (axis, ends) => /** @param {number} v */ (v) =>
  ends === null ? v : Math.min(Math.max(v, ends[0]), ends[1]);

/** The lines across a figure, with what they stand for. @param {Figure} figure @param {boolean} upright */
function marks(figure, upright) {
  const rule = upright ? Plot.ruleX : Plot.ruleY;
  return figure.marks.flatMap((mark) => [
    rule([mark.at], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
    Plot.text([mark], upright
      ? { x: "at", frameAnchor: "top", dy: -12, text: "text", fill: "var(--muted)" }
      : { y: "at", frameAnchor: "right", textAnchor: "end", dy: -8, text: "text", fill: "var(--muted)", stroke: "var(--card)" }),
  ]);
}

/** Curves over a number: means, their intervals, and every repetition as a dot. @param {Figure} figure */
function curves(figure) {
  const clamp = within(figure.y, figure.y.ends);
  const beside = figure.curves.length;
  return figure.curves.flatMap((curve, k) => {
    const stroke = colour(curve.colour);
    const points = curve.x.map((x, i) => ({
      x, y: clamp(curve.y[i]), low: clamp(curve.low[i] ?? curve.y[i]), high: clamp(curve.high[i] ?? curve.y[i]),
    }));
    const few = points.length <= FEW;
    const dx = few ? (k - (beside - 1) / 2) * 9 : 0; // curves that coincide are seen beside each other
    const at = { x: "x", dx };
    const line = Plot.line(points, { ...at, y: "y", stroke, strokeWidth: 2, strokeDasharray: DASHES[curve.dash] });
    if (!few) {
      const band = curve.low.length ? [Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.2 })] : [];
      return [...band, line];
    }
    const repeated = curve.dots.flatMap((dots, i) => dots.map((y) => ({ x: curve.x[i], y: clamp(y) })));
    return [
      line,
      Plot.ruleX(curve.low.length ? points : [], { ...at, y1: "low", y2: "high", stroke, strokeWidth: 2 }),
      Plot.dot(repeated, { ...at, y: "y", r: 2.5, stroke, fill: "var(--card)" }),
      Plot.dot(points, { ...at, y: "y", r: 4.5, symbol: symbol(curve.shape), fill: stroke }),
    ];
  });
}

/** Rows of dots: the name above, the interval as a line, the mean as its sign. @param {Figure} figure @param {string[]} names */
function rows(figure, names) {
  const clamp = within(figure.x, figure.x.ends);
  const series = [...new Set(figure.rows.map((row) => row.series))];
  const drawn = figure.rows.flatMap((row) => {
    const stroke = colour(row.colour), dy = series.indexOf(row.series) * ROOM.apart - ((series.length - 1) * ROOM.apart) / 2;
    const shown = { ...row, low: clamp(row.low), high: clamp(row.high), mean: clamp(row.mean) };
    const at = { y: "name", dy: dy + ROOM.heading / 2 };
    return [
      Plot.ruleY([shown], { ...at, x1: "low", x2: "high", stroke, strokeWidth: 2 }),
      Plot.dot(row.dots.map((x) => ({ x: clamp(x), name: row.name })), { ...at, x: "x", r: 2.5, stroke, fill: "var(--card)" }),
      Plot.dot([shown], { ...at, x: "mean", r: 5, symbol: symbol(row.shape), fill: stroke }),
    ];
  });
  const headings = Plot.text(names, {
    y: (d) => d, text: (d) => d, frameAnchor: "left", textAnchor: "start",
    dy: -((series.length - 1) * ROOM.apart) / 2 - ROOM.heading / 2 + 4, fill: "currentColor", stroke: "var(--card)",
  });
  return [...drawn, headings];
}

/** What the signs, dashes and colours stand for. @param {Figure} figure */
function key(figure) {
  const list = element("ul", { class: "key" });
  const of = figure.curves.length ? figure.curves : [...new Map(figure.rows.map((row) => [row.series, { ...row, name: row.series, dash: "" }])).values()];
  for (const one of of) {
    if (!one.name) continue;
    const item = element("li", {}, list);
    const sign = Plot.plot({
      width: 34, height: 14, margin: 0, x: { domain: [0, 1], axis: null }, y: { domain: [0, 1], axis: null },
      marks: [
        one.dash === "" ? null : Plot.line([[0, 0.5], [1, 0.5]], { stroke: colour(one.colour), strokeWidth: 2, strokeDasharray: DASHES[one.dash] }),
        one.shape === "none" ? null : Plot.dot([[0.5, 0.5]], { symbol: symbol(one.shape), r: 4.5, fill: colour(one.colour) }),
      ],
    });
    sign.setAttribute("aria-hidden", "true");
    item.append(sign, one.name);
  }
  return list;
}

/** Plot's options for an axis. @param {Axis} axis @returns {any} */
function scale(axis) {
  return {
    label: axis.label, type: axis.log ? ("log") : ("linear"),
    ...(axis.ends ? { domain: axis.ends } : {}), ...(axis.ticks.length ? { ticks: axis.ticks } : {}),
  };
}

/** @param {Figure} figure @param {number} width */
function draw(figure, width) {
  const names = [...new Set(figure.rows.map((row) => row.name))];
  const series = new Set(figure.rows.map((row) => row.series)).size;
  const style = { fontSize: "12px", fontFamily: "inherit", background: "none", color: "inherit" };
  /** @type {any} */
  const common = { width, style, marginRight: 16, ariaLabel: figure.said, x: { ...scale(figure.x), labelAnchor: ("center"), labelArrow: false, tickFormat: brief } };
  const svg = names.length
    ? Plot.plot({
        ...common, marginLeft: 12, marginTop: 26, marginBottom: 40,
        height: 66 + names.length * (ROOM.row - ROOM.apart + series * ROOM.apart), y: { type: "band", domain: names, axis: null },
        marks: [Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1 }), ...marks(figure, true), ...rows(figure, names)],
      })
    : Plot.plot({
        ...common, height: 280, marginLeft: 52, marginBottom: 40, marginTop: 26,
        x: { ...common.x, ...(figure.x.log ? { domain: [figure.x.ticks[0] / 1.5, figure.x.ticks[figure.x.ticks.length - 1] * 1.5] } : {}) },
        y: { ...scale(figure.y), labelArrow: false, nice: true, tickFormat: brief },
        marks: [Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }), ...marks(figure, false), ...curves(figure)],
      });
  svg.setAttribute("role", "img"); // named as a whole: its parts have no names of their own
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  return svg;
}

const data = /** @type {Record<string, Figure>} */ (JSON.parse($("data").textContent));
for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-figure]"))) {
  const figure = data[place.dataset.figure];
  place.append(key(figure), draw(figure, Math.min(place.clientWidth, 640)));
}

const button = $("theme");
/** @param {boolean} dark */
function theme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  button.setAttribute("aria-pressed", String(dark));
}
theme(matchMedia("(prefers-color-scheme: dark)").matches);
button.addEventListener("click", () => theme(!isDark()));
let was = false; // paper is light
addEventListener("beforeprint", () => { was = isDark(); theme(false); });
addEventListener("afterprint", () => theme(was));
