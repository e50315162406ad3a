// What the page draws: curves over training, the gradient over the lag, each net at work on one sequence, five seeds.

import { $, element, number, power } from "../dom.js";
import { KINDS, NAMES } from "../nets.js";
import { diverging, property, sequential } from "../palette.js";
import { heatMap, lines, overSteps, ruleY } from "../plots.js";
import { SYMBOLS, TASKS } from "../tasks.js";

/** @typedef {import("../nets.js").Kind} Kind */
/** @typedef {import("./runs.js").Run} Run */

/** The least that the plot of the gradient tells apart, as a power of ten. */
const FLOOR = -20;
/** A curve has at most so many points: each is a mean over steps. */
const POINTS = 160;

/** @type {Record<Kind, {of: string, dash: string}>} colours as the lab's figures have them */
const LOOKS = {
  rnn: { of: "vermilion", dash: "2 3" },
  lstm: { of: "blue", dash: "8 3" },
  gru: { of: "green", dash: "" },
};
/** @param {Kind} kind */
export const look = (kind) => ({ colour: property(LOOKS[kind].of), dash: LOOKS[kind].dash });

/** The gates that are drawn, by net and name. @type {Record<Kind, Record<string, string>>} */
const GATE_ROWS = {
  rnn: {},
  lstm: { keeps: "forget gate f: what stays", "lets in": "input gate i: what is let in", shows: "output gate o: what is shown" },
  gru: { keeps: "1 − z: what stays of the state", reset: "reset gate r: what the candidate sees" },
};

/** Means over equal stretches. @param {number[]} values @returns {number[][]} */
export function thinned(values) {
  const each = Math.max(1, Math.ceil(values.length / POINTS)),
    found = [];
  for (let i = 0; i < values.length; i += each) {
    const some = values.slice(i, i + each);
    found.push([i + (some.length + 1) / 2, some.reduce((a, b) => a + b, 0) / some.length]);
  }
  return found;
}

/** Series of the three nets, in one order, each labelled at its end. @param {Run[]} runs @param {(run: Run) => number[][]} points */
function series(runs, points) {
  return runs.map((run) => {
    const found = points(run);
    return { name: NAMES[run.kind], points: found, look: look(run.kind), thick: 2.5, labelAt: ends(found),
      data: { "data-kind": run.kind } };
  }).filter((s) => s.points.length);
}

/** Where a line's name may stand: at its end, at two thirds, at a third. @param {number[][]} points */
const ends = (points) => points.length < 2 ? [] : [0.98, 0.7, 0.4].map((share) => points[Math.floor(share * (points.length - 1))]);

/** The curves. @param {Run[]} runs @param {string} task @param {number} budget */
export function drawCurves(runs, task, budget) {
  const { guess } = TASKS[task],
    most = Math.max(20, ...runs.map((run) => run.steps)),
    x = { domain: /** @type {[number, number]} */ ([0, Math.min(budget, 20 * Math.ceil((1.15 * most) / 20))]), label: "training step", ticks: 5 },
    losses = runs.map((run) => thinned(run.losses));
  const top = Math.max(1.15 * guess, ...losses.flat().map((p) => Math.min(p[1], 2 * guess)));
  lines($("f-loss"), {
    title: "Loss of each net over the steps of training", height: 230, x,
    y: { domain: [0, top], label: "loss", ticks: 5 },
    series: series(runs, (run) => losses[runs.indexOf(run)].map(([a, b]) => [a, Math.min(b, top)])),
    marks: [ruleY([guess], { stroke: "var(--muted)", strokeDasharray: "1 4", strokeWidth: 1.5 })],
  });
  lines($("f-right"), {
    title: "Share of new sequences that each net answers right, over the steps of training", height: 230, x,
    y: { domain: [0, 100], label: "right answers to new questions, %", ticks: 5 },
    series: series(runs, (run) => run.tests.map((t) => [t.step, (100 * t.right) / t.of])),
  });
}

/** What is left of the gradient, k steps back. @param {Run[]} runs */
export function drawLags(runs) {
  const lag = Math.max(1, ...runs.map((run) => run.overLag.length - 1)),
    least = Math.min(-2, ...runs.flatMap((run) => run.overLag)),
    floor = Math.max(FLOOR, Math.floor(least) || FLOOR);
  lines($("f-lags"), {
    title: "What is left of the gradient of the state, so many steps back, for each net", height: 230, left: 56,
    x: { domain: [0, lag], label: "steps back", ticks: 5 },
    y: { domain: [Number.isFinite(floor) ? floor : FLOOR, 2], label: "gradient that is left", format: power, ticks: 5 },
    series: series(runs, (run) => run.overLag.map((v, k) => [k, Math.max(v, FLOOR)])),
    read: (x) => {
      const k = Math.round(x), some = runs.filter((run) => k >= 0 && k < run.overLag.length);
      return some.length ? { text: `${k} steps back, what is left: ${some.map((run) => `${NAMES[run.kind]} ${remains(run.overLag[k])}`).join(", ")}` } : null;
    },
  });
}

/** A number whose power of ten this is. @param {number} v */
const remains = (v) => (v > -3 ? (10 ** v).toPrecision(2) : Number.isFinite(v) ? power(v) : "nothing");

