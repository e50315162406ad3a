// Find this again, and what excites a unit: the twins of gruvy/inside/find.py; and who made an answer, of influence.py.

import { changes } from "./edit.js";

/**
 * @typedef {{sequence: number, steps: [number, number], share: number}} Place
 * @typedef {{units: number[], signs: number[], places: Place[]}} Found
 */

/**
 * The states of a layer and direction in every sequence: yields how far it is, returns arrays (T * H).
 * @param {any} net @param {{x: ArrayLike<number>, steps: number}[]} sequences @param {number} j
 * @returns {Generator<number, Float64Array[], void>}
 */
export function* statesOf(net, sequences, j) {
  const found = [];
  for (const s of sequences) {
    found.push(net.run(s).runs[j].h);
    yield found.length / sequences.length;
  }
  return found;
}

/**
 * Every stretch at which the same units do what they do over a range of steps of one sequence, best first.
 * @param {Float64Array[]} states of `statesOf` @param {number} H @param {number} sequence @param {[number, number]} steps
 * @param {{threshold?: number, least?: number, most?: number}} options
 * @returns {Found}
 */
export function find(states, H, sequence, [a, b], { threshold = 0.3, least = 0.5, most = 50 } = {}) {
  const units = [], signs = [], own = states[sequence], length = b - a;
  for (let u = 0; u < H; u++) {
    let low = Infinity, high = -Infinity;
    for (let t = a; t < b; t++) [low, high] = [Math.min(low, own[t * H + u]), Math.max(high, own[t * H + u])];
    if ((low >= threshold) === (high <= -threshold)) continue;
    units.push(u);
    signs.push(low >= threshold ? 1 : -1);
  }
  if (!units.length) return { units, signs, places: [] };
  const candidates = [];
  states.forEach((h, i) => {
    const T = h.length / H, hits = new Int32Array(T);
    for (let t = 0; t < T; t++) for (let k = 0; k < units.length; k++) if (h[t * H + units[k]] * signs[k] >= threshold) hits[t]++;
    let count = 0;
    for (let t = 0; t < T; t++) {
      count += hits[t] - (t >= length ? hits[t - length] : 0);
      if (t >= length - 1 && count >= least * length * units.length) candidates.push([count, i, t - length + 1]);
    }
  });
  candidates.sort((p, q) => q[0] - p[0] || p[1] - q[1] || p[2] - q[2]);
  const taken = states.map((h) => new Uint8Array(h.length / H)), places = [];
  taken[sequence].fill(1, a, b);
  for (const [count, i, t] of candidates) {
    if (places.length === most) break;
    if (taken[i].subarray(t, t + length).includes(1)) continue;
    taken[i].fill(1, t, t + length);
    places.push({ sequence: i, steps: /** @type {[number, number]} */ ([t, t + length]), share: count / (length * units.length) });
  }
  return { units, signs, places };
}

/**
 * The steps of all sequences at which a unit's state is furthest from 0, the largest first.
 * @param {Float64Array[]} states @param {number} H @param {number} unit
 */
export function exciting(states, H, unit, { count = 10, apart = 10 } = {}) {
  const order = [];
  states.forEach((h, i) => { for (let t = 0; t * H < h.length; t++) order.push([Math.abs(h[t * H + unit]), i, t]); });
  order.sort((p, q) => q[0] - p[0] || p[1] - q[1] || p[2] - q[2]);
  const found = [];
  for (const [, i, t] of order) {
    if (found.length === count) break;
    if (found.every((p) => p.sequence !== i || Math.abs(p.step - t) >= apart)) found.push({ sequence: i, step: t, value: states[i][t * H + unit] });
  }
  return found;
}

/**
 * How much each step changed the answer at every later one, by blanking it: yields how far it is, returns rows of steps.
 * @param {any} net @param {{x: ArrayLike<number>, steps: number}} s @param {import("./edit.js").Edit[]} edits
 * @returns {Generator<number, number[][], void>}
 */
export function* influence(net, s, edits) {
  const before = edits.filter((e) => e.target === "input"), inside = edits.filter((e) => e.target !== "input");
  const course = (/** @type {any[]} */ more) => {
    const r = net.run(s, changes([...before, ...more, ...inside], net, s));
    const told = r.over ? r.steps() : [r.final];
    return told.map((a) => (Number.isNaN(a[0]) ? a.map(() => 0) : a)); // at a step that is cut
  };
  const whole = course([]), leads = whole.map((a) => net.leads(a)), found = [];
  for (let t = 0; t < s.steps; t++) {
    const off = course([{ target: "input", action: "blank", steps: [t, t + 1] }]);
    found.push(leads.map((k, i) => whole[i][k] - off[i][k]));
    yield (t + 1) / s.steps;
  }
  return found;
}

/**
 * What a gate's sum is made of at a step: the products of one of its wires, the largest first.
 * @param {any} net @param {any} run @param {number} j @param {number} unit @param {number} t
 * @param {"r" | "z" | "n"} gate @param {"x" | "h"} wire
 */
export function sources(net, run, j, unit, t, gate, wire) {
  const H = net.units, one = run.runs[j], { cell, width } = one, row = { r: 0, z: 1, n: 2 }[gate] * H + unit;
  const count = wire === "x" ? width : H, found = [];
  for (let i = 0; i < count; i++) {
    const weight = wire === "x" ? cell.W[row * width + i] : cell.U[row * H + i];
    let from = wire === "x" ? one.x[t * width + i] : one.before[t * H + i];
    if (wire === "h" && gate === "n" && net.reset === "before") from *= one.r[t * H + i]; // the candidate sees r ∘ h
    found.push({ index: i, weight, from, value: weight * from });
  }
  return found.sort((p, q) => Math.abs(q.value) - Math.abs(p.value) || p.index - q.index);
}
