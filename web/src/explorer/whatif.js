// What if: the edits there are, with a past and a future; the sequence is run with them, and the old run stays as a ghost.

import { DIRECTIONS, changes, fitting } from "../edit.js";
import { brief } from "../dom.js";
import { D, behind, data, net, on, runBehind, runBy, sequence, show, tell } from "./state.js";

/** @typedef {import("../edit.js").Edit} Edit */

/** @type {Edit[]} */
let list = [];
/** @type {Edit[]} as it was when it last stood still */
let still = [];
/** @type {Edit[][]} */
const past = [];
/** @type {Edit[][]} */
let future = [];
let chosen = -1;
let base = { of: null, run: null };

export const edits = () => list;
export const chosenEdit = () => chosen;
export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;
/** A net that was computed beforehand is not here to be run. */
export const possible = () => !net.sizes;
/** Hundreds of runs are only made of a net that takes next to no time. */
export const quick = () => !net.sizes && !behind();

/** The sequence as it is, run once. */
export function baseRun() {
  const s = sequence();
  if (base.of !== s) base = { of: s, run: Object.assign(net.run(s), { input: s.x }) };
  return base.run;
}

/** The edits that fit this sequence, which may be shorter than the one they were made on. */
export const here = () => fitting(list, net, sequence().steps);

function runs() {
  const before = baseRun(), fit = possible() ? here() : [];
  if (!fit.length) return [before, null];
  const what = changes(fit, net, sequence());
  return [Object.assign(net.run(sequence(), what), { input: what.x }), before];
}

/** From now on every sequence is run with the edits. */
export function begin() {
  runBy(runs);
  on("base", (run) => {
    base = { of: sequence(), run };
    if (here().length) preview(list);
  });
}

/** Show what these edits do, while a hand is still moving. @param {Edit[]} next @param {number} which is being changed */
export function preview(next, which = chosen) {
  [list, chosen] = [next, which];
  if (behind()) beside();
  else {
    const [run, before] = runs();
    show(run, before);
  }
  tell("edits");
}

// A run that is made beside the page comes when it is done; without the sequence's own run it waits for that one.
function beside() {
  const s = sequence(), { of, run: before } = base, fit = here();
  if (of !== s) return;
  if (fit.length) runBehind(s, fit, (run) => { if (sequence() === s) show(run, before); });
  else show(before);
}

/** The same, and remember what was before. @param {Edit[]} next @param {number} which is being changed */
export function commit(next, which = chosen) {
  if (JSON.stringify(next) !== JSON.stringify(still)) {
    past.push(still);
    future = [];
  }
  still = next;
  preview(next, which);
  tell("edited");
}

/** Choose an edit to change it; -1: none. @param {number} which */
export function chooseEdit(which) {
  chosen = which;
  tell("edits");
}

function travel(from, to) {
  if (!from.length) return;
  to.push(still);
  still = from.pop();
  preview(still, Math.min(chosen, still.length - 1));
  tell("edited");
}
export const undo = () => travel(past, future);
export const redo = () => travel(future, past);

/** @param {number} i */
export const remove = (i) => commit(list.filter((_, k) => k !== i), -1);
export const removeAll = () => commit([], -1);
/** @param {number} i @param {string} name */
export const rename = (i, name) => commit(list.map((e, k) => (k === i ? { ...e, name: name.trim().slice(0, 60) } : e)), i);

/** Units as a person writes them: "3, 5-9". @param {number[] | null} units */
export function unitsText(units) {
  if (!units) return "";
  const found = [], sorted = [...units].sort((a, b) => a - b);
  for (const u of sorted) {
    const top = found[found.length - 1];
    if (top && top[1] === u - 1) top[1] = u;
    else found.push([u, u]);
  }
  return found.map(([a, b]) => (a === b ? String(a) : b === a + 1 ? `${a}, ${b}` : `${a}-${b}`)).join(", ");
}

