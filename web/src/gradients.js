// Derivatives of a run: backwards to its inputs, and forwards from a nudge of its state.

import { dot } from "./gru.js";

/** Gauss and Legendre's rule of eight points on −1 .. 1. */
const NODES = [0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363];
const SHARES = [0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763];
const RULE = [...NODES.map((v, i) => [-v, SHARES[i]]).reverse(), ...NODES.map((v, i) => [v, SHARES[i]])];
const HALVINGS = 20;

/**
 * The gradient of the inputs (T * width) of one layer and direction, from that of its states (T * H): the twin of
 * `cell_backward` in gruvy/reference.py, along a sequence.
 */
export function layerBackward(net, one, dy, T, backward) {
  const H = net.units, { cell, width } = one, { W, U } = cell, after = net.reset === "after";
  const dx = new Float64Array(T * width), dh = new Float64Array(H), old = new Float64Array(H);
  const da = [0, 1, 2].map(() => new Float64Array(H)), dq = new Float64Array(H), drh = new Float64Array(H);
  for (let i = 0; i < T; i++) {
    const t = backward ? i : T - 1 - i, from = t * H;
    for (let u = 0; u < H; u++) {
      const k = from + u, g = dh[u] + dy[k], z = one.z[k], n = one.n[k], h = one.before[k], keep = net.keeps ? z : 1 - z;
      da[2][u] = g * (1 - keep) * (1 - n * n);
      da[1][u] = (net.keeps ? g * (h - n) : g * (n - h)) * z * (1 - z);
      old[u] = g * keep;
      dq[u] = after ? da[2][u] * one.r[k] : da[2][u];
    }
    transposed(U, 2 * H, H, H, dq, drh, true);
    for (let u = 0; u < H; u++) {
      const k = from + u, r = one.r[k];
      da[0][u] = (after ? da[2][u] * one.q[k] : drh[u] * one.before[k]) * r * (1 - r);
      dh[u] = old[u] + (after ? drh[u] : drh[u] * r);
    }
    transposed(U, H, H, H, da[1], dh, false);
    transposed(U, 0, H, H, da[0], dh, false);
    const here = dx.subarray(t * width, (t + 1) * width);
    for (let k = 0; k < 3; k++) transposed(W, k * H, H, width, da[k], here, false);
  }
  return dx;
}

// out (+)= the rows `first` .. `first + count` of M (each `width` long), transposed, times v.
function transposed(M, first, count, width, v, out, anew) {
  if (anew) out.fill(0);
  for (let u = 0; u < count; u++) {
    const s = v[u], row = (first + u) * width;
    if (s !== 0) for (let i = 0; i < width; i++) out[i] += s * M[row + i];
  }
}

/** The gradient of the seen inputs (T * I), from that of the top layer's states (T * D * H). */
export function inputGradient(net, runs, dtop, T) {
  const H = net.units, D = net.directions;
  let dy = dtop;
  for (let k = net.layers - 1; k >= 0; k--) {
    const dx = new Float64Array(T * runs[k * D].width);
    for (let d = 0; d < D; d++) {
      const half = new Float64Array(T * H);
      for (let t = 0; t < T; t++) half.set(dy.subarray(t * D * H + d * H, t * D * H + (d + 1) * H), t * H);
      const part = layerBackward(net, runs[k * D + d], half, T, d === 1);
      for (let i = 0; i < dx.length; i++) dx[i] += part[i];
    }
    dy = dx;
  }
  return dy;
}

/**
 * Integrated gradients of a tagger's output o at step t along the way from `start` to x (both T * I, as the net sees
 * them): the same rule, halvings and tolerance as gruvy.inside.contributions with `at`.
 */
export function integrated(net, x, start, T, o, t, tolerance = 5e-3) {
  const I = net.inputs, P = net.directions * net.units, most = net.directions === 1 ? t + 1 : T, size = most * I;
  const way = new Float64Array(size), place = new Float64Array(size), values = new Float64Array(T * I);
  for (let i = 0; i < size; i++) way[i] = x[i] - start[i];
  const at = (s) => { for (let i = 0; i < size; i++) place[i] = start[i] + s * way[i]; return net.forward(place, most); };
  const output = (found) => net.readOut(found.top.subarray(t * P, (t + 1) * P))[o];
  const f0 = output(at(0)), f1 = output(at(1));
  let panels = [[0, 1, f0, f1]], allowed = 0;
  for (let depth = 0; panels.length && depth <= HALVINGS; depth++) {
    const next = [];
    for (const [a, b, fa, fb] of panels) {
      const part = new Float64Array(size);
      for (const [node, share] of RULE) {
        const found = at(a + (b - a) * (node + 1) / 2), dtop = new Float64Array(most * P);
        for (let p = 0; p < P; p++) dtop[t * P + p] = net.V ? net.V[o * P + p] : Number(p === o);
        const g = inputGradient(net, found.runs, dtop, most);
        for (let i = 0; i < size; i++) part[i] += share / 2 * g[i];
      }
      let sum = 0, total = 0;
      for (let i = 0; i < size; i++) {
        part[i] *= (b - a) * way[i];
        sum += part[i];
        total += Math.abs(part[i]);
      }
      if (depth === 0) allowed = tolerance / 8 * total;
      if (Math.abs(fb - fa - sum) > allowed && depth < HALVINGS) {
        const c = (a + b) / 2, fc = output(at(c));
        next.push([a, c, fa, fc], [c, b, fc, fb]);
      } else for (let i = 0; i < size; i++) values[i] += part[i];
    }
    panels = next;
  }
  return { values, base: f0, output: f1 };
}

