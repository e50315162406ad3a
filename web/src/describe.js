// One sentence on what a net did with a sequence, from measurements alone: the twin of gruvy/inside/describe.py.

import { DIRECTIONS, changes } from "./edit.js";

const SURE = 0.9;

/**
 * @typedef {{says: string | null, value: number}} Without
 * @typedef {object} Description
 * @property {string | null} says
 * @property {number} value
 * @property {[string, number, number, number] | null} sure
 * @property {[number, any, any] | null} turn
 * @property {[number, number] | null} steps
 * @property {Without | null} without
 * @property {{layer: number, direction: string | null, unit: number, without: Without} | null} carrier
 * @property {number | null} kept
 * @property {string} text
 */

/**
 * Work it out, a run at a time: yields how far it is, returns the description.
 * @param {any} net @param {{x: ArrayLike<number>, steps: number}} s @param {import("./edit.js").Edit[]} edits
 * @param {{step?: number | null, names?: string[]}} options
 * @returns {Generator<number, Description, void>}
 */
export function* describing(net, s, edits, { step = null, names = [] } = {}) {
  const T = s.steps, tag = net.task === "tag", classes = net.labels, at = step ?? T - 1;
  const run = (/** @type {any[]} */ more) => net.run(s, changes([...edits, ...more], net, s));
  const answer = (/** @type {any} */ r) => (tag && r.over ? r.steps()[at] : r.final);
  const told = (/** @type {number[]} */ a, k = net.leads(a)) => ({ says: classes ? names[k] : null, value: a[k] });
  const first = run([]), whole = answer(first), k = net.leads(whole), course = tag ? null : overTime(first, T);
  const [sure, turn] = course ? turnOf(net, course, k, T, classes, names) : [null, null];
  /** @type {Description} */
  const found = { ...told(whole, k), sure, turn, steps: null, without: null, carrier: null, kept: null, text: "" };

  // the shortest range of steps without which it says something else
  let half = 0, left = null;
  if (!classes && course) half = (Math.max(...course.map((a) => a[0])) - Math.min(...course.map((a) => a[0]))) / 2;
  for (let length = 1; (classes || half) && length < T && !left; length++) {
    let most = -Infinity;
    for (let a = 0; a + length <= T; a++) {
      if (tag && a <= at && at < a + length) continue;
      const cut = answer(run([{ target: "input", action: "cut", steps: [a, a + length] }]));
      const moved = classes ? -cut[k] : Math.abs(cut[0] - whole[0]), other = classes ? net.leads(cut) !== k : moved >= half;
      if (other && moved > most) [most, left, found.steps] = [moved, cut, [a, a + length]];
      yield 0.7 * (length - 1 + a / T) / T;
    }
  }
  if (left) {
    found.without = told(left);
    yield* carry(net, found, whole, left, k, classes, (off) => answer(run([off])), told, T);
  }
  return { ...found, text: sentence(net, found, at, tag, classes) };
}

// The answer if it ended at each step; at a step that was cut it is that of the step before.
function overTime(run, T) {
  if (!run.over) return null;
  const steps = run.steps(), counted = steps.find((a) => !Number.isNaN(a[0]));
  if (!counted) return null;
  const found = [];
  for (let t = 0; t < T; t++) found.push(Number.isNaN(steps[t][0]) ? found[t - 1] || counted : steps[t]);
  return found;
}

// The unit whose switching off moves the answer most towards the one without the range.
function* carry(net, found, whole, left, k, classes, run, told, T) {
  const [a, b] = found.steps, other = net.leads(left);
  const margin = (v) => (classes ? Math.log(v[k]) - Math.log(v[other]) : v[0] * Math.sign(whole[0] - left[0]));
  let most = 0;
  for (let layer = 0; layer < net.layers; layer++) {
    for (let d = 0; d < net.directions; d++) {
      for (let unit = 0; unit < net.units; unit++) {
        const direction = net.directions === 2 ? DIRECTIONS[d] : null;
        const off = run({ target: "state", action: "set", value: 0, steps: d ? [0, b] : [a, T], units: [unit], layer, direction });
        const drop = margin(whole) - margin(off);
        if (drop > most) {
          most = drop;
          found.carrier = { layer, direction, unit, without: told(off) };
          found.kept = off[k];
        }
        yield 0.7 + 0.3 * ((layer * net.directions + d) * net.units + unit) / (net.layers * net.directions * net.units);
      }
    }
  }
}

