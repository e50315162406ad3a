// The memory that is meant: nudge the state of a unit, or of all, after the cursor's step, and see how long it matters.

import { $, element, number, whenVisible } from "../dom.js";
import { lasting, nudged } from "../gradients.js";
import { line } from "../palette.js";
import { lines, ruleY, wholeTicks } from "../plots.js";
import * as python from "./python.js";
import { backward, before, data, net, view } from "./state.js";
import { keyed } from "./tracks.js";

const due = whenVisible(() => $("f-nudge"));
let last = [];
/** It is drawn anew though nothing else changed: the theme did, or the width. */
export function forgetNudge() { last = []; }

/** Of the unit at the cursor; nothing where the weights are not on the page. */
export function drawNudge() {
  const shown = !net.sizes && !data.background; // as long as a run takes, a nudge takes
  $("fig-nudge").hidden = !shown;
  if (!shown || !view.run) return;
  const all = $("nudged").value === "all", now = [before(), view.layer, view.t, all ? null : view.unit];
  if (now.every((v, i) => v === last[i])) return; // a change on the page is none of the sequence as it was
  last = now;
  const found = nudged(net, before(), view.layer, view.t, all ? null : view.unit);
  const steps = { state: lasting(found.state), answer: found.answer ? lasting(found.answer) : NaN };
  const host = $("nudge-says");
  host.replaceChildren();
  host.append(`After step ${view.t + 1}, ${all ? "all units" : `unit ${view.unit}`}: the change of the layer’s state `);
  said(host, "state", steps.state);
  if (found.answer) {
    host.append(", that of the answer ");
    said(host, "answer", steps.answer);
  }
  host.append(".");
  due(() => draw(found, steps, all));
}

function said(host, what, steps) {
  if (Number.isNaN(steps)) host.append("is none");
  else if (steps === Infinity) host.append("is not gone by the sequence’s end");
  else {
    host.append("falls for good under 1/e of its largest in ");
    element("b", { "data-value": `nudge.${what}` }, host, String(steps));
    host.append(steps === 1 ? " step" : " steps");
  }
}

function draw(found, steps, all) {
  const kinds = [["state", found.state], ["answer", found.answer]].filter(([, effect]) => effect && Math.max(...effect) > 0);
  const longest = Math.max(1, ...kinds.map(([, effect]) => effect.length - 1));
  const share = (effect) => { const most = Math.max(...effect); return effect.map((v, lag) => [lag, v / most]); };
  const series = kinds.map(([kind, effect], i) => ({ name: `on the ${kind}`, points: share(effect), look: line(i) }));
  const chart = lines($("f-nudge"), {
    title: "Size of the change that a nudge makes, over the steps since", height: 240, series,
    x: { domain: [0, longest], ticks: wholeTicks(0, longest), label: backward() ? "steps since, back in time" : "steps since" },
    y: { domain: [0, 1.04], ticks: [0, 0.5, 1], label: "share of its largest" },
    marks: [ruleY([1 / Math.E], { stroke: "var(--ink)", strokeDasharray: "2 4" })],
  });
  const read = chart.read;
  chart.read = (x, y) => {
    const near = read(x, y), what = near && near.text.startsWith("on the answer") ? "answer" : "state";
    return near && { text: near.text, python: python.memory(view.layer, view.t, all ? null : view.unit, what), gives: steps[what] };
  };
  const key = element("div", { class: "legend" }, $("f-nudge"));
  series.forEach((s, i) => keyed(key, line(i), s.name));
  keyed(key, { colour: "var(--ink)", dash: "2 4" }, `1/e, ${number(1 / Math.E)}`);
}
