// One net that learns one task, step by step, and what there is to see of it. It knows no page: a worker holds it, or
// a test.

import { Gru, Lstm } from "./cells.js";
import { Net } from "./nets.js";
import { AdamW, clip } from "./optimiser.js";
import { Random } from "./random.js";
import { ASKED_BITS, TASKS, sums } from "./tasks.js";

/**
 * @typedef {{
 *   kind: import("./nets.js").Kind, task: string, units: number, lag: number, seed: number, rate: number,
 *   remember: number, held: import("./cells.js").Held, batch: number, decay: number, clip: number}} Settings
 *   lag: steps of a sequence, of binary addition the digits learned from. remember: steps, 0 for torch's start. held: by
 *   gate, a constant or null. batch: sequences in each step. decay, clip: weight decay, and the norm of the gradient.
 */
/**
 * @typedef {{T: number, H: number, rows: Record<string, Float32Array>, x: number[], y: number[], answers: number[],
 *   sure: number[]}} Seen rows (T * H) by name; sure: the answer's probability at each step, where it is a class
 */

/** Streams of random numbers: what is drawn for one is not touched by how much another takes. */
const START = 1,
  DATA = 2,
  TEST = 3,
  LAGS = 4;
/** How many sequences a net is tested with, and over how many the gradient over the lag is averaged. */
export const TESTED = { bits: 1000, class: 200, number: 200 };
const AVERAGED = 2;
/** Steps between two tests in `advance`. */
export const EVERY = 20;

export class Learner {
  /** @param {Settings} settings */
  constructor(settings) {
    const { kind, task, units, lag, seed, remember, held, decay } = settings;
    this.settings = settings;
    this.task = TASKS[task];
    this.net = new Net(kind, this.task, units, { held });
    this.net.draw(new Random(seed, START), remember);
    this.data = new Random(seed, DATA);
    this.optimiser = new AdamW(this.net.parameters.length, { decay });
    this.asked = this.task.test(new Random(seed, TEST), TESTED[this.task.kind], lag);
    // The example is the same for every net and seed; the gradient is looked at over sequences like the test's.
    this.lags = this.task.test(new Random(seed, LAGS), AVERAGED, lag);
    this.steps = 0;
    this.skipped = 0;
    this.solved = false;
  }

  /**
   * So many steps of training; the loss of each.
   * @param {number} count
   */
  train(count) {
    const { batch, lag, rate, clip: most } = this.settings,
      { net } = this,
      losses = [];
    for (let i = 0; i < count; i++) {
      net.gradient.fill(0);
      losses.push(net.loss(this.task.draw(this.data, batch, lag), true));
      const norm = clip(net.gradient, most || Infinity);
      // A gradient can overflow on its way back through many steps; such a batch is left out, as in gruvy's training.
      if (Number.isFinite(norm)) this.optimiser.step(net.parameters, net.gradient, rate);
      else this.skipped++;
      this.steps++;
    }
    return losses;
  }

  /** How many of the test's sequences are answered right, of how many; whether that counts as solved. */
  test() {
    const right = this.net.right(this.asked),
      of = this.asked.B;
    return { right, of, solved: right >= this.task.solved * of };
  }

  /**
   * Training with a test at every 20th step, until so many steps are done or a test is solved: what is learned does not
   * depend on how the steps are dealt out.
   * @param {number} count
   */
  advance(count) {
    const losses = [],
      tests = [];
    for (let left = count; left > 0 && !this.solved; ) {
      const some = Math.min(left, EVERY - (this.steps % EVERY));
      losses.push(...this.train(some));
      left -= some;
      if (this.steps % EVERY) continue;
      const found = { step: this.steps, ...this.test() };
      tests.push(found);
      this.solved = found.solved;
    }
    return { steps: this.steps, losses, tests, solved: this.solved };
  }

  /** log10 of what is left of the gradient of the state k steps back, relative to lag 0, mean over sequences. */
  overLag() {
    const { x, B, T } = this.lags,
      mean = new Float64Array(T + 1);
    for (let i = 0; i < B; i++) {
      const logs = this.net.overLag(x, i * T * this.net.I, T);
      for (let k = 0; k <= T; k++) mean[k] += (logs[k] - logs[0]) / B;
    }
    return Array.from(mean);
  }

  /**
   * The net at work on one sequence: of binary addition the sum of a and b, else one like the test's.
   * @param {{a: number, b: number}} question
   * @returns {Seen}
   */
  look({ a, b }) {
    const { net, task } = this,
      { cell, H } = net,
      batch = task.kind === "bits" ? sums([a], [b], ASKED_BITS) : task.test(new Random(0, TEST), 1, this.settings.lag),
      { x, y, T } = batch;
    net.run(x, 0, T);
    /** @type {Record<string, Float32Array>} */
    const rows = {};
    /** @type {(name: string, value: (t: number, u: number) => number) => void} */
    const take = (name, value) => {
      rows[name] = Float32Array.from({ length: T * H }, (_, i) => value(Math.floor(i / H), i % H));
    };
    const saved = (/** @type {number} */ k) => (/** @type {number} */ t, /** @type {number} */ u) =>
      net.saved[t * cell.kept + k * H + u];
    take("state", (t, u) => net.states[(t + 1) * cell.state + u]);
    if (cell instanceof Gru) {
      take("keeps", (t, u) => (cell.keeps ? saved(1)(t, u) : 1 - saved(1)(t, u)));
      take("reset", saved(0));
    } else if (cell instanceof Lstm) {
      take("keeps", saved(1));
      take("lets in", saved(0));
      take("shows", saved(3));
    }
    const answers = [],
      sure = [];
    for (let t = task.kind === "bits" ? 0 : T - 1; t < T; t++) {
      answers.push(net.answer(t));
      sure.push(task.kind === "number" ? 1 : Math.exp(-net.miss(t, net.answer(t))));
    }
    return { T, H, rows, x: Array.from(x), y: Array.from(y), answers, sure };
  }
}
