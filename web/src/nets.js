// The nets of the playground: one recurrent layer and a linear read-out, forwards and back through time.

import { Gru, Lstm, Rnn } from "./cells.js";

/** @typedef {"rnn"|"lstm"|"gru"} Kind */
/** @typedef {import("./tasks.js").Batch} Batch */
/** @typedef {import("./tasks.js").Task} Task */
/** @typedef {import("./random.js").Random} Random */

/** @type {Kind[]} */
export const KINDS = ["rnn", "lstm", "gru"];
/** @type {Record<Kind, string>} */
export const NAMES = { rnn: "tanh RNN", lstm: "LSTM", gru: "GRU" };
/**
 * The gates that can be held, what each does, and the constant that is most telling.
 * @type {Record<Kind, {gate: string, name: string, hold: number}[]>}
 */
export const GATES = {
  rnn: [],
  lstm: [
    { gate: "i", name: "input gate", hold: 1 },
    { gate: "f", name: "forget gate", hold: 1 },
    { gate: "o", name: "output gate", hold: 1 },
  ],
  gru: [
    { gate: "z", name: "update gate", hold: 1 },
    { gate: "r", name: "reset gate", hold: 1 },
  ],
};

/** A number's targets are told in deviations from their mean: of a sum of two that are uniform in 0..1. */
const MEAN = 1,
  DEVIATION = 1 / Math.sqrt(6);

/**
 * The bias with which a gate σ(a) that multiplies a state in every step leaves 1/e of it after so many steps.
 * @param {number} steps
 */
export const keepingBias = (steps) => -Math.log(Math.expm1(1 / steps));

export class Net {
  /**
   * @param {Kind} kind
   * @param {Pick<Task, "kind"|"inputs"|"outputs">} task
   * @param {number} units
   * @param {{held?: import("./cells.js").Held, convention?: {reset?: "before"|"after", keeps?: boolean}}} [options]
   */
  constructor(kind, task, units, { held = {}, convention = {} } = {}) {
    const I = task.inputs;
    this.kind = kind;
    this.task = task.kind;
    this.I = I;
    this.H = units;
    this.O = task.outputs;
    this.cell =
      kind === "gru" ? new Gru(I, units, held, convention) : kind === "lstm" ? new Lstm(I, units, held) : new Rnn(I, units);
    const size = this.cell.size + this.O * (units + 1);
    this.parameters = new Float64Array(size);
    this.gradient = new Float64Array(size);
    this.cell.bind(this.parameters.subarray(0, this.cell.size), this.gradient.subarray(0, this.cell.size));
    const [V, bY] = this.readOut(this.parameters),
      [dV, dbY] = this.readOut(this.gradient);
    this.V = V;
    this.bY = bY;
    this.dV = dV;
    this.dbY = dbY;
    this.dy = new Float64Array(this.O);
    this.ds = new Float64Array(this.cell.state);
    this.room(1);
  }

  /** @param {Float64Array} all */
  readOut(all) {
    const from = this.cell.size,
      V = from + this.O * this.H;
    return [all.subarray(from, V), all.subarray(V)];
  }

  /**
   * Room for the states, what steps save and the outputs of so many steps.
   * @param {number} T
   */
  room(T) {
    if (this.states && this.states.length >= (T + 1) * this.cell.state) return;
    this.states = new Float64Array((T + 1) * this.cell.state);
    this.saved = new Float64Array(T * this.cell.kept);
    this.outputs = new Float64Array(T * this.O);
  }

  /**
   * Weights as torch draws them, uniform in ±1/sqrt(H); with `remember` above 0 set to keep a state so many steps, as
   * `gruvy.lab.nets.set_to_remember` says.
   * @param {Random} random
   * @param {number} [remember]
   */
  draw(random, remember = 0) {
    const { H } = this,
      { b, c, U } = this.cell,
      bound = 1 / Math.sqrt(H);
    for (let i = 0; i < this.parameters.length; i++) this.parameters[i] = bound * (2 * random.uniform() - 1);
    if (!remember) return;
    b.fill(0);
    c.fill(0);
    const keeping = keepingBias(remember);
    if (this.cell instanceof Gru) b.fill(this.cell.keeps ? keeping : -keeping, H, 2 * H);
    else if (this.cell instanceof Lstm) {
      b.fill(-keeping, 0, H);
      b.fill(keeping, H, 2 * H);
    } else {
      U.fill(0);
      for (let u = 0; u < H; u++) U[u * H + u] = Math.exp(-1 / remember);
    }
  }

  /**
   * Run over one sequence: fills `states` (the first is zero), `saved`, and `outputs` of the steps that are judged.
   * @param {Float64Array} x @param {number} at where the sequence begins @param {number} T
   */
  run(x, at, T) {
    const { cell, I, H, O, V, bY } = this,
      S = cell.state;
    this.room(T);
    const { states, saved, outputs } = this;
    states.fill(0, 0, S);
    for (let t = 0; t < T; t++) cell.step(x, at + t * I, states, t * S, saved, t * cell.kept, states, (t + 1) * S);
    for (let t = this.task === "bits" ? 0 : T - 1; t < T; t++) {
      for (let o = 0; o < O; o++) {
        let y = bY[o];
        for (let u = 0; u < H; u++) y += V[o * H + u] * states[(t + 1) * S + u];
        outputs[t * O + o] = y;
      }
    }
  }

