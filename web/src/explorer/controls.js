// The controls of "what if": which steps, what, which units, how, by how much; the chips of what was changed.

import { $, brief, element, option } from "../dom.js";
import { OF_INPUT, pythonOf } from "../edit.js";
import { linked } from "./link.js";
import { chooseRange, chosenRange, dragDoes, drawRange, dragged, extend, letGo } from "./range.js";
import { H, I, data, net, on, sequence, tell, view } from "./state.js";
import { sayAnswer } from "./twins.js";
import * as whatif from "./whatif.js";

const TARGETS = [["input", "the input"], ["state", "the state h"], ["update", "the update gate z"], ["reset", "the reset gate r"], ["candidate", "the candidate h̃"]];
const OF_GATE = { z: "update", keep: "update", r: "reset", n: "candidate", h: "state" };
const ACTIONS = {
  off: "switch off", set: "set to", scale: "multiply by", add: "add", blank: "blank", cut: "cut out", repeat: "repeat", shift: "shift by", noise: "add noise",
};

let painting = null;

export function beginControls() {
  $("what-if").hidden = !whatif.possible();
  if (!whatif.possible()) return;
  whatif.begin();
  linked("edits", () => (whatif.edits().length ? whatif.written() : null), whatif.read);
  option($("w-target"), TARGETS, "input");
  fillActions();
  const change = (id, f) => { $(id).addEventListener("input", () => f(false)); $(id).addEventListener("change", () => f(true)); };
  for (const id of ["w-from", "w-to"]) change(id, (end) => { readRange(); update(end); });
  change("w-units", (end) => update(end));
  $("w-target").addEventListener("change", () => { fillActions(); $("w-units").value = ""; update(true); });
  $("w-action").addEventListener("change", () => { fitValue(); update(true); });
  change("w-slider", (end) => { $("w-value").value = brief(+$("w-slider").value).replace("−", "-"); update(end); });
  change("w-value", (end) => { $("w-slider").value = $("w-value").value; update(end); });
  $("w-add").addEventListener("click", () => (whatif.chosenEdit() < 0 ? add() : whatif.chooseEdit(-1)));
  $("w-this").addEventListener("click", () => {
    if ($("w-target").value === "input") { $("w-target").value = OF_GATE[view.gate]; fillActions(); }
    $("w-units").value = String(view.unit);
    update(true);
  });
  $("w-moved").addEventListener("change", () => tell("look"));
  $("w-undo").addEventListener("click", whatif.undo);
  $("w-redo").addEventListener("click", whatif.redo);
  $("w-none").addEventListener("click", whatif.removeAll);
  document.addEventListener("keydown", keys);
  on("range", (phase) => { showRange(); update(phase !== "down" && phase !== "move"); });
  on("paint", paint);
  for (const what of ["edits", "sequence"]) on(what, chips);
  on("run", () => { limits(); drawRange(); verdict(); });
  for (const what of ["look", "theme", "width"]) on(what, drawRange);
  on("step", drawRange);
}

/** Whether a pointer on a plot is ours. */
export { dragged, extend, letGo };

function keys(e) {
  if (e.target.matches("input[type=text], input[type=number]") || !(e.ctrlKey || e.metaKey)) return;
  const key = e.key.toLowerCase();
  if (key === "z" && !e.shiftKey) whatif.undo();
  else if (key === "y" || key === "z") whatif.redo();
  else return;
  e.preventDefault();
}

// What can be done to the target.
function fillActions() {
  const target = $("w-target").value, input = target === "input";
  const some = input ? OF_INPUT : target === "state" ? ["off", "set", "scale", "add"] : ["set", "scale", "add"];
  option($("w-action"), some.map((a) => [a, ACTIONS[a]]), input ? "blank" : some[0]);
  $("w-units-name").textContent = input ? "Channels" : "Units";
  $("w-units-label").hidden = (input ? I : H) === 1;
  fitValue();
}

