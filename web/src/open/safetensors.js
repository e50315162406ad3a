// A safetensors file, read in the browser: a header in JSON, and numbers. Nothing in it is run.

import { bfloat, half } from "../half.js";

/** What is wrong with a file, in words for who dropped it. */
export class FileError extends Error {}

/** @typedef {{shape: number[], values: Float64Array, wide: boolean}} Tensor wide: float64 in the file */

const MOST_HEADER = 1e8;
/** @type {Record<string, [number, (view: DataView, at: number) => number]>} bytes of a number, and how it is read */
const READ = {
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F16: [2, (view, at) => half(view.getUint16(at, true))],
  BF16: [2, (view, at) => bfloat(view.getUint16(at, true))],
  U8: [1, (view, at) => view.getUint8(at)],
};

/**
 * @param {ArrayBuffer} buffer
 * @returns {{tensors: Record<string, Tensor>, metadata: Record<string, string>}}
 */
export function parse(buffer) {
  const view = new DataView(buffer), wrong = "It is no safetensors file, or it is cut short.";
  if (buffer.byteLength < 8) throw new FileError(wrong);
  const size = Number(view.getBigUint64(0, true)), start = 8 + size;
  if (size > MOST_HEADER || start > buffer.byteLength) throw new FileError(wrong);
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, size)));
  } catch {
    throw new FileError(wrong);
  }
  if (!header || typeof header !== "object") throw new FileError(wrong);
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, said] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: ends } = said || {};
    if (!Array.isArray(shape) || !Array.isArray(ends)) throw new FileError(wrong);
    if (!(dtype in READ)) continue; // whole numbers, such as counters: no weights
    const [bytes, read] = READ[dtype], count = shape.reduce((a, b) => a * b, 1);
    if (ends[1] - ends[0] !== count * bytes || ends[0] < 0 || start + ends[1] > buffer.byteLength) throw new FileError(wrong);
    const values = Float64Array.from({ length: count }, (_, i) => read(view, start + ends[0] + i * bytes));
    tensors[name] = { shape, values, wide: dtype === "F64" };
  }
  return { tensors, metadata: header.__metadata__ || {} };
}
