// What stands beside the cursor: the numbers of the unit, of the answer so far, of the step.

import { $, element, number } from "../dom.js";
import { explained, live } from "./contributions.js";
import { alike, twin, twinName } from "./twins.js";
import { changedAt } from "./whatif.js";
import { H, I, backward, data, name, net, sequence, timeScales, view } from "./state.js";

let quiet = 0;

export function showNumbers(diagram, equations, playground) {
  const s = sequence(), { t, run } = view, { values: v, products } = net.at(run, view.layer, view.unit, t);
  $("step").value = t + 1;
  $("step-out").textContent = `${t + 1} of ${s.steps}`;
  diagram.show(v, backward() ? "hₜ₊₁" : "hₜ₋₁");
  equations.show(v, products, backward() ? "t+1" : "t−1");
  playground.load(() => net.trial(run, view.layer, view.unit, t), view.layer < net.directions, data.ranges);
  const host = $("at-step");
  host.replaceChildren();
  const item = (label, key, value) => {
    const span = element("span", {}, host, `${label} `);
    element("b", { "data-value": key }, span, number(value));
  };
  const found = explained();
  if (found) item(live() ? `contribution of this step to what is said here` : "contribution of this step", "step.contribution", found.sums[t]);
  $("tracks").classList.toggle("changed", Boolean(view.ghost));
  const x = run.input || s.x;
  strongest(s, t, found).forEach((f) => item(data.features[f], `input.${f}`, x[t * I + f]));
  if (net.sizes) rowNumbers(host, t);
  item("update", "unit.z", v.z);
  item("reset", "unit.r", v.r);
  item("state", "unit.out", v.out);
  if (view.twin && alike()) {
    const w = twin().at(view.twin, view.layer, view.unit, t).values;
    item(`${twinName()}: update`, "twin.z", w.z);
    item("reset", "twin.r", w.r);
    item("state", "twin.out", w.out);
  }
  const said = soFar(s, t);
  const scale = timeScales[view.layer * H + view.unit];
  $("unit").value = view.unit;
  $("unit-says").replaceChildren();
  const size = net.sizes ? net.sizes[view.layer][net.rowOf(view.layer, view.unit)] : 1;
  const asked = view.asked === view.unit ? "" : `unit ${view.asked} moves like this one and is not carried whole; `;
  const gathered = size > 1 ? `${asked}the nearest to the mean of its row, ${size} units; ` : "";
  $("unit-says").append(`of ${H}; ${gathered}its own term leaks to 1/e in `);
  element("b", { "data-value": "unit.scale" }, $("unit-says"), number(scale));
  const changed = changedAt(view.layer, t, view.unit);
  $("unit-says").append(` steps. Step ${t + 1}.${changed.length ? ` Changed here: ${changed.join(", ")}.` : ""}`);
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    $("live").textContent = `Step ${t + 1} of ${s.steps}, unit ${view.unit}: update ${number(v.z)}, reset ${number(v.r)}, ` +
      `state ${number(v.out)}. ${said}`;
  }, 350);
}

// The answer at the cursor, and for a tagger whether it is right.
function soFar(s, t) {
  const host = $("so-far"), { run } = view;
  host.replaceChildren();
  if (!run.over) {
    host.textContent = "This net reads in both directions, so it has no answer before the end.";
    return "";
  }
  const o = run.best(t);
  if (run.counts && !run.counts[t]) {
    host.textContent = `Step ${t + 1} is cut out.`;
    return host.textContent;
  }
  host.append(net.task === "tag" ? `At step ${t + 1} it says ${name(o)}, ` : `If it ended at step ${t + 1}: ${net.labels ? name(o) : name(0)}, `);
  element("b", { "data-value": `sofar.${o}` }, host, number(run.over(t, o)));
  if (net.task === "tag" && s.labels) host.append(s.labels[t] === o ? ": right" : `: wrong, true is ${data.classes[s.labels[t]]}`);
  return host.textContent;
}

// Of a row that stands for many units: the mean, and from the lowest to the highest.
function rowNumbers(host, t) {
  const { run } = view, row = net.rowOf(view.layer, view.unit), size = net.sizes[view.layer][row];
  const from = Math.floor(t / run.block) * run.block + 1, to = Math.min(run.T, from + run.block - 1);
  if (size === 1 && run.block === 1) return;
  const whole = element("span", { class: "of-row" }, host,
    `${size === 1 ? "The unit" : `Mean of the row's ${size} units`}${to > from ? `, steps ${from} to ${to}` : ""}: `);
  for (const [gate, label] of [["z", "update"], ["r", "reset"], ["h", "state"]]) {
    whole.append(gate === "z" ? label : `, ${label}`, " ");
    const [mean, low, high] = [0, 1, 2].map((which) => number(net.spread(run, view.layer, gate, row, t, which)));
    element("b", { "data-value": `row.${gate}.mean` }, whole, mean);
    whole.append(" (");
    element("span", { "data-value": `row.${gate}.low` }, whole, low);
    whole.append(" … ");
    element("span", { "data-value": `row.${gate}.high` }, whole, high);
    whole.append(")");
  }
  element("span", {}, host, `Unit ${view.unit}:`);
}

// The features that contributed most at this step, or the first ones.
function strongest(s, t, found) {
  const all = Array.from({ length: I }, (_, f) => f);
  if (found && found.values.length === s.steps * I) {
    const size = (f) => Math.abs(found.values[t * I + f]);
    all.sort((f, g) => size(g) - size(f));
  }
  return all.slice(0, 4);
}
