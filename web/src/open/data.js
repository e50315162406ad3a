// What the explorer's page carries, made here as gruvy/inside/explorer/payload.py makes it; what needs Python is left out.

import { Net } from "../gru.js";
import { FileError } from "./safetensors.js";

/** @typedef {import("./model.js").Opened} Opened */
/** @typedef {import("./csv.js").Sequence} Sequence */

const MOST_SEQUENCES = 200;

/** float32 numbers as text: little-endian, base64. @param {ArrayLike<number>} values */
export function pack(values) {
  const raw = new Uint8Array(Float32Array.from(values).buffer);
  let text = "";
  for (let i = 0; i < raw.length; i += 32768) text += String.fromCharCode(...raw.subarray(i, i + 32768));
  return btoa(text);
}

/** @param {ArrayLike<number>|null} values */
const packed = (values) => (values ? pack(values) : null);

/** Four digits, as Python's "{:.4g}" writes them. @param {number} v */
export function fourDigits(v) {
  if (!v) return "0";
  const [digits, power] = v.toExponential(3).split("e"), p = Number(power);
  if (p >= -4 && p < 4) return String(Number(v.toPrecision(4)));
  return `${Number(digits)}e${p < 0 ? "-" : "+"}${String(Math.abs(p)).padStart(2, "0")}`;
}

/**
 * Everything the page reads, ready for its JSON.
 * @param {Opened} model @param {Sequence[]} sequences @param {string[]} features @param {string} task what the outputs are:
 *   "" for states alone, "classify", "tag" or "regress"
 */
export function pageData(model, sequences, features, task = model.task) {
  const labels = task === "classify" || task === "tag", inputs = model.cells[0][0].width;
  if (features.length !== inputs) {
    throw new FileError(`The net reads ${inputs} channel${inputs > 1 ? "s" : ""} at each step, and ${features.length} column${features.length === 1 ? " is" : "s are"} chosen: ${features.join(", ") || "none"}.`);
  }
  const data = carried(model, inputs, task), net = new Net(data), count = Math.max(2, model.outputs),
    classes = labels ? Array.from({ length: count }, (_, k) => model.classes[k] ?? String(k)) : [];
  const judged = sequences.map((s, i) => judge(net, s, i, classes, task)), kept = [...judged].sort((a, b) => b.hardness - a.hardness || a.at - b.at).slice(0, MOST_SEQUENCES),
    known = judged[0].right !== null, numbers = !labels && judged[0].target !== null,
    notes = ["Made in this browser, without Python. Contributions, the gradient over the lag, the memory of a nudge and the space of states are left out: gruvy explain computes them."];
  if (model.rounded) notes.push("The weights are float64 in the file and float32 here.");
  if (kept.length < judged.length) notes.push(`Of ${judged.length} sequences this page holds ${kept.length}, the hardest or the first.`);
  const order = labels ? (!known ? "least certain first" : task === "tag" ? "most mistakes first" : "hardest mistakes first") : numbers ? "largest error first" : "in their order";
  return {
    ...data, live: task === "tag", classes, features, total: judged.length, flat: false, order, notes, history: [], gradient: null, memory: null, space: null, twins: [],
    sequences: kept.map((entry) => ({ ...entry, hardness: undefined, answers: [], carried: null })),
    ...units(net, kept.map(({ at }) => sequences[at])), ranges: ranges(kept.map(({ at }) => sequences[at].x), inputs),
    summary: summary(model, judged),
  };
}

/** The net, as the page carries it. @param {Opened} model @param {number} inputs @param {string} task */
function carried(model, inputs, task) {
  const { reset, keeps, units: H, outputs, pooling, threshold } = model;
  return {
    net: { reset, keeps, layers: model.cells.length, directions: model.cells[0].length, units: H, inputs, outputs, pooling, task, threshold },
    cells: model.cells.map((layer) => layer.map(({ W, U, b, c, width }) => ({ W: pack(W), U: pack(U), b: packed(b), c: packed(c), width, half: false }))),
    carried: null, background: false, V: packed(model.V), b_y: packed(model.b_y), shift: packed(model.shift), scale: packed(model.scale),
    y_shift: packed(model.y_shift), y_scale: packed(model.y_scale),
  };
}

