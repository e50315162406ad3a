// The GRU in a safetensors file: gruvy's own, a state dict of torch's, or Keras' variables by their paths.

import { FileError } from "./safetensors.js";

/** @typedef {import("./safetensors.js").Tensor} Tensor */
/** @typedef {{W: Float64Array, U: Float64Array, b: Float64Array|null, c: Float64Array|null, width: number}} Cell rows r, z, n */
/**
 * @typedef {{from: string, reset: string, keeps: boolean, cells: Cell[][], units: number, V: Float64Array|null,
 *   b_y: Float64Array|null, outputs: number, pooling: string, task: string, threshold: number|null, classes: string[],
 *   shift: Float64Array|null, scale: Float64Array|null, y_shift: Float64Array|null, y_scale: Float64Array|null,
 *   columns: {channels: string[], targets: string[], id: string|null, time: string|null}, rounded: boolean}} Opened
 */

const NO_COLUMNS = { channels: [], targets: [], id: null, time: null };

/** @param {{tensors: Record<string, Tensor>, metadata: Record<string, string>}} file @returns {Opened} */
export function modelOf({ tensors, metadata }) {
  const names = Object.keys(tensors), has = (/** @type {RegExp} */ name) => names.some((n) => name.test(n));
  const opened = metadata.gruvy ? ofGruvy(tensors, metadata.gruvy) : has(/weight_ih_l0$/) ? ofTorch(tensors) :
    has(/(^|\/)recurrent_kernel$/) ? ofKeras(tensors) : null;
  if (!opened) {
    throw new FileError(`No GRU is in it: expected gruvy's own file, or tensors called weight_ih_l0 (torch) or recurrent_kernel (Keras); it has ${names.slice(0, 4).join(", ") || "none"}.`);
  }
  for (const layer of opened.cells) {
    for (const { W, U, b, c, width } of layer) {
      const H = opened.units;
      if (W.length !== 3 * H * width || U.length !== 3 * H * H || (b && b.length !== 3 * H) || (c && c.length !== H)) {
        throw new FileError("The shapes of its weights do not fit each other.");
      }
    }
  }
  if (opened.V && opened.V.length !== opened.outputs * opened.cells[0].length * opened.units) {
    throw new FileError("The shape of its read-out does not fit its recurrence.");
  }
  if (Object.values(tensors).some(({ values }) => values.some((v) => !Number.isFinite(v)))) throw new FileError("It holds NaN or infinity.");
  return { ...opened, rounded: Object.values(tensors).some(({ wide }) => wide) };
}

/** @param {Record<string, Tensor>} tensors @param {string} name */
function must(tensors, name) {
  if (!tensors[name]) throw new FileError(`It has no tensor ${name}.`);
  return tensors[name];
}

/** As Python prints a class. @param {any} v @param {string} dtype */
const text = (v, dtype) => typeof v === "boolean" ? (v ? "True" : "False") :
  typeof v === "number" && /^[<>]?f/.test(dtype) && Number.isInteger(v) ? `${v}.0` : String(v);

/** @param {Record<string, Tensor>} tensors @param {string} json */
function ofGruvy(tensors, json) {
  const said = JSON.parse(json), values = (/** @type {string} */ name) => tensors[name]?.values || null;
  if (said.task === "quantiles" || said.steps) {
    throw new FileError(`It answers with ${said.task === "quantiles" ? "quantiles" : "numbers or yes and no at every step"}, which this page does not show.`);
  }
  const cells = Array.from({ length: said.layers }, (_, k) => Array.from({ length: said.directions }, (__, d) => {
    const W = must(tensors, `W.${k}.${d}`);
    return { W: W.values, U: must(tensors, `U.${k}.${d}`).values, b: values(`b.${k}.${d}`), c: values(`c.${k}.${d}`), width: W.shape[1] };
  }));
  const { V, b_y } = tensors, layout = said.layout || {}, columns = said.columns || {};
  return {
    from: "gruvy", reset: said.convention.reset, keeps: said.convention.update === "keeps", cells,
    units: must(tensors, "U.0.0").shape[1], V: V.values, b_y: b_y.values, outputs: b_y.shape[0], pooling: said.pooling, task: said.task || "", threshold: said.threshold ?? null,
    classes: (said.classes || []).map((/** @type {any} */ v) => text(v, said.classes_dtype || "")),
    shift: values("input.mean"), scale: values("input.scale"), y_shift: values("target.mean"), y_scale: values("target.scale"),
    columns: { channels: said.feature_names || columns.channels || [], targets: columns.targets || [], id: layout.id ?? null, time: layout.time ?? null },
    rounded: false,
  };
}

