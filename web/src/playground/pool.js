// The learners work in Web Workers, made of the page's own script, so that the page never waits for them. Where a
// browser gives a page no worker they work between the page's own tasks: the same code answers the same questions.

import { Learner } from "../learner.js";

/**
 * @typedef {{a: number, b: number}} Question
 * @typedef {{step: number, right: number, of: number, solved: boolean}} Test
 * @typedef {{steps: number, losses: number[], tests: Test[], solved: boolean, first?: Test, overLag?: number[],
 *   seen?: import("../learner.js").Seen, milliseconds: number}} Report
 */

/** What answers: start(key, settings), advance(key, steps), look(key), weights(key), end(key). */
export function answerer() {
  /** @type {Map<string, Learner>} */
  const learners = new Map();
  return (/** @type {{call: string, key: string, given: any}} */ { call, key, given }) => {
    const begun = performance.now();
    if (call === "end") {
      learners.delete(key);
      return null;
    }
    if (call === "start") learners.set(key, new Learner(given.settings));
    const learner = learners.get(key);
    if (!learner) return null;
    const { solved, steps, net } = learner;
    if (call === "weights") return { inputs: net.I, units: net.H, outputs: net.O, parameters: Array.from(net.parameters) };
    /** @type {any} */
    const report = call === "advance" ? learner.advance(given.steps) : { steps, losses: [], tests: [], solved };
    if (call === "start") report.tests.push({ step: 0, ...learner.test() });
    if (given.question) Object.assign(report, { seen: learner.look(given.question), overLag: learner.overLag() });
    return { ...report, milliseconds: performance.now() - begun };
  };
}

/** In a worker: answer what the page asks. @param {any} scope */
export function serve(scope) {
  const answer = answerer();
  scope.onmessage = (/** @type {MessageEvent} */ { data }) => scope.postMessage({ id: data.id, result: answer(data) });
}

export class Pool {
  /**
   * @param {string} source the page's script, which serves where there is no document
   * @param {number} size how many workers
   */
  constructor(source, size) {
    /** @type {Map<number, {message: any, done: (result: any) => void}>} */
    this.waiting = new Map();
    /** @type {Map<string, number>} */
    this.places = new Map();
    this.asked = 0;
    this.size = size;
    this.address = "";
    /** @type {Worker[]} */
    this.workers = [];
    this.local = answerer();
    try {
      this.address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      for (let i = 0; i < size; i++) this.workers.push(this.worker());
    } catch {
      this.workers = [];
    }
  }

  worker() {
    const made = new Worker(this.address);
    made.onmessage = ({ data }) => this.told(data.id, data.result);
    made.onerror = (event) => {
      event.preventDefault();
      this.withoutWorkers();
    };
    return made;
  }

  /** @param {number} id @param {any} result */
  told(id, result) {
    this.waiting.get(id)?.done(result);
    this.waiting.delete(id);
  }

  /** No worker runs: what was asked is answered here. */
  withoutWorkers() {
    for (const one of this.workers) one.terminate();
    this.workers = [];
    for (const [id, { message }] of this.waiting) this.here(id, message);
  }

  /** @param {number} id @param {any} message */
  here(id, message) {
    setTimeout(() => this.told(id, this.local(message)), 0);
  }

  /**
   * Ask a learner; the answer comes later. Each learner stays in the worker in which it was started.
   * @param {string} call @param {string} key @param {any} [given] @returns {Promise<any>} a `Report`, of weights the parameters
   */
  ask(call, key, given = {}) {
    return new Promise((done) => {
      const id = this.asked++,
        message = { id, call, key, given };
      this.waiting.set(id, { message, done });
      if (!this.workers.length) {
        this.here(id, message);
        return;
      }
      if (!this.places.has(key)) this.places.set(key, this.emptiest());
      this.workers[/** @type {number} */ (this.places.get(key))].postMessage(message);
      if (call === "end") this.places.delete(key);
    });
  }

  emptiest() {
    const loads = this.workers.map((_, i) => [...this.places.values()].filter((at) => at === i).length);
    return loads.indexOf(Math.min(...loads));
  }
}
