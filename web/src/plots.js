// Lines, bars, dots and heat maps, drawn by Observable Plot: each with axes, a name for a screen reader, a reading under
// the pointer, and dashes or a label at the line, so that grey tells lines apart.

import { axisX, axisY, dot, gridX, gridY, line as curve, plot, rect, ruleX, ruleY } from "@observablehq/plot";
import { brief, number, svg } from "./dom.js";
import { css, line, negative, positive } from "./palette.js";
import { follow, last } from "./reading.js";
import { widthOf } from "./width.js";

/**
 * @typedef {object} Axis
 * @property {[number, number]} [domain]
 * @property {string | null} [label]
 * @property {number[] | number} [ticks] where, or about how many
 * @property {(v: number) => string} [format]
 * @property {boolean} [hidden] neither ticks nor grid
 * @property {boolean} [log]
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {number[][]} points [x, y], ...; a NaN interrupts the line
 * @property {{colour: string, dash: string}} [look] default: the line's own of `palette.line`
 * @property {number} [thick]
 * @property {boolean} [ghost] faint: what was before
 * @property {number[][]} [labelAt] where its name may stand, best first; none: nowhere
 * @property {Record<string, string>} [data] attributes of its line
 *
 * @typedef {{text: string, python?: string}} Reading what stands under the pointer, and the line of Python that gives it
 *
 * @typedef {object} Options
 * @property {string} title for a screen reader, and the name of a saved file
 * @property {number} [height]
 * @property {number} [width] default: the host's
 * @property {Axis} x
 * @property {Axis} y
 * @property {number} [left] the margin for the ticks of y
 * @property {(x: number, y: number) => Reading | null} [read]
 * @property {any[]} [marks] more of Plot's
 */

/** A drawing in its host. `charts` knows it by the host. */
export class Chart {
  /** @param {HTMLElement} host @param {Options} options @param {any[]} marks @param {() => any[][]} table */
  constructor(host, options, marks, table) {
    const { x, y, title, height = 220, left = 50 } = options;
    this.host = host;
    this.title = title;
    this.table = table;
    this.read = options.read || null;
    const width = options.width || widthOf(host);
    const root = plot({
      width, height, className: "plot", ariaLabel: title, marginLeft: left, marginRight: 18,
      marginTop: y.label ? 26 : 9, marginBottom: x.hidden ? 7 : x.label ? 38 : 22,
      style: "font-size: 12px; font-family: inherit; background: transparent; color: var(--muted);",
      x: { type: x.log ? "log" : "linear", domain: x.domain, axis: null },
      y: { type: y.log ? "log" : "linear", domain: y.domain, axis: null },
      marks: [...ruled(x, gridX, axisX), ...ruled(y, gridY, axisY), ...marks, ...(options.marks || [])],
    });
    this.svg = /** @type {SVGSVGElement} */ (root);
    this.svg.setAttribute("role", "img");
    // The drawing has one name; a part of it has none that a screen reader may read.
    for (const part of this.svg.querySelectorAll("[aria-label]")) {
      part.setAttribute("data-mark", part.getAttribute("aria-label"));
      part.removeAttribute("aria-label");
    }
    this.x = root.scale("x");
    this.y = root.scale("y");
    this.over = svg("g", { class: "over", "pointer-events": "none" }, this.svg);
    host.classList.add("plot-host");
    host.replaceChildren(this.svg);
    if (!charts.has(host)) follow(host, charts);
    charts.set(host, this);
    last.delete(host);
  }

  /** Values of x and y at a place on the screen. @returns {[number, number]} */
  where(clientX, clientY) {
    const box = this.svg.getBoundingClientRect(), [, , width, height] = this.svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    return [this.x.invert((clientX - box.left) / box.width * width), this.y.invert((clientY - box.top) / box.height * height)];
  }

  /** The place on the screen of values of x and y. @returns {[number, number]} */
  place(x, y) {
    const box = this.svg.getBoundingClientRect(), [, , width, height] = this.svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    return [box.left + this.x.apply(x) / width * box.width, box.top + this.y.apply(y) / height * box.height];
  }

  /** A box over the drawing, which it moves when it is there already: the cursor, the row of a unit, a range. */
  box(name, x0, x1, y0 = this.y.domain[0], y1 = this.y.domain[1]) {
    const [a, b] = [this.x.apply(x0), this.x.apply(x1)].sort((p, q) => p - q);
    const [c, d] = [this.y.apply(y0), this.y.apply(y1)].sort((p, q) => p - q);
    const wide = Math.max(3, b - a), found = this.over.querySelector(`.${name}`) || svg("rect", { class: name }, this.over);
    const place = { x: (a + b) / 2 - wide / 2, y: c, width: wide, height: Math.max(3, d - c) };
    for (const [key, value] of Object.entries(place)) found.setAttribute(key, value.toFixed(2));
  }
}