// The slider's ends for what is done, and a value to begin with.
function fitValue() {
  const target = $("w-target").value, action = $("w-action").value, none = ["off", "blank", "cut"].includes(action), T = sequence()?.steps ?? 1;
  $("w-value-label").hidden = none;
  if (none) return;
  const low = Math.min(...data.ranges.map((r) => r[0])), high = Math.max(...data.ranges.map((r) => r[1])), wide = high - low || 1;
  const gate = target === "update" || target === "reset";
  const [least, most, step, first] = action === "scale" ? [0, 2, 0.01, 0] : action === "repeat" ? [1, 10, 1, 1] : action === "shift" ? [-T, T, 1, 1] :
    action === "noise" ? [0, wide / 2, wide / 500, wide / 10] : target === "input" ? [action === "add" ? -wide : low, action === "add" ? wide : high, wide / 500, action === "add" ? 0 : high] :
    action === "add" ? [-1, 1, 0.01, 0] : gate ? [0, 1, 0.01, 0] : [-1, 1, 0.01, 0];
  Object.assign($("w-slider"), { min: least, max: most, step });
  Object.assign($("w-value"), { step: step === 1 ? 1 : "any" });
  $("w-slider").value = first;
  $("w-value").value = brief(first).replace("−", "-");
}

/** The edit that the controls say; null where they say none. */
function said() {
  const target = $("w-target").value, action = $("w-action").value, input = target === "input";
  const units = $("w-units-label").hidden ? null : whatif.unitsOf($("w-units").value, input ? I : H);
  const range = chosenRange(), value = Number($("w-value").value);
  $("w-units").setAttribute("aria-invalid", String(units === undefined));
  if (units === undefined || ($("w-value").value === "" && !$("w-value-label").hidden)) return null;
  const whole = action === "repeat" || action === "shift";
  const does = { off: { action: "set", value: 0 }, blank: { action, value: null }, cut: { action, value: null } }[action] ||
    { action, value: action === "repeat" ? Math.max(1, Math.round(value)) : whole ? Math.round(value) : action === "noise" ? Math.max(0, value) : value };
  return {
    target, ...does, steps: range ? range.steps : null, units: action === "cut" ? null : units,
    ...(input ? { layer: null, direction: null } : whatif.placeOf(view.layer)), seed: 0, name: "",
  };
}

function add() {
  const e = said();
  if (e) whatif.commit([...whatif.edits(), e], whatif.edits().length);
}

// A control moved: the chosen edit follows.
function update(end) {
  const k = whatif.chosenEdit(), e = k < 0 ? null : said();
  if (!e) return;
  const old = whatif.edits()[k], drawn = Array.isArray(old.value) && e.target === old.target && e.action === "set";
  if (drawn) Object.assign(e, { value: old.value, steps: old.steps, units: old.units }); // a drawing has no slider
  const place = e.target === old.target && e.target !== "input" ? { layer: old.layer, direction: old.direction } : {};
  const next = whatif.edits().map((one, i) => (i === k ? { ...e, ...place, seed: old.seed, name: old.name } : one));
  (end ? whatif.commit : whatif.preview)(next, k);
}

function readRange() {
  const T = sequence().steps, whole = (id) => Math.max(1, Math.min(T, Math.round(+$(id).value) || 1));
  const [a, b] = [whole("w-from"), whole("w-to")].sort((p, q) => p - q), old = chosenRange();
  if ($("w-from").value === "" || $("w-to").value === "") return;
  chooseRangeQuietly({ steps: [a - 1, b], units: old ? old.units : null, where: old ? old.where : "" });
}

let quietly = false;
function chooseRangeQuietly(range) {
  quietly = true;
  chooseRange(range);
  quietly = false;
}

function showRange() {
  const range = chosenRange();
  if (!range) return;
  if (!quietly) [$("w-from").value, $("w-to").value] = [range.steps[0] + 1, range.steps[1]];
  if (quietly || whatif.chosenEdit() >= 0 && dragDoes() !== "steps") return;
  if (range.where === "c-gate" || range.where === "c-input") {
    const target = range.where === "c-input" ? "input" : OF_GATE[view.gate];
    if (whatif.chosenEdit() < 0 && $("w-target").value !== target) { $("w-target").value = target; fillActions(); }
    if (range.units && ($("w-target").value === "input") === (range.where === "c-input")) $("w-units").value = whatif.unitsText(range.units);
  }
}

function limits() {
  const T = sequence().steps;
  for (const id of ["w-from", "w-to"]) $(id).max = T;
  if ($("w-from").value === "") [$("w-from").value, $("w-to").value] = [1, T];
  const range = chosenRange();
  if (range && range.steps[1] > T) chooseRange(range.steps[0] < T ? { ...range, steps: [range.steps[0], T] } : null);
}