  /**
   * The mean loss of a batch; with `learn` its gradient is added to `gradient`.
   * @param {Batch} batch
   * @param {boolean} [learn]
   */
  loss({ x, y, B, T }, learn = false) {
    const { cell, I, H, O, V, dV, dbY, dy, ds } = this,
      S = cell.state,
      everyStep = this.task === "bits",
      weight = 1 / (everyStep ? B * T : B);
    let total = 0;
    for (let i = 0; i < B; i++) {
      const at = i * T * I;
      this.run(x, at, T);
      const { states, saved } = this;
      ds.fill(0);
      for (let t = T - 1; t >= 0; t--) {
        if (everyStep || t === T - 1) {
          total += weight * this.miss(t, y[everyStep ? i * T + t : i]);
          for (let o = 0; learn && o < O; o++) {
            const d = weight * dy[o];
            dbY[o] += d;
            for (let u = 0; u < H; u++) {
              dV[o * H + u] += d * states[(t + 1) * S + u];
              ds[u] += d * V[o * H + u];
            }
          }
        }
        if (learn) cell.back(ds, 0, x, at + t * I, states, t * S, saved, t * cell.kept, true);
      }
    }
    return total;
  }

  /**
   * The loss of one answer; its gradient by the outputs goes to `dy`.
   * @param {number} t @param {number} target
   */
  miss(t, target) {
    const { outputs, dy, O } = this,
      at = t * O;
    if (this.task === "number") {
      const off = outputs[at] - (target - MEAN) / DEVIATION;
      dy[0] = 2 * off;
      return off * off;
    }
    if (this.task === "bits") {
      const a = outputs[at];
      dy[0] = 1 / (1 + Math.exp(-a)) - target;
      return Math.max(a, 0) - target * a + Math.log1p(Math.exp(-Math.abs(a)));
    }
    let top = -Infinity,
      sum = 0;
    for (let o = 0; o < O; o++) top = Math.max(top, outputs[at + o]);
    for (let o = 0; o < O; o++) sum += dy[o] = Math.exp(outputs[at + o] - top);
    for (let o = 0; o < O; o++) dy[o] = dy[o] / sum - (o === target ? 1 : 0);
    return top + Math.log(sum) - outputs[at + target];
  }

  /**
   * What the net answered after step t of the sequence that was run last: a class, a number, or 0 or 1.
   * @param {number} t
   */
  answer(t) {
    const { outputs, O } = this;
    if (this.task === "number") return outputs[t] * DEVIATION + MEAN;
    if (this.task === "bits") return outputs[t] > 0 ? 1 : 0;
    let best = 0;
    for (let o = 1; o < O; o++) if (outputs[t * O + o] > outputs[t * O + best]) best = o;
    return best;
  }

  /**
   * How many sequences are answered right, all steps of each: a number within 0.08, a twenty-fifth of its range
   * (Hochreiter and Schmidhuber 1997).
   * @param {Batch} batch
   */
  right({ x, y, B, T }) {
    let right = 0;
    for (let i = 0; i < B; i++) {
      this.run(x, i * T * this.I, T);
      if (this.task === "number") right += Math.abs(this.answer(T - 1) - y[i]) < 0.08 ? 1 : 0;
      else if (this.task === "class") right += this.answer(T - 1) === y[i] ? 1 : 0;
      else {
        let t = 0;
        while (t < T && this.answer(t) === y[i * T + t]) t++;
        right += t === T ? 1 : 0;
      }
    }
    return right;
  }

  /**
   * log10 of the norm of the last state's derivative by the state k steps before, for k = 0 .. T, of the product of all
   * the steps' Jacobians itself. It is scaled at every step and the logarithms are summed, so that nothing underflows.
   * @param {Float64Array} x @param {number} at @param {number} T
   */
  overLag(x, at, T) {
    const { cell, I } = this,
      S = cell.state,
      product = new Float64Array(S * S),
      logs = new Float64Array(T + 1).fill(-Infinity);
    this.run(x, at, T);
    for (let i = 0; i < S; i++) product[i * S + i] = 1 / Math.sqrt(S);
    logs[0] = 0.5 * Math.log10(S);
    for (let k = 1; k <= T; k++) {
      const t = T - k;
      let square = 0;
      for (let i = 0; i < S; i++) cell.back(product, i * S, x, at + t * I, this.states, t * S, this.saved, t * cell.kept, false);
      for (let i = 0; i < product.length; i++) square += product[i] * product[i];
      if (!square) break;
      const norm = Math.sqrt(square);
      for (let i = 0; i < product.length; i++) product[i] /= norm;
      logs[k] = logs[k - 1] + Math.log10(norm);
    }
    return logs;
  }
}
