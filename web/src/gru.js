// The recurrence, in float64, from the weights the page carries: the same equations as gruvy/reference.py.

import { half } from "./half.js";
import { dot, gruStep, mix, sigmoid } from "./step.js";

export { dot, sigmoid };

export function bytes(text) {
  const raw = atob(text),
    found = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
  return found.buffer;
}
export const floats = (text) => (text === null || text === undefined ? null : new Float32Array(bytes(text)));

/** Numbers of 16 bits. @param {string} text */
export const halves = (text) => Float32Array.from(new Uint16Array(bytes(text)), half);

export class Net {
  /** @type {string} */ reset = "after";
  keeps = true;
  layers = 1;
  directions = 1;
  units = 0;
  inputs = 0;
  outputs = 0;
  pooling = "last";
  task = "";
  /** @type {number | null} from which probability on the second class is the answer; null for the likelier */ threshold = null;
  /** @type {Float32Array | null} */ V = null;
  /** @type {Float32Array | null} */ b_y = null;
  /** @type {Float32Array | null} */ shift = null;
  /** @type {Float32Array | null} */ scale = null;
  /** @type {Float32Array | null} */ y_shift = null;
  /** @type {Float32Array | null} */ y_scale = null;
  /** @type {number[][] | null} of a net carried in rows: how many units each row has */ sizes = null;

  /** @param {any} data what gruvy.inside.explorer.payload packs */
  constructor(data) {
    Object.assign(this, data.net);
    this.cells = data.cells.map((layer) => layer.map((cell) => {
      const read = (text) => (typeof text !== "string" ? text : cell.half ? halves(text) : floats(text));
      return { W: read(cell.W), U: read(cell.U), b: read(cell.b), c: read(cell.c), width: cell.width };
    }));
    for (const name of ["V", "b_y", "shift", "scale", "y_shift", "y_scale"]) this[name] = floats(data[name]);
  }

