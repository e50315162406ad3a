// One step of each net and its twin backwards, in float64, for one sequence at a time: up to 32 units all of a cell's
// weights lie in the processor's nearest cache, so that a batch is a loop over sequences.
//
// A state is one row of numbers: h, and for the LSTM h and c. `saved` keeps of each step what its twin needs. A gate
// that is held has a constant in `held`, and no gradient goes through it.

import { add, dot, gruBack, gruStep, sigmoid } from "./step.js";

/** @typedef {Record<string, number|null>} Held by the gate's letter: a constant, or null where it is learned */

/** @type {Float64Array<ArrayBufferLike>} */
const NONE = new Float64Array(0);

/** What all cells share: weights W (rows, I), U (rows, H), b (rows) and c, as parts of one row of parameters. */
class Cell {
  W = NONE;
  U = NONE;
  b = NONE;
  c = NONE;
  dW = NONE;
  dU = NONE;
  db = NONE;
  dc = NONE;

  /**
   * @param {number} inputs I
   * @param {number} units H
   * @param {{blocks: number, parts: number, kept: number, extra: number}} sizes blocks: rows are so many times H;
   *   parts: of a state; kept: numbers of each unit that a step saves; extra: numbers in c
   */
  constructor(inputs, units, { blocks, parts, kept, extra }) {
    this.I = inputs;
    this.H = units;
    this.rows = blocks * units;
    this.state = parts * units;
    this.kept = kept * units;
    this.extra = extra;
    this.size = this.rows * (inputs + units + 1) + extra;
    this.da = new Float64Array(this.rows);
    this.bind(new Float64Array(this.size), new Float64Array(this.size));
  }

  /**
   * Use these parameters, and add to this gradient.
   * @param {Float64Array} parameters
   * @param {Float64Array} gradient
   */
  bind(parameters, gradient) {
    [this.W, this.U, this.b, this.c] = this.split(parameters);
    [this.dW, this.dU, this.db, this.dc] = this.split(gradient);
  }

  /** @param {Float64Array} all @returns {Float64Array[]} */
  split(all) {
    const { rows, I, H, extra } = this,
      sizes = [rows * I, rows * H, rows, extra];
    let at = 0;
    return sizes.map((size) => all.subarray(at, (at += size)));
  }

  /**
   * The gradients by W and b, from those by what came from the input.
   * @param {Float64Array} x
   * @param {number} xAt
   */
  learnInput(x, xAt) {
    const { da, dW, db, I } = this;
    for (let row = 0; row < this.rows; row++) {
      if (da[row] === 0) continue;
      add(dW, row * I, da[row], x, xAt, I);
      db[row] += da[row];
    }
  }
}

/** h' = tanh(W x + U h + b) */
export class Rnn extends Cell {
  /** @param {number} inputs @param {number} units */
  constructor(inputs, units) {
    super(inputs, units, { blocks: 1, parts: 1, kept: 1, extra: 0 });
    this.old = new Float64Array(units);
  }

  /**
   * The new state, written to `out`, from x and the state s.
   * @param {Float64Array} x @param {number} xAt @param {Float64Array} s @param {number} sAt
   * @param {Float64Array} saved @param {number} at @param {Float64Array} out @param {number} outAt
   */
  step(x, xAt, s, sAt, saved, at, out, outAt) {
    const { W, U, b, I, H } = this;
    for (let u = 0; u < H; u++) {
      saved[at + u] = out[outAt + u] = Math.tanh(b[u] + dot(W, u * I, x, xAt, I) + dot(U, u * H, s, sAt, H));
    }
  }

  /**
   * The gradient by the new state, `ds`, becomes that by the old one; with `learn` those by the weights are added up.
   * @param {Float64Array} ds @param {number} dsAt @param {Float64Array} x @param {number} xAt
   * @param {Float64Array} s @param {number} sAt @param {Float64Array} saved @param {number} at @param {boolean} learn
   */
  back(ds, dsAt, x, xAt, s, sAt, saved, at, learn) {
    const { U, dU, da, old, H } = this;
    old.fill(0);
    for (let u = 0; u < H; u++) {
      const h = saved[at + u];
      da[u] = ds[dsAt + u] * (1 - h * h);
      add(old, 0, da[u], U, u * H, H);
      if (learn) add(dU, u * H, da[u], s, sAt, H);
    }
    ds.set(old, dsAt);
    if (learn) this.learnInput(x, xAt);
  }
}

/** c' = f ∘ c + i ∘ g, h' = o ∘ tanh(c'); rows i, f, g, o, as torch's */
export class Lstm extends Cell {
  /** @param {number} inputs @param {number} units @param {Held} [held] of i, f and o */
  constructor(inputs, units, held = {}) {
    super(inputs, units, { blocks: 4, parts: 2, kept: 5, extra: 0 });
    this.held = [held.i ?? null, held.f ?? null, null, held.o ?? null];
    this.old = new Float64Array(2 * units);
  }