/**
 * What a nudge of the state after step t does later: of the layer's own state, and of the answer's scores, the size of
 * the change per size of the nudge, at lags 0, 1, 2 ... The derivative, so the nudge is as small as one likes.
 * @param {any} net @param {any} run a run of it
 * @param {number} j layer and direction @param {number} t @param {number | null} unit null: all, each by the same
 * @returns {{state: number[], answer: number[] | null}}
 */
export function nudged(net, run, j, t, unit) {
  const H = net.units, D = net.directions, T = run.T, k = Math.floor(j / D), d = j % D;
  const dh = new Float64Array(T * H), start = new Float64Array(H);
  if (unit === null) start.fill(1 / Math.sqrt(H));
  else start[unit] = 1;
  layerForward(net, run.runs[j], null, dh, T, d === 1, t, start);
  const state = [], count = d ? t + 1 : T - t;
  for (let lag = 0; lag < count; lag++) state.push(norm(dh, (d ? t - lag : t + lag) * H, H));
  if (D === 2) return { state, answer: null };
  let below = dh;
  for (let layer = k + 1; layer < net.layers; layer++) {
    const next = new Float64Array(T * H);
    layerForward(net, run.runs[layer], below, next, T, false, -1, null);
    below = next;
  }
  return { state, answer: answers(net, run, below, T, t) };
}

// Tangents of a layer's states from those of its inputs (T * width), or from a start after step `at`.
function layerForward(net, one, dx, dh, T, backward, at, start) {
  const H = net.units, { cell, width } = one, { W, U } = cell, after = net.reset === "after";
  const v = new Float64Array(H), drh = new Float64Array(H);
  if (start) dh.set(start, at * H);
  const first = start ? (backward ? at - 1 : at + 1) : 0;
  for (let t = first; backward ? t >= 0 : t < T; t += backward ? -1 : 1) {
    const from = t * H, before = backward ? t + 1 : t - 1;
    if (before >= 0 && before < T) v.set(dh.subarray(before * H, (before + 1) * H)); else v.fill(0);
    const a = (row) => (dx ? dot(W, row * width, dx, t * width, width) : 0);
    const dr = new Float64Array(H);
    for (let u = 0; u < H; u++) {
      const r = one.r[from + u];
      dr[u] = (a(u) + dot(U, u * H, v, 0, H)) * r * (1 - r);
      drh[u] = dr[u] * one.before[from + u] + r * v[u];
    }
    for (let u = 0; u < H; u++) {
      const i = from + u, row = 2 * H + u, z = one.z[i], n = one.n[i], h = one.before[i];
      const dz = (a(H + u) + dot(U, (H + u) * H, v, 0, H)) * z * (1 - z);
      const dq = dot(U, row * H, after ? v : drh, 0, H);
      const dn = (a(row) + (after ? dr[u] * one.q[i] + one.r[i] * dq : dq)) * (1 - n * n);
      dh[i] = net.keeps ? dz * (h - n) + (1 - z) * dn + z * v[u] : dz * (n - h) + z * dn + (1 - z) * v[u];
    }
  }
}

// The change of the scores at each step from `from` on, pooled as the net pools.
function answers(net, run, dtop, T, from) {
  const P = net.units, found = [], pooled = new Float64Array(P), top = run.runs[run.runs.length - 1].h;
  const most = new Float64Array(P).fill(-Infinity), which = new Float64Array(P);
  for (let t = 0; t < T; t++) {
    for (let p = 0; p < P; p++) {
      const v = dtop[t * P + p];
      if (net.task === "tag" || net.pooling === "last") pooled[p] = v;
      else if (net.pooling === "mean") pooled[p] += (v - pooled[p]) / (t + 1);
      else {
        if (top[t * P + p] > most[p]) { most[p] = top[t * P + p]; which[p] = v; }
        pooled[p] = which[p];
      }
    }
    if (t < from) continue;
    let sum = 0;
    for (let o = 0; o < net.outputs; o++) sum += (net.V ? dot(net.V, o * P, pooled, 0, P) : pooled[o]) ** 2;
    found.push(Math.sqrt(sum));
  }
  return found;
}

/** Steps until an effect has fallen for good under 1/e of its largest; Infinity: not by the end; NaN: there is none. */
export function lasting(effect) {
  const most = effect.reduce((a, v) => Math.max(a, v), 0);
  if (!(most > 0)) return NaN;
  let lag = effect.length - 1;
  while (effect[lag] < most / Math.E) lag--;
  return lag === effect.length - 1 ? Infinity : lag + 1;
}

function norm(a, from, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[from + i] ** 2;
  return Math.sqrt(sum);
}
