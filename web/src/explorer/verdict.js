// Which sequences there are, what is true of the one that is shown, and what the net says.

import { best } from "../gru.js";
import { $, element, number, option, template } from "../dom.js";
import { live, targets } from "./contributions.js";
import { choose, name, nameOfOutput, net, sequence, sequences, view } from "./state.js";

/** The sequences of a kind, and the first of them. @param {string} kind */
export function fillSequences(kind) {
  view.list = sequences.map((_, i) => i).filter((i) => {
    if (kind === "wrong") return sequences[i].right === false;
    if (kind === "right") return sequences[i].right;
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

export function showVerdict() {
  const s = sequence(), answer = view.run.final, host = $("answers"), few = answer.slice(0, 6);
  $("sequence").value = view.at;
  $("place").textContent = `${view.at + 1} of ${view.list.length}`;
  $("earlier").disabled = view.at === 0;
  $("later").disabled = view.at === view.list.length - 1;
  $("mark").textContent = s.right === null ? "" : s.right ? "✓ right" : "✗ wrong";
  $("mark").className = `mark ${s.right ? "good" : "bad"}`;
  const says = net.labels ? `the net says ${name(best(answer))}` : "the net says";
  $("said").textContent = s.truth === null ? says : net.task === "tag" ? s.truth : `It is ${s.truth}, ${says}`;
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