// A hand draws on the input: one stroke is one edit. Of many channels, cells take the value of the slider.
function paint({ phase, t, from, y, first }) {
  if (phase === "down") painting = { channel: channelAt(t, first), points: new Map(), before: whatif.edits() };
  if (!painting) return;
  const many = I > 4, value = many ? (Number($("w-value").value) || 0) : y, { points, channel, before } = painting;
  const steps = Math.abs(t - from), old = points.get(from) ?? value;
  for (let i = 0; i <= steps; i++) points.set(from + Math.sign(t - from) * i, many ? value : old + (value - old) * (steps ? i / steps : 1));
  const a = Math.min(...points.keys()), b = Math.max(...points.keys()) + 1, drawn = [];
  for (let k = a; k < b; k++) drawn.push([+points.get(k).toPrecision(4)]);
  const e = { target: "input", action: "set", value: drawn, steps: /** @type {[number, number]} */ ([a, b]), units: [channel], layer: null, direction: null, seed: 0, name: "" };
  (phase === "up" ? whatif.commit : whatif.preview)([...before, e], before.length);
  if (phase === "up") painting = null;
}

// The channel whose line is nearest, or whose row it is.
function channelAt(t, y) {
  if (I > 4) return Math.max(0, Math.min(I - 1, Math.floor(y)));
  const x = view.run.input || sequence().x, all = Array.from({ length: I }, (_, f) => f);
  return all.sort((f, g) => Math.abs(x[t * I + f] - y) - Math.abs(x[t * I + g] - y))[0];
}

function chips() {
  const host = $("chips"), list = whatif.edits(), chosen = whatif.chosenEdit(), had = document.activeElement?.id;
  host.replaceChildren();
  list.forEach((e, i) => {
    const item = element("li", { class: `chip${i === chosen ? " on" : ""}` }, host), label = e.name || whatif.words(e);
    const main = element("button", { type: "button", id: `chip-${i}`, "aria-pressed": String(i === chosen), title: pythonOf(e) }, item, label);
    main.addEventListener("click", () => load(i === whatif.chosenEdit() ? -1 : i));
    if (i === chosen) {
      const field = element("input", { type: "text", id: `chip-name-${i}`, "aria-label": "Name of this change", placeholder: "name it", maxlength: "60", value: e.name || "" }, item);
      field.addEventListener("change", () => whatif.rename(i, field.value));
    }
    const away = element("button", { type: "button", id: `chip-away-${i}`, class: "away", "aria-label": `Remove: ${label}` }, item, "×");
    away.addEventListener("click", () => whatif.remove(i));
  });
  $("w-undo").disabled = !whatif.canUndo();
  $("w-redo").disabled = !whatif.canRedo();
  $("w-none").disabled = !list.length;
  $("w-add").textContent = chosen < 0 ? "Do it" : "Another change";
  if (had && had.startsWith("chip-")) (document.getElementById(had) || $(list.length ? `chip-${list.length - 1}` : "w-add")).focus();
}

// An edit is chosen: the controls show it.
function load(i) {
  whatif.chooseEdit(i);
  const e = whatif.edits()[i];
  if (!e) return;
  $("w-target").value = e.target;
  fillActions();
  $("w-action").value = e.target === "state" && e.action === "set" && e.value === 0 ? "off" : e.action;
  fitValue();
  $("w-units").value = whatif.unitsText(e.units);
  if (typeof e.value === "number") { $("w-slider").value = e.value; $("w-value").value = e.value; }
  const steps = /** @type {[number, number]} */ (e.steps || [0, sequence().steps]);
  [$("w-from").value, $("w-to").value] = [steps[0] + 1, steps[1]];
  chooseRangeQuietly({ steps, units: e.units, where: e.target === "input" ? "c-input" : "c-gate" });
}

// What it says now and what it said before.
function verdict() {
  const host = $("w-verdict"), { run, ghost } = view;
  host.replaceChildren();
  if (!ghost) {
    host.append(whatif.edits().length ? "Nothing of this fits the sequence." : "Nothing is changed.");
    return;
  }
  sayAnswer(host, "Now:", run, "now");
  sayAnswer(host, "; before:", ghost, "before");
  host.append(".");
  host.classList.toggle("turned", net.leads(run.final) !== net.leads(ghost.final));
}

