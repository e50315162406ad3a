"use strict";
// The recurrence, in float64, from the weights the page carries: the same equations as gruvy/reference.py.

const sigmoid = (a) => 1 / (1 + Math.exp(-a));

function floats(text) {
  if (text === null || text === undefined) return null;
  const raw = atob(text),
    bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

function dot(a, from, b, start, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[from + i] * b[start + i];
  return sum;
}

class Net {
  constructor(data) {
    Object.assign(this, data.net); // reset, keeps, layers, directions, units, inputs, outputs, pooling, task, ...
    this.cells = data.cells.map((layer) => layer.map((cell) => ({
      W: floats(cell.W),
      U: floats(cell.U),
      b: floats(cell.b),
      c: floats(cell.c),
      width: cell.width,
    })));
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
    for (const [gate, k] of [
        ["r", 0],
        ["z", 1],
        ["n", 2]
      ]) {
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
  layer(cell, x, T, backward) {
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

  // A whole sequence: for each layer and direction its input, gates and states; then the output of every prefix.
  run(x, T) {
    const H = this.units,
      D = this.directions,
      runs = [];
    let inputs = x,
      width = this.inputs;
    for (const layer of this.cells) {
      const joined = new Float64Array(T * D * H);
      layer.forEach((cell, d) => {
        const one = this.layer(cell, inputs, T, d === 1);
        Object.assign(one, { x: inputs, width, backward: d === 1, cell });
        for (let t = 0; t < T; t++) joined.set(one.h.subarray(t * H, (t + 1) * H), t * D * H + d * H);
        runs.push(one);
      });
      inputs = joined;
      width = D * H;
    }
    return { T, runs, steps: this.outputsOverTime(inputs, T), final: this.finalOutput(inputs, runs, T) };
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
        let best = -Infinity,
          sum = 0;
        for (let t = 0; t < T; t++) { best = Math.max(best, top[t * P + p]);
          sum += top[t * P + p]; }
        pooled[p] = this.pooling === "mean" ? sum / T : best;
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