/** @type {WeakMap<HTMLElement, Chart>} */
export const charts = new WeakMap();

const ruled = (/** @type {Axis} */ a, grid, axis) => {
  if (a.hidden) return [];
  const at = Array.isArray(a.ticks) ? [a.ticks] : [];
  const count = typeof a.ticks === "number" ? { ticks: a.ticks } : {};
  return [grid(...at, { ...count, stroke: "var(--line)", strokeOpacity: 1 }),
    axis(...at, { ...count, label: a.label ?? null, labelArrow: "none", tickSize: 3, tickFormat: a.format || brief })];
};

/** The x of plots over the steps 1 .. T: step t stands between t − 1 and t, its number below its middle. @returns {Axis} */
export function overSteps(T, hidden = false) {
  const at = ticks(1, T, Math.min(8, T)).filter((v) => v >= 1 && v <= T && Number.isInteger(v)).map((v) => v - 0.5);
  return { domain: /** @type {[number, number]} */ ([0, T]), ticks: at, format: (v) => String(v + 0.5), label: hidden ? null : "step", hidden };
}

/** Several lines. @param {HTMLElement} host @param {Options & {series: Series[]}} options */
export function lines(host, options) {
  const { series } = options, marks = [];
  const before = series.filter((s) => s.ghost).flatMap((s, i) => s.points.map(([x, y]) => [x, y, i]));
  if (before.length) {
    marks.push(curve(before, { x: "0", y: "1", z: "2", stroke: "var(--muted)", strokeOpacity: 0.75, strokeDasharray: "1.5 3", strokeWidth: 1.4 }));
  }
  series.forEach((s, i) => {
    if (s.ghost) return;
    const look = s.look || line(i), style = { stroke: look.colour, strokeDasharray: look.dash || undefined, strokeWidth: s.thick || 2 };
    const mark = s.points.length === 1 ? dot(s.points, { x: "0", y: "1", r: 3, fill: look.colour }) :
      curve(s.points, { x: "0", y: "1", strokeLinejoin: "round", ...style });
    marks.push(named(mark, { "data-series": s.name, ...s.data }));
  });
  marks.push(labels(series.filter((s) => s.labelAt && s.labelAt.length)));
  const chart = new Chart(host, options, marks, () => tableOf(series, options.x.label || "x"));
  chart.read ||= (x, y) => nearest(chart, series, x, y, options);
  return chart;
}

/**
 * Bars from 0, of width 1 beginning at i * each: vermilion above 0, blue below.
 * @param {HTMLElement} host
 * @param {Options & {values: number[], each?: number, last?: number, fill?: (v: number, i: number) => string}} options
 */
export function bars(host, options) {
  const { values, each = 1, last: end = values.length * each } = options;
  const fill = options.fill || ((v) => css(v < 0 ? negative() : positive()));
  const gap = Math.min(0.1, 0.1 * each);
  const mark = rect(values, {
    x1: (_, i) => i * each + gap, x2: (_, i) => Math.min(end, (i + 1) * each) - gap, y1: 0, y2: (v) => v, fill: (v, i) => fill(v, i),
  });
  const chart = new Chart(host, options, [mark, ruleY([0], { stroke: "var(--muted)" })],
    () => [["step", "value"], ...values.map((v, i) => [i * each + 1, v])]);
  chart.read ||= (x) => {
    const i = Math.floor(x / each);
    return i in values ? { text: `step ${i * each + 1}${each > 1 ? ` to ${Math.min(end, (i + 1) * each)}` : ""}: ${number(values[i])}` } : null;
  };
  return chart;
}

/**
 * Rows by columns of values, averaged into cells where there are more of them than pixels to show them. A cell holds
 * whole blocks of steps, where values are given by blocks.
 * @param {HTMLElement} host
 * @param {Options & {rows: number, steps: number, value: (row: number, t: number) => number,
 *   colour: (v: number) => number[], block?: number, rowName?: (row: number) => string}} options
 */