/** Where it was sure before the turn, and the turn; of numbers the step of the largest move. @returns {[any, any]} */
function turnOf(net, steps, k, T, classes, names) {
  if (!classes) {
    if (T < 2) return [null, null];
    let t = 1;
    for (let i = 2; i < T; i++) if (Math.abs(steps[i][0] - steps[i - 1][0]) > Math.abs(steps[t][0] - steps[t - 1][0])) t = i;
    return [null, [t, steps[t - 1][0], steps[t][0]]];
  }
  const leads = steps.map((a) => net.leads(a)), high = steps.map((a, t) => a[leads[t]]), sure = high.map((p) => p >= SURE);
  let end = T;
  while (end > 0 && leads[end - 1] === k) end--;
  const turn = end ? [end, names[leads[end - 1]], names[k]] : null, stop = end || T;
  let longest = null, begin = 0;
  for (let t = 1; t <= stop; t++) {
    if (t < stop && leads[t] === leads[begin] && sure[t] === sure[begin]) continue;
    if (sure[begin] && (!longest || t - begin >= longest[1] - longest[0])) longest = [begin, t];
    begin = t;
  }
  if (!longest) return [null, turn];
  const [a, b] = longest;
  return [[names[leads[a]], a, b, Math.min(...high.slice(a, b))], turn];
}

/** @param {any} net @param {Description} d */
function sentence(net, d, at, tag, classes) {
  const said = [opening(d, at, tag)];
  if (!d.steps) {
    if (classes) said.push("no range of steps changes what it says");
    return `${said.join("; ")}.`;
  }
  const [a, b] = d.steps;
  said.push(`${b - a === 1 ? `without step ${b}` : `without steps ${a + 1} to ${b}`} it ${answers(d.without)}`);
  if (!d.carrier) return `${[...said, "no single unit carries the difference"].join("; ")}.`;
  const c = d.carrier, name = `unit ${c.unit}${net.layers > 1 ? ` of layer ${c.layer + 1}` : ""}${c.direction ? `, ${c.direction},` : ""}`;
  const off = c.direction === "backward" ? `switched off from step ${b} back` : `switched off from step ${a + 1}`;
  if (c.without.says !== d.says) said.push(`${name} carries the difference: ${off}, it ${answers(c.without)}`);
  else if (d.says === null) said.push(`${name} carries most of it: ${off}, it ${answers(c.without)}`);
  else said.push(`${name} carries most of it: ${off}, ${d.says} goes from ${probability(d.value)} to ${probability(d.kept)}`);
  return `${said.join("; ")}.`;
}

/** @param {Without} w */
const answers = (w) => (w.says === null ? `ends at ${digits(w.value)}` : `says ${w.says} (${probability(w.value)})`);

/** @param {Description} d */
function opening(d, at, tag) {
  if (tag) return `At step ${at + 1} it ${answers(d)}`;
  if (d.says === null) {
    const end = `Ends at ${digits(d.value)}`;
    return d.turn ? `${end}; moved most at step ${d.turn[0] + 1} (from ${digits(d.turn[1])} to ${digits(d.turn[2])})` : end;
  }
  let sure = "";
  if (d.sure) {
    const [name, a, b, p] = d.sure;
    sure = `Sure of ${name} ${b - a === 1 ? `at step ${b}` : `from step ${a + 1} to ${b}`} (at least ${floor(p)})`;
  }
  if (d.turn) {
    const end = `at step ${d.turn[0] + 1} (${probability(d.value)} at the end)`;
    return sure ? `${sure}, turned to ${d.says} ${end}` : `Not sure before it turned from ${d.turn[1]} to ${d.says} ${end}`;
  }
  const whole = `Says ${d.says} (${probability(d.value)})`;
  return sure ? `${whole}. ${sure}` : whole;
}

/** A probability in two digits, never rounded to certainty. @param {number} p */
const probability = (p) => (p >= 0.995 ? "over .99" : p < 0.005 ? "under .01" : p.toFixed(2).slice(1));
/** Two digits, rounded down. @param {number} p */
const floor = (p) => (p < 1 ? (Math.floor(p * 100 + 1e-9) / 100).toFixed(2).slice(1) : ".99");

/** Three digits, and no exponent. @param {number} v */
function digits(v) {
  const text = String(Number(v.toPrecision(3)));
  if (!text.includes("e")) return text;
  const after = Math.min(100, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(v)))));
  return Number(v.toPrecision(3)).toFixed(after).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
