// Which sequences there are, what is true of the one that is shown, and what the net says.

import { $, element, number, option, template } from "../dom.js";
import { live, targets } from "./contributions.js";
import { differs } from "./twins.js";
import { choose, data, name, nameOfOutput, net, sequence, sequences, view } from "./state.js";

/** The sequences of a kind, and the first of them. @param {string} kind */
export function fillSequences(kind) {
  view.list = sequences.map((_, i) => i).filter((i) => {
    if (kind === "wrong") return sequences[i].right === false;
    if (kind === "right") return sequences[i].right;
    if (kind === "differ") return differs(i);
    return kind.startsWith("class:") ? sequences[i].truth === kind.slice(6) : true;
  });
  option($("sequence"), view.list.map((i, k) => {
    const s = sequences[i], truth = s.truth === null ? "" : net.task === "tag" ? "" : ` · is ${s.truth}`;
    return [k, `${s.right === false ? "✗ " : s.right ? "✓ " : ""}${s.id}${truth} · says ${s.says}`];
  }), 0);
  choose(0);
}

/** What can be explained of this sequence. */
export function showTargets() {
  const all = targets();
  option($("target"), all.map((o, i) => [i, live() ? o : nameOfOutput(o)]), view.target);
  $("target-label").hidden = all.length < 2;
}

// Whether the run that is shown is right; of a run that was changed it is judged anew.
function judged(s) {
  const { run, ghost } = view;
  if (!ghost || s.truth === null || !net.labels) return s;
  if (net.task !== "tag") return { truth: s.truth, right: data.classes[net.leads(run.final)] === s.truth };
  const good = s.labels.filter((o, t) => run.best(t) === o).length;
  return { truth: `${good} of ${s.steps} steps right`, right: good === s.steps };
}

export function showVerdict() {
  const s = sequence(), answer = view.run.final, host = $("answers"), few = answer.slice(0, 6);
  $("sequence").value = view.at;
  $("place").textContent = `${view.at + 1} of ${view.list.length}`;
  $("earlier").disabled = view.at === 0;
  $("later").disabled = view.at === view.list.length - 1;
  const { right, truth } = judged(s);
  $("mark").textContent = right === null ? "" : right ? "✓ right" : "✗ wrong";
  $("mark").className = `mark ${right ? "good" : "bad"}`;
  const says = net.labels ? `the net says ${name(net.leads(answer))}` : "the net says";
  $("said").textContent = truth === null ? says : net.task === "tag" ? truth : `It is ${truth}, ${says}`;
  if (!net.labels) {
    const places = template($("said"), ` {0}${few.slice(1).map((_, o) => `, {${o + 1}}`).join("")}`, "final");
    few.forEach((v, o) => { places[o].textContent = number(v); });
    if (net.outputs > few.length) $("said").append(` and ${net.outputs - few.length} more`);
  }
  host.replaceChildren();
  const order = answer.map((_, o) => o).sort((a, b) => (net.labels ? answer[b] - answer[a] : a - b)).slice(0, 5);
  for (const o of order) {
    const row = element("div", { class: "answer" }, host);
    element("span", { title: name(o) }, row, name(o));
    const meter = element("span", net.labels ? { class: "meter" } : {}, row);
    if (net.labels) element("i", {}, meter).style.width = `${100 * answer[o]}%`;
    element("span", { "data-value": `answer.${o}` }, row, number(answer[o]));
  }
}