/** What a file without a task is taken for: several scores are classes, one number is a number. @param {number} outputs */
const guessed = (outputs) => (outputs > 1 ? { task: "classify", classes: Array.from({ length: outputs }, (_, i) => String(i)) } : { task: "regress", classes: [] });
const PLAIN = { threshold: null, shift: null, scale: null, y_shift: null, y_scale: null, pooling: "last", columns: NO_COLUMNS, rounded: false };

/** @param {Record<string, Tensor>} tensors */
function ofTorch(tensors) {
  const firsts = Object.keys(tensors).filter((name) => name.endsWith("weight_ih_l0"));
  if (firsts.length !== 1) throw new FileError(`It has ${firsts.length} recurrent nets, expected one.`);
  const prefix = firsts[0].slice(0, -"weight_ih_l0".length), own = (/** @type {string} */ name) => tensors[prefix + name],
    H = must(tensors, `${prefix}weight_hh_l0`).shape[1], blocks = own("weight_ih_l0").shape[0] / H;
  if (blocks !== 3) throw new FileError(blocks === 4 ? "It is an LSTM; this page shows GRUs." : blocks === 1 ? "It is a plain RNN; this page shows GRUs." : "Its recurrent net is not a GRU's.");
  const named = own("convention_name"), name = named ? String.fromCharCode(...named.values) : "torch",
    [reset, update] = name === "torch" ? ["after", "keeps"] : name === "tutorial" ? ["before", "adds"] : name === "onnx" ? ["before", "keeps"] : name.split(",");
  const cells = [];
  for (let k = 0; own(`weight_ih_l${k}`); k++) {
    cells.push(["", "_reverse"].filter((end) => own(`weight_ih_l${k}${end}`)).map((end) => {
      const W = own(`weight_ih_l${k}${end}`), inner = own(`bias_ih_l${k}${end}`), outer = own(`bias_hh_l${k}${end}`);
      return { W: W.values, U: must(tensors, `${prefix}weight_hh_l${k}${end}`).values, width: W.shape[1],
        ...biases(inner ? inner.values : null, outer ? outer.values : null, H, reset === "after") };
    }));
  }
  const rest = Object.keys(tensors).filter((n) => !(n.startsWith(prefix) && /^(weight|bias)_[ih]h_l\d+(_reverse)?$|^convention_name$/.test(n.slice(prefix.length)))),
    weight = rest.find((n) => /(^|\.)weight$/.test(n)), bias = rest.find((n) => /(^|\.)bias$/.test(n));
  if (rest.length > 2 || (rest.length && !weight) || (rest.length === 2 && !bias)) throw new FileError(`It has ${rest.slice(0, 4).join(", ")} beside the GRU; expected one linear layer.`);
  return { ...PLAIN, from: "torch", reset, keeps: update === "keeps", cells, units: H,
    ...readOut(weight ? tensors[weight].values : null, bias ? tensors[bias].values : null, weight ? tensors[weight].shape[0] : 0, cells, H) };
}

/** Two biases as one and the candidate's own: with reset before its own is only ever added. */
function biases(/** @type {Float64Array|null} */ inner, /** @type {Float64Array|null} */ outer, /** @type {number} */ H, /** @type {boolean} */ after) {
  if (!inner || !outer) return { b: inner, c: null };
  const b = inner.map((v, row) => (after && row >= 2 * H ? v : v + outer[row]));
  return { b, c: after ? outer.slice(2 * H) : null };
}

