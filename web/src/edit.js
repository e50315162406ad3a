// What if: an input that was different, or a gate or a state that is held. The twin of gruvy/inside/edits.py, where the
// meaning of each edit is written down.

import { normal } from "./noise.js";

/**
 * @typedef {object} Edit
 * @property {string} target "input", "update", "reset", "candidate" or "state"
 * @property {string} action
 * @property {any} [value] a number, one for each unit, or rows of them for each step
 * @property {[number, number] | null} [steps] the first and the one after the last; all of them
 * @property {number[] | null} [units] or channels; all of them
 * @property {number | null} [layer]
 * @property {string | null} [direction]
 * @property {number} [seed]
 * @property {string} [name]
 *
 * @typedef {(name: string, t: number, values: Float64Array, from: number) => void} Change changes H values in place
 * @typedef {object} Changes what `Net.run` runs on
 * @property {ArrayLike<number>} x the inputs (T * I), on the user's scale
 * @property {Uint8Array | null} counts which steps count; null: all
 * @property {(j: number) => Change | null} change of a layer and direction
 */

export const TARGETS = ["input", "update", "reset", "candidate", "state"];
export const DIRECTIONS = ["forward", "backward"];
const ARITHMETIC = ["set", "scale", "add"];
export const OF_INPUT = [...ARITHMETIC, "blank", "repeat", "shift", "noise", "cut"];

/** @param {string} action @param {number} old @param {number} by */
const arithmetic = (action, old, by) => (action === "set" ? by : action === "scale" ? old * by : old + by);

/** The number at a row and a column of a value that fits (rows, columns) by NumPy's rules. @param {any} value */
export function numberAt(value, row, column) {
  if (!Array.isArray(value)) return value ?? 0;
  if (!Array.isArray(value[0])) return value[value.length > 1 ? column : 0];
  const line = value[value.length > 1 ? row : 0];
  return line[line.length > 1 ? column : 0];
}

/**
 * What edits make of a sequence, for `Net.run`.
 * @param {Edit[]} edits @param {any} net @param {{x: ArrayLike<number>, steps: number}} s
 * @returns {Changes | null} null: without edits
 */
export function changes(edits, net, s) {
  if (!edits.length) return null;
  const T = s.steps, I = net.inputs, H = net.units, D = net.directions;
  /** @type {any} */
  const x = edits.some((e) => e.target === "input") ? Float64Array.from(s.x) : s.x; // the same where nothing is drawn on it
  /** @type {Uint8Array | null} */
  let counts = null;
  for (const e of edits) {
    if (e.target !== "input") continue;
    const [a, b] = e.steps || [0, T];
    if (e.action === "cut") {
      counts ||= new Uint8Array(T).fill(1);
      counts.fill(0, a, b);
    } else (e.units || upTo(I)).forEach((f, place) => editChannel(x, e, f, place, a, b, T, I, net.shift ? net.shift[f] : 0));
  }
  const inside = edits.filter((e) => e.target !== "input").map((e) => ({ ...e, units: e.units || upTo(H), range: e.steps || [0, T] }));
  const change = (/** @type {number} */ j) => {
    const own = inside.filter((e) => (e.layer ?? Math.floor(j / D)) === Math.floor(j / D) && (!e.direction || e.direction === DIRECTIONS[j % D]));
    if (!own.length) return null;
    return (/** @type {string} */ name, /** @type {number} */ t, /** @type {Float64Array} */ values, /** @type {number} */ from) => {
      for (const e of own) {
        if (e.target !== name || t < e.range[0] || t >= e.range[1]) continue;
        e.units.forEach((unit, place) => {
          values[from + unit] = arithmetic(e.action, values[from + unit], numberAt(e.value, t - e.range[0], place));
        });
      }
    };
  };
  return { x, counts, change };
}

const upTo = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i);

/**
 * One edit of one channel f of x (T * I), in place; `place` is where f stands among the edit's channels.
 * @param {Float64Array} x @param {Edit} e
 */