export function heatMap(host, options) {
  const { rows, steps, value, colour, block = 1, height = 220, rowName = String } = options;
  const wide = (options.width || widthOf(host)) - 68;
  const tall = height - 31; // without the margins
  const rowsPerCell = Math.max(1, Math.ceil(rows / (tall / 2))), stepsPerCell = perColumn(steps, wide, block);
  const R = Math.ceil(rows / rowsPerCell), C = Math.ceil(steps / stepsPerCell);
  const href = picture(R, C, (i, j) => {
    let sum = 0, count = 0;
    for (let a = i * rowsPerCell; a < Math.min(rows, (i + 1) * rowsPerCell); a++) {
      for (let t = j * stepsPerCell; t < Math.min(steps, (j + 1) * stepsPerCell); t++, count++) sum += value(a, t);
    }
    return sum / count;
  }, colour);
  const y = { domain: /** @type {[number, number]} */ ([rows, 0]), ticks: rowTicks(rows), format: (v) => rowName(Math.floor(v)), ...options.y };
  const table = () => [["row", ...upTo(steps).map((t) => `step ${t + 1}`)], ...upTo(rows).map((a) => [rowName(a), ...upTo(steps).map((t) => value(a, t))])];
  // The frame stays where it can: only the picture changes while a hand moves.
  const frame = [options.title, rows, steps, height, widthOf(host), options.x.hidden, ...(Array.isArray(y.ticks) ? y.ticks : []).map(y.format)].join();
  const old = /** @type {any} */ (charts.get(host));
  let chart = old && old.frame === frame && host.contains(old.svg) ? old : null;
  if (chart) {
    chart.svg.querySelector("image").setAttribute("href", href);
    Object.assign(chart, { table, read: options.read || null });
    last.delete(host);
  } else {
    // Coloured here and drawn as a picture: Plot's own raster reads a colour's text for every cell, ten times as slow.
    const mark = (index, scales) => svg("image", {
      href, preserveAspectRatio: "none", style: "image-rendering: pixelated", x: scales.x(0), y: scales.y(0),
      width: scales.x(C * stepsPerCell) - scales.x(0), height: scales.y(R * rowsPerCell) - scales.y(0),
    });
    chart = new Chart(host, { ...options, y }, [clipped(mark)], table);
  }
  chart.read ||= (x, at) => {
    const t = Math.floor(x), a = Math.floor(at);
    return t >= 0 && t < steps && a >= 0 && a < rows ? { text: `${rowName(a)}, step ${t + 1}: ${number(value(a, t))}` } : null;
  };
  return Object.assign(chart, { frame, rowsPerCell, stepsPerCell });
}

/**
 * Dots, each with a name.
 * @param {HTMLElement} host
 * @param {Options & {points: {x: number, y: number, name: string, colour?: string, symbol?: string, data?: any}[], r?: number,
 *   onPick?: (point: any) => void}} options
 */
export function dots(host, options) {
  const { points, r = 4, onPick } = options;
  const symbols = points.some((p) => p.symbol) ? { symbol: (p) => p.symbol || "circle" } : {};
  const mark = dot(points, { x: "x", y: "y", r, fill: (p) => p.colour || "var(--line-0)", stroke: "var(--card)", strokeWidth: 0.6, ...symbols });
  const chart = new Chart(host, options, [mark], () =>
    [["name", options.x.label || "x", options.y.label || "y"], ...points.map((p) => [p.name, p.x, p.y])]);
  const close = (x, y) => {
    let best = null, least = Infinity;
    for (const p of points) {
      const apart = Math.hypot(chart.x.apply(p.x) - chart.x.apply(x), chart.y.apply(p.y) - chart.y.apply(y));
      if (apart < least) [best, least] = [p, apart];
    }
    return least < 24 ? best : null; // as near as a finger hits
  };
  chart.read ||= (x, y) => { const p = close(x, y); return p && { text: `${p.name}: ${number(p.x)}, ${number(p.y)}` }; };
  if (onPick) {
    chart.svg.style.cursor = "pointer";
    chart.svg.addEventListener("click", (e) => { const p = close(...chart.where(e.clientX, e.clientY)); if (p) onPick(p); });
  }
  return chart;
}

export { ruleX, ruleY };

/** How many steps share a column: no more columns than pixels, and none that cuts a block. */
export const perColumn = (steps, width, block = 1) => Math.ceil(Math.ceil(steps / Math.max(1, width)) / block) * block;

/** Round numbers from low to high: about `count` of them. @returns {number[]} */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw), found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return found;
}

/** Whole numbers from low to high, both ends among them when there are only two. */
export const wholeTicks = (low, high, count = 6) => {
  const found = ticks(low, high, count).filter(Number.isInteger);
  return found.length > 1 ? found : [...new Set([Math.ceil(low), Math.floor(high)])];
};

