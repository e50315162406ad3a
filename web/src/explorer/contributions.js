// What each step contributed to the answer, on the scale that a person reads.

import { integrated } from "../gradients.js";
import { data, net, sequence, sequences, view } from "./state.js";

/**
 * @typedef {object} Explained
 * @property {number} output which of the net's outputs
 * @property {ArrayLike<number>} values of each step and feature, or of each step
 * @property {number[]} sums of each step
 * @property {number} base what the output is without the input
 * @property {number} own what it is: base and contributions together, but for what the way between misses
 * @property {number | null} at the step whose answer is explained; null: the answer at the end
 */

/** Whether the page computes the contributions itself: of tags, for the step under the cursor. */
export const live = () => Boolean(data.live);

let kept = { key: "", run: null, found: null }, timer = 0, pending = false;

/**
 * The cursor moved: what is explained follows it, at once in a small net, in a large one when the cursor rests.
 * @param {() => void} then
 */
export function follow(then) {
  if (!live()) return;
  const work = net.units * net.units * net.layers * net.directions * (view.t + 1);
  clearTimeout(timer);
  pending = work > 2e5;
  if (pending) timer = window.setTimeout(() => { pending = false; then(); }, 150);
  else then();
}

/** What is explained now; null where the page has nothing, or not yet. @returns {Explained | null} */
export function explained() {
  const s = sequence();
  if (live()) {
    if (pending) return null;
    const output = liveOutput(), key = `${sequences.indexOf(s)} ${view.t} ${output}`;
    if (kept.key !== key || kept.run !== view.run) kept = { key, run: view.run, found: ofStep(s, view.t, output) };
    return kept.found;
  }
  const a = s.answers[view.target];
  if (!a) return null;
  const unit = net.y_scale ? net.y_scale[a.output] : 1;
  a.sums ||= summed(a.values, s.steps).map((v) => v * unit);
  a.shown ||= unit === 1 ? a.values : a.values.map((v) => v * unit);
  a.found ||= { output: a.output, values: a.shown, sums: a.sums, base: a.base, own: a.own, at: net.task === "tag" ? s.steps - 1 : null };
  return a.found;
}

// Of a net of one score there is one output; else what it says at the cursor, or the truth there.
function liveOutput() {
  if (net.outputs === 1) return 0;
  const s = sequence(), says = view.run.best(view.t);
  return view.target === 1 && s.labels ? s.labels[view.t] : says;
}

/** What can be explained: outputs, or of a tagger's step the words for them. @returns {any[]} */
export function targets() {
  const s = sequence();
  if (!live()) return s.answers.map((a) => a.output);
  return net.outputs > 1 && s.labels ? ["what it says", "the truth"] : ["what it says"];
}

function ofStep(s, t, output) {
  const x = view.run.runs[0].x, found = integrated(net, x, new Float64Array(x.length), s.steps, output, t);
  return { output, values: found.values, sums: summed(found.values, s.steps), base: found.base, own: found.output, at: t };
}

export function summed(values, T) {
  const width = values.length / T;
  return Array.from({ length: T }, (_, t) => { let sum = 0; for (let f = 0; f < width; f++) sum += values[t * width + f]; return sum; });
}

