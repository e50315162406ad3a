// The recurrence, in float64, from the weights the page carries: the same equations as gruvy/reference.py.

export const best = (answer) => answer.reduce((top, v, i) => (v > answer[top] ? i : top), 0);
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

export function bytes(text) {
  const raw = atob(text),
    found = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
  return found.buffer;
}
export const floats = (text) => (text === null || text === undefined ? null : new Float32Array(bytes(text)));

// Numbers of 16 bits: one of sign, five of exponent, ten of fraction.
export function halves(text) {
  const found = new Uint16Array(bytes(text)), out = new Float32Array(found.length);
  for (let i = 0; i < out.length; i++) {
    const v = found[i], e = (v >> 10) & 31, f = v & 1023;
    const size = e === 0 ? f * 2 ** -24 : (1 + f / 1024) * 2 ** (e - 15);
    out[i] = v & 0x8000 ? -size : size;
  }
  return out;
}

export function dot(a, from, b, start, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[from + i] * b[start + i];
  return sum;
}

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
    return this.keeps ? (1 - z) * n + z * h : (1 - z) * h + z * n;
  }

  // One layer and direction over a sequence x (T * I): arrays (T * H) of r, z, n, q, the states before and after.
  layer(cell, x, T, backward, progress = null) {
    const H = this.units,
      out = {};
    for (const name of ["r", "z", "n", "q", "h", "before"]) out[name] = new Float64Array(T * H);
    const state = new Float64Array(H),
      rh = new Float64Array(H);
    const after = this.reset === "after",
      I = cell.width,
      { W, U, b, c } = cell;
    for (let i = 0; i < T; i++) {
      const t = backward ? T - 1 - i : i,
        at = t * I,
        to = t * H;
      if (progress && i % 8 === 0) progress(i / T);
      out.before.set(state, to);
      for (let u = 0; u < H; u++) {
        const r = sigmoid(dot(W, u * I, x, at, I) + dot(U, u * H, state, 0, H) + (b ? b[u] : 0));
        const row = H + u;
        out.r[to + u] = r;
        out.z[to + u] = sigmoid(dot(W, row * I, x, at, I) + dot(U, row * H, state, 0, H) + (b ? b[row] : 0));
        rh[u] = r * state[u];
      }
      for (let u = 0; u < H; u++) {
        const row = 2 * H + u,
          a = dot(W, row * I, x, at, I) + (b ? b[row] : 0);
        const q = dot(U, row * H, after ? state : rh, 0, H) + (after && c ? c[u] : 0);
        out.q[to + u] = q;
        out.n[to + u] = Math.tanh(after ? a + out.r[to + u] * q : a + q);
      }
      for (let u = 0; u < H; u++) state[u] = out.h[to + u] = this.mix(out.z[to + u], out.n[to + u], state[u]);
    }
    out.last = Float64Array.from(state);
    return out;
  }

  // A whole sequence of the page: of each layer and direction its input, gates and states; the answer at the end,
  // and that of every prefix where there is one.
  /** @param {any} s @returns {any} */
  run(s) {
    const T = s.steps, x = this.seen(s.x);
    return this.runOf(x, T);
  }

  // Every layer and direction over inputs as the net sees them (T * I): their gates and states, and the top's states.
  forward(x, T, progress = null) {
    const H = this.units, D = this.directions, runs = [];
    let inputs = x, width = this.inputs;
    for (const layer of this.cells) {
      const joined = new Float64Array(T * D * H);
      layer.forEach((cell, d) => {
        const done = runs.length, all = this.layers * D, part = progress && ((share) => progress((done + share) / all));
        const one = this.layer(cell, inputs, T, d === 1, part);
        Object.assign(one, { x: inputs, width, cell });
        for (let t = 0; t < T; t++) joined.set(one.h.subarray(t * H, (t + 1) * H), t * D * H + d * H);
        runs.push(one);
      });
      inputs = joined;
      width = D * H;
    }
    return { runs, top: inputs };
  }

  runOf(x, T) {
    const { runs, top } = this.forward(x, T);
    return this.answered(runs, top, T);
  }

  // A run with its answers: at the end, and at each step where there are some.
  answered(runs, top, T) {
    const steps = this.outputsOverTime(top, T)?.map((y) => this.answer(y));
    const found = { T, runs, block: 1, final: this.answer(this.finalOutput(top, runs, T)), over: null };
    if (steps) Object.assign(found, { over: (t, o) => steps[t][o], best: (t) => (this.labels ? best(steps[t]) : 0) });
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

  // The outputs if the sequence ended at each step; null where the net has none before the end.
  outputsOverTime(top, T) {
    const P = this.directions * this.units,
      found = [],
      pooled = new Float64Array(P);
    if (this.directions === 2 && this.task !== "tag") return null;
    for (let t = 0; t < T; t++) {
      for (let p = 0; p < P; p++) {
        const h = top[t * P + p];
        if (this.task === "tag" || this.pooling === "last") pooled[p] = h;
        else if (this.pooling === "mean") pooled[p] += (h - pooled[p]) / (t + 1);
        else pooled[p] = t ? Math.max(pooled[p], h) : h;
      }
      found.push(this.readOut(pooled));
    }
    return found;
  }

  finalOutput(top, runs, T) {
    const H = this.units,
      D = this.directions,
      P = D * H,
      pooled = new Float64Array(P);
    if (this.pooling === "last" || !T) {
      runs.slice(-D).forEach((one, d) => pooled.set(one.last, d * H));
    } else {
      for (let p = 0; p < P; p++) {
        let most = -Infinity, sum = 0;
        for (let t = 0; t < T; t++) {
          most = Math.max(most, top[t * P + p]);
          sum += top[t * P + p];
        }
        pooled[p] = this.pooling === "mean" ? sum / T : most;
      }
    }
    return this.readOut(pooled);
  }

  get labels() { return this.task === "classify" || this.task === "tag"; }

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
