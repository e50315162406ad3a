// A table of text: comma, semicolon or tab, with quotes; the first row names the columns.

import { FileError } from "./safetensors.js";

/** @typedef {{columns: string[], rows: string[][]}} Table */

/** @param {string} text @returns {Table} */
export function parseTable(text) {
  const body = text.replace(/^\uFEFF/, ""), first = body.slice(0, body.search(/[\r\n]/) + 1 || body.length),
    counts = [",", ";", "\t"].map((s) => first.split(s).length), separator = [",", ";", "\t"][counts.indexOf(Math.max(...counts))];
  const rows = cells(body, separator).filter((row) => row.some((cell) => cell.trim() !== "")), columns = (rows.shift() || []).map((name) => name.trim());
  if (!rows.length) throw new FileError("The table has no rows under its names of columns.");
  for (const [i, row] of rows.entries()) {
    if (row.length !== columns.length) throw new FileError(`Row ${i + 2} of the table has ${row.length} cells, the first has ${columns.length}.`);
  }
  return { columns, rows };
}

/** @param {string} text @param {string} separator */
function cells(text, separator) {
  const rows = [];
  let row = [], cell = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += c; i++; }
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === separator) { row.push(cell); cell = ""; }
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      row.push(cell);
      rows.push(row);
      row = [];
      cell = "";
    } else cell += c;
  }
  if (cell !== "" || row.length) rows.push([...row, cell]);
  return rows;
}

/** Whether all cells of a column are numbers. @param {Table} table @param {number} at */
export const numeric = ({ rows }, at) => rows.every((row) => row[at].trim() !== "" && Number.isFinite(Number(row[at])));

/**
 * Which columns are what, as far as names and the model's file tell.
 * @param {Table} table @param {import("./model.js").Opened} model
 * @returns {{id: string, target: string, features: string[]}} "" for none
 */
export function guess(table, model) {
  const { columns } = table, has = (/** @type {string|null|undefined} */ name) => (name && columns.includes(name) ? name : "");
  const known = model.columns.channels.length > 0 && model.columns.channels.every((name) => columns.includes(name)),
    target = model.columns.targets.map(has).find(Boolean) ||
      ["target", "label", "class", "y"].map(has).find((name) => name && !(known && model.columns.channels.includes(name))) || "";
  const free = columns.filter((name) => name !== target && name !== model.columns.time), named = free.filter((name) => /(^|_)id$/i.test(name)),
    words = free.filter((name) => !numeric(table, columns.indexOf(name))),
    id = has(model.columns.id) || has("id") || (named.length === 1 ? named[0] : words.length === 1 ? words[0] : "");
  const others = columns.filter((name, i) => name !== id && name !== target && name !== model.columns.time && numeric(table, i));
  return { id, target, features: known ? model.columns.channels : others };
}

/**
 * @typedef {{id: string, x: Float32Array, steps: number, labels: string[]}} Sequence labels: the target's cell at each step
 */

/**
 * The sequences of a table, a row for each step, in their order.
 * @param {Table} table @param {{id: string, target: string, features: string[]}} choice @returns {Sequence[]}
 */
export function sequencesOf({ columns, rows }, { id, target, features }) {
  const at = features.map((name) => columns.indexOf(name)), key = columns.indexOf(id), label = columns.indexOf(target);
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  rows.forEach((row, i) => {
    const name = key < 0 ? "all rows" : row[key];
    const group = groups.get(name);
    if (group) group.push(i);
    else groups.set(name, [i]);
  });
  return [...groups].map(([name, of]) => {
    const x = new Float32Array(of.length * at.length);
    of.forEach((i, t) => at.forEach((column, f) => {
      const cell = rows[i][column].trim(), v = Number(cell);
      if (cell === "" || !Number.isFinite(v)) throw new FileError(`Row ${i + 2}, column ${columns[column]}: ${cell || "nothing"}, expected a number.`);
      x[t * at.length + f] = v;
    }));
    return { id: name, x, steps: of.length, labels: label < 0 ? [] : of.map((i) => rows[i][label].trim()) };
  });
}