  // What the recurrence sees of the user's input (T * I).
  seen(x) {
    const I = this.inputs,
      out = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      out[i] = (x[i] - (this.shift ? this.shift[i % I] : 0)) / (this.scale ? this.scale[i % I] : 1);
    }
    return out;
  }

  // The products that make up one unit's gates: from x, from h, and the biases. `rh` is r ∘ h, for reset before.
  products(cell, unit, x, at, h, from, rh) {
    const H = this.units,
      I = cell.width,
      found = {};
    for (const [k, gate] of ["r", "z", "n"].entries()) {
      const row = k * H + unit;
      found[gate] = {
        Wx: dot(cell.W, row * I, x, at, I),
        b: cell.b ? cell.b[row] : 0,
        Uh: gate === "n" && this.reset === "before" ?
          (rh ? dot(cell.U, row * H, rh, 0, H) : 0) :
          dot(cell.U, row * H, h, from, H),
      };
    }
    found.c = cell.c ? cell.c[unit] : 0;
    return found;
  }

  mix(z, n, h) {
    return mix(z, n, h, this.keeps);
  }

  // One layer and direction over a sequence x (T * I): arrays (T * H) of r, z, n, q, the states before and after. `counts`
  // says which steps count, `change` what becomes of each gate, of the candidate and of the new state: see edit.js.
  layer(cell, x, T, backward, progress = null, counts = null, change = null) {
    const H = this.units,
      out = {};
    for (const name of ["r", "z", "n", "q", "h", "before"]) out[name] = new Float64Array(T * H);
    const state = new Float64Array(H), form = { units: H, after: this.reset === "after", keeps: this.keeps };
    for (let i = 0; i < T; i++) {
      const t = backward ? T - 1 - i : i, to = t * H;
      if (progress && i % 8 === 0) progress(i / T);
      if (counts && !counts[t]) continue; // the state passes through
      out.before.set(state, to);
      gruStep(cell, form, x, t * cell.width, state, 0, /** @type {any} */ (out), to, out.h, to, change, t);
      state.set(out.h.subarray(to, to + H));
    }
    out.last = Float64Array.from(state);
    return out;
  }

  // A whole sequence of the page: of each layer and direction its input, gates and states; the answer at the end,
  // and that of every prefix where there is one.
  /** @param {any} s @param {import("./edit.js").Changes | null} changes @returns {any} */
  run(s, changes = null) {
    const T = s.steps, x = this.seen(changes ? changes.x : s.x), counts = changes ? changes.counts : null;
    const { runs, top } = this.forward(x, T, null, changes);
    return this.answered(runs, top, T, counts);
  }

  // Every layer and direction over inputs as the net sees them (T * I): their gates and states, and the top's states.
  /** @param {Float64Array} x @param {number} T @param {any} progress @param {import("./edit.js").Changes | null} changes */
  forward(x, T, progress = null, changes = null) {
    const H = this.units, D = this.directions, runs = [];
    let inputs = x, width = this.inputs;
    for (const layer of this.cells) {
      const joined = new Float64Array(T * D * H);
      layer.forEach((cell, d) => {
        const done = runs.length, all = this.layers * D, part = progress && ((share) => progress((done + share) / all));
        const one = this.layer(cell, inputs, T, d === 1, part, changes && changes.counts, changes && changes.change(runs.length));
        Object.assign(one, { x: inputs, width, cell });
        for (let t = 0; t < T; t++) joined.set(one.h.subarray(t * H, (t + 1) * H), t * D * H + d * H);
        runs.push(one);
      });
      inputs = joined;
      width = D * H;
    }
    return { runs, top: inputs };
  }

  // A run with its answers: at the end, and at each step where there are some.
  answered(runs, top, T, counts = null) {
    const found = { T, runs, top, counts, block: 1, final: this.answer(this.finalOutput(top, runs, T, counts)), over: null };
    if (this.directions === 2 && this.task !== "tag") return found;
    let known = null; // worked out when it is first asked for: many runs are asked for their end alone
    const steps = () => (known ||= this.outputsOverTime(top, T, counts).map((y) => this.answer(y)));
    Object.assign(found, { steps, over: (t, o) => steps()[t][o], best: (t) => (counts && !counts[t] ? -1 : this.leads(steps()[t])) });
    return found;
  }

  // The plots have a row for each unit.
  get rows() { return this.units; }
  rowOf(j, unit) { return unit; }
  unitOf(j, row) { return row; }

  // What the plot of a gate shows at a row and a step.
  shown(run, j, gate, row, t) {
    const one = run.runs[j],
      i = t * this.units + row;
    return gate === "keep" ? (this.keeps ? one.z[i] : 1 - one.z[i]) : one[gate][i];
  }

  // One unit at one step: its gates and states, and the products they are made of.
  at(run, j, unit, t) {
    const H = this.units,
      one = run.runs[j],
      from = t * H,
      i = from + unit,
      rh = new Float64Array(H);
    for (let u = 0; u < H; u++) rh[u] = one.r[from + u] * one.before[from + u];
    const values = { r: one.r[i], z: one.z[i], n: one.n[i], q: one.q[i], h: one.before[i], out: one.h[i] };
    return { values, products: this.products(one.cell, unit, one.x, t * one.width, one.before, from, rh) };
  }

  // The same with an input and an old state that can be changed; all units' reset gates follow them.
  trial(run, j, unit, t) {
    const H = this.units,
      { cell, width, x: inputs, before } = run.runs[j];
    const x = inputs.slice(t * width, (t + 1) * width),
      h = before.slice(t * H, (t + 1) * H);
    return { x, h: h[unit], compute: (own, forced) => { h[unit] = own; return this.whatIf(cell, x, h, unit, forced); } };
  }

  whatIf(cell, x, h, unit, forced) {
    const H = this.units,
      after = this.reset === "after",
      rh = new Float64Array(H);
    const gate = (row) => sigmoid(dot(cell.W, row * cell.width, x, 0, cell.width) + dot(cell.U, row * H, h, 0, H) + (
      cell.b ? cell.b[row] : 0));
    for (let u = 0; u < H; u++)
      if (!after || u === unit) rh[u] = gate(u) * h[u];
    const r = forced.r === null ? gate(unit) : forced.r,
      z = forced.z === null ? gate(H + unit) : forced.z;
    rh[unit] = r * h[unit];
    const parts = this.products(cell, unit, x, 0, h, 0, rh).n,
      c = after && cell.c ? cell.c[unit] : 0;
    return this.mixed(r, z, Math.tanh(parts.Wx + parts.b + (after ? r * (parts.Uh + c) : parts.Uh)), h[unit]);
  }

  mixed(r, z, n, h) {
    const old = this.keeps ? z : 1 - z;
    return { r, z, n, kept: old * h, added: (1 - old) * n, out: this.mix(z, n, h) };
  }

  readOut(pooled) {
    if (!this.V) return Array.from(pooled);
    const P = pooled.length,
      y = [];
    for (let o = 0; o < this.outputs; o++) y.push(dot(this.V, o * P, pooled, 0, P) + (this.b_y ? this.b_y[o] : 0));
    return y;
  }

  // The outputs if the sequence ended at each step; NaN at those that are cut.
  outputsOverTime(top, T, counts = null) {
    const P = this.directions * this.units,
      found = [],
      pooled = new Float64Array(P);
    for (let t = 0, n = 0; t < T; t++) {
      if (counts && !counts[t]) {
        found.push(new Array(this.outputs).fill(NaN));
        continue;
      }
      n++;
      for (let p = 0; p < P; p++) {
        const h = top[t * P + p];
        if (this.task === "tag" || this.pooling === "last") pooled[p] = h;
        else if (this.pooling === "mean") pooled[p] += (h - pooled[p]) / n;
        else pooled[p] = n > 1 ? Math.max(pooled[p], h) : h;
      }
      found.push(this.readOut(pooled));
    }
    return found;
  }

  finalOutput(top, runs, T, counts = null) {
    const H = this.units,
      D = this.directions,
      P = D * H,
      pooled = new Float64Array(P);
    const n = counts ? counts.reduce((a, v) => a + v, 0) : T;
    if (this.pooling === "last" || !n) {
      runs.slice(-D).forEach((one, d) => pooled.set(one.last, d * H));
    } else {
      for (let p = 0; p < P; p++) {
        let most = -Infinity, sum = 0;
        for (let t = 0; t < T; t++) {
          if (counts && !counts[t]) continue;
          most = Math.max(most, top[t * P + p]);
          sum += top[t * P + p];
        }
        pooled[p] = this.pooling === "mean" ? sum / n : most;
      }
    }
    return this.readOut(pooled);
  }

  get labels() { return this.task === "classify" || this.task === "tag"; }

  /** Which class it says, of probabilities; 0 of numbers. @param {ArrayLike<number>} answer */
  leads(answer) {
    if (!this.labels) return 0;
    if (this.threshold !== null) return answer[1] >= this.threshold ? 1 : 0;
    return Array.from(answer).reduce((top, v, i) => (v > answer[top] ? i : top), 0);
  }

  // What a person reads: probabilities of the classes, or targets on their own scale.
  answer(output) {
    if (!this.labels) {
      return output.map((y, o) => y * (this.y_scale ? this.y_scale[o] : 1) + (this.y_shift ? this.y_shift[o] : 0));
    }
    const scores = output.length === 1 ? [0, output[0]] : output;
    const top = Math.max(...scores),
      e = scores.map((s) => Math.exp(s - top));
    const total = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / total);
  }
}