/** @param {Float64Array|null} V @param {Float64Array|null} bias @param {number} outputs @param {Cell[][]} cells @param {number} H */
function readOut(V, bias, outputs, cells, H) {
  if (!V) return { V: null, b_y: null, outputs: cells[0].length * H, task: "", classes: [] };
  return { V, b_y: bias || new Float64Array(outputs), outputs, ...guessed(outputs) };
}

/** @param {Record<string, Tensor>} tensors */
function ofKeras(tensors) {
  // gru before gru_1, a layer's forward direction before its backward one
  const key = (/** @type {string} */ name) => name.replace("forward_", "a_").replace("backward_", "b_").split("/")
    .map((part) => part.replace(/(?:_(\d+))?$/, (_, n) => ` ${String(n || 0).padStart(6, "0")}`)).join("/");
  const order = (/** @type {string} */ a, /** @type {string} */ b) => (key(a) < key(b) ? -1 : 1), end = (/** @type {string} */ name) => name.split("/").at(-1) || "",
    folder = (/** @type {string} */ name) => name.slice(0, name.length - end(name).length),
    folders = [...new Set(Object.keys(tensors).map(folder))].sort(order), recurrent = folders.filter((f) => tensors[`${f}recurrent_kernel`]),
    dense = folders.filter((f) => tensors[`${f}kernel`] && !tensors[`${f}recurrent_kernel`]);
  const H = tensors[`${recurrent[0]}recurrent_kernel`].shape[0], cells = [];
  if (tensors[`${recurrent[0]}recurrent_kernel`].shape[1] !== 3 * H) throw new FileError("Its recurrent net is not a GRU's: expected kernels of three times as many columns as units.");
  if (dense.length > 1) throw new FileError(`It has ${dense.length} dense layers; expected one at most.`);
  let after = true;
  for (const f of recurrent) {
    const W = must(tensors, `${f}kernel`), bias = tensors[`${f}bias`];
    after = !bias || bias.shape.length === 2;
    const [inner, outer] = !bias ? [null, null] : after ? [bias.values.slice(0, 3 * H), bias.values.slice(3 * H)] : [bias.values, null],
      cell = { W: rows(W.values, W.shape[0], H), U: rows(tensors[`${f}recurrent_kernel`].values, H, H), width: W.shape[0],
        ...biases(inner && rows(inner, 1, H), outer && rows(outer, 1, H), H, after) };
    if (/backward_[^/]*\/([^/]*\/)?$/.test(f) && cells.length) { // its layer's other direction: the names sort it first
      cells.at(-1)?.push(cell);
    } else cells.push([cell]);
  }
  const V = dense.length ? tensors[`${dense[0]}kernel`] : null, b_y = dense.length ? tensors[`${dense[0]}bias`] : null;
  return { ...PLAIN, from: "Keras", reset: after ? "after" : "before", keeps: true, cells, units: H,
    ...readOut(V && transposed(V.values, V.shape[0], V.shape[1]), b_y ? b_y.values : null, V ? V.shape[1] : 0, cells, H) };
}

/** @param {Float64Array} a (R, C) @param {number} R @param {number} C @returns {Float64Array} (C, R) */
const transposed = (a, R, C) => Float64Array.from({ length: R * C }, (_, i) => a[(i % R) * C + Math.floor(i / R)]);

/** Keras' columns z, r, n as rows r, z, n. @param {Float64Array} a (R, 3H) @param {number} R @param {number} H */
function rows(a, R, H) {
  const t = transposed(a, R, 3 * H), size = H * R, out = new Float64Array(t.length);
  out.set(t.subarray(size, 2 * size), 0);
  out.set(t.subarray(0, size), size);
  out.set(t.subarray(2 * size), 2 * size);
  return out;
}