/** What the net says of a sequence, what is true, and how hard it was. */
function judge(/** @type {any} */ net, /** @type {Sequence} */ s, /** @type {number} */ at, /** @type {string[]} */ classes, /** @type {string} */ task) {
  const run = net.run({ steps: s.steps, x: s.x }), final = Array.from(run.final, Number), entry = { id: s.id, at, x: pack(s.x), steps: s.steps },
    nobody = { truth: /** @type {string|null} */ (null), right: /** @type {boolean|null} */ (null), labels: /** @type {number[]|null} */ (null), target: /** @type {number[]|null} */ (null) };
  const place = (/** @type {string} */ label, /** @type {number} */ t) => {
    const found = [label, String(Number(label))].map((name) => classes.indexOf(name)).find((k) => k >= 0);
    if (found === undefined) throw new FileError(`Sequence ${s.id}, step ${t + 1}: ${label || "nothing"}, which is no class of the net (${classes.slice(0, 8).join(", ")}).`);
    return found;
  };
  const miss = (/** @type {number} */ p) => -Math.log(Math.max(p, 1e-300));
  if (!classes.length) {
    const says = final.slice(0, 3).map(fourDigits).join(", "), target = s.labels.length && task ? [Number(s.labels.at(-1))] : null;
    if (!target || final.length !== 1) return { ...entry, ...nobody, says, hardness: 0 };
    if (!Number.isFinite(target[0])) throw new FileError(`Sequence ${s.id}: the target ${s.labels.at(-1)} is no number.`);
    return { ...entry, ...nobody, says, target, truth: fourDigits(target[0]), hardness: (target[0] - final[0]) ** 2 };
  }
  const says = classes[net.leads(final)];
  if (!s.labels.length) return { ...entry, ...nobody, says, hardness: 1 - Math.max(...final) };
  if (task === "classify") {
    const k = place(s.labels.at(-1) || "", s.steps - 1), right = net.leads(final) === k;
    return { ...entry, ...nobody, says, truth: classes[k], right, hardness: miss(final[k]) + (right ? 0 : 1e3) };
  }
  const labels = s.labels.map(place), wrong = labels.filter((k, t) => run.best(t) !== k).length,
    loss = labels.reduce((sum, k, t) => sum + miss(run.over(t, k)), 0) / s.steps;
  return { ...entry, ...nobody, says, labels, truth: `${s.steps - wrong} of ${s.steps} steps right`, right: !wrong, hardness: loss + (1e3 * wrong) / s.steps };
}

/** Of every unit over all steps: its time-scale, and the shares of steps at which its gates are nearly shut or open. */
function units(/** @type {any} */ net, /** @type {Sequence[]} */ sequences) {
  const H = net.units, all = net.layers * net.directions * H, logs = new Float64Array(all), shares = new Float64Array(4 * all);
  let steps = 0;
  for (const s of sequences) {
    const { runs } = net.run({ steps: s.steps, x: s.x });
    runs.forEach((/** @type {any} */ one, /** @type {number} */ j) => {
      for (let t = 0; t < s.steps; t++) {
        for (let u = 0; u < H; u++) {
          const z = one.z[t * H + u], r = one.r[t * H + u], i = j * H + u;
          logs[i] += Math.log(net.keeps ? z : 1 - z);
          [z < 0.1, z > 0.9, r < 0.1, r > 0.9].forEach((yes, k) => { shares[k * all + i] += yes ? 1 : 0; });
        }
      }
    });
    steps += s.steps;
  }
  return { time_scales: pack(logs.map((v) => Math.min(Math.abs(-steps / v), 3e38))), saturation: pack(shares.map((v) => v / steps)) };
}

/** The lowest and the highest number of each channel. @param {Float32Array[]} xs @param {number} I */
const ranges = (xs, I) => Array.from({ length: I }, (_, f) => {
  let low = Infinity, high = -Infinity;
  for (const x of xs) for (let i = f; i < x.length; i += I) [low, high] = [Math.min(low, x[i]), Math.max(high, x[i])];
  return [low, high];
});

/** @param {Opened} model @param {{right: boolean|null}[]} judged */
function summary({ reset, keeps, cells, units: H }, judged) {
  const N = judged.length, name = { "before false": "tutorial", "after true": "torch", "before true": "onnx", "after false": "after,adds" }[`${reset} ${keeps}`];
  const said = [`${name} convention`, cells.length === 1 ? "1 layer" : `${cells.length} layers`, ...(cells[0].length === 2 ? ["both directions"] : []), `${H} hidden units`];
  const right = judged.filter((s) => s.right).length;
  said.push(judged[0].right === null ? (N === 1 ? "1 sequence" : `${N} sequences`) : `${right} of ${N} sequences right (${((100 * right) / N).toFixed(1)} %)`);
  return said.join(" · ");
}
