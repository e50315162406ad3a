// What a drag across the plots does: it moves the cursor, chooses a range of steps, or draws on the input.

import { $ } from "../dom.js";
import { charts } from "../plots.js";
import { I, moveTo, net, sequence, tell, view } from "./state.js";

/** @typedef {{steps: [number, number], units: number[] | null, where: string}} Range `where`: the plot it was dragged on */

/** @type {Range | null} */
let range = null;
let begun = null;

export const dragDoes = () => /** @type {any} */ (document.querySelector("input[name=drag]:checked"))?.value || "cursor";
export const chosenRange = () => range;

/** @param {Range | null} next */
export function chooseRange(next) {
  range = next;
  drawRange();
  tell("range");
}

/** In every plot over time. */
export function drawRange() {
  for (const host of document.querySelectorAll(".over-time")) {
    const chart = host.hasAttribute("hidden") ? null : charts.get(/** @type {HTMLElement} */ (host));
    if (!chart) continue;
    chart.over.querySelector(".range")?.remove();
    if (!range) continue;
    const [a, b] = range.steps, rows = range.where === host.id ? rowsOf(host.id, range.units) : null;
    if (rows) chart.box("range", a, b, rows[0], rows[1]);
    else chart.box("range", a, b);
  }
}

// The rows of a heat map that hold these units, from the first to one after the last.
function rowsOf(id, units) {
  if (!units) return null;
  if (id === "c-gate") {
    const places = units.map((u) => view.order.indexOf(net.rowOf(view.layer, u)));
    return [Math.min(...places), Math.max(...places) + 1];
  }
  return id === "c-input" && I > 4 ? [Math.min(...units), Math.max(...units) + 1] : null;
}

/**
 * A pointer on a plot. @param {string} id @param {PointerEvent} e @param {"down" | "move" | "up"} phase
 * @returns {boolean} whether it was for us
 */
export function dragged(id, e, phase) {
  const does = dragDoes(), chart = charts.get($(id));
  if (does === "cursor" || !chart) return false;
  const T = sequence().steps, [x, y] = chart.where(e.clientX, e.clientY), t = Math.max(0, Math.min(T - 1, Math.floor(x)));
  if (does === "paint" && id !== "c-input") return false;
  if (phase === "down") begun = { id, t, y, last: t, does, within: chart.y.domain };
  if (!begun || begun.id !== id) return true;
  if (begun.does === "paint") tell("paint", { phase, t, from: begun.last, y: clamped(begun.within, y), first: begun.y });
  else {
    const steps = /** @type {[number, number]} */ ([Math.min(begun.t, t), Math.max(begun.t, t) + 1]);
    range = { steps, units: unitsBetween(id, begun.y, y), where: id };
    drawRange();
    tell("range", phase);
  }
  begun.last = t;
  if (phase === "up") begun = null;
  return true;
}

// The drawing grows with what is drawn: a stroke stays within the ends that it began with.
const clamped = ([a, b], y) => {
  const [low, high] = a < b ? [a, b] : [b, a];
  return Math.max(low, Math.min(high, y));
};

// On the gates the units of the rows between, on an input of many channels the channels; else all of them.
function unitsBetween(id, y0, y1) {
  const rows = id === "c-gate" ? net.rows : id === "c-input" && I > 4 ? I : 0;
  if (!rows) return null;
  const [a, b] = [y0, y1].map((y) => Math.max(0, Math.min(rows - 1, Math.floor(y)))).sort((p, q) => p - q);
  const found = Array.from({ length: b - a + 1 }, (_, i) => (id === "c-gate" ? view.order[a + i] : a + i));
  return found.sort((p, q) => p - q);
}

/** Shift and an arrow: the range from where the cursor is. @param {number} by */
export function extend(by) {
  const T = sequence().steps, from = range && begunAt !== null ? begunAt : view.t;
  if (!range || begunAt === null) begunAt = view.t;
  const to = Math.max(0, Math.min(T - 1, view.t + by));
  moveTo(to);
  chooseRange({ steps: [Math.min(from, to), Math.max(from, to) + 1], units: range?.units ?? null, where: range?.where ?? "" });
}
let begunAt = null;
/** The cursor moved by itself: the next range begins there. */
export function letGo() { begunAt = null; }

