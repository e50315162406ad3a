// The line of Python that gives a number of the page, for who has the model and the X that the page was made of.

import { pythonOf } from "../edit.js";
import { twinEdits } from "./twins.js";
import { here } from "./whatif.js";
import { I, data, net, sequence, view } from "./state.js";

/** What stands above every line. */
export const IMPORTS = "from gruvy.inside import Edit, answers, contributions, memory, read_out, trace";

const X = () => `X[${sequence().at}:${sequence().at + 1}${data.flat ? ", :, None" : ""}]`;
const NAMES = { z: "update", keep: "keep", r: "reset", n: "candidate", h: "state" };

// What was changed on the page is in no X.
const unchanged = (line) => (view.ghost ? undefined : line);

export const input = (t, f) => unchanged(`X[${sequence().at}][${data.flat ? t : `${t}, ${f}`}]`);
export const gate = (which, j, t, unit) => `${traced()}.${NAMES[which]}[${j}, 0, ${t}, ${unit}]`;
export const twinGate = (which, j, t, unit) => `trace(twin, ${X()}${edited(twinEdits())}).${NAMES[which]}[${j}, 0, ${t}, ${unit}]`;
export const answer = (t, o) => `${answered()}[${t}, ${o}]`;
export const leader = (t) => (net.threshold === null ? `${answered()}[${t}].argmax()` : `int(${answered()}[${t}, 1] >= ${net.threshold})`);

const edited = (list) => (list.length ? `, edits=[${list.map(pythonOf).join(", ")}]` : "");
const traced = () => `trace(model, ${X()}${edited(view.ghost ? here() : [])})`;
const answered = () => (view.ghost ? `read_out(model, ${traced()}).steps[0]` : `answers(model, ${X()})[0]`);

export function contribution(found, t, f = null) {
  const at = found.at === null ? "" : `, at=${found.at}`, unit = net.y_scale ? ` * ${net.y_scale[found.output]}` : "";
  const one = f === null || I === 1 ? `[0, ${t}].sum()` : `[0, ${t}, ${f}]`;
  return `contributions(model, ${X()}, target=${found.output}${at}, tolerance=5e-3).values${one}${unit}`;
}

export const memory = (j, t, unit, what) =>
  `memory(model, ${X()}, at=${t}).${what}${unit === null ? `_together[${j}, 0]` : `[${j}, 0, ${unit}]`}`;
