// The page that takes a model and a table from the reader's own disk, and opens the explorer on them. Nothing leaves it.

import { $, element, option } from "../dom.js";
import { start } from "../explorer/start.js";
import { guess, numeric, parseTable, sequencesOf } from "./csv.js";
import { pageData } from "./data.js";
import { modelOf } from "./model.js";
import { FileError, parse } from "./safetensors.js";

/** @typedef {import("./csv.js").Table} Table */
/** @typedef {import("./model.js").Opened} Opened */

/** @type {Opened|null} */
let model = null;
/** @type {Table|null} */
let table = null;

/** @param {string} script the page's own script */
export function begin(script) {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const take = (/** @type {Iterable<File>} */ files) => tried(async () => { for (const file of files) await read(file); choices(); });
  $("files").addEventListener("change", (/** @type {any} */ e) => take(e.target.files));
  const zone = $("drop");
  for (const what of ["dragenter", "dragover"]) zone.addEventListener(what, (/** @type {Event} */ e) => { e.preventDefault(); zone.classList.add("over"); });
  for (const what of ["dragleave", "drop"]) zone.addEventListener(what, () => zone.classList.remove("over"));
  // A file that misses the zone is not to be opened in the page's place.
  addEventListener("dragover", (e) => e.preventDefault());
  addEventListener("drop", (e) => { e.preventDefault(); if (e.dataTransfer) take(e.dataTransfer.files); });
  $("open").addEventListener("click", () => tried(async () => show(script)));
}

/** Say what is wrong with what was given. @param {() => Promise<void>} act */
async function tried(act) {
  $("trouble").textContent = "";
  try {
    await act();
  } catch (problem) {
    if (!(problem instanceof FileError)) throw problem;
    $("trouble").textContent = problem.message;
  }
}

/** @param {File} file */
async function read(file) {
  const named = (/** @type {unknown} */ problem) => { throw problem instanceof FileError ? new FileError(`${file.name}: ${problem.message}`) : problem; };
  try {
    if (/\.(csv|tsv|txt)$/i.test(file.name)) {
      table = parseTable(await file.text());
      $("table-is").textContent = `${file.name}: ${table.rows.length.toLocaleString("en")} rows, ${table.columns.length} columns`;
    } else if (/\.safetensors$/i.test(file.name)) {
      model = modelOf(parse(await file.arrayBuffer()));
      const { from, cells, units } = model;
      $("model-is").textContent = `${file.name}: a GRU of ${units} units from ${from}, ${cells.length} layer${cells.length > 1 ? "s" : ""}, ${cells[0][0].width} channels`;
    } else throw new FileError("expected a model that ends in .safetensors, or a table that ends in .csv or .tsv.");
  } catch (problem) {
    named(problem);
  }
}

/** What the columns are: as guessed, to be changed. */
function choices() {
  $("choices").hidden = !(model && table);
  if (!model || !table) return;
  const found = guess(table, model), { columns } = table, all = columns.map((name) => [name, name]);
  option($("column-id"), [["", "none: all rows are one sequence"], ...all], found.id);
  option($("column-target"), [["", "none"], ...all], found.target);
  option($("task"), [["classify", "scores of classes, at the end"], ["tag", "scores of classes, at every step"], ["regress", "numbers"]], model.task || "regress");
  $("task-label").hidden = !model.V || model.from === "gruvy";
  const host = $("columns");
  host.replaceChildren();
  columns.forEach((name, i) => {
    if (!table || !numeric(table, i)) return;
    const label = element("label", {}, host), box = element("input", { type: "checkbox", value: name }, label);
    box.checked = found.features.includes(name);
    label.append(` ${name}`);
  });
}

/** @param {string} script */
function show(script) {
  if (!model || !table) return;
  const chosen = Array.from($("columns").querySelectorAll("input:checked"), (/** @type {any} */ box) => box.value),
    known = model.columns.channels, features = chosen.length === known.length && chosen.every((name) => known.includes(name)) ? known : chosen;
  const choice = { id: $("column-id").value, target: $("column-target").value, features };
  const data = pageData(model, sequencesOf(table, choice), features, !model.V ? "" : model.from === "gruvy" ? model.task : $("task").value);
  $("data").textContent = JSON.stringify(data);
  for (const node of document.querySelectorAll("[data-opened]")) /** @type {HTMLElement} */ (node).hidden = false;
  $("opener").hidden = true;
  start(script);
  $("h-sequence").focus();
}