/**
 * R by C colours as a picture's address. A colour is worked out once for values within a thousandth.
 * @param {number} R @param {number} C @param {(i: number, j: number) => number} value @param {(v: number) => number[]} colour
 */
function picture(R, C, value, colour) {
  const small = document.createElement("canvas");
  small.width = C;
  small.height = R;
  const pen = small.getContext("2d"), image = pen.createImageData(C, R), known = new Map();
  for (let i = 0, k = 0; i < R; i++) {
    for (let j = 0; j < C; j++, k += 4) {
      const v = value(i, j), place = Math.round(v * 1024);
      let c = known.get(place);
      if (!c) known.set(place, c = colour(v));
      image.data[k] = c[0];
      image.data[k + 1] = c[1];
      image.data[k + 2] = c[2];
      image.data[k + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
  return small.toDataURL();
}

const upTo = (count) => Array.from({ length: count }, (_, i) => i);

function rowTicks(rows) {
  return ticks(0, rows - 1, Math.min(6, rows)).filter((v) => Number.isInteger(v) && v < rows).map((v) => v + 0.5);
}

// A mark with attributes of its own.
function named(mark, attributes) {
  const render = mark.render.bind(mark);
  mark.render = (...given) => {
    const node = render(...given);
    if (node) for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  return mark;
}

// What lies past the frame is cut off: a last cell may stand for fewer steps than the others.
function clipped(mark) {
  return (index, scales, values, dimensions, context) => {
    const id = `frame-${++clips}`, g = svg("g", { "clip-path": `url(#${id})` });
    const { width, height, marginLeft, marginRight, marginTop, marginBottom } = dimensions;
    svg("rect", { x: marginLeft, y: marginTop, width: width - marginLeft - marginRight, height: height - marginTop - marginBottom },
      svg("clipPath", { id }, g));
    g.append(mark(index, scales, values, dimensions, context));
    return g;
  };
}
let clips = 0;

// Each name at its line: at the first of its places that is free, else above or below the best one.
function labels(series) {
  return (index, { x, y }, values, { width, height, marginLeft, marginRight, marginTop, marginBottom }) => {
    const g = svg("g", { class: "line-labels" }), taken = [];
    const free = (b) => taken.every((o) => b[0] > o[2] || b[2] < o[0] || b[1] > o[3] || b[3] < o[1]);
    for (const s of series) {
      const half = 3.6 * Math.min(24, s.name.length) + 3, places = s.labelAt.map((p) => [x(p[0]), y(p[1])]);
      const fit = ([a, b], up) => {
        const cx = Math.max(marginLeft + half, Math.min(width - marginRight - half, a));
        const cy = Math.max(marginTop + 7, Math.min(height - marginBottom - 7, b + up));
        return [cx, cy, [cx - half, cy - 7, cx + half, cy + 7]];
      };
      let found = null;
      for (const up of [-9, 10, -22, 23, -35, 36, -48, 49]) {
        found = places.map((p) => fit(p, up)).find((p) => free(p[2]));
        if (found) break;
      }
      found ||= fit(places[0], -9);
      taken.push(found[2]);
      const said = s.name.length > 24 ? `${s.name.slice(0, 23)}…` : s.name;
      svg("text", { x: found[0], y: found[1], dy: "0.32em", "text-anchor": "middle", class: "line-label", "data-label": s.name }, g, said);
    }
    return g;
  };
}

function nearest(chart, series, x, y, options) {
  let best = null, least = Infinity;
  for (const s of series) {
    for (const p of s.points) {
      if (Number.isNaN(p[1])) continue;
      const apart = Math.abs(chart.x.apply(p[0]) - chart.x.apply(x)) * 4 + Math.abs(chart.y.apply(p[1]) - chart.y.apply(y));
      if (apart < least) [best, least] = [[s, p], apart];
    }
  }
  if (!best) return null;
  const [s, p] = best, at = (options.x.format || brief)(p[0]);
  return { text: `${s.name}, ${options.x.label || "x"} ${at}: ${number(p[1])}` };
}

// A column for each line, a row for each x that any of them has.
function tableOf(series, label) {
  const xs = [...new Set(series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
  const at = series.map((s) => new Map(s.points.map((p) => [p[0], p[1]])));
  return [[label, ...series.map((s) => s.name)], ...xs.map((v) => [v, ...at.map((m) => m.get(v) ?? "")])];
}
