// What a tagger says at each step, what is true there, and where the two differ.

import { rect, text } from "@observablehq/plot";
import { $ } from "../dom.js";
import { line } from "../palette.js";
import { Chart, overSteps } from "../plots.js";
import { widthOf } from "../width.js";
import { data, name, net, sequence, view } from "./state.js";
import * as python from "./python.js";

/** Runs of equal values: [from, to, value]. */
export function runs(T, value) {
  const found = [];
  for (let t = 0; t < T; t++) {
    const v = value(t), top = found[found.length - 1];
    if (top && top[2] === v) top[1] = t + 1;
    else found.push([t, t + 1, v]);
  }
  return found;
}

export function drawTags(left) {
  const s = sequence(), host = $("c-tags"), shown = net.task === "tag" && Boolean(s.labels) && view.run.over !== null;
  host.hidden = host.previousElementSibling.hidden = !shown;
  if (!shown) return;
  const T = s.steps, says = (t) => view.run.best(t), wide = (widthOf(host) - left - 18) / T;
  const cells = [["says", 0, runs(T, says)], ["true", 1, runs(T, (t) => s.labels[t])]].flatMap(([row, y, list]) =>
    /** @type {any[]} */ (list).map(([from, to, o]) => ({ row, y: Number(y), from, to, o })).filter((c) => c.o >= 0));
  const wrong = runs(T, (t) => says(t) >= 0 && says(t) !== s.labels[t]).filter((r) => r[2]);
  const fits = (c) => (c.to - c.from) * wide > 7.2 * Math.min(6, name(c.o).length) + 4;
  new Chart(host, {
    title: `What it says and what is true at each step; ${wrong.reduce((a, [from, to]) => a + to - from, 0)} of ${T} steps are wrong`,
    height: 96, left, x: overSteps(T), y: { domain: [3, 0], ticks: [0.5, 1.5, 2.5], format: (v) => ["says", "true", "wrong"][Math.floor(v)] },
    read: (at) => {
      const t = Math.floor(at);
      if (t < 0 || t >= T) return null;
      if (says(t) < 0) return { text: `step ${t + 1} is cut out` };
      return { text: `step ${t + 1}: says ${name(says(t))}, true is ${data.classes[s.labels[t]]}${says(t) === s.labels[t] ? "" : ", wrong"}`, python: python.leader(t) };
    },
  }, [
    rect(cells, { x1: "from", x2: "to", y1: (c) => c.y + 0.1, y2: (c) => c.y + 0.9, fill: (c) => line(c.o).colour, fillOpacity: 0.25, stroke: (c) => line(c.o).colour }),
    text(cells.filter(fits), { x: (c) => (c.from + c.to) / 2, y: (c) => c.y + 0.5, text: (c) => clip(name(c.o)), fill: "var(--ink)" }),
    rect(wrong, { x1: "0", x2: "1", y1: 2.2, y2: 2.8, fill: "var(--bad)", inset: 0 }),
  ], () => [["step", "says", "true", "right"], ...Array.from({ length: T }, (_, t) => [t + 1, says(t) < 0 ? "" : name(says(t)), data.classes[s.labels[t]], says(t) === s.labels[t]])]);
}

const clip = (said) => (said.length > 6 ? `${said.slice(0, 5)}…` : said);
