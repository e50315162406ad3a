// What the page shows: which sequence, step, layer, unit and gate; all else follows from these and tells who listens.

import { Carried } from "../carried.js";
import { Net, floats } from "../gru.js";
import { Runner } from "./worker.js";

/** @type {any} */
export let data = null;
/** @type {any} */
export let net = null;
/** @type {any[]} */
export let sequences = [];
export let H = 0, D = 0, I = 0;
/** @type {Float32Array} */
export let timeScales = null;
/** @type {Float32Array} */
export let saturation = null;

export const view = {
  list: [], // the sequences that the filter lets through
  at: 0, // the place in the list
  t: 0,
  layer: 0, // layer and direction, counted together
  unit: 0,
  asked: 0, // the unit asked for; of a net carried in rows another one may stand for it
  gate: "z",
  target: 0, // which of the sequence's explained outputs
  order: [], // the rows of the gates' plot, from the top
  shown: { rowsPerCell: 1, stepsPerCell: 1 },
  /** @type {any} the run that is shown */
  run: null,
  /** @type {any} the run as it was, where the one shown was changed */
  ghost: null,
  /** @type {any} the run of another net beside it */
  twin: null,
};

/** @type {Runner | null} of a net that is too slow to run while the page waits */
let runner = null;

/** Read what the page carries. @param {string} text @param {string} script the page's own script */
export function open(text, script) {
  data = JSON.parse(text);
  net = data.carried ? new Carried(data) : new Net(data);
  [H, D, I] = [net.units, net.directions, net.inputs];
  timeScales = floats(data.time_scales);
  saturation = floats(data.saturation);
  if (data.background) runner = new Runner(net, data, script);
  sequences = data.sequences.map((s) => ({ ...s, x: floats(s.x), answers: s.answers.map((a) => ({ ...a, values: floats(a.values) })) }));
}

/** @returns {any} */
export const sequence = () => sequences[view.list[view.at]];
/** The name of an output, or of a class. @param {number} o */
export const name = (o) => (net.labels ? data.classes[o] : data.classes[o] || (net.outputs === 1 ? "output" : `output ${o}`));
/** The name of what a score speaks for: a net of one score has two classes. @param {number} o */
export const nameOfOutput = (o) => (net.labels && net.outputs === 1 ? data.classes[1] : name(o));
export const backward = () => view.layer % D === 1;
/** @param {number} j */
export const layerName = (j) => `layer ${Math.floor(j / D) + 1}${D === 2 ? (j % D ? " backward" : " forward") : ""}`;

/** @type {Map<string, ((...given: any[]) => void)[]>} */
const listeners = new Map();

/**
 * Listen: to "run" (another sequence, or another run of it), "step", "unit", "look" (gate, layer, order, theme, width).
 * @param {string} what @param {(...given: any[]) => void} f
 */
export function on(what, f) { listeners.set(what, [...(listeners.get(what) || []), f]); }
/** @param {string} what */
export function tell(what, ...given) { for (const f of listeners.get(what) || []) f(...given); }

/** Show a run of the sequence: its own, or one that was changed, with the old one as a ghost. */
export function show(run, ghost = null) {
  Object.assign(view, { run, ghost, twin: twinRun() });
  tell("run");
}

/** The run as it was before anything was changed. */
export const before = () => view.ghost || view.run;

/** How a sequence is run: the run to show, and the one that stays as a ghost. @type {(s: any) => [any, any]} */
let runsOf = (s) => [net.run(s), null];
/** @param {() => any} f */
export function runBy(f) { runsOf = f; }

/** The run of the net beside it. @type {() => any} */
let twinRun = () => null;
/** @param {() => any} f */
export function besideBy(f) { twinRun = f; }

/** Whether runs are made beside the page, and take a moment. */
export const behind = () => Boolean(runner);
/** Run a sequence there. @param {any} s @param {import("../edit.js").Edit[]} edits @param {(run: any) => void} done */
export function runBehind(s, edits, done) {
  tell("busy", 0);
  runner.run(s, (share) => tell("busy", share), (run) => { tell("busy", 1); done(run); }, edits);
}

/** @param {number} k the place in the list */
export function choose(k) {
  view.at = Math.max(0, Math.min(view.list.length - 1, k));
  const s = sequence();
  view.t = Math.min(view.t, s.steps - 1);
  view.target = 0;
  tell("sequence");
  if (!runner) {
    const [run, ghost] = runsOf(s);
    show(run, ghost);
    return;
  }
  view.run = null;
  runBehind(s, [], (run) => { show(run); tell("base", run); });
}

/** @param {number} t */
export function moveTo(t) {
  view.t = Math.max(0, Math.min(sequence().steps - 1, t));
  tell("step");
}

/** @param {number} unit */
export function pick(unit) {
  view.asked = Math.max(0, Math.min(H - 1, Math.round(unit) || 0));
  view.unit = net.unitOf(view.layer, net.rowOf(view.layer, view.asked));
  tell("unit");
}

/** @param {number} layer @param {number} unit */
export function pickLayer(layer, unit = view.unit) {
  view.layer = layer;
  view.asked = Math.max(0, Math.min(H - 1, unit));
  view.unit = net.unitOf(layer, net.rowOf(layer, view.asked));
  tell("look");
  tell("unit");
}
/** A unit of any layer. @param {number} i */
export const pickAny = (i) => pickLayer(Math.floor(i / H), i % H);
/** The unit that a row of the gates' plot stands for. @param {number} place */
export const pickRow = (place) => pick(net.unitOf(view.layer, view.order[Math.max(0, Math.min(net.rows - 1, place))]));

export function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  tell("theme");
}