/** A net at work on one sequence: its state, and one of its gates. @param {Run} run @param {string} task @param {string} gate */
export function drawNet(run, task, gate) {
  const { seen, kind } = run;
  if (!seen) return;
  picture($(`f-${kind}-state`), `${NAMES[kind]}, state h`, seen, "state");
  if (gate) picture($(`f-${kind}-gate`), `${NAMES[kind]}, ${GATE_ROWS[kind][gate]}`, seen, gate);
  $(`says-${kind}`).textContent = said(run, task);
}

/** A row for each unit, those with the largest numbers on top. @param {HTMLElement} host @param {string} title @param {import("../learner.js").Seen} seen @param {string} row */
function picture(host, title, { T, H, rows }, row) {
  const values = rows[row], units = Array.from({ length: H }, (_, u) => u),
    sums = units.map((u) => Array.from({ length: T }, (_, t) => values[t * H + u]).reduce((a, b) => a + b, 0));
  units.sort((a, b) => sums[b] - sums[a]);
  heatMap(host, {
    title: `${title}, for ${H} units over ${T} steps`, height: 150, left: 50,
    rows: H, steps: T, value: (a, t) => values[t * H + units[a]],
    colour: row === "state" ? diverging : sequential, rowName: (a) => `unit ${units[a]}`,
    x: overSteps(T), y: { label: null },
  });
}

/** The choice of gates of each net. @param {Kind} kind */
export const gatesOf = (kind) => Object.entries(GATE_ROWS[kind]);

/** What a net says of the sequence. @param {Run} run @param {string} task */
export function said(run, task) {
  const { x, y, answers, sure, T } = /** @type {import("../learner.js").Seen} */ (run.seen);
  if (task === "addition") {
    const whole = (/** @type {number[]} */ bits) => bits.reduce((sum, bit, t) => sum + bit * 2 ** t, 0),
      [a, b] = [0, 1].map((k) => whole(Array.from({ length: T }, (_, t) => x[2 * t + k]))),
      found = whole(answers);
    return `${a} + ${b}: it says ${found}${found === whole(y) ? ", which is right." : `; right is ${whole(y)}.`}`;
  }
  if (task === "adding") {
    const marked = Array.from({ length: T }, (_, t) => t).filter((t) => x[2 * t + 1]),
      [a, b] = marked.map((t) => x[2 * t].toFixed(2));
    return `${a} at step ${marked[0] + 1} and ${b} at step ${marked[1] + 1} make ${y[0].toFixed(2)}: it says ${answers[0].toFixed(2)}.`;
  }
  const symbols = Array.from({ length: T }, (_, t) => SYMBOLS[x.slice(8 * t, 8 * t + 8).indexOf(1)]),
    at = symbols.findIndex((s) => "PQRS".includes(s));
  return `${symbols[at]} was shown at step ${at + 1} of ${T}: it says ${"PQRS"[answers[0]]}, ${percent(sure[0])} sure.`;
}

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;

/** How far a run is, in words. @param {Run} run @param {number} budget */
export function standing(run, budget) {
  const last = run.tests.at(-1);
  if (!last) return "";
  const score = `${last.right.toLocaleString("en")} of ${last.of.toLocaleString("en")} right`;
  if (run.solved) return `Solved after ${run.steps} steps: ${score}.`;
  return `${score} after ${run.steps} ${run.steps >= budget ? "steps: not solved." : "steps."}`;
}

/** The strip's frame: a row for each net, a column for each seed. @param {number[]} seeds */
export function strip(seeds) {
  const table = $("seeds");
  table.replaceChildren();
  const head = element("tr", {}, element("thead", {}, table));
  element("th", { scope: "col" }, head, "net");
  for (const seed of seeds) element("th", { scope: "col" }, head, `seed ${seed}`);
  const body = element("tbody", {}, table);
  for (const kind of KINDS) {
    const row = element("tr", {}, body);
    element("th", { scope: "row" }, row, NAMES[kind]);
    for (const seed of seeds) {
      const cell = element("td", {}, row);
      element("div", { class: "small", id: `s-${kind}-${seed}` }, cell);
      element("div", { class: "outcome", id: `o-${kind}-${seed}` }, cell, "waits");
    }
  }
}

/** One small picture of the strip. @param {Run} run @param {number} seed @param {number} budget */
export function drawSeed(run, seed, budget) {
  const host = $(`s-${run.kind}-${seed}`),
    last = run.tests.at(-1);
  if (!host || !last) return;
  const score = (100 * last.right) / last.of;
  lines(host, {
    title: `${NAMES[run.kind]}, seed ${seed}: right answers over training, now ${number(score)} %`, height: 56, left: 4,
    x: { domain: [0, budget], hidden: true }, y: { domain: [-4, 104], hidden: true },
    series: [{ name: NAMES[run.kind], points: run.tests.map((t) => [t.step, (100 * t.right) / t.of]), look: look(run.kind) }],
  });
  $(`o-${run.kind}-${seed}`).textContent = run.solved ? `solved, ${run.steps} steps` :
    `${percent(last.right / last.of)}${run.steps >= budget ? "" : " …"}`;
}