function editChannel(x, e, f, place, a, b, T, I, blank) {
  const value = Number(e.value ?? 1), length = b - a, part = upTo(length).map((k) => x[(a + k) * I + f]);
  const put = (/** @type {number} */ t, /** @type {number} */ v) => { if (t >= 0 && t < T) x[t * I + f] = v; };
  if (e.action === "repeat") {
    for (let k = 0; k < length * value && b + k < T; k++) put(b + k, part[k % length]);
    return;
  }
  part.forEach((old, k) => {
    if (e.action === "blank" || e.action === "shift") put(a + k, blank);
    else if (e.action === "noise") put(a + k, old + value * normal(e.seed || 0, a + k, f));
    else put(a + k, arithmetic(e.action, old, numberAt(e.value, k, place)));
  });
  if (e.action === "shift") part.forEach((old, k) => put(a + k + value, old));
}

/** The edits that fit a net and a sequence of T steps, in a form that is safe to run: a range is cut to the steps there are. */
export function fitting(edits, net, T) {
  const found = [];
  for (const e of Array.isArray(edits) ? edits : []) {
    const ok = checked(e, net, T);
    if (ok) found.push(ok);
  }
  return found;
}

/** @param {any} e @returns {Edit | null} */
function checked(e, net, T) {
  if (!e || typeof e !== "object" || !TARGETS.includes(e.target)) return null;
  const input = e.target === "input", width = input ? net.inputs : net.units;
  if (!(input ? OF_INPUT : ARITHMETIC).includes(e.action)) return null;
  const whole = (v, least, most) => Number.isInteger(v) && v >= least && v <= most;
  let steps = e.steps ?? null;
  if (steps !== null) {
    if (!Array.isArray(steps) || steps.length !== 2 || !whole(steps[0], 0, T - 1) || !whole(steps[1], steps[0] + 1, 1e9)) return null;
    steps = [steps[0], Math.min(T, steps[1])];
  }
  const units = e.units ?? null;
  if (units !== null && (!Array.isArray(units) || !units.length || new Set(units).size < units.length || !units.every((u) => whole(u, 0, width - 1)))) return null;
  if (e.action === "cut" && units !== null) return null;
  const layer = input ? null : e.layer ?? null, direction = input ? null : e.direction ?? null, seed = e.seed ?? 0;
  if (layer !== null && !whole(layer, 0, net.layers - 1)) return null;
  if (direction !== null && !DIRECTIONS.slice(0, net.directions).includes(direction)) return null;
  if (!whole(seed, 0, 2 ** 32 - 1)) return null;
  const value = valueOf(e, steps ? steps[1] - steps[0] : T, units ? units.length : width);
  if (value === undefined) return null;
  return { target: e.target, action: e.action, value, steps, units, layer, direction, seed, name: typeof e.name === "string" ? e.name.slice(0, 60) : "" };
}

/** The value, or undefined where it does not fit. */
function valueOf(e, rows, columns) {
  if (e.action === "blank" || e.action === "cut") return null;
  const finite = (v) => typeof v === "number" && Number.isFinite(v);
  if (e.action === "repeat") return Number.isInteger(e.value ?? 1) && (e.value ?? 1) >= 1 ? e.value ?? 1 : undefined;
  if (e.action === "shift") return Number.isInteger(e.value) ? e.value : undefined;
  if (e.action === "noise") return finite(e.value) && e.value >= 0 ? e.value : undefined;
  if (finite(e.value)) return e.value;
  if (!Array.isArray(e.value) || !e.value.length) return undefined;
  const fits = (line) => line.length && [1, columns].includes(line.length) && line.every(finite);
  if (!Array.isArray(e.value[0])) return fits(e.value) ? e.value : undefined;
  if (e.value.length !== 1 && e.value.length < rows) return undefined;
  const lines = e.value.slice(0, e.value.length === 1 ? 1 : rows);
  return lines.every((line) => Array.isArray(line) && line.length === lines[0].length && fits(line)) ? lines : undefined;
}

/** The line of Python that makes the same edit. @param {Edit} e */
export function pythonOf(e) {
  const text = (v) => (Array.isArray(v) ? `[${v.map(text).join(", ")}]` : String(v));
  const said = [`"${e.target}"`, `"${e.action}"`];
  if (e.value !== null && e.value !== undefined) said.push(text(e.value));
  if (e.steps) said.push(`steps=(${e.steps[0]}, ${e.steps[1]})`);
  if (e.units) said.push(`units=${text(e.units)}`);
  if (e.layer !== null && e.layer !== undefined) said.push(`layer=${e.layer}`);
  if (e.direction) said.push(`direction="${e.direction}"`);
  if (e.seed) said.push(`seed=${e.seed}`);
  return `Edit(${said.join(", ")})`;
}