/** And read again; undefined where it is none. @param {string} text @param {number} count @returns {number[] | null | undefined} */
export function unitsOf(text, count) {
  const said = text.trim().toLowerCase();
  if (said === "" || said === "all") return null;
  const found = new Set();
  for (const part of said.split(/[\s,;]+/).filter(Boolean)) {
    const ends = part.match(/^(\d+)(?:[-–](\d+))?$/);
    if (!ends || +(ends[2] ?? ends[1]) >= count || +(ends[2] ?? ends[1]) < +ends[1]) return undefined;
    for (let u = +ends[1]; u <= +(ends[2] ?? ends[1]); u++) found.add(u);
  }
  return found.size ? [...found].sort((a, b) => a - b) : undefined;
}

const WHAT = { update: "update gate z", reset: "reset gate r", candidate: "candidate", state: "state" };

/** What an edit does, in a few words. @param {Edit} e */
export function words(e) {
  const T = sequence().steps, [a, b] = e.steps || [0, T], many = Array.isArray(e.value);
  const when = !e.steps ? "all steps" : b - a === 1 ? `step ${b}` : `steps ${a + 1}–${b}`;
  const v = many ? "what was drawn" : typeof e.value === "number" ? brief(+e.value.toPrecision(4)) : "";
  const does = {
    set: `= ${v}`, scale: `× ${v}`, add: `+ ${v}`, blank: "blank", cut: "cut out", noise: `noise of ${v}`,
    repeat: e.value === 1 ? "repeated" : `repeated ${v} times`, shift: `shifted by ${v}`,
  }[e.action];
  if (e.target === "input") {
    const which = e.units && net.inputs > 1 ? e.units.map((f) => data.features[f]).join(", ") : "input";
    return `${which} ${does}, ${when}`;
  }
  const off = e.target === "state" && e.action === "set" && e.value === 0;
  const of = !e.units ? "all units" : e.units.length === 1 ? `unit ${e.units[0]}` : `units ${unitsText(e.units)}`;
  const where = net.layers * D > 1 ? `, ${e.layer === null || e.layer === undefined ? "all layers" : `layer ${e.layer + 1}`}${e.direction ? ` ${e.direction}` : ""}` : "";
  return off ? `${of} off${where}, ${when}` : `${of}: ${WHAT[e.target]} ${does}${where}, ${when}`;
}

/** What of a unit is changed at a step. @param {number} j @param {number} t @param {number} unit @returns {string[]} */
export function changedAt(j, t, unit) {
  const own = list.filter((e) => e.target !== "input" && (e.layer ?? Math.floor(j / D)) === Math.floor(j / D) &&
    (!e.direction || e.direction === DIRECTIONS[j % D]) && (!e.steps || (t >= e.steps[0] && t < e.steps[1])) && (!e.units || e.units.includes(unit)));
  return [...new Set(own.map((e) => WHAT[e.target]))];
}

/** The layer and direction that is looked at, as an edit has them. @param {number} j */
export const placeOf = (j) => ({ layer: net.layers > 1 ? Math.floor(j / D) : null, direction: D === 2 ? DIRECTIONS[j % D] : null });

/** @param {string} text the edits as JSON, from the address */
export function read(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    found = []; // no edits of ours
  }
  const fit = possible() ? fitting(found, net, Math.max(1, ...data.sequences.map((s) => s.steps))) : [];
  commit(fit, -1);
}

/** The edits as JSON, without what is as it always is. */
export function written() {
  return JSON.stringify(list.map((e) => ({
    target: e.target, action: e.action, ...(e.value === null ? {} : { value: e.value }), ...(e.steps ? { steps: e.steps } : {}),
    ...(e.units ? { units: e.units } : {}), ...(e.layer === null ? {} : { layer: e.layer }), ...(e.direction ? { direction: e.direction } : {}),
    ...(e.seed ? { seed: e.seed } : {}), ...(e.name ? { name: e.name } : {}),
  })));
}