  /**
   * @param {Float64Array} x @param {number} xAt @param {Float64Array} s @param {number} sAt
   * @param {Float64Array} saved @param {number} at @param {Float64Array} out @param {number} outAt
   */
  step(x, xAt, s, sAt, saved, at, out, outAt) {
    const { W, U, b, I, H, held } = this;
    for (let k = 0; k < 4; k++) {
      const constant = held[k];
      for (let u = 0, row = k * H; u < H; u++, row++) {
        if (constant !== null) {
          saved[at + row] = constant;
          continue;
        }
        const a = b[row] + dot(W, row * I, x, xAt, I) + dot(U, row * H, s, sAt, H);
        saved[at + row] = k === 2 ? Math.tanh(a) : sigmoid(a);
      }
    }
    for (let u = 0; u < H; u++) {
      const i = at + u,
        c = saved[i + H] * s[sAt + H + u] + saved[i] * saved[i + 2 * H],
        squashed = Math.tanh(c);
      saved[i + 4 * H] = squashed;
      out[outAt + u] = saved[i + 3 * H] * squashed;
      out[outAt + H + u] = c;
    }
  }

  /**
   * @param {Float64Array} ds @param {number} dsAt @param {Float64Array} x @param {number} xAt
   * @param {Float64Array} s @param {number} sAt @param {Float64Array} saved @param {number} at @param {boolean} learn
   */
  back(ds, dsAt, x, xAt, s, sAt, saved, at, learn) {
    const { U, dU, da, old, H, held } = this;
    for (let u = 0; u < H; u++) {
      const i = saved[at + u],
        f = saved[at + H + u],
        g = saved[at + 2 * H + u],
        o = saved[at + 3 * H + u],
        squashed = saved[at + 4 * H + u],
        dh = ds[dsAt + u],
        dc = ds[dsAt + H + u] + dh * o * (1 - squashed * squashed); // h' = o tanh(c')
      da[u] = held[0] === null ? dc * g * i * (1 - i) : 0;
      da[H + u] = held[1] === null ? dc * s[sAt + H + u] * f * (1 - f) : 0;
      da[2 * H + u] = dc * i * (1 - g * g);
      da[3 * H + u] = held[3] === null ? dh * squashed * o * (1 - o) : 0;
      old[u] = 0;
      old[H + u] = dc * f; // c' = f c + i g
    }
    for (let row = 0; row < 4 * H; row++) {
      if (da[row] === 0) continue;
      add(old, 0, da[row], U, row * H, H);
      if (learn) add(dU, row * H, da[row], s, sAt, H);
    }
    ds.set(old, dsAt);
    if (learn) this.learnInput(x, xAt);
  }
}

/** The GRU of `gruvy.reference`, in all four conventions; rows r, z, n */
export class Gru extends Cell {
  /**
   * @param {number} inputs @param {number} units @param {Held} [held] of r and z
   * @param {{reset?: "before"|"after", keeps?: boolean}} [convention] the tutorial's
   */
  constructor(inputs, units, held = {}, { reset = "before", keeps = false } = {}) {
    super(inputs, units, { blocks: 3, parts: 1, kept: 4, extra: reset === "after" ? units : 0 });
    this.after = reset === "after";
    this.keeps = keeps;
    this.fixed = { r: (held.r ?? null) !== null, z: (held.z ?? null) !== null };
    this.form = { units, after: this.after, keeps };
    const r0 = held.r ?? null,
      z0 = held.z ?? null;
    /** @type {import("./step.js").Change|null} */
    this.change = r0 === null && z0 === null ? null : (name, _, values, at) => {
      const constant = name === "reset" ? r0 : name === "update" ? z0 : null;
      if (constant !== null) values.fill(constant, at, at + units);
    };
    this.rh = new Float64Array(units);
    this.dq = new Float64Array(units);
    this.filled = NONE;
  }

  /**
   * @param {Float64Array} x @param {number} xAt @param {Float64Array} s @param {number} sAt
   * @param {Float64Array} saved @param {number} at @param {Float64Array} out @param {number} outAt
   */
  step(x, xAt, s, sAt, saved, at, out, outAt) {
    if (this.filled !== saved) this.fill(saved);
    gruStep(this.weights, this.form, x, xAt, s, sAt, this.gates, at, out, outAt, this.change);
  }

  /**
   * The parts of what is saved, as the step fills them.
   * @param {Float64Array} saved
   */
  fill(saved) {
    const [r, z, n, q] = [0, 1, 2, 3].map((k) => saved.subarray(k * this.H));
    this.filled = saved;
    this.gates = { r, z, n, q };
    this.weights = { W: this.W, U: this.U, b: this.b, c: this.c.length ? this.c : null, width: this.I };
  }

  /**
   * @param {Float64Array} ds @param {number} dsAt @param {Float64Array} x @param {number} xAt
   * @param {Float64Array} s @param {number} sAt @param {Float64Array} saved @param {number} at @param {boolean} learn
   */
  back(ds, dsAt, x, xAt, s, sAt, saved, at, learn) {
    const { dU, dc, da, dq, rh, H, after } = this,
      last = 2 * H;
    gruBack(this.weights, this.form, ds, dsAt, s, sAt, this.gates, at, da, dq, this.fixed);
    if (!learn) return;
    for (let row = 0; row < last; row++) if (da[row] !== 0) add(dU, row * H, da[row], s, sAt, H);
    for (let u = 0; u < H; u++) rh[u] = after ? s[sAt + u] : saved[at + u] * s[sAt + u]; // what U_n was multiplied with
    for (let u = 0; u < H; u++) {
      add(dU, (last + u) * H, dq[u], rh, 0, H);
      if (after) dc[u] += dq[u];
    }
    this.learnInput(x, xAt);
  }
}
